"""Schedules read from JSON: blackouts, the digest of when; and statuses that this version cannot read whole."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agentschedule.planning.observed import Schedule
from agentschedule.planning.reading import read_schedule, read_status, salvage_status
from agentschedule.timing import Blackouts, Window

CURSOR = {"effectiveSince": "2026-11-22T08:00:00Z", "handledThrough": "2026-11-22T09:00:00Z", "whenHash": "abc"}


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        pytest.param({"phase": "Unheard", "scheduling": CURSOR}, {"scheduling": CURSOR}, id="an unknown phase"),
        pytest.param({"totals": {"runs": -1}, "scheduling": CURSOR}, {"scheduling": CURSOR}, id="a bad total"),
        pytest.param({"runs": [{}], "scheduling": {"whenHash": 1}}, {}, id="nothing readable"),
    ],
)
def test_the_cursor_is_kept(status: dict[str, Any], kept: dict[str, Any]) -> None:
    raw = {"status": status}
    assert read_status(raw) is None
    salvaged = salvage_status(raw).to_json()
    assert salvaged.get("scheduling") == kept.get("scheduling")
    assert salvaged["runs"] == []


def test_in_the_same_generation_only_metadata_is_read_anew() -> None:
    meta = {"namespace": "team-a", "name": "news", "uid": "one", "generation": 3}
    raw: dict[str, Any] = {
        "metadata": meta,
        "spec": {"every": "1h", "agent": {"image": "registry.example.com/news-agent:1.4"}},
    }
    known = read_schedule(raw)
    noted = {"agentschedule.dev/paused": "holidays", "agentschedule.dev/skip": "2026-12-24T09:00:00Z"}
    queue = {"kueue.x-k8s.io/queue-name": "agents"}
    changed = {**raw, "metadata": {**meta, "annotations": noted, "labels": queue, "deletionTimestamp": "now"}}
    assert read_schedule(changed, known) == read_schedule(changed) != known
    assert read_schedule(changed, known).spec is known.spec
    assert read_schedule(raw, read_schedule(changed, known)) == known
    for other in ({**meta, "generation": 4}, {**meta, "uid": "two"}):
        edited = {"metadata": other, "spec": {**raw["spec"], "every": "2h"}}
        assert read_schedule(edited, known) == read_schedule(edited)


def read(**spec: Any) -> Schedule:
    meta = {"namespace": "team-a", "name": "news", "uid": "one", "creationTimestamp": "2026-11-22T08:00:00Z"}
    agent = {"image": "registry.example.com/news-agent:1.4"}
    return read_schedule({"metadata": meta, "spec": {"agent": agent, **spec}})


@pytest.mark.parametrize(
    ("spec", "digest"),
    [
        pytest.param({"schedule": "0 9 * * 1-5", "timeZone": "Asia/Tokyo"}, "ebf112a738cc3d22", id="cron"),
        pytest.param({"every": "15m", "jitter": "1m"}, "328b9823160df1a6", id="interval"),
        pytest.param({"at": "2026-12-01T09:00", "timeZone": "Europe/Berlin"}, "b643cf9225bde5cd", id="one run"),
        pytest.param(
            {
                "schedules": ["0 9 * * *", "H H * * *"],
                "startTime": "2026-12-01T09:00:00Z",
                "endTime": "2027-12-01T09:00:00+01:00",
            },
            "e1e4717ef2ddfec8",
            id="several, bounded",
        ),
        pytest.param({"every": "5m", "catchUp": "Latest", "catchUpLimit": 10}, "2385493ff7bccc08", id="defaults"),
    ],
)
def test_digests_are_those_of_earlier_versions(spec: dict[str, Any], digest: str) -> None:
    """Another one would look like an edit after an upgrade, and slots that passed meanwhile would be lost."""
    assert read(**spec).digest == digest


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"blackouts": [{"name": "off", "weekdays": ["SUN"]}]}, id="blackouts"),
        pytest.param({"maxRuns": 3}, id="maxRuns"),
        pytest.param({"startingDeadlineSeconds": 60}, id="startingDeadlineSeconds"),
        pytest.param({"catchUp": "None"}, id="catchUp"),
        pytest.param({"catchUpLimit": 5}, id="catchUpLimit"),
    ],
)
def test_a_change_of_these_is_a_change_of_when(more: dict[str, Any]) -> None:
    assert read(every="1h", **more).digest != read(every="1h").digest


def test_blackouts_are_read_in_the_schedules_zone() -> None:
    schedule = read(
        every="1h",
        timeZone="Asia/Tokyo",
        blackouts=[
            {"name": "nights", "action": "Defer", "hours": {"start": "22:00", "end": "06:00"}, "weekdays": ["SUN"]},
            {"name": "new-year", "holidays": {"country": "JP"}, "from": "2027-01-01", "to": "2027-01-02"},
        ],
    )
    assert schedule.problem is None
    sunday = schedule.blackouts.at(datetime(2026, 11, 22, 13, 0, tzinfo=UTC))
    assert sunday == Window("nights", "Defer", datetime(2026, 11, 22, 21, 0, tzinfo=UTC))
    new_year = schedule.blackouts.at(datetime(2026, 12, 31, 15, 0, tzinfo=UTC))
    assert new_year == Window("new-year", "Skip", datetime(2027, 1, 1, 15, 0, tzinfo=UTC))
    assert read(every="1h").blackouts == Blackouts()


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        pytest.param(
            {"blackouts": [{"name": "off", "holidays": {"country": "UK"}}]},
            "InvalidBlackout",
            "spec.blackouts[off].holidays.country: no holidays are known for 'UK': did you mean 'GB' (United Kingdom)?",
            id="country",
        ),
        pytest.param(
            {"blackouts": [{"name": "off"}]}, "InvalidBlackout", "spec.blackouts[off]: it has no condition", id="empty"
        ),
        pytest.param(
            {"blackouts": [{"name": "off", "weekdays": ["Mon"]}]},
            "InvalidSpec",
            "spec.blackouts.0.weekdays.0: Input should be 'MON'",
            id="weekday",
        ),
        pytest.param(
            {"timeZone": "Mars", "blackouts": [{"name": "off"}]},
            "UnknownTimeZone",
            "unknown time zone",
            id="zone first",
        ),
    ],
)
def test_what_cannot_be_used_is_a_problem(spec: dict[str, Any], reason: str, words: str) -> None:
    problem = read(every="1h", **spec).problem
    assert problem is not None
    assert problem.reason == reason
    assert words in problem.message
