"""Calendar periods of budgets."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentschedule.timing import period_end, period_start
from agentschedule.timing.periods import Period

from .builders import utc

PERIODS: list[Period] = ["Hour", "Day", "Week", "Month"]
# Clocks that are changed at midnight, by half an hour, by a whole day, and ordinary ones.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Beirut",
    "America/Asuncion",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Antarctica/Troll",
]


@pytest.mark.parametrize(
    ("period", "zone", "instant", "start", "end"),
    [
        pytest.param("Hour", "UTC", "2026-11-22 09:59:59", "2026-11-22 09:00", "2026-11-22 10:00", id="hour"),
        pytest.param("Hour", "UTC", "2026-11-22 09:00", "2026-11-22 09:00", "2026-11-22 10:00", id="its first second"),
        pytest.param("Hour", "Asia/Kathmandu", "2026-11-22 09:20", "2026-11-22 09:15", "2026-11-22 10:15", id="+05:45"),
        pytest.param("Day", "UTC", "2026-11-22 23:59:59", "2026-11-22", "2026-11-23", id="day"),
        pytest.param("Day", "UTC", "2026-11-23 00:00", "2026-11-23", "2026-11-24", id="midnight begins a day"),
        pytest.param("Day", "Asia/Tokyo", "2026-11-22 15:00", "2026-11-22 15:00", "2026-11-23 15:00", id="Tokyo's day"),
        pytest.param("Week", "UTC", "2026-11-22 12:00", "2026-11-16", "2026-11-23", id="Sunday is the week's last day"),
        pytest.param("Week", "UTC", "2026-11-23 00:00", "2026-11-23", "2026-11-30", id="Monday begins a week"),
        pytest.param("Week", "UTC", "2027-01-01 12:00", "2026-12-28", "2027-01-04", id="week over the new year"),
        pytest.param("Month", "UTC", "2026-11-30 23:59:59", "2026-11-01", "2026-12-01", id="month"),
        pytest.param("Month", "UTC", "2026-12-31 12:00", "2026-12-01", "2027-01-01", id="December"),
        pytest.param("Month", "UTC", "2028-02-29 12:00", "2028-02-01", "2028-03-01", id="leap February"),
        pytest.param("Month", "UTC", "2027-01-31 12:00", "2027-01-01", "2027-02-01", id="after January comes February"),
        pytest.param("Month", "Asia/Tokyo", "2026-11-30 15:00", "2026-11-30 15:00", "2026-12-31 15:00", id="in Tokyo"),
    ],
)
def test_ordinary_periods(period: Period, zone: str, instant: str, start: str, end: str) -> None:
    assert period_start(period, utc(instant), ZoneInfo(zone)) == utc(start)
    assert period_end(period, utc(instant), ZoneInfo(zone)) == utc(end)


@pytest.mark.parametrize(
    ("period", "zone", "instant", "start", "hours"),
    [
        pytest.param("Day", "Europe/Berlin", "2027-03-28 12:00", "2027-03-27 23:00", 23, id="spring"),
        pytest.param("Day", "Europe/Berlin", "2026-10-25 12:00", "2026-10-24 22:00", 25, id="autumn"),
        pytest.param("Day", "Australia/Lord_Howe", "2026-10-04 03:00", "2026-10-03 13:30", 23.5, id="half an hour"),
        pytest.param("Day", "Africa/Cairo", "2027-04-30 12:00", "2027-04-29 22:00", 23, id="no midnight in spring"),
        pytest.param("Day", "America/Havana", "2026-11-01 04:30", "2026-11-01 04:00", 25, id="midnight twice: first"),
        pytest.param("Day", "America/Havana", "2026-11-01 05:30", "2026-11-01 04:00", 25, id="midnight twice: again"),
        pytest.param("Week", "Europe/Berlin", "2026-10-22 12:00", "2026-10-18 22:00", 169, id="week with 169 hours"),
        pytest.param("Month", "Europe/Berlin", "2027-03-10 12:00", "2027-02-28 23:00", 743, id="March, an hour less"),
        pytest.param("Day", "Pacific/Apia", "2011-12-30 09:00", "2011-12-29 10:00", 24, id="a day that never was"),
        pytest.param("Week", "Pacific/Apia", "2011-12-31 12:00", "2011-12-26 10:00", 144, id="a week of six days"),
        pytest.param("Hour", "Europe/Berlin", "2026-10-25 00:30", "2026-10-25 00:00", 1, id="an hour twice: first"),
        pytest.param("Hour", "Europe/Berlin", "2026-10-25 01:30", "2026-10-25 01:00", 1, id="an hour twice: again"),
        pytest.param("Hour", "Europe/Berlin", "2027-03-28 00:30", "2027-03-28 00:00", 1, id="before the gap"),
        pytest.param("Hour", "Europe/Berlin", "2027-03-28 01:00", "2027-03-28 01:00", 1, id="after the gap"),
        pytest.param("Hour", "Antarctica/Troll", "2026-10-25 00:30", "2026-10-25 00:00", 1, id="two hours twice"),
        pytest.param("Hour", "Australia/Lord_Howe", "2026-10-03 15:45", "2026-10-03 15:30", 0.5, id="after half a gap"),
    ],
)
def test_periods_in_which_clocks_are_changed(period: Period, zone: str, instant: str, start: str, hours: float) -> None:
    assert period_start(period, utc(instant), ZoneInfo(zone)) == utc(start)
    assert period_end(period, utc(instant), ZoneInfo(zone)) == utc(start) + timedelta(hours=hours)


CHANGES = [
    utc(text)
    for text in (
        "2011-12-30 10:00",  # Apia
        "2026-03-29 22:00",  # Beirut
        "2026-10-25 01:00",  # Berlin
        "2026-11-01 05:00",  # Havana
        "2027-03-28 01:00",  # Berlin
        "2027-04-03 15:00",  # Lord Howe
        "2027-04-29 22:00",  # Cairo
    )
]


@given(
    period=st.sampled_from(PERIODS),
    zone=st.sampled_from(ZONES),
    change=st.sampled_from(CHANGES),
    minutes=st.integers(-40 * 1440, 40 * 1440) | st.integers(-1500, 1500),
)
def test_periods_follow_each_other_without_gap_or_overlap(
    period: Period, zone: str, change: datetime, minutes: int
) -> None:
    clock, instant = ZoneInfo(zone), change + timedelta(minutes=minutes)
    start, end = period_start(period, instant, clock), period_end(period, instant, clock)
    assert start <= instant < end
    for within in (start, start + (end - start) / 2, end - timedelta(seconds=1)):
        assert (period_start(period, within, clock), period_end(period, within, clock)) == (start, end)
    assert period_start(period, end, clock) == end
