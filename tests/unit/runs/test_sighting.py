"""How a run stands, judged from its Job and its pod together."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from agentschedule.runs.facts import JobFacts, PodFacts
from agentschedule.runs.sighting import RESULT_PATIENCE, Sighting, judge

from .builders import job, pod, utc

NOW = utc("09:05")
STARTED = {"phase": "Running", "started_at": utc("09:00:05")}


def ended(code: int = 0, **facts: Any) -> PodFacts:
    """A pod that ended at 09:04."""
    phase = "Failed" if code else "Succeeded"
    given = {"started_at": utc("09:00:05"), "finished_at": utc("09:04"), "exit_code": code, "result": "bye", **facts}
    return pod(phase=phase, **given)


def done(kind: str = "Complete", ago: timedelta = timedelta(), **facts: Any) -> JobFacts:
    return job(finished=kind, finished_at=NOW - ago, **facts)


LATE = RESULT_PATIENCE
KILLED = {"deleted_at": utc("09:03:50")}


@pytest.mark.parametrize(
    ("seen", "phase", "over"),
    [
        pytest.param(Sighting(job()), "Pending", False, id="no pod yet"),
        pytest.param(Sighting(job(), pod()), "Pending", False, id="pod starting"),
        pytest.param(Sighting(job(), pod(**STARTED)), "Running", False, id="running"),
        pytest.param(Sighting(job(), ended()), "Succeeded", True, id="pod succeeded, Job not told yet"),
        pytest.param(Sighting(job(), ended(1)), "Failed", True, id="pod failed"),
        pytest.param(Sighting(job(), ended(1, reason="DeadlineExceeded")), "TimedOut", True, id="pod out of time"),
        pytest.param(Sighting(done(), pod(**STARTED)), "Running", False, id="Job done, pod not told yet"),
        pytest.param(Sighting(done(ago=LATE), pod(**STARTED)), "Succeeded", True, id="nor ever told"),
        pytest.param(Sighting(done("Failed")), "Pending", False, id="Job failed, no pod seen yet"),
        pytest.param(Sighting(done("Failed", LATE)), "Failed", True, id="nor ever seen"),
        pytest.param(Sighting(done("Failed", LATE, reason="DeadlineExceeded")), "TimedOut", True, id="out of time"),
        pytest.param(Sighting(done("Failed"), pod(**STARTED), pod_gone=True), "Failed", True, id="pod lost"),
        pytest.param(Sighting(job(), pod(**STARTED), pod_gone=True), "Running", False, id="pod lost, Job not told yet"),
        # Deleted
        pytest.param(Sighting(job(deleting=True)), "Pending", False, id="Job going"),
        pytest.param(Sighting(job(deleting=True), pod(**STARTED)), "Running", False, id="Job going, pod alive"),
        pytest.param(Sighting(job(deleting=True), ended(143, **KILLED)), "Running", False, id="pod gone, Job not yet"),
        pytest.param(Sighting(job(), pod(**STARTED), job_gone=True), "Running", False, id="Job gone, pod alive"),
        pytest.param(Sighting(job(), job_gone=True), "Cancelled", True, id="Job gone, never a pod"),
        pytest.param(Sighting(job(), ended(143, **KILLED), job_gone=True), "Cancelled", True, id="Job gone, pod too"),
        pytest.param(
            Sighting(job(), pod(**STARTED), job_gone=True, pod_gone=True),
            "Cancelled",
            True,
            id="both lost while running",
        ),
        pytest.param(Sighting(job(), ended(), job_gone=True), "Succeeded", True, id="ended by itself, then deleted"),
        pytest.param(
            Sighting(job(), ended(0, deleted_at=utc("09:04:30")), job_gone=True),
            "Succeeded",
            True,
            id="ended before the pod's deletion",
        ),
        pytest.param(Sighting(done(deleting=True), ended(1)), "Failed", True, id="failed, then deleted"),
        pytest.param(Sighting(done(), job_gone=True), "Succeeded", True, id="complete, then deleted"),
        # Stopped by the operator
        pytest.param(Sighting(job(stopped="Replaced", deleting=True), pod(**STARTED)), "Running", False, id="stopping"),
        pytest.param(
            Sighting(job(stopped="Replaced", deleting=True), ended(143, **KILLED)), "Running", False, id="Job not gone"
        ),
        pytest.param(Sighting(job(stopped="Replaced"), ended(143, **KILLED), True), "Replaced", True, id="replaced"),
        pytest.param(Sighting(job(stopped="Cancelled"), ended(143, **KILLED), True), "Cancelled", True, id="cancelled"),
        pytest.param(Sighting(job(stopped="Replaced"), ended(), True), "Replaced", True, id="however it ended"),
        pytest.param(Sighting(job(stopped="NeverStarted"), pod(), True, True), "Failed", True, id="never started"),
        pytest.param(Sighting(job(stopped="x"), job_gone=True), "Cancelled", True, id="a reason of somebody else's"),
    ],
)
def test_phases(seen: Sighting, phase: str, over: bool) -> None:
    standing = judge(seen, NOW)
    if not over and seen.pod is not None and seen.pod.ended:
        phase = "Running"
    assert (standing.phase, standing.ended) == (phase, over)


@pytest.mark.parametrize(
    ("seen", "reason", "message"),
    [
        pytest.param(Sighting(job(), ended()), None, None, id="success needs no reason"),
        pytest.param(
            Sighting(job(), ended(2, reason="Error")), "ExitCode", "the agent exited with code 2", id="exit code"
        ),
        pytest.param(Sighting(job(), ended(137, reason="OOMKilled")), "OOMKilled", "code 137", id="memory"),
        pytest.param(
            Sighting(job(), pod(phase="Failed", reason="Evicted", message="disk pressure")),
            "Evicted",
            "disk pressure",
            id="evicted before it ran",
        ),
        pytest.param(
            Sighting(done("Failed", LATE, reason="BackoffLimitExceeded", message="it failed")),
            "BackoffLimitExceeded",
            "it failed",
            id="the Job's own words",
        ),
        pytest.param(Sighting(done("Failed", LATE)), "Failed", "its pod was gone", id="nothing known"),
        pytest.param(Sighting(job(), pod(phase="Failed")), "Failed", "its pod failed", id="nothing said"),
        pytest.param(Sighting(job(stopped="Replaced"), job_gone=True), "Replaced", "a newer run", id="replaced"),
        pytest.param(Sighting(job(stopped="Cancelled"), job_gone=True), "Cancelled", "its AgentRun", id="withdrawn"),
        pytest.param(Sighting(job(), job_gone=True), "JobDeleted", "its Job was deleted", id="deleted"),
        pytest.param(
            Sighting(job(), ended(0, result='{"costUSD": "x"}')), None, "ignored of the result: costUSD", id="result"
        ),
        pytest.param(
            Sighting(job(), pod(waiting=("ImagePullBackOff", "Back-off"))), "ErrImagePull", "Back-off", id="image"
        ),
        pytest.param(Sighting(job(), pod(waiting=("Unschedulable", "no node"))), "Unschedulable", "no node", id="node"),
    ],
)
def test_reasons(seen: Sighting, reason: str | None, message: str | None) -> None:
    standing = judge(seen, NOW)
    assert standing.reason == reason
    assert (standing.message is None) == (message is None)
    assert (message or "") in (standing.message or "")


WORDS = ("FailedCreate", "exceeded quota")


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        pytest.param(Sighting(job()), None, id="nothing known"),
        pytest.param(Sighting(job(), explanation=WORDS), WORDS, id="said of the Job"),
        pytest.param(Sighting(job(), pod(), explanation=WORDS), WORDS, id="said of the pod"),
        pytest.param(
            Sighting(job(), pod(waiting=("Unschedulable", "no node")), explanation=WORDS),
            ("Unschedulable", "no node"),
            id="the pod knows best",
        ),
        pytest.param(Sighting(job(suspended=True), explanation=WORDS), None, id="in a queue system"),
    ],
)
def test_what_a_pending_run_waits_for(seen: Sighting, told: tuple[str, str] | None) -> None:
    standing = judge(seen, NOW)
    assert (standing.phase, standing.ended) == ("Pending", False)
    assert (standing.reason, standing.message) == (told or (None, None))


def test_a_run_that_was_stopped_as_it_never_started_failed() -> None:
    seen = Sighting(job(stopped="NeverStarted"), ended(0, result='{"costUSD": "0.5"}'), job_gone=True)
    standing = judge(seen, NOW)
    assert (standing.phase, standing.reason) == ("Failed", "NeverStarted")
    assert standing.result.cost == Decimal("0.5")


def test_times_and_result_of_an_end() -> None:
    standing = judge(Sighting(done(), ended(0, result='{"summary": "x"}')), NOW)
    assert (standing.started_at, standing.completed_at, standing.exit_code) == (utc("09:00:05"), utc("09:04"), 0)
    assert standing.result.summary == "x"
    assert judge(Sighting(done("Failed", LATE)), NOW).completed_at == NOW - LATE
    assert judge(Sighting(job(), job_gone=True), NOW).completed_at == NOW


def test_a_stopped_run_still_says_what_it_said() -> None:
    standing = judge(Sighting(job(stopped="Replaced"), ended(143, **KILLED), job_gone=True), NOW)
    assert (standing.result.summary, standing.exit_code) == ("bye", 143)


def test_when_to_look_again_for_a_result() -> None:
    assert judge(Sighting(done(), pod(**STARTED)), NOW).look_again == NOW + RESULT_PATIENCE
    assert judge(Sighting(job(), pod(**STARTED)), NOW).look_again is None


@pytest.mark.parametrize(
    ("code", "disrupted"),
    [pytest.param(137, True, id="evicted"), pytest.param(0, False, id="evicted, but it had succeeded")],
)
def test_disruption(code: int, disrupted: bool) -> None:
    assert judge(Sighting(job(), ended(code, disrupted=True)), NOW).disrupted == disrupted


def test_words_of_any_length_fit() -> None:
    for seen in (
        Sighting(job(), ended(1, message="m" * 9000)),
        Sighting(job(), pod(waiting=("Unschedulable", "m" * 9000))),
    ):
        assert len((judge(seen, NOW).message or "").encode()) <= 1024
