"""What Jobs and pods show becomes run history, counters, and what the next run is told."""

import dataclasses
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from agentschedule.api.status import AgentScheduleStatus
from agentschedule.planning.actions import CreateJob, DeletePod, Forget

from .builders import World, slot_id, utc

NINE, TEN, ELEVEN = slot_id("09:00"), slot_id("10:00"), slot_id("11:00")
RESULT = json.dumps(
    {
        "summary": "five bullets",
        "costUSD": "0.42",
        "usage": {"inputTokens": 1200, "outputTokens": 300},
        "state": {"lastPrice": "19.99"},
        "alert": {"severity": "critical", "message": "look"},
        "sleep": True,
        "outputURI": "s3://bucket/report",
    }
)


def started(**spec: Any) -> World:
    """The run of 09:00 runs."""
    world = World(**spec).tick("09:00").runs(NINE).tick("09:01")
    world.take(CreateJob)
    return world


def test_a_run_from_pending_to_succeeded() -> None:
    world = World().tick("09:00")
    world.pod(NINE).tick("09:00:01")
    assert world.run(NINE).phase == "Pending"
    world.now = utc("09:00:05")
    world.runs(NINE).tick()
    assert (world.run(NINE).phase, world.run(NINE).started_at) == ("Running", utc("09:00:05"))
    world.now = utc("09:04")
    world.ends(NINE, result=RESULT).tick("09:04:01")

    run = world.run(NINE)
    assert (run.phase, run.reason, run.message) == ("Succeeded", None, None)
    assert (run.started_at, run.completed_at) == (utc("09:00:05"), utc("09:04"))
    assert (run.cost_usd, run.summary) == (Decimal("0.42"), "five bullets")
    assert run.usage is not None
    assert (run.usage.input_tokens, run.usage.output_tokens) == (1200, 300)
    assert run.alert is not None
    assert (run.alert.severity, run.alert.message) == ("critical", "look")
    assert (run.sleep, run.output_uri) == (True, "s3://bucket/report")
    assert run.to_json()["outputURI"] == "s3://bucket/report"
    status = world.status
    assert (status.last_result, status.last_successful_time, status.last_failure_time) == (
        "Succeeded",
        utc("09:04"),
        None,
    )
    assert (status.totals.runs, status.totals.succeeded, status.totals.failed) == (1, 1, 0)
    assert status.totals.cost_usd == Decimal("0.42")
    assert (status.active, status.active_count) == ([], 0)
    assert status.previous is not None
    assert status.previous.to_json() == {
        "runId": NINE,
        "phase": "Succeeded",
        "completedAt": "2026-11-22T09:04:00Z",
        "summary": "five bullets",
        "state": {"lastPrice": "19.99"},
    }
    [note] = world.notes
    assert (note.reason, note.warning) == ("SawCompletedJob", False)
    assert note.message == f"run {NINE} succeeded, cost 0.42 USD: five bullets"


@pytest.mark.parametrize(
    ("facts", "phase", "reason", "message", "event"),
    [
        pytest.param({"code": 3}, "Failed", "ExitCode", "the agent exited with code 3", "RunFailed", id="exit code"),
        pytest.param(
            {"code": 137, "reason": "OOMKilled"},
            "Failed",
            "OOMKilled",
            "the agent exited with code 137",
            "RunFailed",
            id="out of memory",
        ),
        pytest.param(
            {"code": 137, "reason": "Evicted", "message": "node is low on memory", "disrupted": True},
            "Failed",
            "Evicted",
            "the agent exited with code 137: node is low on memory",
            "RunFailed",
            id="evicted",
        ),
        pytest.param(
            {"code": 143, "reason": "DeadlineExceeded"},
            "TimedOut",
            "DeadlineExceeded",
            "ran longer than its deadline (activeDeadlineSeconds) and was stopped",
            "RunTimedOut",
            id="timed out",
        ),
    ],
)
def test_how_runs_fail(facts: dict[str, Any], phase: str, reason: str, message: str, event: str) -> None:
    world = started()
    world.now = utc("09:05")
    world.ends(NINE, **facts, result='{"costUSD": 0.5, "summary": "so far"}').tick()
    run = world.run(NINE)
    assert (run.phase, run.reason, run.message, run.summary) == (phase, reason, message, "so far")
    assert (world.status.totals.failed, world.status.totals.succeeded) == (1, 0)
    assert (world.status.consecutive_failures, world.status.last_failure_time) == (1, utc("09:05"))
    assert world.status.totals.cost_usd == Decimal("0.5")
    [note] = world.notes
    assert (note.reason, note.warning) == (event, True)
    assert message in note.message


