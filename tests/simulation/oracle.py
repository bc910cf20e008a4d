"""When a schedule is due, found out by looking at a clock on the wall, minute after minute.

Written from the words of the resource's contract, without croniter and without anything of `agentschedule.timing`:
slow, simple, and wrong in other ways, if at all.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


@dataclass(frozen=True)
class Expression:
    """A cron expression, read: which wall times it names, and whether it leaves the hour open."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    month_days: tuple[str, ...]
    week_days: tuple[str, ...]
    both_days: bool
    open_hour: bool

    def names(self, wall: datetime) -> bool:
        """Whether it names this wall time."""
        if wall.minute not in self.minutes or wall.hour not in self.hours or wall.month not in self.months:
            return False
        by_date = any(_is_month_day(part, wall) for part in self.month_days)
        by_week = any(_is_week_day(part, wall) for part in self.week_days)
        return (by_date and by_week) if self.both_days else (by_date or by_week)


@lru_cache(maxsize=4096)
def read(text: str) -> Expression:
    """Read a cron expression of five fields, or a shorthand."""
    minute, hour, month_day, month, week_day = SHORTHANDS.get(text, text).upper().replace("?", "*").split()
    for number, name in enumerate(MONTHS, 1):
        month = month.replace(name, str(number))
    for number, name in enumerate(DAYS):
        week_day = week_day.replace(name, str(number))
    return Expression(
        minutes=_values(minute, 0, 59),
        hours=_values(hour, 0, 23),
        months=_values(month, 1, 12),
        month_days=tuple(month_day.split(",")),
        week_days=tuple(week_day.split(",")),
        both_days=month_day.startswith("*") or week_day.startswith("*"),  # as Vixie's cron has it
        open_hour=hour.startswith("*"),
    )


def _values(field: str, low: int, high: int) -> frozenset[int]:
    return frozenset(value for part in field.split(",") for value in _part(part, low, high))


def _part(part: str, low: int, high: int) -> list[int]:
    span, _, step = part.partition("/")
    first, _, last = span.partition("-")
    if span == "*":
        everything = list(range(low, high + 1))
    elif last and int(last) < int(first):  # over the end: 22-2
        everything = [*range(int(first), high + 1), *range(low, int(last) + 1)]
    elif last:
        everything = list(range(int(first), int(last) + 1))
    else:
        everything = list(range(int(first), high + 1)) if step else [int(first)]
    return everything[:: int(step or 1)]


def _is_month_day(part: str, wall: datetime) -> bool:
    if part == "L":
        return wall.day == monthrange(wall.year, wall.month)[1]
    return wall.day in _part(part, 1, 31)


def _is_week_day(part: str, wall: datetime) -> bool:
    today = wall.isoweekday() % 7
    if match := re.fullmatch(r"(\d)#(\d)", part):
        return today == int(match[1]) % 7 and (wall.day - 1) // 7 + 1 == int(match[2])
    if match := re.fullmatch(r"L(\d)", part):
        return today == int(match[1]) % 7 and wall.day + 7 > monthrange(wall.year, wall.month)[1]
    if re.fullmatch(r"\d", part):
        return today == int(part) % 7
    return today in {day % 7 for day in _part(part, 0, 6)}


def walk(zone: ZoneInfo, after: datetime, through: datetime) -> Iterator[tuple[datetime, datetime, list[datetime]]]:
    """Each minute in (`after`, `through`]: the instant, what the wall shows, and what it jumped over to get there."""
    instant = after.replace(second=0, microsecond=0)
    before = instant.astimezone(zone)
    while (instant := instant + MINUTE) <= through:
        wall = instant.astimezone(zone)
        missing = wall.replace(tzinfo=None) - before.replace(tzinfo=None) - MINUTE
        jumped = [before + n * MINUTE for n in range(1, missing // MINUTE + 1)] if missing > timedelta(0) else []
        yield instant, wall, jumped
        before = wall


def cron_slots(texts: list[str], zone: ZoneInfo, after: datetime, through: datetime) -> Iterator[datetime]:
    """The union of what the expressions name.

    A wall time that exists twice counts once, the first time, unless the hour is open. One that does not exist counts
    at the first instant after the gap, unless the hour is open.
    """
    expressions = [read(text) for text in texts]
    for instant, wall, jumped in walk(zone, after, through):
        for expression in expressions:
            seen = expression.names(wall) and (expression.open_hour or not wall.fold)
            if seen or (not expression.open_hour and any(map(expression.names, jumped))):
                yield instant
                break


def slots(spec: dict[str, Any], created: datetime, through: datetime) -> Iterator[datetime]:
    """All slots of a spec, from its creation up to that time, oldest first."""
    start = datetime.fromisoformat(spec["startTime"]) if "startTime" in spec else created
    end = min(through, datetime.fromisoformat(spec["endTime"])) if "endTime" in spec else through
    zone = ZoneInfo(spec.get("timeZone", "UTC"))
    if "every" in spec:
        yield from _interval(spec["every"], start if "startTime" in spec else created, created, end)
    elif "at" in spec:
        at = _instant(spec["at"], zone)
        if max(start, created) <= at <= end:
            yield at
    else:
        texts = spec.get("schedules") or [spec["schedule"]]
        earliest = max(created, start - MINUTE)
        yield from (slot for slot in cron_slots(texts, zone, earliest, end) if slot > created and slot >= start)


def _interval(every: str, anchor: datetime, created: datetime, through: datetime) -> Iterator[datetime]:
    seconds = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    step = timedelta(seconds=sum(int(number) * seconds[unit] for number, unit in re.findall(r"(\d+)([dhms])", every)))
    slot = anchor
    while slot <= through:
        if slot > created:
            yield slot
        slot += step


def _instant(text: str, zone: ZoneInfo) -> datetime:
    """An instant; a wall time is looked for on the wall."""
    given = datetime.fromisoformat(text)
    if given.tzinfo is not None:
        return given
    about = given.replace(tzinfo=UTC)
    around = timedelta(hours=26)
    for instant, wall, jumped in walk(zone, about - around, about + around):
        if wall.replace(tzinfo=None, fold=0) == given or given in [w.replace(tzinfo=None, fold=0) for w in jumped]:
            return instant
    raise AssertionError(f"{text} is nowhere on the wall")
