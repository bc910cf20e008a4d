from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agentschedule.timing import TimingError, load_zone, local_text
from agentschedule.timing.zones import first_instant, overlap_start, second_instant

from .builders import utc


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+9"])
def test_iana_names_are_known(name: str) -> None:
    assert load_zone(name).key == name


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        pytest.param("europe/berlin", "did you mean 'Europe/Berlin'?", id="lower case"),
        pytest.param("utc", "did you mean 'UTC'?", id="lower-case utc"),
        pytest.param("Berlin", "did you mean 'Europe/Berlin'?", id="city"),
        pytest.param("New York", "did you mean 'America/New_York'?", id="city with a space"),
        pytest.param("Europe/Berln", "did you mean 'Europe/Berlin', ", id="typing error"),
        pytest.param("Tokio", "did you mean 'Asia/Tokyo'?", id="city in another language"),
        pytest.param("JST", "did you mean 'Asia/Tokyo'?", id="abbreviation"),
        pytest.param("UTC+9", "a fixed offset is no time zone", id="offset"),
        pytest.param("+09:00", "a fixed offset is no time zone", id="bare offset"),
        pytest.param("", "use an IANA name", id="empty"),
        pytest.param("../../etc/passwd", "use an IANA name", id="path upwards"),
        pytest.param("/usr/share/zoneinfo/UTC", "unknown time zone", id="absolute path"),
        pytest.param("Europe/../Europe/Berlin", "unknown time zone", id="path to a zone"),
        pytest.param("localtime", "unknown time zone", id="the machine's own zone"),
        pytest.param("Factory", "unknown time zone", id="placeholder zone"),
        pytest.param("x" * 5000, "use an IANA name", id="long"),
        pytest.param("Europe/Berlin\0", "'Europe/Berlin'", id="null byte"),
    ],
)
def test_an_unknown_zone_is_refused_with_advice(name: str, advice: str) -> None:
    with pytest.raises(TimingError) as caught:
        load_zone(name)
    assert caught.value.field == "spec.timeZone"
    assert advice in str(caught.value)
    assert len(str(caught.value)) < 300
    assert str(caught.value).count("/") <= 20


def test_at_most_three_names_are_offered() -> None:
    with pytest.raises(TimingError, match="'Asia/Tokyo'") as caught:
        load_zone("Asia/Toyko")
    assert str(caught.value).partition("did you mean")[2].count("'") == 6


@pytest.mark.parametrize(
    ("instant", "zone", "expected"),
    [
        pytest.param("2026-11-23 00:00", "Asia/Tokyo", "2026-11-23 09:00 JST", id="abbreviation"),
        pytest.param("2026-11-23 00:00:05", "Asia/Tokyo", "2026-11-23 09:00:05 JST", id="seconds"),
        pytest.param("2026-11-23 00:00", "Europe/Istanbul", "2026-11-23 03:00 +03", id="zone without abbreviation"),
        pytest.param("2026-11-23 00:00", "UTC", "2026-11-23 00:00 UTC", id="UTC"),
        pytest.param("2026-10-25 00:30", "Europe/Berlin", "2026-10-25 02:30 CEST", id="first pass of an overlap"),
        pytest.param("2026-10-25 01:30", "Europe/Berlin", "2026-10-25 02:30 CET", id="second pass of an overlap"),
    ],
)
def test_local_text(instant: str, zone: str, expected: str) -> None:
    assert local_text(utc(instant), load_zone(zone)) == expected


@pytest.mark.parametrize(
    ("wall", "zone", "expected", "exists"),
    [
        pytest.param("2026-07-01 12:00", "Europe/Berlin", "2026-07-01 10:00", True, id="ordinary"),
        pytest.param("2027-03-28 02:30", "Europe/Berlin", "2027-03-28 01:00", False, id="gap of an hour"),
        pytest.param("2027-03-28 03:00", "Europe/Berlin", "2027-03-28 01:00", True, id="end of the gap"),
        pytest.param("2026-10-25 02:30", "Europe/Berlin", "2026-10-25 00:30", True, id="overlap: the first"),
        pytest.param("2026-10-04 02:10", "Australia/Lord_Howe", "2026-10-03 15:30", False, id="gap of half an hour"),
        pytest.param("2011-12-30 09:00", "Pacific/Apia", "2011-12-30 10:00", False, id="a day that never was"),
        pytest.param("1986-01-01 00:05", "Asia/Kathmandu", "1985-12-31 18:30", False, id="gap of a quarter"),
        pytest.param("1972-01-07 00:10:00", "Africa/Monrovia", "1972-01-07 00:44:30", False, id="offset with seconds"),
    ],
)
def test_first_instant(wall: str, zone: str, expected: str, exists: bool) -> None:
    assert first_instant(datetime.fromisoformat(wall), ZoneInfo(zone)) == (utc(expected), exists)


def test_second_instant_and_start_of_an_overlap() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    wall = datetime.fromisoformat("2026-10-25 02:59")
    assert second_instant(wall, berlin) == utc("2026-10-25 01:59")
    assert overlap_start(wall, berlin) == datetime.fromisoformat("2026-10-25 02:00")
    assert second_instant(wall + timedelta(minutes=1), berlin) is None
    assert second_instant(datetime.fromisoformat("2027-03-28 02:30"), berlin) is None
