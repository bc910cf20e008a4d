"""What is kept of a Job or pod."""

from decimal import Decimal
from typing import Any

import pytest

from agentschedule.runs.facts import job_facts, job_of_pod, pod_facts, version_of
from agentschedule.runs.names import job_name, manual_job_name, parse_time

from .builders import NAME, raw_job, raw_pod, utc

KEY = "agentschedule.dev/"


def test_a_job() -> None:
    facts = job_facts(raw_job(notes={f"{KEY}attempt": "3", f"{KEY}trigger": "Manual", f"{KEY}agent-run": "now"}))
    assert (facts.namespace, facts.name, facts.uid, facts.version) == ("team", NAME, "job-1", 10)
    assert (facts.schedule, facts.schedule_uid) == ("news", "uid-of-news")
    assert (facts.slot, facts.attempt, facts.trigger, facts.agent_run) == (utc("09:00"), 3, "Manual", "now")
    assert (facts.created, facts.finished, facts.deleting, facts.keep) == (utc("09:00:01"), None, False, False)


@pytest.mark.parametrize(
    ("condition", "finished"),
    [
        pytest.param({"type": "Complete", "status": "True"}, "Complete", id="complete"),
        pytest.param({"type": "Failed", "status": "True"}, "Failed", id="failed"),
        pytest.param({"type": "Failed", "status": "False"}, None, id="not failed"),
        pytest.param({"type": "FailureTarget", "status": "True"}, None, id="about to fail"),
        pytest.param({"type": "SuccessCriteriaMet", "status": "True"}, None, id="about to succeed"),
        pytest.param({"type": "Suspended", "status": "True"}, None, id="suspended"),
    ],
)
def test_the_end_of_a_job(condition: dict[str, Any], finished: str | None) -> None:
    more = {"lastTransitionTime": "2026-11-22T09:05:00Z", "reason": "Why", "message": "because"}
    facts = job_facts(raw_job(condition={**condition, **more}))
    assert facts.finished == finished
    expected = (utc("09:05"), "Why", "because") if finished else (None, None, None)
    assert (facts.finished_at, facts.reason, facts.message) == expected


@pytest.mark.parametrize(
    ("notes", "field", "value"),
    [
        pytest.param({f"{KEY}attempt": "0"}, "attempt", 1, id="attempt 0"),
        pytest.param({f"{KEY}attempt": "101"}, "attempt", 1, id="attempt 101"),
        pytest.param({f"{KEY}attempt": "100"}, "attempt", 100, id="attempt 100"),
        pytest.param({f"{KEY}attempt": "-1"}, "attempt", 1, id="attempt -1"),
        pytest.param({f"{KEY}attempt": "²"}, "attempt", 1, id="a digit that is no number"),
        pytest.param({f"{KEY}attempt": "9" * 5000}, "attempt", 1, id="attempt without end"),
        pytest.param({}, "budget", None, id="no budget"),
        pytest.param({f"{KEY}budget-usd": "2.5"}, "budget", Decimal("2.5"), id="budget"),
        pytest.param({f"{KEY}budget-usd": "0"}, "budget", Decimal(0), id="budget of nothing"),
        pytest.param({f"{KEY}budget-usd": "-1"}, "budget", None, id="budget below nothing"),
        pytest.param({f"{KEY}budget-usd": "1e9"}, "budget", None, id="budget with an exponent"),
        pytest.param({f"{KEY}budget-usd": "NaN"}, "budget", None, id="budget that is no number"),
        pytest.param({f"{KEY}budget-usd": "9" * 5000}, "budget", None, id="budget without end"),
        pytest.param({f"{KEY}budget-usd": "٣"}, "budget", None, id="budget in other digits"),
        pytest.param({}, "iteration", None, id="no iteration"),
        pytest.param({f"{KEY}iteration": "7"}, "iteration", 7, id="iteration"),
        pytest.param({f"{KEY}iteration": "-7"}, "iteration", None, id="iteration below nothing"),
        pytest.param({f"{KEY}iteration": "9" * 5000}, "iteration", None, id="iteration without end"),
        pytest.param({f"{KEY}scheduled-at": "soon"}, "slot", utc("09:00:01"), id="no time: its creation"),
        pytest.param({f"{KEY}scheduled-at": "0001-01-01T00:00:00+14:00"}, "slot", utc("09:00:01"), id="no such time"),
        pytest.param({f"{KEY}keep": "true"}, "keep", True, id="keep"),
        pytest.param({f"{KEY}keep": "yes"}, "keep", False, id="keep says true or nothing"),
        pytest.param({f"{KEY}stopped": "Replaced"}, "stopped", "Replaced", id="stopped"),
    ],
)
def test_annotations(notes: dict[str, str], field: str, value: object) -> None:
    assert getattr(job_facts(raw_job(notes=notes)), field) == value


