"""Blackouts: what covers an instant and until when, against a reading of the rules that looks at every minute."""

import time
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agentschedule.timing import BlackoutEntry, Blackouts, TimingError, Window

from .builders import utc

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
AROUND = timedelta(days=4)
WINDOWS = [
    ("Europe/Berlin", "2027-03-28 01:00"),
    ("Europe/Berlin", "2026-10-25 01:00"),
    ("Australia/Lord_Howe", "2026-10-03 15:30"),
    ("Australia/Lord_Howe", "2027-04-03 15:00"),
    ("Asia/Kolkata", "2026-11-01 00:00"),
    ("America/New_York", "2027-03-14 07:00"),
    ("America/New_York", "2026-11-01 06:00"),
    ("America/Sao_Paulo", "2018-11-04 03:00"),
    ("America/Sao_Paulo", "2018-02-18 02:00"),
    ("Pacific/Apia", "2011-12-30 10:00"),
]
# Holidays of Bavaria in these windows, from a printed calendar.
BAVARIA = {
    date.fromisoformat(text)
    for text in (
        *("2011-12-25", "2011-12-26", "2012-01-01", "2018-11-01", "2026-10-03", "2026-11-01"),
        *("2027-03-26", "2027-03-29"),
    )
}
DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


@cache
def minutes_of(zone_name: str, centre: str) -> list[tuple[datetime, datetime]]:
    """Every minute of UTC around the change of the clocks, and what the clocks show then."""
    start, zone = utc(centre) - AROUND, ZoneInfo(zone_name)
    instants = (start + n * MINUTE for n in range(2 * AROUND // MINUTE))
    return [(instant, instant.astimezone(zone).replace(tzinfo=None)) for instant in instants]


@dataclass(frozen=True)
class Oracle:
    """An entry, as the documentation says it: the minutes in which all its conditions hold."""

    entry: BlackoutEntry

    def minutes(self, shown: list[tuple[datetime, datetime]]) -> set[datetime]:
        begin, to = self.bound(self.entry.begin, shown), self.bound(self.entry.to, shown, last=True)
        return {
            instant
            for instant, wall in shown
            if (begin is None or instant >= begin) and (to is None or instant < to) and self.holds(wall)
        }

    def holds(self, wall: datetime) -> bool:
        day, clock = wall.date(), f"{wall:%H:%M}"
        if self.entry.hours:
            start, end = self.entry.hours
            over_midnight = end < start
            if over_midnight and clock < end:
                day -= DAY
            elif not (clock >= start and (over_midnight or clock < end)):
                return False
        if self.entry.weekdays and DAYS[day.isoweekday() - 1] not in self.entry.weekdays:
            return False
        return self.entry.country is None or day in BAVARIA

    @staticmethod
    def bound(text: str | None, shown: list[tuple[datetime, datetime]], *, last: bool = False) -> datetime | None:
        if text is None:
            return None
        given = datetime.fromisoformat(text)
        if given.tzinfo is not None:
            return given
        if last and len(text) == len("2026-12-24"):
            given += DAY
        reached = (instant for instant, wall in shown if wall >= given)
        return next(reached, shown[-1][0] + DAY)


clocks = st.one_of(
    st.sampled_from(["00:00", "01:00", "01:30", "02:00", "02:15", "02:30", "03:00", "22:00", "23:00", "23:30"]),
    st.integers(0, 1439).map(lambda n: f"{n // 60:02}:{n % 60:02}"),
)
hours = st.tuples(clocks, st.one_of(clocks, st.just("24:00"))).filter(lambda pair: pair[0] != pair[1])


@st.composite
def bounds(draw: st.DrawFn, centre: str) -> str:
    """An instant, a local time or a date near the change."""
    moment = utc(centre) + draw(st.integers(-5000, 5000)) * MINUTE
    forms = ["%Y-%m-%dT%H:%M:00+00:00", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:00", "%Y-%m-%d"]
    return moment.strftime(draw(st.sampled_from(forms)))


@st.composite
def entries(draw: st.DrawFn, centre: str) -> list[BlackoutEntry]:
    """One to four usable entries."""
    found = []
    for n in range(draw(st.integers(1, 4))):
        entry = BlackoutEntry(
            name=f"entry-{n}",
            action=draw(st.sampled_from(["Skip", "Defer"])),
            begin=draw(st.none() | bounds(centre)),
            to=draw(st.none() | bounds(centre)),
            weekdays=tuple(draw(st.just(set()) | st.sets(st.sampled_from(DAYS), min_size=1))),
            hours=draw(st.none() | hours),
            country=draw(st.sampled_from([None, None, "DE"])),
            subdivision="BY",
        )
        found.append(replace(entry, hours=("22:00", "06:00")) if entry == bare(entry) else entry)
    return found


def bare(entry: BlackoutEntry) -> BlackoutEntry:
    return BlackoutEntry(name=entry.name, action=entry.action, subdivision=entry.subdivision)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), window=st.sampled_from(WINDOWS))
def test_every_minute_is_as_the_oracle_says(data: st.DataObject, window: tuple[str, str]) -> None:
    drawn = data.draw(entries(window[1]))
    try:
        blackouts = Blackouts.build(drawn, ZoneInfo(window[0]))
    except TimingError as error:
        assume("is not after from" not in str(error))
        raise
    shown = minutes_of(*window)
    covered = {entry.name: Oracle(entry).minutes(shown) for entry in drawn}
    for n in data.draw(st.lists(st.integers(0, len(shown) - 1), min_size=20, max_size=20)):
        instant = shown[n][0]
        assert_window(blackouts.at(instant), expected(drawn, covered, shown, n), shown[-1][0])
    for n in sorted(changes(covered, shown))[:20]:
        for near in (n - 1, n):
            found = blackouts.at(shown[near][0] + timedelta(seconds=59))
            assert_window(found, expected(drawn, covered, shown, near), shown[-1][0])


def changes(covered: dict[str, set[datetime]], shown: list[tuple[datetime, datetime]]) -> set[int]:
    minutes = [instant for instant, _ in shown]
    pairs = enumerate(pairwise(minutes), 1)
    return {n for n, (before, after) in pairs for c in covered.values() if (before in c) != (after in c)}


def expected(
    given: list[BlackoutEntry], covered: dict[str, set[datetime]], shown: list[tuple[datetime, datetime]], n: int
) -> Window | None:
    covering = [entry for entry in given if shown[n][0] in covered[entry.name]]
    covering = [entry for entry in covering if entry.action == "Skip"] or covering
    if not covering:
        return None
    action = covering[0].action
    together = set().union(*(covered[entry.name] for entry in given if entry.action == action))
    end = next((instant for instant, _ in shown[n:] if instant not in together), None)
    return Window(covering[0].name, action, end)


def assert_window(found: Window | None, wanted: Window | None, horizon: datetime) -> None:
    if wanted is None or wanted.end is not None:
        assert found == wanted
        return
    assert found is not None
    assert (found.name, found.action) == (wanted.name, wanted.action)
    assert found.end is None or found.end > horizon


def build(*given: BlackoutEntry, zone: str = "Europe/Berlin") -> Blackouts:
    return Blackouts.build(given, ZoneInfo(zone))


NIGHTS = BlackoutEntry("nights", hours=("22:00", "06:00"))


@pytest.mark.parametrize(
    ("entry", "instant", "end"),
    [
        pytest.param(NIGHTS, "2026-11-20T22:00+01:00", "2026-11-21 05:00", id="a window's start is in it"),
        pytest.param(NIGHTS, "2026-11-21T05:59+01:00", "2026-11-21 05:00", id="its last minute, after midnight"),
        pytest.param(NIGHTS, "2026-11-21T06:00+01:00", "", id="its end is not"),
        pytest.param(
            replace(NIGHTS, weekdays=("FRI",)),
            "2026-11-21T05:00+01:00",
            "2026-11-21 05:00",
            id="Saturday's early hours are Friday's",
        ),
        pytest.param(replace(NIGHTS, weekdays=("SAT",)), "2026-11-21T05:00+01:00", "", id="and not Saturday's"),
        pytest.param(
            replace(NIGHTS, country="DE"),
            "2026-12-27T05:00+01:00",
            "2026-12-27 05:00",
            id="nor is it a holiday's, but the day before's",
        ),
        pytest.param(
            BlackoutEntry("x", begin="2026-12-24", to="2026-12-26"),
            "2026-12-26T23:59+01:00",
            "2026-12-26 23:00",
            id="dates: the last day whole",
        ),
        pytest.param(
            BlackoutEntry("x", begin="2026-12-24", to="2026-12-26"), "2026-12-23T23:59+01:00", "", id="dates: before"
        ),
        pytest.param(
            BlackoutEntry("x", begin="2026-12-24", to="2026-12-24"),
            "2026-12-24T00:00+01:00",
            "2026-12-24 23:00",
            id="one date",
        ),
        pytest.param(
            BlackoutEntry("x", to="2026-12-24T12:00"),
            "2000-01-01T00:00+01:00",
            "never",
            id="covered for more than 400 days",
        ),
        pytest.param(
            BlackoutEntry("x", hours=("12:00", "24:00")), "2026-11-22T23:59+01:00", "2026-11-22 23:00", id="to midnight"
        ),
        pytest.param(
            BlackoutEntry("x", hours=("02:00", "03:00")),
            "2026-10-25T02:30+02:00",
            "2026-10-25 02:00",
            id="both passes of an hour, joined",
        ),
        pytest.param(
            BlackoutEntry("x", hours=("02:00", "02:30")),
            "2026-10-25T02:00+02:00",
            "2026-10-25 00:30",
            id="first pass of half an hour",
        ),
        pytest.param(
            BlackoutEntry("x", hours=("02:00", "02:30")),
            "2026-10-25T02:10+01:00",
            "2026-10-25 01:30",
            id="second pass of half an hour",
        ),
        pytest.param(
            BlackoutEntry("x", hours=("01:00", "02:30")),
            "2027-03-28T01:59+01:00",
            "2027-03-28 01:00",
            id="its end is jumped over",
        ),
        pytest.param(
            BlackoutEntry("x", country="DE", subdivision="BY"),
            "2027-01-06T12:00+01:00",
            "2027-01-06 23:00",
            id="a holiday of a subdivision",
        ),
        pytest.param(BlackoutEntry("x", country="DE"), "2027-01-06T12:00+01:00", "", id="is none of the country"),
        pytest.param(
            BlackoutEntry("x", country="DE"), "2026-12-25T12:00+01:00", "2026-12-26 23:00", id="two holidays, joined"
        ),
        pytest.param(
            BlackoutEntry("x", country="DE", subdivision="Bayern"),
            "2027-01-06T12:00+01:00",
            "2027-01-06 23:00",
            id="a subdivision by name",
        ),
    ],
)
def test_at(entry: BlackoutEntry, instant: str, end: str) -> None:
    """`end` empty: not covered; "never": no end within 400 days."""
    wanted = Window(entry.name, "Skip", None if end == "never" else utc(end)) if end else None
    assert build(entry).at(datetime.fromisoformat(instant)) == wanted


def test_nothing_is_covered_without_entries() -> None:
    assert Blackouts().at(utc("2026-11-22")) is None
    assert build().at(utc("2026-11-22")) is None


def test_skip_wins_and_each_action_has_its_own_end() -> None:
    blackouts = build(
        BlackoutEntry("wait", action="Defer", hours=("08:00", "12:00")),
        BlackoutEntry("wait-more", action="Defer", hours=("12:00", "13:00")),
        BlackoutEntry("lunch", hours=("11:00", "11:30")),
        BlackoutEntry("late-lunch", hours=("11:30", "11:45")),
        zone="UTC",
    )
    end, lunch = utc("2026-11-22 13:00"), utc("2026-11-22 11:45")
    assert blackouts.at(utc("2026-11-22 10:59")) == Window("wait", "Defer", end)
    assert blackouts.at(utc("2026-11-22 11:00")) == Window("lunch", "Skip", lunch)
    assert blackouts.at(utc("2026-11-22 11:44")) == Window("late-lunch", "Skip", lunch)
    assert blackouts.at(utc("2026-11-22 11:45")) == Window("wait", "Defer", end)
    assert blackouts.at(utc("2026-11-22 12:30")) == Window("wait-more", "Defer", end)


def test_a_time_in_another_offset_is_the_same_instant() -> None:
    there = utc("2026-11-22 21:30").astimezone(ZoneInfo("Asia/Tokyo"))
    assert build(NIGHTS).at(there) == build(NIGHTS).at(utc("2026-11-22 21:30"))


def test_equal_by_value() -> None:
    assert build(NIGHTS) == build(BlackoutEntry("nights", hours=("22:00", "06:00")))
    assert hash(build(NIGHTS)) == hash(build(BlackoutEntry("nights", hours=("22:00", "06:00"))))
    assert build(NIGHTS) != build(NIGHTS, zone="UTC")
    assert build(NIGHTS) != build(replace(NIGHTS, action="Defer"))


@pytest.mark.parametrize(
    ("entry", "field", "advice"),
    [
        pytest.param({}, "", "give from, to, weekdays, hours or holidays", id="no condition"),
        pytest.param({"hours": ("22:00", "22:00")}, ".hours", "are both 22:00; for whole days", id="no hours"),
        pytest.param({"hours": ("24:00", "06:00")}, ".hours.start", "24:00 can only be an end", id="from 24:00"),
        pytest.param({"hours": ("22:00", "6:00")}, ".hours.end", "write it like '22:00'", id="one digit"),
        pytest.param({"hours": ("25:00", "06:00")}, ".hours.start", "is not a time of day", id="hour 25"),
        pytest.param({"weekdays": ("MON", "Tue")}, ".weekdays", "allowed: MON, TUE", id="weekday"),
        pytest.param({"begin": "christmas"}, ".from", "is not a time", id="words"),
        pytest.param({"begin": "2026-02-30"}, ".from", "is not a date: day", id="30 February"),
        pytest.param({"to": "9999-12-31"}, ".to", "between 1970 and 9000", id="the calendar's end"),
        pytest.param({"to": "2026-12-24T12:00:00.5Z"}, ".to", "whole seconds", id="fraction"),
        pytest.param(
            {"begin": "2026-12-24", "to": "2026-12-23"}, ".to", "not after from (2026-12-24)", id="to before from"
        ),
        pytest.param(
            {"begin": "2026-12-24T12:00Z", "to": "2026-12-24T13:00+01:00"}, ".to", "not after from", id="to equals from"
        ),
        pytest.param({"country": "UK"}, ".holidays.country", "'GB' (United Kingdom)?", id="country by habit"),
        pytest.param({"country": "Germany"}, ".holidays.country", "'DE' (Germany)?", id="country by name"),
        pytest.param({"country": "Swizerland"}, ".holidays.country", "'CH' (Switzerland)", id="country misspelt"),
        pytest.param({"country": "DEU"}, ".holidays.country", "'DE' (Germany)?", id="three letters"),
        pytest.param({"country": "jp"}, ".holidays.country", "'JP' (Japan)?", id="lower case"),
        pytest.param({"country": "QQ"}, ".holidays.country", "ISO 3166-1", id="no country"),
        pytest.param({"country": ""}, ".holidays.country", "ISO 3166-1", id="empty country"),
        pytest.param({"country": "DE", "subdivision": "Bayrn"}, ".holidays.subdivision", "'Bayern'?", id="misspelt"),
        pytest.param({"country": "US", "subdivision": "XX"}, ".holidays.subdivision", "known are AK, AL", id="state"),
        pytest.param({"country": "JP", "subdivision": "13"}, ".holidays.subdivision", "has no subdivisions", id="none"),
    ],
)
def test_refused(entry: dict[str, Any], field: str, advice: str) -> None:
    with pytest.raises(TimingError) as caught:
        build(BlackoutEntry("quiet", **entry))
    assert caught.value.field == f"spec.blackouts[quiet]{field}"
    assert advice in str(caught.value)
    assert len(str(caught.value)) < 500


def test_names_are_unique() -> None:
    with pytest.raises(TimingError, match=r"spec.blackouts\[nights\].name: there are several"):
        build(NIGHTS, NIGHTS)


def test_twenty_entries_that_never_end_are_asked_in_no_time() -> None:
    hours = [(f"{n:02}:00", f"{n + 1:02}:00" if n < 23 else "24:00") for n in range(24)]
    blackouts = build(*(BlackoutEntry(f"hour-{n}", hours=pair, weekdays=DAYS) for n, pair in enumerate(hours)))
    begun = time.process_time()
    assert blackouts.at(utc("2026-11-22")) == Window("hour-1", "Skip", None)
    assert time.process_time() - begun < 1
