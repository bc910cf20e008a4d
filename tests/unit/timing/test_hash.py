"""H in every field: within its range, the same at every asking, and spread over many schedules."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .builders import build, utc

START = utc("2027-01-01") - timedelta(minutes=1)
ids = st.from_regex(r"[a-z]{1,9}/[a-z]{1,9}", fullmatch=True)


def slots(expression: str, hash_id: str, days: int) -> list[datetime]:
    """Those of the first days of 2027, which begins on a Friday."""
    return build(expression, hash_id=hash_id).slots_between(START, START + timedelta(days=days), 2000)


@pytest.mark.parametrize(
    ("expression", "minutes", "hours"),
    [
        pytest.param("H H * * *", range(60), range(24), id="whole fields"),
        pytest.param("H H(0-7) * * *", range(60), range(8), id="hour in a range"),
        pytest.param("H(45-59) 3 * * *", range(45, 60), range(3, 4), id="minute in a range"),
        pytest.param("H(5-5) H(23-23) * * *", range(5, 6), range(23, 24), id="ranges of one value"),
        pytest.param("0 H(9-17)/9 * * *", range(1), range(9, 18), id="a step over the range"),
        pytest.param("0 h(9-17)/20 * * *", range(1), range(9, 18), id="a step beyond the range"),
    ],
)
@given(hash_id=ids)
@settings(max_examples=30)
def test_once_a_day(expression: str, minutes: range, hours: range, hash_id: str) -> None:
    found = slots(expression, hash_id, 7)
    assert len(found) == 7
    assert len({slot.time() for slot in found}) == 1
    assert found[0].minute in minutes
    assert found[0].hour in hours


@pytest.mark.parametrize(
    ("expression", "minutes"),
    [
        pytest.param("H/15 * * * *", [range(n, 60, 15) for n in range(15)], id="every quarter"),
        pytest.param("H/7 * * * *", [range(n, 60, 7) for n in range(7)], id="a step that does not divide the hour"),
        pytest.param("H(0-29)/10 * * * *", [range(n, 30, 10) for n in range(10)], id="in the first half"),
        pytest.param("H(30-59)/10 * * * *", [range(30 + n, 60, 10) for n in range(10)], id="in the second half"),
        pytest.param("H(0-3)/10 * * * *", [range(n, n + 1) for n in range(4)], id="a step beyond the range"),
        pytest.param("H * * * *", [range(n, n + 1) for n in range(60)], id="once an hour"),
    ],
)
@given(hash_id=ids)
@settings(max_examples=30)
def test_minutes_of_each_hour(expression: str, minutes: list[range], hash_id: str) -> None:
    found = slots(expression, hash_id, 1)
    shown = {hour: [slot.minute for slot in found if slot.hour == hour] for hour in range(24)}
    assert shown[0] in [list(choice) for choice in minutes]
    assert all(shown[hour] == shown[0] for hour in shown)


@given(hash_id=ids)
@settings(max_examples=30)
def test_days_months_and_weekdays(hash_id: str) -> None:
    monthly = slots("0 0 H * *", hash_id, 365)
    assert len(monthly) == 12
    assert len({slot.day for slot in monthly}) == 1
    assert monthly[0].day <= 28, "a day that every month has"

    yearly = slots("0 0 1 H *", hash_id, 3 * 365)
    assert len(yearly) == 3
    assert len({slot.month for slot in yearly}) == 1

    weekly = slots("0 0 * * H", hash_id, 28)
    assert len(weekly) == 4
    assert len({slot.isoweekday() for slot in weekly}) == 1

    workday = slots("0 0 * * H(1-5)", hash_id, 28)
    assert len(workday) == 4
    assert workday[0].isoweekday() in range(1, 6)

    assert {slot.day for slot in slots("0 0 H(10-12) * *", hash_id, 365)} < {10, 11, 12}
    assert {slot.month for slot in slots("0 0 1 H(6-8) *", hash_id, 3 * 365)} < {6, 7, 8}
    assert len(slots("0 0 1 H/3 *", hash_id, 365)) == 4


def test_fields_are_drawn_apart() -> None:
    pairs = {
        (slot.hour, slot.minute) for n in range(500) for slot in slots("H(0-9) H(0-9) * * *", f"team/agent-{n}", 1)
    }
    assert len(pairs) > 90, "minute and hour must not move together"


@pytest.mark.parametrize(
    ("expression", "choices"),
    [
        pytest.param("H 0 1 1 *", 60, id="minute"),
        pytest.param("0 H 1 1 *", 24, id="hour"),
        pytest.param("0 0 H 1 *", 28, id="day of month"),
        pytest.param("0 0 1 H *", 12, id="month"),
        pytest.param("0 0 * 1 H", 7, id="day of week"),
    ],
)
def test_every_value_is_drawn_about_as_often(expression: str, choices: int) -> None:
    drawn = Counter(slots(expression, f"team/agent-{n}", 365)[0] for n in range(100 * choices))
    assert len(drawn) == choices
    assert min(drawn.values()) > 60
    assert max(drawn.values()) < 145


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("H H * * *", "2027-01-01 12:43", id="minute and hour"),
        pytest.param("0 0 H H *", "2027-10-14 00:00", id="day and month"),
        pytest.param("0 0 * * H", "2027-01-05 00:00", id="weekday"),
        pytest.param("H(0-29)/10 H(0-7) * * *", "2027-01-01 04:03", id="ranges"),
    ],
)
def test_what_is_drawn_is_pinned(expression: str, expected: str) -> None:
    """Another draw for the same schedule would move its runs after an upgrade."""
    assert slots(expression, "team-a/daily-news", 365)[0] == utc(expected)
