from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentschedule.timing import TimingError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("90s", timedelta(seconds=90), id="seconds"),
        pytest.param("5m", timedelta(minutes=5), id="minutes"),
        pytest.param("24h", timedelta(hours=24), id="hours"),
        pytest.param("250ms", timedelta(milliseconds=250), id="milliseconds are not minutes"),
        pytest.param("1h30m10s5ms", timedelta(hours=1, minutes=30, seconds=10, milliseconds=5), id="all four"),
        pytest.param("10m1h", timedelta(hours=1, minutes=10), id="any order"),
        pytest.param("5m5m", timedelta(minutes=10), id="a unit twice adds up"),
        pytest.param("0s", timedelta(), id="zero"),
        pytest.param("99999h", timedelta(hours=99999), id="largest number"),
    ],
)
def test_durations_are_read(text: str, expected: timedelta) -> None:
    assert parse_duration(text, "spec.every") == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param("", "is not a duration", id="empty"),
        pytest.param("90", 'as in "90s"', id="no unit"),
        pytest.param("-5m", "cannot be negative", id="negative"),
        pytest.param("1d", "write them in hours", id="days"),
        pytest.param("2w", "write them in hours", id="weeks"),
        pytest.param("1.5h", "fractions", id="fraction"),
        pytest.param("5M", "is not a duration", id="upper case"),
        pytest.param("5m\n", "is not a duration", id="newline at the end"),
        pytest.param("٥m", "is not a duration", id="digits outside ASCII"),
        pytest.param("100000s", "is not a duration", id="six digits"),
        pytest.param("1h1h1h1h1h", "is not a duration", id="five parts"),
        pytest.param("x" * 5000, "…", id="long text is cut in the message"),
    ],
)
def test_anything_else_is_refused_with_examples(text: str, hint: str) -> None:
    with pytest.raises(TimingError) as caught:
        parse_duration(text, "spec.jitter")
    message = str(caught.value)
    assert caught.value.field == "spec.jitter"
    assert message.startswith("spec.jitter: ")
    assert hint in message
    assert '"1h30m"' in message
    assert len(message) < 250


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        pytest.param(timedelta(), "0s", id="zero"),
        pytest.param(timedelta(seconds=300), "5m", id="largest unit"),
        pytest.param(timedelta(seconds=5400), "1h30m", id="two units"),
        pytest.param(timedelta(days=2), "48h", id="days are hours"),
        pytest.param(timedelta(seconds=1, milliseconds=5), "1s5ms", id="milliseconds"),
        pytest.param(timedelta(microseconds=1700), "1ms", id="cut below a millisecond"),
    ],
)
def test_durations_are_written(duration: timedelta, expected: str) -> None:
    assert format_duration(duration) == expected


def test_a_negative_duration_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="negative"):
        format_duration(timedelta(seconds=-1))


@given(milliseconds=st.integers(0, 99999 * 3_600_000))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration), "spec.every") == duration
