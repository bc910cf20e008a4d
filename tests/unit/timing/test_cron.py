"""What is accepted as cron, what is refused with which advice, and when it is due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentschedule.timing import TimingError

from .builders import build, utc


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        pytest.param("0 9 * * 1-5", "2026-11-21 10:00", "2026-11-23 09:00", id="weekdays"),
        pytest.param("0 9 * * MON-FRI", "2026-11-21 10:00", "2026-11-23 09:00", id="names of days"),
        pytest.param("0 9 * * fri-MON", "2026-11-24 10:00", "2026-11-27 09:00", id="days over the week's end"),
        pytest.param("0 9 * * 7", "2026-11-23 10:00", "2026-11-29 09:00", id="Sunday as 7"),
        pytest.param("0 9 * * 5-7", "2026-11-28 10:00", "2026-11-29 09:00", id="range to Sunday as 7"),
        pytest.param("0 9 * * 0-7/2", "2026-11-22 10:00", "2026-11-24 09:00", id="step over the whole week"),
        pytest.param("0 0 1 JUL,dec *", "2026-11-22 10:00", "2026-12-01 00:00", id="names of months"),
        pytest.param("0 0 1 NOV-FEB *", "2026-12-01 00:00", "2027-01-01 00:00", id="months over the year's end"),
        pytest.param("*/20 * * * *", "2026-11-22 10:41", "2026-11-22 11:00", id="steps"),
        pytest.param("5/20 * * * *", "2026-11-22 10:26", "2026-11-22 10:45", id="steps from a value"),
        pytest.param("10-30/10,45 * * * *", "2026-11-22 10:31", "2026-11-22 10:45", id="list with a range"),
        pytest.param("0 22-2/2 * * *", "2026-11-22 22:00", "2026-11-23 00:00", id="hours over midnight"),
        pytest.param("? ? ? ? ?", "2026-11-22 10:00", "2026-11-22 10:01", id="question marks are stars"),
        pytest.param("0 9-9 * * *", "2026-11-22 09:00", "2026-11-23 09:00", id="a range to itself is one value"),
        pytest.param("0 9 * * SUN-SUN", "2026-11-23 09:00", "2026-11-29 09:00", id="Sunday to Sunday is Sunday"),
        pytest.param("  0  9 * * *\n", "2026-11-22 09:00", "2026-11-23 09:00", id="spaces around"),
        pytest.param("0 0 L * *", "2027-02-01 00:00", "2027-02-28 00:00", id="last day of the month"),
        pytest.param("0 0 * * L5", "2026-11-22 00:00", "2026-11-27 00:00", id="last Friday"),
        pytest.param("0 0 * * LFRI", "2026-11-22 00:00", "2026-11-27 00:00", id="last Friday by name"),
        pytest.param("0 0 * * 1#1", "2026-11-22 00:00", "2026-12-07 00:00", id="first Monday"),
        pytest.param("0 0 * * MON#5", "2026-11-22 00:00", "2026-11-30 00:00", id="fifth Monday, by name"),
        pytest.param("0 0 29 2 *", "2026-11-22 00:00", "2028-02-29 00:00", id="leap day"),
        pytest.param("0 0 29 2 *", "2096-03-01 00:00", "2104-02-29 00:00", id="leap day over 2100"),
        pytest.param("0 0 * 2 1#5", "2026-11-22 00:00", "2044-02-29 00:00", id="once in 28 years"),
        pytest.param("0 0 13 * 5", "2026-11-22 00:00", "2026-11-27 00:00", id="Vixie: day or weekday"),
        pytest.param("0 0 */2 * 5", "2026-11-22 00:00", "2026-11-27 00:00", id="Vixie: a star makes it and"),
        pytest.param("0 0 1-31/2 * 1", "2026-11-22 00:00", "2026-11-23 00:00", id="Vixie: no star, or"),
        pytest.param("0 0 */2 * 1", "2026-11-24 00:00", "2026-12-07 00:00", id="Vixie: even Mondays are left out"),
        pytest.param("@hourly", "2026-11-22 10:00", "2026-11-22 11:00", id="@hourly"),
        pytest.param("@daily", "2026-11-22 10:00", "2026-11-23 00:00", id="@daily"),
        pytest.param("@midnight", "2026-11-22 10:00", "2026-11-23 00:00", id="@midnight"),
        pytest.param("@Weekly", "2026-11-23 10:00", "2026-11-29 00:00", id="@weekly"),
        pytest.param("@monthly", "2026-11-22 10:00", "2026-12-01 00:00", id="@monthly"),
        pytest.param("@yearly", "2026-11-22 10:00", "2027-01-01 00:00", id="@yearly"),
        pytest.param("@annually", "2026-11-22 10:00", "2027-01-01 00:00", id="@annually"),
    ],
)
def test_next_slot(expression: str, after: str, expected: str) -> None:
    assert build(expression).next_after(utc(after)) == utc(expected)


@pytest.mark.parametrize(
    ("expression", "advice"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("   ", "is empty", id="blank"),
        pytest.param("0 0 9 * * *", "has 6 fields, cron here has 5; remove the seconds field", id="seconds"),
        pytest.param("* * * * * *", "for intervals below a minute use spec.every", id="every second"),
        pytest.param("0 0 9 * * * 2026", "has 7 fields", id="seconds and year"),
        pytest.param("0 9 * *", "has 4 fields, it needs 5: minute, hour", id="four fields"),
        pytest.param("hourly", "has 1 field, it needs 5", id="a word"),
        pytest.param("@every 5m", "use spec.every: 5m", id="@every"),
        pytest.param("@reboot", "create an AgentRun", id="@reboot"),
        pytest.param("@weeky", "known: @annually, @daily", id="unknown shorthand"),
        pytest.param("R * * * *", "use 'H'", id="random"),
        pytest.param("R(0-7)/2 * * * *", "use 'H'", id="random with range and step"),
        pytest.param("TZ=Asia/Tokyo 0 9 * * *", "use spec.timeZone: Asia/Tokyo", id="TZ"),
        pytest.param("CRON_TZ=Asia/Tokyo 0 9 * * *", "use spec.timeZone: Asia/Tokyo", id="CRON_TZ"),
        pytest.param("0 9 15W * *", "'W' (nearest weekday) is not supported", id="nearest weekday"),
        pytest.param("0 9 LW * *", "'W' (nearest weekday) is not supported", id="last weekday"),
        pytest.param("0 9 * * 5L", "is written 'L5' here", id="last Friday as in Quartz"),
        pytest.param("0 9 * * L", "allowed: 0-7 or SUN-SAT", id="L alone as weekday"),
        pytest.param("0 9 * * 1#6", "after '#' comes 1-5", id="sixth Monday"),
        pytest.param("0 9 1 * 1#1", "write two expressions in spec.schedules", id="first Monday beside a day"),
        pytest.param("0 9 * * 1#1,5", "write two expressions in spec.schedules", id="first Monday beside Friday"),
        pytest.param("60 * * * *", "'60' is not allowed in the minute field; allowed: 0-59", id="minute"),
        pytest.param("0 24 * * *", "'24' is not allowed in the hour field; allowed: 0-23", id="hour"),
        pytest.param("0 9 32 * *", "'32' is not allowed in the day of month field; allowed: 1-31", id="day"),
        pytest.param("0 9 0 * *", "'0' is not allowed in the day of month field", id="day zero"),
        pytest.param("0 9 * 13 *", "'13' is not allowed in the month field; allowed: 1-12 or JAN-DEC", id="month"),
        pytest.param("0 9 * * 8", "'8' is not allowed in the day of week field; allowed: 0-7", id="weekday"),
        pytest.param("0 9 * FOO *", "'FOO' is not allowed in the month field", id="name"),
        pytest.param("0 9 * * JAN", "'JAN' is not allowed in the day of week field", id="name of another field"),
        pytest.param("-1 * * * *", "'-1' is not allowed in the minute field", id="negative"),
        pytest.param("1.5 * * * *", "'1.5' is not allowed in the minute field", id="fraction"),
        pytest.param("1,,2 * * * *", "minute field has an empty list entry", id="empty list entry"),
        pytest.param("*,5 * * * *", "leave the others out", id="star beside values"),
        pytest.param("*/0 * * * *", "the step '0' is not allowed in the minute field", id="step zero"),
        pytest.param("*/90 * * * *", "use spec.every", id="step over the field"),
        pytest.param("*/x * * * *", "the step 'x' is not allowed", id="step that is no number"),
        pytest.param("H(5-99) * * * *", "'99' is not allowed in the minute field", id="hash range over the field"),
        pytest.param("H(9-5) * * * *", "goes backwards: 9-5", id="hash range backwards"),
        pytest.param("0 0 31 2 *", "day 31 never comes in month 2", id="31 February"),
        pytest.param("0 0 31 4,6,9,11 *", "never comes in month 4,6,9,11", id="31 April"),
        pytest.param("0 0 30 FEB *", "for the last day of a month write 'L'", id="30 February by name"),
        pytest.param("0 9 * * mön", "outside ASCII", id="umlaut"),
        pytest.param("0 9 * * 1–5", "outside ASCII", id="dash from a word processor"),
        pytest.param("0 9 * *\u00a01", "outside ASCII", id="no-break space"),
        pytest.param("0 9 * *\x001", "has 4 fields", id="null byte"),
        pytest.param("0" * 257, "has 257 characters, at most 256", id="long"),
        pytest.param(f"{'9' * 240} * * * *", "is not allowed in the minute field", id="huge number"),
    ],
)
def test_refused_with_advice(expression: str, advice: str) -> None:
    with pytest.raises(TimingError) as caught:
        build(expression)
    assert caught.value.field == "spec.schedule"
    assert str(caught.value).startswith("spec.schedule: ")
    assert advice in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("zone", "expression", "after", "expected"),
    [
        pytest.param(
            "Europe/Berlin",
            "30 2 * * *",
            "2027-03-27 12:00",
            ["2027-03-28 01:00", "2027-03-29 00:30"],
            id="gap: at its end",
        ),
        pytest.param(
            "Europe/Berlin",
            "*/15 2 * * *",
            "2027-03-27 12:00",
            ["2027-03-28 01:00", "2027-03-29 00:00"],
            id="gap: once",
        ),
        pytest.param(
            "Europe/Berlin",
            "30 2,3 * * *",
            "2027-03-27 12:00",
            ["2027-03-28 01:00", "2027-03-28 01:30"],
            id="gap: and after",
        ),
        pytest.param(
            "Europe/Berlin",
            "30 * * * *",
            "2027-03-28 00:00",
            ["2027-03-28 00:30", "2027-03-28 01:30"],
            id="gap: any hour",
        ),
        pytest.param(
            "Europe/Berlin",
            "0 */2 * * *",
            "2027-03-27 23:00",
            ["2027-03-28 02:00", "2027-03-28 04:00"],
            id="gap: */2 drops",
        ),
        pytest.param(
            "Europe/Berlin",
            "30 0-23 * * *",
            "2027-03-28 00:00",
            ["2027-03-28 00:30", "2027-03-28 01:30"],
            id="gap: 0-23",
        ),
        pytest.param(
            "Europe/Berlin",
            "30 2 * * *",
            "2026-10-25 00:00",
            ["2026-10-25 00:30", "2026-10-26 01:30"],
            id="overlap: once",
        ),
        pytest.param(
            "Europe/Berlin", "30 2 * * *", "2026-10-25 00:30", ["2026-10-26 01:30"], id="overlap: not again from within"
        ),
        pytest.param(
            "Europe/Berlin",
            "30 * * * *",
            "2026-10-25 00:00",
            ["2026-10-25 00:30", "2026-10-25 01:30"],
            id="overlap: twice",
        ),
        pytest.param(
            "Europe/Berlin",
            "0 */2 * * *",
            "2026-10-24 23:00",
            ["2026-10-25 00:00", "2026-10-25 01:00"],
            id="overlap: */2",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2026-10-03 12:00",
            ["2026-10-03 15:30", "2026-10-04 15:15"],
            id="half hour",
        ),
        pytest.param(
            "Pacific/Apia",
            "0 9 * * *",
            "2011-12-29 19:00",
            ["2011-12-30 10:00", "2011-12-30 19:00"],
            id="a day that never was",
        ),
        pytest.param(
            "Africa/Monrovia",
            "0 0 * * *",
            "1972-01-05 12:00",
            ["1972-01-06 00:44:30", "1972-01-07 00:44:30"],
            id="seconds",
        ),
    ],
)
def test_where_clocks_change(zone: str, expression: str, after: str, expected: list[str]) -> None:
    when = build(expression, zone=zone)
    assert when.slots_between(utc(after), utc("2100-01-01"), len(expected)) == [utc(text) for text in expected]


def test_h_is_the_same_for_the_same_schedule_for_ever() -> None:
    assert build("H H * * *", hash_id="team-a/daily-news").next_after(utc("2026-11-22")) == utc("2026-11-22 12:43")


def test_h_spreads_schedules_over_the_whole_day() -> None:
    slots = {build("H H * * *", hash_id=f"team-a/agent-{n}").next_after(utc("2026-11-22")) for n in range(300)}
    assert len(slots) > 250


@given(hash_id=st.from_regex(r"[a-z]{1,9}/[a-z]{1,9}", fullmatch=True))
def test_h_stays_in_its_range(hash_id: str) -> None:
    slot = build("H(10-19) H(0-7) H * *", hash_id=hash_id).next_after(utc("2027-02-01"))
    assert slot is not None
    assert slot.minute in range(10, 20)
    assert slot.hour in range(8)
    assert slot.month == 2, "a day that H draws must exist in every month"


@given(hash_id=st.from_regex(r"[a-z]{1,9}/[a-z]{1,9}", fullmatch=True))
def test_h_with_a_step(hash_id: str) -> None:
    slots = build("H/15 H(0-5)/3 * * H", hash_id=hash_id).slots_between(
        utc("2026-11-21 23:59"), utc("2026-11-28 23:59"), 99
    )
    assert len(slots) == 8
    assert {slot.minute % 15 for slot in slots} == {slots[0].minute}
    assert [slot.hour for slot in slots] == [slots[0].hour] * 4 + [slots[0].hour + 3] * 4


def test_th_in_a_name_is_no_hash() -> None:
    assert build("0 9 * MAR THU", hash_id="a").next_after(utc("2027-01-01")) == utc("2027-03-04 09:00")