def test_a_job_from_which_everything_was_taken_away() -> None:
    facts = job_facts({"metadata": {"namespace": "team", "name": "x", "uid": "u", "deletionTimestamp": "now"}})
    assert (facts.schedule, facts.attempt, facts.trigger, facts.deleting) == ("", 1, "Schedule", True)
    assert (facts.version, facts.slot.year) == (0, 1970)


def agent(**state: Any) -> dict[str, Any]:
    return {"name": "agent", "state": state}


def test_a_pod_that_ended() -> None:
    ended = {
        "exitCode": 3,
        "reason": "Error",
        "message": '{"summary": "x"}',
        "startedAt": "2026-11-22T09:00:05Z",
        "finishedAt": "2026-11-22T09:01:00Z",
    }
    other = {"name": "sidecar", "state": {"terminated": {"exitCode": 9, "message": "not the agent"}}}
    facts = pod_facts(raw_pod(status={"phase": "Failed", "containerStatuses": [other, agent(terminated=ended)]}))
    assert (facts.job, facts.job_uid, facts.phase, facts.ended) == (NAME, "job-1", "Failed", True)
    assert (facts.exit_code, facts.reason, facts.result) == (3, "Error", '{"summary": "x"}')
    assert (facts.started_at, facts.finished_at) == (utc("09:00:05"), utc("09:01"))


@pytest.mark.parametrize(
    ("status", "waiting"),
    [
        pytest.param({"phase": "Pending"}, None, id="new"),
        pytest.param({"containerStatuses": [agent(waiting={"reason": "ContainerCreating"})]}, None, id="just starting"),
        pytest.param(
            {"containerStatuses": [agent(waiting={"reason": "ErrImagePull", "message": "not found"})]},
            ("ErrImagePull", "not found"),
            id="no image",
        ),
        pytest.param(
            {"initContainerStatuses": [{"name": "i", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
            ("CrashLoopBackOff", ""),
            id="init container",
        ),
        pytest.param(
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}
                ]
            },
            ("Unschedulable", "no node"),
            id="no node",
        ),
        pytest.param({"containerStatuses": [agent(running={"startedAt": "2026-11-22T09:00:05Z"})]}, None, id="running"),
    ],
)
def test_what_a_pod_waits_for(status: dict[str, Any], waiting: tuple[str, str] | None) -> None:
    assert pod_facts(raw_pod(status=status)).waiting == waiting


def test_a_pod_that_runs_has_started() -> None:
    facts = pod_facts(raw_pod(status={"containerStatuses": [agent(running={"startedAt": "2026-11-22T09:00:05Z"})]}))
    assert (facts.started_at, facts.finished_at, facts.ended) == (utc("09:00:05"), None, False)


