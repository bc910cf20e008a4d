from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from agentschedule.timing import when_digest

from .builders import utc

NOTHING: dict[str, Any] = {
    "schedule": None,
    "schedules": [],
    "every": None,
    "at": None,
    "time_zone": "UTC",
    "start_time": None,
    "end_time": None,
    "jitter": None,
}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"schedule": "@hourly"}, id="schedule"),
        pytest.param({"schedules": ["@daily"]}, id="schedules"),
        pytest.param({"every": "@daily"}, id="every"),
        pytest.param({"at": "@daily"}, id="at"),
        pytest.param({"time_zone": "Asia/Tokyo"}, id="timeZone"),
        pytest.param({"start_time": "2026-12-01T09:00:00Z"}, id="startTime"),
        pytest.param({"end_time": "2026-12-01T09:00:00Z"}, id="endTime"),
        pytest.param({"jitter": "5m"}, id="jitter"),
        pytest.param({"blackouts": [{"name": "off", "weekdays": ["SUN"]}]}, id="blackouts"),
        pytest.param({"max_runs": 3}, id="maxRuns"),
        pytest.param({"starting_deadline_seconds": 60}, id="startingDeadlineSeconds"),
        pytest.param({"catch_up": "None"}, id="catchUp"),
        pytest.param({"catch_up_limit": 5}, id="catchUpLimit"),
    ],
)
def test_every_field_counts(change: dict[str, Any]) -> None:
    assert when_digest(**NOTHING | change) != when_digest(**NOTHING | {"schedule": "@daily"})
    assert when_digest(**NOTHING | change) != when_digest(**NOTHING)


def test_the_digest_is_pinned() -> None:
    """Another digest for the same fields would look like an edit of every schedule after an upgrade."""
    assert when_digest(**NOTHING | {"schedule": "0 9 * * 1-5", "time_zone": "Asia/Tokyo"}) == "ebf112a738cc3d22"


def test_the_same_instant_in_another_offset_is_no_change() -> None:
    there = datetime(2026, 12, 1, 18, 0, tzinfo=timezone(timedelta(hours=9)))
    here = NOTHING | {"end_time": utc("2026-12-01 09:00")}
    assert when_digest(**NOTHING | {"end_time": there}) == when_digest(**here)


@pytest.mark.parametrize("nonsense", ["", "soon", "9999-12-31T23:59:59-23:00", "2026-12-01T09:00:00"])
def test_what_cannot_be_used_has_a_digest_too(nonsense: str) -> None:
    digest = when_digest(**NOTHING | {"schedule": "not cron", "time_zone": nonsense, "end_time": nonsense})
    assert len(digest) == 16
    assert int(digest, 16) >= 0


OFF = {"name": "off", "weekdays": ["SAT", "SUN"]}
NIGHT = {"name": "night", "action": "Defer", "hours": {"start": "22:00", "end": "06:00"}}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({"catch_up": "Latest", "catch_up_limit": 10}, {}, True, id="defaults written down"),
        pytest.param({"blackouts": []}, {}, True, id="no blackouts"),
        pytest.param({"blackouts": [OFF | {"action": "Skip"}]}, {"blackouts": [OFF]}, True, id="action Skip"),
        pytest.param({"blackouts": [OFF | {"hours": None}]}, {"blackouts": [OFF]}, True, id="null"),
        pytest.param({"blackouts": [OFF, NIGHT]}, {"blackouts": [NIGHT, OFF]}, True, id="order of blackouts"),
        pytest.param(
            {"blackouts": [OFF | {"weekdays": ["SUN", "SAT"]}]}, {"blackouts": [OFF]}, True, id="order of weekdays"
        ),
        pytest.param({"blackouts": [OFF | {"action": "Defer"}]}, {"blackouts": [OFF]}, False, id="action Defer"),
        pytest.param({"blackouts": [OFF | {"name": "on"}]}, {"blackouts": [OFF]}, False, id="name"),
        pytest.param({"blackouts": [OFF | {"to": "2027-01-01"}]}, {"blackouts": [OFF]}, False, id="to"),
        pytest.param({"blackouts": [OFF, NIGHT]}, {"blackouts": [OFF]}, False, id="one more"),
        pytest.param({"catch_up": "All", "catch_up_limit": 11}, {"catch_up": "All"}, False, id="another limit"),
    ],
)
def test_what_is_a_change(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    base = NOTHING | {"schedule": "@daily"}
    assert (when_digest(**base | one) == when_digest(**base | other)) is same


@pytest.mark.parametrize("nonsense", [["x"], [1, None], [{"name": 1, "weekdays": [2, "MON"]}, {}]])
def test_blackouts_that_cannot_be_read_have_a_digest(nonsense: list[Any]) -> None:
    assert len(when_digest(**NOTHING | {"blackouts": nonsense})) == 16
