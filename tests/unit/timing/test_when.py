"""Sources, windows, jitter: everything a schedule says about "when", put together."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentschedule.timing import TimingError, When

from .builders import CREATED, build, utc

SECOND = timedelta(seconds=1)
FAR = utc("2100-01-01")


@pytest.mark.parametrize(
    ("make", "field", "advice"),
    [
        pytest.param(build, "spec.schedule", "exactly one of", id="nothing set"),
        pytest.param(
            lambda: build("@daily", every="5m"), "spec.schedule", "found spec.schedule and spec.every", id="two"
        ),
        pytest.param(
            lambda: build(schedules=[], every=""), "spec.every", "not a duration", id="empty text counts as set"
        ),
        pytest.param(lambda: build(every="500ms"), "spec.every", "whole seconds, at least '1s'", id="below a second"),
        pytest.param(lambda: build(every="1500ms"), "spec.every", "whole seconds", id="one second and a half"),
        pytest.param(lambda: build(every="0s"), "spec.every", "at least '1s'", id="no interval"),
        pytest.param(lambda: build(every="5 minutes"), "spec.every", '"5m"', id="interval in words"),
        pytest.param(lambda: build("@daily", jitter="-1m"), "spec.jitter", "cannot be negative", id="negative jitter"),
        pytest.param(lambda: build("@daily", zone="Mars"), "spec.timeZone", "unknown time zone", id="zone"),
        pytest.param(lambda: build(schedules=["@daily", "bad"]), "spec.schedules[1]", "1 field", id="one of several"),
        pytest.param(lambda: build(schedules=["@daily"] * 11), "spec.schedules", "at most 10", id="eleven"),
        pytest.param(
            lambda: build("@daily", start=utc("2027-01-02"), end=utc("2027-01-01")),
            "spec.startTime",
            "after spec.endTime",
            id="start after end",
        ),
        pytest.param(
            lambda: build("@daily", start=datetime(2027, 1, 1)),  # noqa: DTZ001 - what the test is about
            "spec.startTime",
            "no offset",
            id="start without an offset",
        ),
        pytest.param(
            lambda: build("@daily", start=utc("9999-12-31 23:59")),
            "spec.startTime",
            "between 1970",
            id="start at time's end",
        ),
        pytest.param(lambda: build(at="tomorrow"), "spec.at", "2026-12-01T09:00", id="at: words"),
        pytest.param(lambda: build(at="2026-13-01T09:00Z"), "spec.at", "is not a time", id="at: month 13"),
        pytest.param(lambda: build(at="2026-12-01"), "spec.at", "is not a time", id="at: a date"),
        pytest.param(lambda: build(at="2026-12-01T09:00:00.5Z"), "spec.at", "whole seconds", id="at: fraction"),
        pytest.param(lambda: build(at="9999-12-31T23:59:59Z"), "spec.at", "between 1970 and 9000", id="at: time's end"),
        pytest.param(
            lambda: build(at="2026-11-22T09:59:59Z"), "spec.at", "before the schedule's creation", id="at: past"
        ),
    ],
)
def test_refused(make: Callable[[], When], field: str, advice: str) -> None:
    with pytest.raises(TimingError) as caught:
        make()
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        pytest.param("2026-12-01T09:00:00Z", "Asia/Tokyo", "2026-12-01 09:00", id="UTC"),
        pytest.param("2026-12-01t09:00:00z", "UTC", "2026-12-01 09:00", id="lower case, as RFC 3339 allows"),
        pytest.param("2026-12-01T09:00:05.000+09:00", "UTC", "2026-12-01 00:00:05", id="offset, fraction of zero"),
        pytest.param("2026-12-01T09:00", "Asia/Tokyo", "2026-12-01 00:00", id="local"),
        pytest.param("2026-12-01 09:00:30", "Asia/Tokyo", "2026-12-01 00:00:30", id="local with a space and seconds"),
        pytest.param("2027-03-28T02:30", "Europe/Berlin", "2027-03-28 01:00", id="local, in a gap"),
        pytest.param("2027-10-31T02:30", "Europe/Berlin", "2027-10-31 00:30", id="local, in an overlap: the first"),
    ],
)
def test_at_is_one_slot(at: str, zone: str, expected: str) -> None:
    when = build(at=at, zone=zone)
    assert when.one_shot
    assert when.slots_between(when.origin(), FAR, 9) == [utc(expected)]


def test_an_at_equal_to_the_creation_counts() -> None:
    when = build(at="2026-11-22T10:00:00Z")
    assert when.next_after(when.origin()) == CREATED


@pytest.mark.parametrize(
    ("when", "after", "expected"),
    [
        pytest.param(build(every="5m"), CREATED, "2026-11-22 10:05", id="not at the creation itself"),
        pytest.param(build(every="5m"), utc("2020-01-01"), "2026-11-22 10:05", id="nothing before the creation"),
        pytest.param(build(every="5m"), utc("2026-11-22 10:05"), "2026-11-22 10:10", id="strictly after"),
        pytest.param(build(every="7m"), utc("2036-11-22 10:05"), "2036-11-22 10:12", id="on the grid after ten years"),
        pytest.param(
            build(every="1h", start=utc("2026-12-01 08:30")), CREATED, "2026-12-01 08:30", id="at the start time"
        ),
        pytest.param(
            build(every="1h", start=utc("2020-01-01 00:30")), CREATED, "2026-11-22 10:30", id="start time's grid"
        ),
    ],
)
def test_interval(when: When, after: datetime, expected: str) -> None:
    assert when.next_after(after) == utc(expected)


@given(seconds=st.integers(1, 10**6), after=st.integers(-(10**6), 10**9), micro=st.integers(0, 999_999))
def test_an_interval_never_leaves_its_grid(seconds: int, after: int, micro: int) -> None:
    t = CREATED + timedelta(seconds=after, microseconds=micro)
    slot = build(every=f"{seconds // 3600}h{seconds % 3600}s").next_after(t)
    assert slot is not None
    assert slot > t
    assert (slot - CREATED) % timedelta(seconds=seconds) == timedelta()
    assert slot - max(t, CREATED) <= timedelta(seconds=seconds)


def test_several_expressions_are_one_set_of_slots() -> None:
    when = build(schedules=["0 9 * * *", "0 17 * * 1-5", "0 9 * * 1"], zone="Asia/Tokyo")
    assert when.slots_between(utc("2026-11-22 01:00"), utc("2026-11-24"), 9) == [
        utc("2026-11-23 00:00"),
        utc("2026-11-23 08:00"),
        utc("2026-11-24 00:00"),
    ]


def test_start_and_end_time_are_slots_themselves() -> None:
    when = build("0 9 * * *", start=utc("2026-12-01 09:00"), end=utc("2026-12-02 09:00"))
    assert when.slots_between(when.origin(), FAR, 9) == [utc("2026-12-01 09:00"), utc("2026-12-02 09:00")]
    assert when.latest_at_or_before(FAR, when.origin()) == utc("2026-12-02 09:00")
    assert when.next_after(utc("2026-12-02 09:00")) is None


def test_a_start_time_within_a_second_counts_from_the_next() -> None:
    when = build(every="1h", start=utc("2026-12-01 08:30:00.25"))
    assert when.next_after(CREATED) == utc("2026-12-01 08:30:01")


def test_an_end_time_in_the_past_means_no_slots() -> None:
    when = build("@hourly", end=CREATED - SECOND)
    assert when.next_after(when.origin()) is None


def test_an_end_at_the_end_of_time_is_no_obstacle() -> None:
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-9)))
    assert build("@hourly", zone="Asia/Tokyo", end=end).next_after(CREATED) == utc("2026-11-22 11:00")


def test_times_in_other_offsets_are_the_same_instants() -> None:
    elsewhere = CREATED.astimezone(timezone(timedelta(hours=9)))
    slot = build("@hourly").next_after(elsewhere)
    assert slot == utc("2026-11-22 11:00")
    assert slot.tzname() == "UTC"


@pytest.mark.parametrize(
    "when",
    [
        pytest.param(build("*/5 * * * *", zone="Europe/Berlin"), id="cron"),
        pytest.param(build("0 0 29 2 *"), id="leap day"),
        pytest.param(build(schedules=["0 9 * * *", "@monthly"]), id="several"),
        pytest.param(build(every="37s"), id="interval"),
        pytest.param(build(at="2027-01-01T00:00Z"), id="one shot"),
        pytest.param(build("@hourly", end=utc("2027-06-01")), id="ended"),
    ],
)
@pytest.mark.parametrize(
    "until", ["2026-11-22 10:00", "2026-11-22 10:07:30.5", "2027-04-01 00:00", "2031-01-01 00:00:01"]
)
def test_the_latest_slot_is_one_with_none_after_it(when: When, until: str) -> None:
    t = utc(until)
    slot = when.latest_at_or_before(t, when.origin())
    if slot is None:
        first = when.next_after(when.origin())
        assert first is None or first > t
        return
    assert when.origin() < slot <= t
    assert when.next_after(slot - SECOND) == slot
    following = when.next_after(slot)
    assert following is None or following > t


def test_slots_between_stops_at_its_limit() -> None:
    assert len(build(every="1s").slots_between(CREATED, FAR, 7)) == 7
    assert build(every="1s").slots_between(CREATED, FAR, 0) == []


@given(minutes=st.integers(0, 10_000), uid=st.from_regex(r"[0-9a-f]{8}", fullmatch=True))
def test_jitter_is_within_its_bound_and_before_the_next_slot(minutes: int, uid: str) -> None:
    when = build("*/5 * * * *", jitter="10m", uid=uid)
    slot = when.next_after(CREATED + timedelta(minutes=minutes))
    assert slot is not None
    assert slot <= when.start_of(slot) < slot + timedelta(minutes=5)
    assert when.start_of(slot) == build("*/5 * * * *", jitter="10m", uid=uid).start_of(slot)


def test_jitter_is_pinned() -> None:
    """Another delay for the same uid and slot would be another start after an upgrade."""
    assert build("@daily", jitter="1h").start_of(utc("2026-11-23")) == utc("2026-11-23 00:02:01.752")


def test_jitter_spreads_over_the_whole_bound() -> None:
    slot = utc("2026-11-23")
    delays = [build("@daily", jitter="10m", uid=str(n)).start_of(slot) - slot for n in range(500)]
    assert min(delays) < timedelta(seconds=30)
    assert max(delays) > timedelta(minutes=9, seconds=30)
    assert len(set(delays)) > 490


def test_without_jitter_a_run_starts_at_its_slot() -> None:
    assert build("@daily").start_of(utc("2026-11-23")) == utc("2026-11-23")


def test_the_last_slot_has_its_jitter_too() -> None:
    when = build(at="2026-12-01T09:00Z", jitter="1h")
    assert utc("2026-12-01 09:00") < when.start_of(utc("2026-12-01 09:00")) <= utc("2026-12-01 10:00")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        pytest.param(build("0 9 * * 1-5"), "0 9 * * 1-5", id="cron"),
        pytest.param(build("@daily"), "@daily", id="shorthand"),
        pytest.param(build(schedules=["0 9 * * *", "0 17 * * *"]), "0 9 * * *; 0 17 * * *", id="several"),
        pytest.param(build(every="300s"), "every 5m", id="interval"),
        pytest.param(build(at="2026-12-01T00:00Z", zone="Asia/Tokyo"), "at 2026-12-01 09:00", id="one shot, local"),
        pytest.param(build(at="2026-12-01T00:00:30Z"), "at 2026-12-01 00:00:30", id="one shot with seconds"),
    ],
)
def test_describe(when: When, expected: str) -> None:
    assert when.describe() == expected


def test_a_long_description_is_cut() -> None:
    text = build(schedules=[f"{n} 9 1-5,10-15 * *" for n in range(10)]).describe()
    assert len(text) == 60
    assert text.endswith("…")
