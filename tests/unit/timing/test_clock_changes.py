"""Slots where clocks are changed, zone by zone: local times as people there read them."""

from datetime import timedelta
from itertools import pairwise

import pytest

from agentschedule.timing import local_text

from .builders import build, utc

FAR = utc("2100-01-01")


@pytest.mark.parametrize(
    ("zone", "expression", "after", "expected"),
    [
        pytest.param(
            "America/New_York",
            "30 2 * * *",
            "2027-03-13 12:00",
            ["2027-03-14 03:00 EDT", "2027-03-15 02:30 EDT"],
            id="New York: gap",
        ),
        pytest.param(
            "America/New_York",
            "30 1 * * *",
            "2026-11-01 00:00",
            ["2026-11-01 01:30 EDT", "2026-11-02 01:30 EST"],
            id="New York: overlap",
        ),
        pytest.param(
            "Europe/Dublin",
            "30 1 * * *",
            "2027-03-27 12:00",
            ["2027-03-28 02:00 IST", "2027-03-29 01:30 IST"],
            id="Dublin, where winter is the exception: gap",
        ),
        pytest.param(
            "Europe/Dublin",
            "30 1 * * *",
            "2026-10-24 12:00",
            ["2026-10-25 01:30 IST", "2026-10-26 01:30 GMT"],
            id="Dublin: overlap",
        ),
        pytest.param(
            "Europe/Dublin",
            "30 * * * *",
            "2026-10-25 00:00",
            ["2026-10-25 01:30 IST", "2026-10-25 01:30 GMT", "2026-10-25 02:30 GMT"],
            id="Dublin: overlap, any hour",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2026-10-03 12:00",
            ["2026-10-04 02:30 +11", "2026-10-05 02:15 +11"],
            id="Lord Howe: gap of half an hour",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            "*/15 * * * *",
            "2026-10-03 15:00",
            ["2026-10-04 01:45 +1030", "2026-10-04 02:30 +11", "2026-10-04 02:45 +11"],
            id="Lord Howe: gap, any hour",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2027-04-03 12:00",
            ["2027-04-04 01:45 +11", "2027-04-05 01:45 +1030"],
            id="Lord Howe: overlap of half an hour",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            "15,45 * * * *",
            "2027-04-03 14:00",
            ["2027-04-04 01:15 +11", "2027-04-04 01:45 +11", "2027-04-04 01:45 +1030", "2027-04-04 02:15 +1030"],
            id="Lord Howe: overlap, any hour: only what comes twice",
        ),
        pytest.param(
            "America/Sao_Paulo",
            "0 0 * * *",
            "2018-11-03 12:00",
            ["2018-11-04 01:00 -02", "2018-11-05 00:00 -02"],
            id="Sao Paulo: a day without midnight",
        ),
        pytest.param(
            "America/Sao_Paulo",
            "@daily",
            "2018-11-03 12:00",
            ["2018-11-04 01:00 -02", "2018-11-05 00:00 -02"],
            id="Sao Paulo: @daily on a day without midnight",
        ),
        pytest.param(
            "America/Sao_Paulo",
            "0,30 0,1 * * *",
            "2018-11-03 12:00",
            ["2018-11-04 01:00 -02", "2018-11-04 01:30 -02", "2018-11-05 00:00 -02"],
            id="Sao Paulo: what is moved falls together with what is due",
        ),
        pytest.param(
            "America/Sao_Paulo",
            "0 0 * * SUN",
            "2018-11-01 12:00",
            ["2018-11-04 01:00 -02", "2018-11-11 00:00 -02"],
            id="Sao Paulo: a Sunday without midnight",
        ),
        pytest.param(
            "America/Sao_Paulo",
            "30 23 * * SAT",
            "2018-02-17 12:00",
            ["2018-02-17 23:30 -02", "2018-02-24 23:30 -03"],
            id="Sao Paulo: an overlap back into the day before",
        ),
        pytest.param(
            "America/Sao_Paulo",
            "30 * * * SAT",
            "2018-02-18 01:00",
            ["2018-02-17 23:30 -02", "2018-02-17 23:30 -03", "2018-02-24 00:30 -03"],
            id="Sao Paulo: both last hours of Saturday",
        ),
        pytest.param(
            "America/Sao_Paulo",
            "0 0 * * *",
            "2018-02-17 12:00",
            ["2018-02-18 00:00 -03", "2018-02-19 00:00 -03"],
            id="Sao Paulo: midnight that is reached only once",
        ),
        pytest.param(
            "Africa/Casablanca",
            "30 2 * * *",
            "2027-02-06 12:00",
            ["2027-02-07 02:30 +01", "2027-02-08 02:30 +00"],
            id="Casablanca: back for Ramadan",
        ),
        pytest.param(
            "Africa/Casablanca",
            "30 2 * * *",
            "2027-03-13 12:00",
            ["2027-03-14 03:00 +01", "2027-03-15 02:30 +01"],
            id="Casablanca: forward after it",
        ),
        pytest.param(
            "Antarctica/Troll",
            "30 1,2 * * *",
            "2027-03-27 12:00",
            ["2027-03-28 03:00 +02", "2027-03-29 01:30 +02", "2027-03-29 02:30 +02"],
            id="Troll: gap of two hours, two times that come to one",
        ),
        pytest.param(
            "Antarctica/Troll",
            "30 1,2 * * *",
            "2026-10-24 12:00",
            ["2026-10-25 01:30 +02", "2026-10-25 02:30 +02", "2026-10-26 01:30 +00"],
            id="Troll: overlap of two hours",
        ),
        pytest.param(
            "Antarctica/Troll",
            "30 * * * *",
            "2026-10-24 23:00",
            ["2026-10-25 01:30 +02", "2026-10-25 02:30 +02", "2026-10-25 01:30 +00", "2026-10-25 02:30 +00"],
            id="Troll: overlap, any hour",
        ),
        pytest.param(
            "Asia/Kathmandu",
            "0 9 * * *",
            "2026-11-22 00:00",
            ["2026-11-22 09:00 +0545", "2026-11-23 09:00 +0545"],
            id="Kathmandu: an offset of quarters",
        ),
        pytest.param(
            "Asia/Kathmandu",
            "5 0 * * *",
            "1985-12-31 00:00",
            ["1986-01-01 00:15 +0545", "1986-01-02 00:05 +0545"],
            id="Kathmandu: the quarter that was left out",
        ),
        pytest.param(
            "Pacific/Apia",
            "@daily",
            "2011-12-28 12:00",
            ["2011-12-29 00:00 -10", "2011-12-31 00:00 +14", "2012-01-01 00:00 +14"],
            id="Apia: @daily over a day that never was",
        ),
        pytest.param(
            "Pacific/Apia",
            "0 9 * * FRI",
            "2011-12-24 00:00",
            ["2011-12-31 00:00 +14", "2012-01-06 09:00 +14"],
            id="Apia: the Friday that never was",
        ),
        pytest.param(
            "Pacific/Apia",
            "0 9 30 * *",
            "2011-12-01 00:00",
            ["2011-12-31 00:00 +14", "2012-01-30 09:00 +14"],
            id="Apia: the 30th that never was",
        ),
        pytest.param(
            "Pacific/Apia",
            "0 9 L * *",
            "2011-12-01 00:00",
            ["2011-12-31 09:00 +14", "2012-01-31 09:00 +14"],
            id="Apia: the last day of that month",
        ),
        pytest.param(
            "Pacific/Apia",
            "0 */6 * * *",
            "2011-12-30 01:00",
            ["2011-12-29 18:00 -10", "2011-12-31 00:00 +14", "2011-12-31 06:00 +14"],
            id="Apia: any hour, nothing made up for",
        ),
    ],
)
def test_cron(zone: str, expression: str, after: str, expected: list[str]) -> None:
    when = build(expression, zone=zone)
    slots = when.slots_between(utc(after), FAR, len(expected))
    assert [local_text(slot, when.zone) for slot in slots] == expected


