"""Slots against a second reading of the rules that shares no code with the first.

It looks at every minute of UTC around a change of the clocks, one after another, and decides whether it is a slot.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from agentschedule.timing import TimingError, When

from .builders import build, utc

MINUTE = timedelta(minutes=1)
AROUND = timedelta(hours=15)
WINDOWS = [
    ("America/New_York", "2027-03-14 07:00"),
    ("America/New_York", "2026-11-01 06:00"),
    ("Europe/Berlin", "2027-03-28 01:00"),
    ("Europe/Berlin", "2026-10-25 01:00"),
    ("Australia/Lord_Howe", "2026-10-03 15:30"),
    ("Australia/Lord_Howe", "2027-04-03 15:00"),
    ("Pacific/Apia", "2011-12-30 10:00"),
    ("Pacific/Apia", "2012-03-31 14:00"),
    ("Asia/Kathmandu", "1985-12-31 18:30"),
    ("America/St_Johns", "2010-03-14 03:31"),
    ("America/St_Johns", "2010-11-07 02:31"),
    ("America/Sao_Paulo", "2018-11-04 03:00"),
    ("America/Sao_Paulo", "2018-02-18 02:00"),
    ("Africa/Casablanca", "2027-02-07 02:00"),
    ("Africa/Casablanca", "2027-03-14 02:00"),
    ("Europe/Dublin", "2027-03-28 01:00"),
    ("Europe/Dublin", "2026-10-25 01:00"),
    ("Antarctica/Troll", "2027-03-28 01:00"),
    ("Antarctica/Troll", "2026-10-25 01:00"),
    ("UTC", "2028-02-29 00:00"),
]


@dataclass(frozen=True)
class Minute:
    """A minute of UTC, what the clocks on the wall show then, and which wall times they jumped over to get there."""

    instant: datetime
    wall: datetime
    second_pass: bool
    jumped: tuple[datetime, ...]


@cache
def minutes_around(zone_name: str, centre: str) -> list[Minute]:
    zone, minutes = ZoneInfo(zone_name), []
    instant, end = utc(centre) - AROUND, utc(centre) + AROUND
    previous = (instant - MINUTE).astimezone(zone).replace(tzinfo=None)
    while instant <= end:
        local = instant.astimezone(zone)
        wall = local.replace(tzinfo=None, fold=0)
        jumped = [previous + n * MINUTE for n in range(1, max(1, (wall - previous) // MINUTE))]
        minutes.append(Minute(instant, wall, bool(local.fold), tuple(jumped)))
        previous, instant = wall, instant + MINUTE
    return minutes


def values(text: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            found |= set(range(low, high + 1, int(step or 1)))
        elif last or step:
            found |= set(range(int(first), int(last or high) + 1, int(step or 1)))
        else:
            found.add(int(first))
    return found


class Oracle:
    def __init__(self, expression: str) -> None:
        minute, hour, day, month, weekday = expression.split()
        self.minutes, self.hours, self.months = values(minute, 0, 59), values(hour, 0, 23), values(month, 1, 12)
        self.day, self.weekday = day, weekday
        self.both_days = day.startswith("*") or weekday.startswith("*")
        self.any_hour = hour.startswith("*")

    def names(self, wall: datetime) -> bool:
        if wall.minute not in self.minutes or wall.hour not in self.hours or wall.month not in self.months:
            return False
        day, weekday = self.names_day(wall), self.names_weekday(wall)
        return (day and weekday) if self.both_days else (day or weekday)

    def names_day(self, wall: datetime) -> bool:
        if self.day == "L":
            return (wall + timedelta(days=1)).month != wall.month
        return wall.day in values(self.day, 1, 31)

    def names_weekday(self, wall: datetime) -> bool:
        weekday = wall.isoweekday() % 7
        if self.weekday.startswith("L"):
            return weekday == int(self.weekday[1]) and (wall + timedelta(days=7)).month != wall.month
        if "#" in self.weekday:
            return self.weekday == f"{weekday}#{(wall.day - 1) // 7 + 1}"
        return weekday in values(self.weekday, 0, 6)

    def is_slot(self, minute: Minute) -> bool:
        if self.names(minute.wall) and (self.any_hour or not minute.second_pass):
            return True
        return not self.any_hour and any(self.names(wall) for wall in minute.jumped)


def field(low: int, high: int, *, stars: int) -> st.SearchStrategy[str]:
    """One field; of its strategies ``stars`` are a bare star, so that the rarer forms do not empty the window."""
    value = st.integers(low, high)
    span = st.tuples(value, value).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: f"{pair[0]}-{pair[1]}")
    step = st.integers(1, high - low)
    part = st.one_of(
        value.map(str),
        span,
        st.tuples(span, step).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        st.tuples(value, step).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        step.map(lambda n: f"*/{n}"),
    )
    # With a star somewhere else in a list, "starts with a star" would be another question for both readings.
    tail = part.filter(lambda text: "*" not in text)
    listed = st.tuples(part, tail).map(",".join)
    return st.one_of(*[st.just("*")] * stars, part, listed)


def hours() -> st.SearchStrategy[str]:
    whole = {"0-23"}  # counts as "*" for this operator; said in a test of its own
    return field(0, 23, stars=2).filter(lambda text: not any(part.split("/")[0] in whole for part in text.split(",")))


# Most windows lie on a Sunday: the last, second or first of its month.
NTH = ["0#1", "0#2", "0#4", "0#5", "6#5", "1#5", "L0", "L6", "L5"]
days = st.one_of(
    st.tuples(field(1, 31, stars=6), field(0, 6, stars=6)),
    st.tuples(st.just("*"), st.sampled_from(NTH)),
    st.tuples(st.just("L"), field(0, 6, stars=3)),
)
expressions = st.tuples(
    st.one_of(field(0, 59, stars=0), field(0, 59, stars=0), st.sampled_from(["*", "0", "30"])),
    st.one_of(hours(), st.sampled_from(["0", "1", "2", "3", "1-3", "*/2", "2,9"])),
    days,
    field(1, 12, stars=14),
).map(lambda parts: f"{parts[0]} {parts[1]} {parts[2][0]} {parts[3]} {parts[2][1]}")


@settings(max_examples=150, deadline=None)
@given(expression=expressions, window=st.sampled_from(WINDOWS), start=st.integers(0, 30 * 3600), data=st.data())
def test_slots_are_those_of_the_oracle(
    expression: str, window: tuple[str, str], start: int, data: st.DataObject
) -> None:
    when = usable(expression, window[0])
    oracle, minutes = Oracle(expression), minutes_around(*window)
    expected = [minute.instant for minute in minutes if oracle.is_slot(minute)]
    event("has slots" if expected else "has none")
    first, last = minutes[0].instant - MINUTE, minutes[-1].instant

    wrong = set(when.slots_between(first, last, 5000)) ^ set(expected)
    assert not wrong, f"{expression} in {window[0]} is wrong at {min(wrong)}"

    after = first + timedelta(seconds=start % int((last - first).total_seconds()))
    until = data.draw(st.datetimes(after.replace(tzinfo=None), last.replace(tzinfo=None))).replace(tzinfo=UTC)
    wanted = [slot for slot in expected if after < slot <= until]
    assert when.slots_between(after, until, 5000) == wanted
    assert when.latest_at_or_before(until, after) == (wanted[-1] if wanted else None)


def usable(expression: str, zone: str) -> When:
    try:
        return build(expression, zone=zone)
    except TimingError as e:
        assume("never" not in str(e))
        raise
