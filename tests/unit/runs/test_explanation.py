"""The newest warning among Events."""

from typing import Any

import pytest

from agentschedule.runs.explanation import newest_warning


def event(at: str, *, kind: str = "Warning", reason: str = "FailedCreate", field: str = "lastTimestamp") -> Any:
    time: Any = f"2026-11-22T{at}Z"
    return {"type": kind, "reason": reason, "message": at, field: time}


@pytest.mark.parametrize(
    ("events", "told"),
    [
        pytest.param([], None, id="none"),
        pytest.param([event("09:00:00", kind="Normal")], None, id="no warning"),
        pytest.param([event("09:00:00")], ("FailedCreate", "09:00:00"), id="one"),
        pytest.param(
            [event("09:01:00"), event("09:02:00", reason="Newer"), event("09:00:00")],
            ("Newer", "09:02:00"),
            id="the newest",
        ),
        pytest.param(
            [event("09:01:00"), event("09:02:00", field="eventTime")], ("FailedCreate", "09:02:00"), id="other field"
        ),
        pytest.param(
            [{**event("09:00:00"), "series": {"lastObservedTime": "2026-11-22T09:05:00Z"}}, event("09:01:00")],
            ("FailedCreate", "09:00:00"),
            id="a series that goes on",
        ),
        pytest.param(
            [{"type": "Warning", "message": None, "metadata": {"creationTimestamp": "soon"}}],
            ("Unknown", ""),
            id="hardly anything",
        ),
    ],
)
def test_newest(events: list[dict[str, Any]], told: tuple[str, str] | None) -> None:
    assert newest_warning(events) == told


def test_words_are_bounded() -> None:
    told = newest_warning([{"type": "Warning", "reason": "R" * 9000, "message": "m\x1b[31m" * 9000}])
    assert told is not None
    assert len(told[0].encode()) <= 128
    assert len(told[1].encode()) <= 1024
    assert "\x1b" not in told[1]
