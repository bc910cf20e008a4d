"""A short hash of what a schedule says about "when": it tells a change, also one made while nobody watched."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

# Values that mean the same as leaving the field out: they do not enter, so that writing them down is no change.
_DEFAULTS: Final[dict[str, object]] = {"catchUp": "Latest", "catchUpLimit": 10}


def when_digest(  # noqa: PLR0913 - one parameter for each field of the section
    *,
    schedule: str | None,
    schedules: Sequence[str],
    every: str | None,
    at: str | None,
    time_zone: str,
    start_time: datetime | str | None,
    end_time: datetime | str | None,
    jitter: str | None,
    blackouts: Sequence[Any] = (),
    max_runs: int | None = None,
    starting_deadline_seconds: int | None = None,
    catch_up: str | None = None,
    catch_up_limit: int | None = None,
) -> str:
    """Return 16 hexadecimal digits (sha256) that change when one of these fields is changed.

    Works for values that cannot be used as well. A time as text and the same time as datetime give the same digest.
    Fields that are not set, or to their default, do not enter it, so that a field added to the section later leaves old
    digests alone. Blackouts are taken as they stand in the resource; their order is no matter.
    """
    section = {
        "schedule": schedule,
        "schedules": list(schedules),
        "every": every,
        "at": at,
        "timeZone": time_zone,
        "startTime": _instant(start_time),
        "endTime": _instant(end_time),
        "jitter": jitter,
        "blackouts": sorted((_blackout(entry) for entry in blackouts), key=_sortable),
        "maxRuns": max_runs,
        "startingDeadlineSeconds": starting_deadline_seconds,
        "catchUp": catch_up,
        "catchUpLimit": catch_up_limit,
    }
    given = {name: value for name, value in section.items() if value and value != _DEFAULTS.get(name)}
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:16]


def _blackout(entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    given = {name: value for name, value in entry.items() if value and (name, value) != ("action", "Skip")}
    if isinstance(given.get("weekdays"), list):
        given["weekdays"] = sorted(given["weekdays"], key=_sortable)
    return given


def _sortable(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _instant(value: datetime | str | None) -> str | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    if value is None or value.tzinfo is None:
        return None if value is None else value.isoformat()
    try:
        return value.astimezone(UTC).isoformat()
    except OverflowError:  # within hours of the calendar's end
        return value.isoformat()
