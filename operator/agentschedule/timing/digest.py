"""A short hash of what a schedule says about "when": it tells a change, also one made while nobody watched."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime


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
) -> str:
    """Return 16 hexadecimal digits (sha256) that change when one of these fields is changed.

    Works for values that cannot be used as well. A time as text and the same time as datetime give the same digest.
    Fields that are not set do not enter it, so that a field added to the section later leaves old digests alone.
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
    }
    given = {name: value for name, value in section.items() if value}
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:16]


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
