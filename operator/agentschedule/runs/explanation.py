"""Why a run does not start, in the cluster's own words: the Events on its Job or pod. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from agentschedule.constants import MESSAGE_BYTES
from agentschedule.runs.names import parse_time
from agentschedule.runs.result import clean

REASON_BYTES = 128
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def newest_warning(events: Iterable[dict[str, Any]]) -> tuple[str, str] | None:
    """Reason and message of the newest Warning among Events, bounded. None: there is none."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    if not warnings:
        return None
    newest = max(warnings, key=_last_seen)
    reason = clean(str(newest.get("reason") or ""), REASON_BYTES) or "Unknown"
    return reason, clean(str(newest.get("message") or ""), MESSAGE_BYTES)


def _last_seen(event: dict[str, Any]) -> datetime:
    """When it was last said; there are three ways to note that, and components differ in which they use."""
    series = event.get("series") or {}
    times = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        (event.get("metadata") or {}).get("creationTimestamp"),
    )
    return max((at for text in times if (at := parse_time(text)) is not None), default=_LONG_AGO)
