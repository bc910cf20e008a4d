"""What a change of the clocks does to a slot, in words."""

from datetime import datetime, timedelta
from typing import Final

from agentschedule.timing.sources import CronUnion
from agentschedule.timing.when import When
from agentschedule.timing.zones import first_instant, second_instant, wall_of

_SECOND: Final = timedelta(seconds=1)


def clock_note(when: When, slot: datetime) -> str | None:
    """Return what is unusual about ``slot``, one of the slots of ``when``: "02:30 does not exist on 2027-03-28, …".

    None on ordinary days, and for intervals and instants, which take no notice of clocks.
    """
    source = when.source
    if not isinstance(source, CronUnion):
        return None
    wall = wall_of(slot, when.zone)
    for cron in source.crons:
        missing = cron.stands_in_for(slot, when.zone)
        if missing is not None:
            return f"{missing:%H:%M} does not exist on {missing:%Y-%m-%d}, runs at {wall:%H:%M}"
    second = second_instant(wall, when.zone)
    if second is None:
        return None
    due = [cron for cron in source.crons if cron.next_after(slot - _SECOND, when.zone) == slot]
    if not any(cron.any_hour for cron in due):
        return f"second {wall:%H:%M} is skipped"
    first = slot == first_instant(wall, when.zone)[0]
    return f"{'first' if first else 'second'} of two at {wall:%H:%M}"
