"""Further attempts after a failed one."""

from datetime import datetime, timedelta
from typing import Any, Literal

import pytest

from agentschedule.planning.actions import CreateJob
from agentschedule.planning.observed import Start

from .builders import World, slot_id, utc

NINE = slot_id("09:00")
DEADLINE = {"reason": "DeadlineExceeded", "exit_code": 143}


def failed(code: int = 1, facts: dict[str, Any] | None = None, **retry: Any) -> World:
    """The run of 09:00 failed at once."""
    world = World(retry=retry).tick("09:00")
    world.ends(NINE, code=code, **(facts or {})).tick("09:00:01")
    world.take(CreateJob)
    return world


def retry_at(world: World) -> datetime:
    at = world.status.runs[0].retry_at
    assert at is not None
    return at


def test_without_retry_nothing_is_tried_again() -> None:
    world = World().tick("09:00").ends(NINE, code=1).tick("09:00:01")
    assert world.phases() == [(NINE[5:], "Failed")]
    assert world.run(NINE).retry_at is None
    assert world.status.active == []


def test_a_failed_attempt_is_followed_by_another_in_a_job_of_its_own() -> None:
    world = failed()
    assert world.told() == ["RunRetrying"]
    assert world.wake_at == retry_at(world)
    assert world.tick(retry_at(world) - timedelta(seconds=1)).take(CreateJob) == []

    due = retry_at(world)
    world.tick(due)
    [second] = world.take(CreateJob)
    assert (second.name, second.slot, second.due, second.trigger) == (f"{NINE}-r2", utc("09:00"), due, "Schedule")
    [run] = world.status.runs
    assert (run.id, run.uid, run.phase, run.attempt, run.retry_at) == (
        second.name,
        f"uid-{second.name}",
        "Pending",
        2,
        None,
    )
    assert (run.reason, run.message, run.started_at, run.completed_at) == (None, None, None, None)
    assert world.status.totals.runs == 0, "the run is not over"

    world.ends(second.name, result="made it").tick()
    [run] = world.status.runs
    assert (run.id, run.phase, run.attempt, run.summary) == (second.name, "Succeeded", 2, "made it")
    assert (world.status.totals.runs, world.status.totals.failed) == (1, 0)
    assert world.status.consecutive_failures == 0


def test_it_waits_twice_as_long_each_time_and_at_most_so_long() -> None:
    world = World(schedule="0 9 * * *", retry={"limit": 6, "backoff": "60s", "maxBackoff": "5m"}).tick("09:00")
    waits = []
    for attempt in range(1, 7):
        world.ends(slot_id("09:00", attempt), code=1).tick()
        waits.append((retry_at(world) - world.now).total_seconds())
        world.tick(retry_at(world))
    for wait, most in zip(waits, (60, 120, 240, 300, 300, 300), strict=True):
        assert most * 0.9 <= wait <= most
    world.ends(slot_id("09:00", 7), code=1).tick()
    [run] = world.status.runs
    assert (run.phase, run.attempt, run.retry_at) == ("Failed", 7, None), "six further attempts, and no more"
    assert world.status.totals.failed == 1
    assert world.status.consecutive_failures == 1


def test_the_wait_is_the_same_after_a_restart_and_differs_between_schedules() -> None:
    long: dict[str, Any] = {"backoff": "10h", "maxBackoff": "10h"}
    assert retry_at(failed(**long)) == retry_at(failed(**long))
    other = World(retry=long)
    other.raw["metadata"]["uid"] = "another"
    other.tick("09:00").ends(NINE, code=1).tick("09:00:01")
    assert retry_at(other) != retry_at(failed(**long))


@pytest.mark.parametrize(
    ("retry", "code", "facts", "follows"),
    [
        pytest.param({}, 1, {}, True, id="failed"),
        pytest.param({"limit": 0}, 1, {}, False, id="no further attempt"),
        pytest.param({}, 143, DEADLINE, False, id="timed out"),
        pytest.param({"retryOn": ["Failed", "TimedOut"]}, 143, DEADLINE, True, id="timed out, wanted"),
        pytest.param({"retryOn": ["TimedOut"]}, 1, {}, False, id="failed, not wanted"),
        pytest.param({"nonRetryableExitCodes": [2, 3]}, 3, {}, False, id="a code that ends it"),
        pytest.param({"nonRetryableExitCodes": [2, 3]}, 1, {}, True, id="another code"),
        pytest.param({}, 0, {}, False, id="succeeded"),
        pytest.param({"limit": 0}, 137, {"disrupted": True}, True, id="evicted"),
        pytest.param({"nonRetryableExitCodes": [137]}, 137, {"disrupted": True}, True, id="evicted, whatever its code"),
    ],
)
def test_what_is_tried_again(retry: dict[str, Any], code: int, facts: dict[str, Any], follows: bool) -> None:
    world = failed(code, facts, **retry)
    assert (world.status.runs[0].retry_at is not None) == follows


def test_a_cancelled_run_is_not_tried_again() -> None:
    world = World(retry={}).tick("09:00").runs(NINE).tick("09:10")
    world.ends(NINE, code=143, deleted_at=utc("09:09")).lose(NINE).tick("09:10")
    assert world.phases() == [(NINE[5:], "Cancelled")]
    assert world.run(NINE).retry_at is None