def test_failures_in_a_row_are_counted_until_one_succeeds() -> None:
    world = World(failedJobsHistoryLimit=1).tick("08:45")
    counts = []
    for hour, code in (("09:00", 1), ("10:00", 1), ("11:00", 0), ("12:00", 1)):
        world.tick(hour).ends(slot_id(hour), code=code).tick()
        counts.append(world.status.consecutive_failures)
    assert counts == [1, 2, 0, 1]


def test_a_job_deleted_by_hand_is_a_cancelled_run() -> None:
    world = started(retry={})
    world.now = utc("09:05")
    world.job(NINE, deleting=True).pod(NINE, deleted_at=utc("09:05")).tick()
    assert world.run(NINE).phase == "Running", "as long as its pod lives"
    world.ends(NINE, code=143, result=RESULT, finished_at=utc("09:05:20")).job(NINE, finished=None).lose(NINE)
    world.tick("09:05:21")
    run = world.run(NINE)
    assert (run.phase, run.reason, run.message) == ("Cancelled", "JobDeleted", "its Job was deleted")
    assert (run.summary, run.cost_usd, run.completed_at) == ("five bullets", Decimal("0.42"), utc("09:05:20"))
    assert (world.status.totals.runs, world.status.totals.failed, world.status.consecutive_failures) == (1, 0, 0)
    assert world.status.last_result == "Cancelled"
    assert world.told() == ["RunCancelled"]
    assert [(job.name, job.uid) for job in world.take(Forget)] == [(NINE, f"uid-{NINE}")]
    assert world.tick("09:30").phases() == [(NINE[5:], "Cancelled")]


def test_a_pod_that_survives_its_job_is_stopped_and_its_result_kept() -> None:
    world = started().lose(NINE, pod=False).tick("09:05")
    assert len(world.take(DeletePod)) == 1
    assert world.run(NINE).phase == "Running"
    assert world.take(Forget) == []
    world.ends(NINE, code=143, result="I was stopped", finished_at=utc("09:05:20")).job(NINE, finished=None)
    world.tick("09:05:21")
    assert (world.run(NINE).phase, world.run(NINE).summary) == ("Cancelled", "I was stopped")
    assert world.take(DeletePod) == []


def test_keep_spares_a_pod_that_survived_its_job() -> None:
    world = started().pod(NINE, keep=True).lose(NINE, pod=False).tick("09:05")
    assert world.take(DeletePod) == []


def test_a_run_that_ended_before_its_job_was_deleted_is_not_cancelled() -> None:
    world = started().ends(NINE, result="done").lose(NINE).tick("09:05")
    assert (world.run(NINE).phase, world.run(NINE).summary) == ("Succeeded", "done")


def test_a_job_that_is_nowhere_was_deleted_while_nobody_looked() -> None:
    world = started()
    world.jobs.clear()
    world.tick("09:30")
    run = world.run(NINE)
    assert (run.phase, run.reason, run.completed_at) == ("Cancelled", "JobDeleted", utc("09:30"))
    assert world.told() == ["RunCancelled"]
    assert world.status.totals.runs == 1
    assert world.tick("09:40").told() == []


def test_a_result_that_arrives_after_the_jobs_end_is_waited_for() -> None:
    world = started().job(NINE, finished="Complete", finished_at=utc("09:05")).tick("09:05:01")
    assert world.run(NINE).phase == "Running"
    assert world.wake_at == utc("09:10")
    world.ends(NINE, result="here it is").tick("09:05:03")
    assert (world.run(NINE).phase, world.run(NINE).summary) == ("Succeeded", "here it is")


def test_a_result_is_not_waited_for_for_ever() -> None:
    world = started().job(NINE, finished="Complete", finished_at=utc("09:05")).tick("09:10")
    assert (world.run(NINE).phase, world.run(NINE).completed_at) == ("Succeeded", utc("09:05"))
    assert world.ends(NINE, result="too late").tick("09:11").run(NINE).summary is None


def test_what_a_pending_run_waits_for_is_told_once() -> None:
    world = World().tick("09:00")
    for words in ("Back-off 10s", "Back-off 20s"):
        world.pod(NINE, waiting=("ImagePullBackOff", words)).wait(seconds=10)
    world.pod(NINE, waiting=("ErrImagePull", "not found")).wait(seconds=10)
    assert world.told() == ["RunWaiting"]
    assert (world.run(NINE).reason, world.run(NINE).message) == ("ErrImagePull", "Back-off 10s")
    world.runs(NINE).wait(seconds=10)
    assert (world.run(NINE).reason, world.run(NINE).message) == (None, None)


