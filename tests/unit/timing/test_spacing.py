from datetime import datetime, timedelta

import pytest

from agentschedule.timing import TimingError, When, check_min_interval

from .builders import CREATED, build, utc

QUARTER = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("when", "field", "shown"),
    [
        pytest.param(
            build(every="5m", zone="Asia/Tokyo"),
            "spec.every",
            "5m (runs at 2026-11-22 19:05 JST, 2026-11-22 19:10 JST) is below the minimum interval of 15m",
            id="interval",
        ),
        pytest.param(
            build(every="5m", end=CREATED),
            "spec.every",
            "5m is below the minimum interval of 15m",
            id="interval without a slot to come",
        ),
        pytest.param(build("*/5 * * * *"), "spec.schedule", "00:00 UTC and 2026-11-22 00:05 UTC", id="cron"),
        pytest.param(build("0,5 9 * * *"), "spec.schedule", "5m apart", id="not the next two, later ones"),
        pytest.param(build("55 23 * * *", zone="Asia/Tokyo"), None, "", id="once a day"),
        pytest.param(
            build(schedules=["55 23 * * *", "5 0 * * *"], zone="Asia/Tokyo"),
            "spec.schedules",
            "00:05 JST",
            id="midnight",
        ),
        pytest.param(
            build(schedules=["0 9 1 1 *", "10 9 1 1 *"]), "spec.schedules", "2027-01-01 09:10 UTC", id="months ahead"
        ),
        pytest.param(
            build("30 2,3 * * *", zone="Europe/Berlin"), None, "", id="half an hour apart where the clocks change"
        ),
        pytest.param(
            build(schedules=["30 2 * * *", "10 3 * * *"], zone="Europe/Berlin"),
            "spec.schedules",
            "2027-03-28 03:00 CEST and 2027-03-28 03:10 CEST would be 10m apart",
            id="close only where the clocks change",
        ),
        pytest.param(
            build(schedules=["45 1 * * *", "0 * * * *"], zone="Australia/Lord_Howe"),
            None,
            "",
            id="always a quarter apart",
        ),
        pytest.param(
            build(schedules=["40 1 * * *", "50 2 * * *", "0 */3 * * *"], zone="Australia/Lord_Howe"),
            "spec.schedules",
            "2026-11-23 02:50 +11 and 2026-11-23 03:00 +11 would be 10m apart",
            id="a union",
        ),
        pytest.param(
            build(schedules=["20 1 * * *", "35 2 * * *"], zone="Australia/Lord_Howe"),
            None,
            "",
            id="at their ordinary times",
        ),
        pytest.param(
            build(schedules=["20 2 * * *", "35 2 * * *"], zone="Australia/Lord_Howe", start=utc("2027-05-01")),
            "spec.schedules",
            "2027-10-03 02:30 +11 and 2027-10-03 02:35 +11 would be 5m apart",
            id="close only on the day of a half-hour gap, five months ahead",
        ),
        pytest.param(
            build(
                schedules=["20 2 * * *", "35 2 * * *"],
                zone="Australia/Lord_Howe",
                start=utc("2027-05-01"),
                end=utc("2027-10-02 15:30"),
            ),
            None,
            "",
            id="which comes after the end time",
        ),
        pytest.param(
            build("40 1 * * *", zone="Antarctica/Troll"), None, "", id="one a day, on days of two-hour changes too"
        ),
        pytest.param(build("*/5 * * * *", end=CREATED - timedelta(days=1)), None, "", id="ended before"),
        pytest.param(
            build("0,5 9 * * *", start=utc("2026-11-23"), end=utc("2026-11-23 09:00")),
            None,
            "",
            id="ends before the second",
        ),
        pytest.param(
            build("0,5 9 * * *", end=utc("2026-11-23 09:05")), "spec.schedule", "09:05 UTC", id="ends with the second"
        ),
        pytest.param(
            build("*/5 * * * *", start=utc("2030-01-01 12:00")), "spec.schedule", "2030-01-01 12:05", id="starts later"
        ),
        pytest.param(build(at="2026-12-01T09:00Z"), None, "", id="one shot"),
        pytest.param(build("@hourly"), None, "", id="hourly"),
        pytest.param(build(every="15m"), None, "", id="exactly the minimum"),
        pytest.param(build("*/15 * * * *"), None, "", id="exactly the minimum, cron"),
    ],
)
def test_slots_closer_than_the_minimum_are_refused(when: When, field: str | None, shown: str) -> None:
    if field is None:
        check_min_interval(when, QUARTER, CREATED)
        return
    with pytest.raises(TimingError) as caught:
        check_min_interval(when, QUARTER, CREATED)
    assert caught.value.field == field
    assert shown in str(caught.value)
    assert "15m" in str(caught.value)


@pytest.mark.parametrize("now", [CREATED, utc("2027-03-27 12:00")])
def test_cron_always_keeps_a_minute(now: datetime) -> None:
    check_min_interval(build(schedules=["* * * * *", "30 2 * * *"], zone="Europe/Berlin"), timedelta(minutes=1), now)