def test_disruptions_do_not_count_and_end_some_time() -> None:
    world = World(schedule="0 9 * * *", retry={"limit": 1, "backoff": "10s"}).tick("09:00")
    for attempt in range(1, 7):
        world.ends(slot_id("09:00", attempt), code=137, disrupted=True).tick()
        assert world.status.runs[0].disruptions == attempt
        if attempt < 6:
            assert timedelta(seconds=9) <= retry_at(world) - world.now <= timedelta(seconds=10), "no back-off either"
        world.tick(retry_at(world))
    # Five were free; the sixth was the one failure that is tried again.
    world.ends(slot_id("09:00", 7), code=137, disrupted=True).tick()
    assert world.status.runs[0].retry_at is None
    assert (world.status.runs[0].phase, world.status.runs[0].attempt) == ("Failed", 7)


def test_five_disruptions_are_free_whatever_retry_says() -> None:
    retry = {"limit": 0, "backoff": "10s", "retryOn": ["TimedOut"], "nonRetryableExitCodes": [137]}
    world = World(schedule="0 9 * * *", retry=retry).tick("09:00")
    for attempt in range(1, 6):
        world.ends(slot_id("09:00", attempt), code=137, disrupted=True).tick()
        world.tick(retry_at(world))
    world.ends(slot_id("09:00", 6), code=137, disrupted=True).tick()
    assert world.status.runs[0].retry_at is None


def test_an_attempt_that_is_due_while_suspended_waits_for_the_resumption() -> None:
    world = failed()
    due = retry_at(world)
    world.edit(suspend=True).tick(due)
    world.tick(due + timedelta(hours=1))
    assert world.take(CreateJob) == []
    assert world.status.active_count == 1
    world.edit(suspend=False).tick()
    assert [job.name for job in world.take(CreateJob)] == [f"{NINE}-r2"]


def test_an_attempt_on_its_way_is_not_asked_for_again() -> None:
    world = failed()
    world.creates = Start("InFlight")
    world.tick(retry_at(world))
    assert [job.name for job in world.take(CreateJob)] == [f"{NINE}-r2"]
    assert world.wait(seconds=1).take(CreateJob) == []


@pytest.mark.parametrize("state", ["Rejected", "NameConflict"])
def test_an_attempt_that_cannot_be_ends_the_run(state: Literal["Rejected", "NameConflict"]) -> None:
    world = failed()
    world.creates = Start(state, message="a webhook said no")
    world.tick(retry_at(world))
    [run] = world.status.runs
    assert (run.phase, run.retry_at) == ("Failed", None)
    assert run.message == "the agent exited with code 1; attempt 2 could not be created: a webhook said no"
    assert world.status.active == []
    assert (world.status.totals.failed, world.status.consecutive_failures) == (1, 1)
    assert len(world.take(CreateJob)) == 1
    assert "RunFailed" in world.told()
    world.creates = None
    assert [job.slot for job in world.tick("10:00").take(CreateJob)] == [utc("10:00")]


def test_a_deferred_attempt_waits() -> None:
    world = failed()
    due = retry_at(world)
    world.creates = Start("Deferred", until=due + timedelta(seconds=4))
    world.tick(due)
    world.creates = None
    world.take(CreateJob)
    assert world.tick(due + timedelta(seconds=2)).take(CreateJob) == []
    assert len(world.tick(due + timedelta(seconds=4)).take(CreateJob)) == 1


def test_each_attempt_is_told_what_the_one_before_left() -> None:
    world = World(retry={"backoff": "10s"}).tick("09:00")
    world.ends(NINE, code=1, result='{"summary": "half way", "state": {"page": 7}}').tick()
    world.tick(retry_at(world))
    document = world.manifests[f"{NINE}-r2"]["spec"]["template"]["metadata"]["annotations"]["agentschedule.dev/context"]
    assert '"attempt":2' in document
    assert '"summary":"half way","state":{"page":7}' in document


@pytest.mark.parametrize("forgotten", [pytest.param(False, id="seen"), pytest.param(True, id="while nobody looked")])
def test_deleting_the_failed_job_cancels_the_run_between_two_attempts(forgotten: bool) -> None:
    world = failed()
    due = retry_at(world)
    if forgotten:
        world.pods.clear()
        world.jobs.clear()
    else:
        world.lose(NINE)
    world.tick("09:00:02")
    [run] = world.status.runs
    assert (run.phase, run.reason, run.retry_at) == ("Cancelled", "JobDeleted", None)
    assert world.tick(due).take(CreateJob) == []
    assert world.status.totals.runs == 1


def test_an_attempt_that_is_being_created_goes_on_though_the_one_before_is_deleted() -> None:
    world = failed()
    world.creates = Start("InFlight")
    world.tick(retry_at(world))
    [second] = world.take(CreateJob)
    world.lose(NINE).tick()
    assert world.status.runs[0].phase == "Failed"
    world.starts.clear()
    world.put_job(second)
    world.tick()
    assert (world.status.runs[0].id, world.status.runs[0].phase) == (second.name, "Pending")


def test_a_deferred_creation_of_a_skipped_slot_is_forgotten() -> None:
    world = World(startingDeadlineSeconds=10)
    world.creates = Start("Deferred", until=utc("09:00:30"))
    world.tick("09:00")
    assert set(world.starts) == {NINE}
    world.tick("09:00:31")
    assert world.skips() == {"DeadlineMissed": 1}
    assert world.starts == {}
