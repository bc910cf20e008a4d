"""Holds: failures in a row, dead letters, and what else stops a schedule at the same time."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agentschedule.planning.actions import CreateJob
from agentschedule.planning.observed import Start

from .builders import World, slot_id, utc
from .stories import fail, hold_of, resume, started, succeed

NINE, ELEVEN = slot_id("09:00"), slot_id("11:00")


def held(**spec: Any) -> World:
    """Three slots in a row have failed; 11:00 is the third."""
    world = fail(World(**spec), "09:00", "10:00", "11:00")
    started(world)
    return world


@pytest.mark.parametrize(
    ("after", "failing", "is_held"),
    [
        pytest.param(None, 2, False, id="default: not after two"),
        pytest.param(None, 3, True, id="default: after three"),
        pytest.param(1, 1, True, id="after the first"),
        pytest.param(5, 4, False, id="not yet"),
        pytest.param(0, 6, False, id="never"),
    ],
)
def test_so_many_failed_slots_in_a_row_hold_the_schedule(after: int | None, failing: int, is_held: bool) -> None:
    world = fail(World(pauseAfterFailures=after), *[f"{9 + n:02}:00" for n in range(failing)])
    assert (world.status.hold is not None, world.status.phase == "Held") == (is_held, is_held)
    assert world.status.consecutive_failures == failing
    assert [note.reason for note in world.notes].count("Held") == is_held


def test_a_hold_says_what_happened_and_how_to_go_on() -> None:
    world = held()
    hold = hold_of(world)
    assert (hold.reason, hold.since, hold.probation) == ("ConsecutiveFailures", utc("11:00:10"), False)
    assert len(hold.id) == 10
    assert hold.message.startswith(f"3 slots in a row failed; the last one: run {ELEVEN} ended as Failed")
    assert hold.message.endswith(f"agentschedule.dev/resume={hold.id}")
    suspended, ready = world.condition("Suspended"), world.condition("Ready")
    assert (suspended.status, suspended.reason, suspended.message) == ("True", "ConsecutiveFailures", hold.message)
    assert (ready.status, ready.reason) == ("True", "Held")
    assert world.status.next_run_time is None


def test_a_long_failure_message_leaves_room_for_how_to_go_on() -> None:
    world = World(pauseAfterFailures=1).tick("09:00").runs(NINE)
    world.ends(NINE, code=1, message="ä" * 4000).tick("09:01")
    message = hold_of(world).message
    assert message.endswith(f"agentschedule.dev/resume={hold_of(world).id}")
    assert len(message.encode()) <= 1024


def test_slots_that_pass_while_held_are_gone() -> None:
    world = held().tick("12:00").tick("13:00")
    assert (started(world), world.skips()) == ([], {})
    world.tick("13:30")
    resume(world).tick("13:40")
    assert (started(world), world.skips(), world.status.next_run_time) == ([], {}, utc("14:00"))
    assert started(world.tick("14:00")) == ["14:00"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, {"CatchUp": 2}, id="Latest"),
        pytest.param({"catchUp": "All"}, {"CatchUp": 2}, id="All"),
    ],
)
def test_slots_that_were_due_before_it_was_held_are_counted(spec: dict[str, Any], expected: dict[str, int]) -> None:
    world = fail(World(**spec), "09:00", "10:00").tick("11:00").runs(ELEVEN)
    world.ends(ELEVEN, code=1).tick("13:10")  # nobody looked until then
    assert world.status.phase == "Held"
    assert world.skips() == expected


def test_thousands_of_slots_that_were_due_before_it_was_held_are_all_counted() -> None:
    world = World(schedule="* * * * *", pauseAfterFailures=1, created="08:59").tick("09:00").runs(NINE)
    world.ends(NINE, code=1)
    world.tick(world.now + timedelta(minutes=1700, seconds=30))
    assert world.status.phase == "Held"
    assert world.skips() == {"CatchUp": 1700}


@pytest.mark.parametrize("end", ["Replaced", "Cancelled"])
def test_a_run_that_was_stopped_is_neither_a_failure_nor_a_success(end: str) -> None:
    world = fail(World(pauseAfterFailures=2), "09:00").tick("10:00").runs(slot_id("10:00"))
    stopped = end if end == "Replaced" else None
    world.job(slot_id("10:00"), deleting=True, stopped=stopped)
    world.ends(slot_id("10:00"), code=143, deleted_at=world.now).lose(slot_id("10:00")).tick("10:30")
    assert (world.phases()[0][1], world.status.consecutive_failures) == (end, 1)
    assert fail(world, "11:00").status.phase == "Held"


def test_a_success_in_between_counts_anew() -> None:
    world = fail(World(), "09:00", "10:00")
    succeed(world, "11:00")
    assert world.status.consecutive_failures == 0
    assert fail(world, "12:00", "13:00").status.phase == "Active"


def test_a_slot_with_all_its_attempts_is_one_failure() -> None:
    world = World(pauseAfterFailures=2, retry={"limit": 1, "backoff": "30s"})
    fail(world, "09:00").wait(seconds=31).ends(slot_id("09:00", 2), code=1).tick("09:05")
    assert (world.status.consecutive_failures, world.status.phase) == (1, "Active")


# Dead letters


def one_shot(**spec: Any) -> World:
    """A schedule with `at`, whose run fails."""
    return fail(World(schedule=None, at="2026-11-22T09:00:00Z", **spec), "09:00")


@pytest.mark.parametrize(
    ("spec", "phase"),
    [
        pytest.param({}, "DeadLetter", id="the default of at"),
        pytest.param({"retry": {"limit": 0}}, "DeadLetter", id="with retry"),
        pytest.param({"retry": {"limit": 0, "onExhausted": "Continue"}}, "Complete", id="Continue"),
        pytest.param({"pauseAfterFailures": 1}, "DeadLetter", id="before pauseAfterFailures"),
        pytest.param({"pauseAfterFailures": 0}, "DeadLetter", id="also where failures hold nothing"),
    ],
)
def test_a_failed_one_shot_is_a_dead_letter(spec: dict[str, Any], phase: str) -> None:
    world = one_shot(**spec)
    assert world.status.phase == phase
    assert world.told().count("DeadLettered") == (phase == "DeadLetter")
    assert world.condition("Complete").status == ("True" if phase == "Complete" else "False")


def test_a_dead_letter_stops_a_recurring_schedule_only_where_it_is_asked_for() -> None:
    retry = {"limit": 1, "backoff": "30s", "onExhausted": "DeadLetter"}
    world = fail(World(retry=retry), "09:00")
    assert world.status.phase == "Active", "another attempt follows"
    world.wait(seconds=31).ends(slot_id("09:00", 2), code=1).tick("09:05")
    assert (world.status.phase, world.condition("Suspended").reason) == ("DeadLetter", "DeadLetter")
    started(world)
    assert started(world.tick("10:00")) == []
    resume(world.tick("10:30"))
    assert (world.status.phase, world.status.hold) == ("Active", None), "there is no probation after it"
    assert started(world.tick("11:00")) == ["11:00"]


def test_a_dead_letter_is_run_again_by_an_agent_run_and_complete_when_resumed() -> None:
    world = one_shot().request("again").tick("09:30")
    assert started(world) == ["09:00", "news-m00000001aa"]
    world.ends("news-m00000001aa").tick("09:40")
    assert world.status.phase == "DeadLetter", "a person decides when it is settled"
    assert resume(world).status.phase == "Complete"


def test_a_dead_letter_weighs_more_than_failures_in_a_row() -> None:
    world = fail(World(pauseAfterFailures=1, concurrencyPolicy="Allow").tick("08:45"))
    world.tick("09:00").tick("10:00")
    world.ends(NINE, code=1).tick("10:10")
    assert hold_of(world).reason == "ConsecutiveFailures"
    world.edit(retry={"limit": 0, "onExhausted": "DeadLetter"}).ends(slot_id("10:00"), code=1).tick("10:20")
    assert (hold_of(world).reason, world.status.phase) == ("DeadLetter", "DeadLetter")


# With other pauses, and with retries


@pytest.mark.parametrize("first", ["suspend", "resume"])
def test_held_and_suspended_at_once(first: str) -> None:
    world = held().edit(suspend=True).tick("11:30")
    assert (world.status.phase, world.condition("Suspended").reason) == ("Held", "ConsecutiveFailures")
    if first == "suspend":
        world.edit(suspend=False).tick("12:00")
        assert (world.status.phase, started(world)) == ("Held", [])
        resume(world)
    else:
        resume(world)
        assert (world.status.phase, world.condition("Suspended").reason) == ("Paused", "Spec")
        world.tick("12:00").edit(suspend=False)
    world.tick("12:30")
    assert (world.status.phase, started(world), world.skips()) == ("Active", [], {})
    assert started(world.tick("13:00")) == ["13:00"]


def test_an_attempt_that_is_due_while_held_waits() -> None:
    retry = {"limit": 1, "backoff": "10m"}
    world = World(maxConcurrentRuns=2, pauseAfterFailures=1, retry=retry).tick("09:00").runs(NINE)
    world.tick("10:00").ends(slot_id("10:00"), code=1)
    world.edit(retry={**retry, "nonRetryableExitCodes": [7]}).ends(NINE, code=7).tick("10:01")
    assert (world.status.phase, world.run(slot_id("10:00")).retry_at is not None) == ("Held", True)
    started(world)
    assert started(world.tick("10:20")) == []
    resume(world)
    assert started(world) == ["10:00-r2"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(lambda world: world.edit(suspend=True), "Spec", id="suspended"),
        pytest.param(lambda world: world.annotate(paused="x"), "Annotation", id="paused"),
        pytest.param(lambda world: world.ends(NINE, code=1), "ConsecutiveFailures", id="held"),
        pytest.param(lambda world: world.edit(schedule="30 * * * *"), "NotSuspended", id="edited"),
    ],
)
def test_a_slot_whose_job_is_being_created_runs_and_is_not_counted_as_skipped(
    change: Callable[[World], object], reason: str
) -> None:
    world = World(maxConcurrentRuns=2, pauseAfterFailures=1).tick("09:00").runs(NINE)
    world.take(CreateJob)
    world.creates = Start("InFlight")
    world.step("10:00")
    [asked] = world.take(CreateJob)
    change(world)
    world.step("10:00:01")
    world.creates = None
    world.starts.clear()
    world.put_job(asked)
    world.ends(asked.name).tick("10:00:02")
    assert (world.condition("Suspended").reason, world.skips()) == (reason, {})
    assert world.run(asked.name).phase == "Succeeded"
