"""How close together the slots of a schedule come."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from croniter import croniter

from agentschedule.timing.durations import format_duration
from agentschedule.timing.errors import TimingError
from agentschedule.timing.sources import CronUnion, Interval
from agentschedule.timing.when import When
from agentschedule.timing.zones import local_text

YEAR: Final = timedelta(days=365)
MOST_SLOTS: Final = 400
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
# No zone changes its clocks by more than two hours (Antarctica/Troll) in the course of a year.
_CLOCK_CHANGE: Final = timedelta(hours=2)


def check_min_interval(when: When, minimum: timedelta, now: datetime) -> None:
    """Raise TimingError when two slots of ``when`` come closer together than ``minimum``, naming both in local time.

    Looked at are the slots of a year from ``now`` (its day, in UTC) or from the start time, or 400 of them, whichever
    ends first: the next two can be further apart than later ones, as in "0,5 9 * * *". A one-shot has no interval.
    """
    source = when.source
    if isinstance(source, Interval):
        if source.every < minimum:
            given, least = format_duration(source.every), format_duration(minimum)
            example = _first_two(when, now)
            raise TimingError(
                "spec.every", f"{given}{example} is below the minimum interval of {least} set by the administrator"
            )
        return
    if not isinstance(source, CronUnion) or minimum <= _MINUTE or _surely_apart(source, minimum):
        return
    begin = max(now.astimezone(UTC), when.start_time or now).replace(hour=0, minute=0, second=0, microsecond=0)
    pair = _first_pair(source, minimum, max(begin, when.start_time or begin), when.end_time)
    if pair is not None:
        first, second = pair
        raise TimingError(
            source.field,
            f"the runs at {local_text(first, when.zone)} and {local_text(second, when.zone)} would be "
            f"{format_duration(second - first)} apart; the minimum interval set by the administrator is "
            f"{format_duration(minimum)}",
        )


def _first_two(when: When, now: datetime) -> str:
    first = when.next_after(now)
    second = when.next_after(first) if first is not None else None
    if first is None or second is None:
        return ""
    return f" (runs at {local_text(first, when.zone)}, {local_text(second, when.zone)})"


def _surely_apart(source: CronUnion, minimum: timedelta) -> bool:
    # The times of day alone, on whichever days; most schedules need no more than this.
    times = sorted({time for cron in source.crons for time in _times_of_day(cron.plain)})
    gaps = (after - before for before, after in zip(times, [*times[1:], times[0] + _DAY], strict=True))
    return min(gaps) >= minimum + _CLOCK_CHANGE


@lru_cache(maxsize=4096)
def _times_of_day(plain: str) -> tuple[timedelta, ...]:
    minutes, hours = croniter.expand(plain)[0][:2]
    every_minute, every_hour = list(range(60)), list(range(24))
    return tuple(
        timedelta(hours=hour, minutes=minute)
        for hour in (every_hour if hours == ["*"] else [int(hour) for hour in hours])
        for minute in (every_minute if minutes == ["*"] else [int(minute) for minute in minutes])
    )


@lru_cache(maxsize=4096)
def _first_pair(
    source: CronUnion, minimum: timedelta, begin: datetime, end: datetime | None
) -> tuple[datetime, datetime] | None:
    # Remembered, because many schedules share an expression and few distinct ones come this far.
    until = begin + YEAR if end is None else min(begin + YEAR, end)
    slot = source.next_after(begin - timedelta(microseconds=1))
    for _ in range(MOST_SLOTS - 1):
        if slot is None or (following := source.next_after(slot)) is None or following > until:
            return None
        if following - slot < minimum:
            return slot, following
        slot = following
    return None