def test_an_interval_takes_no_notice_of_a_day_that_never_was() -> None:
    when = build(every="24h", start=utc("2011-12-28 19:00"), zone="Pacific/Apia", created=utc("2011-12-01"))
    slots = when.slots_between(utc("2011-12-28 18:00"), FAR, 4)
    assert [after - before for before, after in pairwise(slots)] == [timedelta(days=1)] * 3
    assert [local_text(slot, when.zone) for slot in slots[1:3]] == ["2011-12-29 09:00 -10", "2011-12-31 09:00 +14"]


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        pytest.param("America/New_York", "2027-03-14T02:30", "2027-03-14 03:00 EDT", id="gap"),
        pytest.param("America/New_York", "2026-11-01T01:30", "2026-11-01 01:30 EDT", id="overlap: the first"),
        pytest.param("America/New_York", "2026-11-01T01:30-05:00", "2026-11-01 01:30 EST", id="the second, by offset"),
        pytest.param("Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-04 02:30 +11", id="gap of half an hour"),
        pytest.param("Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-04 01:45 +11", id="overlap of half an hour"),
        pytest.param("America/Sao_Paulo", "2018-11-04T00:00", "2018-11-04 01:00 -02", id="a day without midnight"),
        pytest.param("Antarctica/Troll", "2027-03-28T01:00", "2027-03-28 03:00 +02", id="gap of two hours"),
        pytest.param("Pacific/Apia", "2011-12-30T12:00", "2011-12-31 00:00 +14", id="a day that never was"),
        pytest.param("Africa/Casablanca", "2027-02-07T02:59:59", "2027-02-07 02:59:59 +01", id="with seconds"),
    ],
)
def test_at_without_an_offset(zone: str, at: str, expected: str) -> None:
    when = build(at=at, zone=zone, created=utc("2011-01-01"))
    slot = when.next_after(when.origin())
    assert slot is not None
    assert local_text(slot, when.zone) == expected