# Several attempts


def test_cost_and_usage_are_those_of_all_attempts() -> None:
    world = started(retry={"backoff": "10s"}, schedule="0 9 * * *")
    second, third = slot_id("09:00", 2), slot_id("09:00", 3)
    world.ends(NINE, code=1, result='{"costUSD": "0.1", "usage": {"inputTokens": 10}}').tick().wait(seconds=60)
    world.ends(second, code=1, result="no cost told").tick().wait(seconds=60)
    world.ends(third, result='{"costUSD": 0.2, "usage": {"inputTokens": 5, "outputTokens": 2}}').tick()
    [run] = world.status.runs
    assert run.cost_usd == Decimal("0.3")
    assert run.usage is not None
    assert (run.usage.input_tokens, run.usage.output_tokens) == (15, 2)
    assert world.status.totals.cost_usd == Decimal("0.3")
    assert world.tick("15:00").status.totals.cost_usd == Decimal("0.3")


def test_no_sum_of_tokens_is_too_large_to_record() -> None:
    world = started(retry={"backoff": "10s"}, schedule="0 9 * * *")
    most = '{"usage": {"inputTokens": 1000000000000, "outputTokens": 1}}'
    world.ends(NINE, code=1, result=most).tick().wait(seconds=60).ends(slot_id("09:00", 2), result=most).tick()
    [run] = world.status.runs
    assert run.usage is not None
    assert (run.usage.input_tokens, run.usage.output_tokens) == (10**12, 2)


def test_attempts_that_ended_while_nobody_looked_are_all_recorded() -> None:
    world = started(retry={"backoff": "10s"}, schedule="0 9 * * *")
    before = world.status
    world.ends(NINE, code=1, result='{"costUSD": "0.1"}').tick().wait(seconds=60)
    world.ends(slot_id("09:00", 2), result='{"costUSD": "0.2"}')
    world.status = before  # nothing of it was written
    world.tick()
    [run] = world.status.runs
    assert (run.id, run.phase, run.attempt, run.cost_usd) == (slot_id("09:00", 2), "Succeeded", 2, Decimal("0.3"))
    assert world.status.totals.runs == 1


# What the next run is told


def test_state_is_carried_through_attempts_and_runs_that_report_none() -> None:
    world = started(retry={"limit": 1, "backoff": "10s"}, failedJobsHistoryLimit=9)
    world.ends(NINE, code=1, result='{"state": {"page": 7}}').tick().wait(seconds=60)
    world.ends(slot_id("09:00", 2), code=1, result="crashed").tick()
    previous = world.status.previous
    assert previous is not None
    assert (previous.run_id, previous.phase, previous.summary, previous.state) == (
        slot_id("09:00", 2),
        "Failed",
        "crashed",
        {"page": 7},
    )
    world.tick("10:00").ends(TEN, result='{"state": {}}').tick()
    assert world.status.previous is not None
    assert world.status.previous.state == {}, "nothing to remember is a state, too"


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda world, job: world.lose(job), id="cancelled"),
        pytest.param(lambda world, job: world.job(job, stopped="Replaced").lose(job), id="replaced"),
        pytest.param(lambda world, job: world.job(job, stopped="NeverStarted").lose(job), id="never started"),
        pytest.param(lambda world, job: world.jobs.pop(job), id="lost while nobody looked"),
        pytest.param(lambda world, job: world.ends(job, code=1), id="failed without a word"),
        pytest.param(lambda world, job: world.ends(job, code=1, result="{"), id="failed with half a word"),
    ],
)
def test_an_attempt_without_a_result_clears_no_state(end: Callable[[World, str], object]) -> None:
    world = started().ends(NINE, result='{"state": {"page": 7}}').tick("09:05").tick("10:00")
    end(world, TEN)
    world.tick("10:10")
    assert world.run(TEN).phase in {"Cancelled", "Replaced", "Failed"}
    assert world.status.previous is not None
    assert world.status.previous.state == {"page": 7}


def test_a_further_attempt_is_told_the_state_of_the_failed_one() -> None:
    world = started(retry={"backoff": "10s"}, schedule="0 9 * * *")
    world.ends(NINE, code=1, result='{"state": {"page": 8}}').tick().wait(seconds=60)
    notes = world.manifests[slot_id("09:00", 2)]["spec"]["template"]["metadata"]["annotations"]
    assert json.loads(notes["agentschedule.dev/context"])["previous"]["state"] == {"page": 8}


