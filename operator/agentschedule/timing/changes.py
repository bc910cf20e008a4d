"""What a change of the clocks does to a slot, in words."""

from datetime import datetime, timedelta
from typing import Final

from agentschedule.timing.sources import CronUnion
from agentschedule.timing.when import When
from agentschedule.timing.zones import first_instant, second_instant, wall_of

_SECOND: Final = timedelta(seconds=1)


def clock_note(when: When, slot: datetime, at: str | None = None) -> str | None:
    """Return what is unusual about ``slot``, one of the slots of ``when``: "02:30 does not exist on 2027-03-28, …".

    ``at`` is the field of that name. None on ordinary days, for intervals, and for instants that have their offset.
    """
    if isinstance(when.source, CronUnion):
        return _cron_note(when.source, when, slot)
    wall = datetime.fromisoformat(at.strip()) if at is not None else None
    if wall is None or wall.tzinfo is not None:
        return None
    if wall != wall_of(slot, when.zone):
        return _missing(wall, when, slot)
    return _first_only(wall) if second_instant(wall, when.zone) is not None else None


def _cron_note(source: CronUnion, when: When, slot: datetime) -> str | None:
    for cron in source.crons:
        missing = cron.stands_in_for(slot, when.zone)
        if missing is not None:
            return _missing(missing, when, slot)
    wall = wall_of(slot, when.zone)
    if second_instant(wall, when.zone) is None:
        return None
    due = [cron for cron in source.crons if cron.next_after(slot - _SECOND, when.zone) == slot]
    if not any(cron.any_hour for cron in due):
        return _first_only(wall)
    first = slot == first_instant(wall, when.zone)[0]
    return f"{'first' if first else 'second'} of two at {wall:%H:%M}"


def _missing(wall: datetime, when: When, slot: datetime) -> str:
    return f"{wall:%H:%M} does not exist on {wall:%Y-%m-%d}, runs at {wall_of(slot, when.zone):%H:%M}"


def _first_only(wall: datetime) -> str:
    return f"second {wall:%H:%M} is skipped"