def terminated(started: str | None, **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": 128, "startedAt": started, "reason": "StartError", "message": "no sh", **more}}


@pytest.mark.parametrize(
    "started",
    [pytest.param("1970-01-01T00:00:00Z", id="runtime"), pytest.param(None, id="kubelet")],
)
def test_a_container_that_could_not_be_made_says_why_and_has_no_result(started: str | None) -> None:
    facts = pod_facts(raw_pod(status={"phase": "Failed", "containerStatuses": [agent(**terminated(started))]}))
    assert (facts.started_at, facts.exit_code, facts.result, facts.ever_started) == (None, None, None, False)
    assert (facts.reason, facts.message) == ("StartError", "no sh")


@pytest.mark.parametrize(
    ("status", "started"),
    [
        pytest.param({}, False, id="new"),
        pytest.param({"phase": "Failed", "reason": "Evicted"}, False, id="ended before"),
        pytest.param({"phase": "Running"}, True, id="running"),
        pytest.param({"containerStatuses": [agent(running={"startedAt": "2026-11-22T09:00:05Z"})]}, True, id="agent"),
        pytest.param(
            {"initContainerStatuses": [{"state": terminated("2026-11-22T09:00:05Z")}]}, True, id="init container"
        ),
        pytest.param({"initContainerStatuses": [{"state": terminated(None)}]}, False, id="init container that was not"),
        pytest.param(
            {
                "initContainerStatuses": [
                    {"state": {"waiting": {}}, "lastState": terminated("2026-11-22T09:00:05Z")},
                ]
            },
            True,
            id="init container between two tries",
        ),
        pytest.param({"containerStatuses": [agent(waiting={"reason": "ErrImagePull"})]}, False, id="no image"),
    ],
)
def test_whether_any_container_has_started(status: dict[str, Any], started: bool) -> None:
    assert pod_facts(raw_pod(status=status)).ever_started == started


@pytest.mark.parametrize(
    ("spec", "suspended"),
    [({}, False), ({"suspend": False}, False), ({"suspend": True}, True)],
)
def test_a_job_in_a_queue_system(spec: dict[str, Any], suspended: bool) -> None:
    raw = raw_job() | {"spec": spec, "status": {"startTime": "2026-11-22T09:00:03Z"}}
    assert (job_facts(raw).suspended, job_facts(raw).started_at) == (suspended, utc("09:00:03"))


def test_disruption_deletion_and_keep() -> None:
    raw = raw_pod(
        status={"reason": "Evicted", "conditions": [{"type": "DisruptionTarget", "status": "True"}]},
        deletionTimestamp="2026-11-22T09:10:30Z",
        deletionGracePeriodSeconds=30,
        annotations={"agentschedule.dev/keep": "true"},
    )
    facts = pod_facts(raw)
    assert (facts.disrupted, facts.reason, facts.keep) == (True, "Evicted", True)
    assert facts.deleted_at == utc("09:10"), "when it was asked for"


def test_a_pods_owner_stands_in_for_its_labels() -> None:
    raw = raw_pod(ownerReferences=[{"kind": "Job", "name": "from-owner", "uid": "owner-uid"}], labels={})
    facts = pod_facts(raw)
    assert (facts.job, facts.job_uid, facts.schedule) == ("from-owner", "owner-uid", "")


def test_a_pod_tells_of_its_job() -> None:
    facts = job_of_pod(raw_pod())
    told = job_facts(raw_job(version=0))
    for field in ("namespace", "name", "uid", "schedule", "schedule_uid", "slot", "attempt", "trigger"):
        assert getattr(facts, field) == getattr(told, field), field


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("", 0), ("abc", 0)])
def test_versions(text: str, number: int) -> None:
    assert version_of({"metadata": {"resourceVersion": text}}) == number
    assert version_of({}) == 0


@pytest.mark.parametrize(
    ("made", "name"),
    [
        pytest.param(job_name("news", utc("09:00"), 1), f"news-{int(utc('09:00').timestamp())}", id="slot"),
        pytest.param(job_name("news", utc("09:00"), 2), f"news-{int(utc('09:00').timestamp())}-r2", id="attempt"),
        pytest.param(manual_job_name("news", "8f9c0e66-3c1f-4d5b"), "news-m8f9c0e663c", id="manual"),
        pytest.param(manual_job_name("news", "8f9c0e66-3c1f-4d5b", 2), "news-m8f9c0e663c-r2", id="manual attempt"),
    ],
)
def test_names(made: str, name: str) -> None:
    assert made == name


def test_every_name_fits() -> None:
    assert len(job_name("n" * 48, utc("09:00").replace(year=2285), 16)) <= 63
    assert len(manual_job_name("n" * 48, "8f9c0e66-3c1f-4d5b-9c55-0a2f3d1f7a10")) <= 63


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        pytest.param("2026-11-22T09:00:00Z", "09:00", id="UTC"),
        pytest.param("2026-11-22T18:00:00+09:00", "09:00", id="offset"),
        pytest.param("2026-11-22T09:00:00", None, id="no offset"),
        pytest.param("2026-11-22", None, id="a date"),
        pytest.param("x", None, id="words"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="none"),
        pytest.param("9999-12-31T23:59:59-14:00", None, id="after all time"),
    ],
)
def test_times(text: str | None, hour: str | None) -> None:
    assert parse_time(text) == (utc(hour) if hour else None)