def test_nothing_is_carried_in_a_fully_ephemeral_session() -> None:
    world = started().ends(NINE, result=RESULT).tick("09:05")
    assert world.status.previous is not None
    world.edit(session={"mode": "FullyEphemeral"}).tick("10:00")
    context = world.manifests[TEN]["spec"]["template"]["metadata"]["annotations"]["agentschedule.dev/context"]
    assert "previous" not in json.loads(context)
    world.ends(TEN, result=RESULT).tick("10:05")
    assert world.status.previous is None
    assert world.run(TEN).summary == "five bullets", "people see it all the same"


def test_the_next_run_is_told_the_whole_summary_and_people_its_beginning() -> None:
    world = started().ends(NINE, result=json.dumps({"summary": "ä" * 1000})).tick("09:05")
    assert world.run(NINE).summary == "ä" * 254 + "…"
    assert len((world.run(NINE).summary or "").encode()) <= 512
    assert world.status.previous is not None
    assert world.status.previous.summary == "ä" * 1000


def test_what_is_ignored_of_a_result_is_said() -> None:
    world = started().ends(NINE, result='{"summary": "ok", "costUSD": "a lot", "state": [1]}').tick("09:05")
    run = world.run(NINE)
    assert (run.phase, run.cost_usd, run.summary) == ("Succeeded", None, "ok")
    assert run.message == (
        "ignored of the result: costUSD is not an amount between 0 and 1000000;"
        " ignored of the result: state is not an object"
    )


@pytest.mark.parametrize(
    "result",
    [
        pytest.param('{"state": {"a": NaN, "b": -Infinity, "c": 1e999}}', id="no numbers"),
        pytest.param('{"state": {"a": 1e99999999999999999999}}', id="an exponent beyond reckoning"),
        pytest.param('{"costUSD": 1e99999999999999999999}', id="a cost beyond reckoning"),
        pytest.param('{"state": ' + '{"a":' * 600 + "1" + "}" * 600 + "}", id="nested without end"),
        pytest.param('{"state": ' + "[" * 1900 + "]" * 1900 + "}", id="lists without end"),
        pytest.param('{"state": {"a": "\\ud800", "\\udfff": "\\u0000"}, "summary": "\\ud83d"}', id="half characters"),
        pytest.param('{"state": {"a": null, "b": {"c": null}, "d": [null, {"e": null}]}}', id="nulls"),
        pytest.param('{"state": {"a": 123456789012345678901234567890}}', id="a long number"),
        pytest.param('{"costUSD": "-0", "usage": {"inputTokens": -1}}', id="minus"),
        pytest.param('{"costUSD": -0.0}', id="minus nothing"),
        pytest.param('{"summary": ' + json.dumps("\x00\x1b[31m\u202e" + "x" * 4000) + "}", id="control characters"),
        pytest.param("x" * 12_000, id="long text"),
        pytest.param('{"alert": {"message": "' + "ä" * 2000 + '", "severity": {"a": 1}}}', id="an alert out of bounds"),
        pytest.param('{"summary": 5, "usage": 5, "state": 5, "alert": 5, "costUSD": true}', id="all of another type"),
        pytest.param('{"usage": {"inputTokens": true, "outputTokens": 1e3}}', id="tokens of another type"),
        pytest.param("\x00", id="nothing visible"),
    ],
)
def test_no_result_can_harm_the_status(result: str) -> None:
    world = started().ends(NINE, result=result).tick("09:05")
    assert world.run(NINE).phase == "Succeeded"
    written = json.dumps(world.status.to_json(), allow_nan=False)
    assert AgentScheduleStatus.model_validate(json.loads(written)) == world.status
    assert AgentScheduleStatus.model_validate(json.loads(written)).to_json() == json.loads(written)
    assert "E" not in json.loads(written)["totals"]["costUSD"]
    assert not json.loads(written)["runs"][0].get("costUSD", "").startswith("-")
    assert len(written) < 20_000
    assert "\\ud800" not in written
    world.tick("10:00")
    assert TEN in world.jobs


@pytest.mark.parametrize(
    "notes",
    [
        pytest.param({"attempt": 1, "trigger": "Nonsense"}, id="trigger"),
        pytest.param({"message": "m" * 5000, "reason": "BackoffLimitExceeded"}, id="message"),
    ],
)
def test_a_job_somebody_has_written_to_harms_nothing(notes: dict[str, Any]) -> None:
    world = World()
    world.tick("09:00").job(NINE, **notes, finished="Failed", finished_at=utc("09:00"))
    world.status = AgentScheduleStatus()
    world.tick("09:05")
    assert world.run(NINE).trigger == "Schedule"
    assert AgentScheduleStatus.model_validate(world.status.to_json()) == world.status


# History


def test_history_keeps_the_newest_and_counts_nothing_twice() -> None:
    world = World(runHistoryLimit=2, successfulJobsHistoryLimit=10).tick("08:45")
    for hour in ("09:00", "10:00", "11:00", "12:00"):
        world.tick(hour).ends(slot_id(hour), result='{"costUSD": "1"}').wait(minutes=1)
    assert [name for name, _ in world.phases()] == [slot_id("12:00")[5:], slot_id("11:00")[5:]]
    assert len(world.jobs) == 4, "their Jobs are still there"
    world.told()
    world.tick("12:30")
    assert (world.status.totals.runs, world.status.totals.cost_usd) == (4, Decimal(4))
    assert world.told() == []
    assert len(world.status.runs) == 2


def test_history_never_loses_an_active_run() -> None:
    world = World(runHistoryLimit=1, concurrencyPolicy="Allow").tick("09:00").tick("10:00").tick("11:00")
    world.ends(TEN).ends(ELEVEN).tick("11:05")
    assert world.phases() == [(ELEVEN[5:], "Succeeded"), (NINE[5:], "Pending")]
    world.ends(NINE).tick("11:10")
    assert world.phases() == [(ELEVEN[5:], "Succeeded")]
    assert world.status.totals.runs == 3


def test_the_record_of_a_deleted_job_is_written_before_it_is_forgotten() -> None:
    world = started().ends(NINE, result=RESULT).lose(NINE)
    world.settled = False
    world.step("09:05")
    assert world.run(NINE).phase == "Succeeded"
    world.step("09:05:01")
    assert world.take(Forget) == []
    world.settled = True
    world.step("09:05:02")
    assert len(world.take(Forget)) == 1


def test_a_deleted_job_that_was_never_recorded_is_recorded_first() -> None:
    world = started().ends(NINE, result=RESULT).lose(NINE)
    world.status = world.status.model_copy(update={"runs": [], "scheduling": None})
    world.step("09:05")
    assert world.run(NINE).summary == "five bullets"
    assert world.take(Forget) == [], "the API server does not hold it yet"
    world.step("09:05")
    assert len(world.take(Forget)) == 1


def test_conditions_keep_the_time_of_their_last_change() -> None:
    world = World().tick("08:45")
    since = world.condition("Ready").last_transition_time
    world.tick("09:00").edit(input="other").tick("09:30")
    assert world.condition("Ready").last_transition_time == since == utc("08:45")
    assert world.condition("Ready").observed_generation == 2


def test_what_defaults_come_to_is_shown() -> None:
    world = World().tick()
    effective = world.status.effective
    assert effective is not None
    assert effective.to_json() == {
        "activeDeadlineSeconds": 3600,
        "maxConcurrentRuns": 1,
        "maxBudgetUSD": "10",
        "schedule": "0 * * * *",
        "agent": "agent:1",
    }
    world.edit(activeDeadlineSeconds=60, concurrencyPolicy="Allow").tick()
    assert world.status.effective is not None
    assert (world.status.effective.active_deadline_seconds, world.status.effective.max_concurrent_runs) == (60, None)


def test_the_next_run_is_shown_in_the_schedules_own_zone() -> None:
    world = World(schedule="0 9 * * *", timeZone="Asia/Tokyo").tick()
    assert world.status.next_run_time == utc("2026-11-23 00:00")
    assert world.status.next_run_local == "2026-11-23 09:00 JST"
    world.edit(suspend=True).tick()
    assert not {"nextRunTime", "nextRunLocal"} & world.status.to_json().keys()


def test_two_sightings_of_one_end_count_once() -> None:
    world = started().ends(NINE, result=RESULT).tick("09:05")
    world.pods[f"uid-{NINE}"] = dataclasses.replace(world.pods[f"uid-{NINE}"], version=9, message="again")
    world.job(NINE, version=9).tick("09:05:30")
    assert world.status.totals.cost_usd == Decimal("0.42")
    assert world.told() == ["SawCompletedJob"]
