"""maxRuns and heartbeat.maxIterations: Complete after so many scheduled runs."""

from collections.abc import Callable
from typing import Any

import pytest

from agentschedule.planning.observed import Start

from .builders import World, slot_id
from .stories import begin_and_end, fail, restart, resume, started, succeed, written

NINE, TEN = slot_id("09:00"), slot_id("10:00")
NO_RUN: dict[str, Any] = {"name": "nine", "hours": {"start": "09:00", "end": "09:20"}}
LIMITS = [
    pytest.param({"maxRuns": 2}, id="maxRuns"),
    pytest.param({"heartbeat": {"maxIterations": 2}}, id="maxIterations"),
    pytest.param({"maxRuns": 2, "heartbeat": {"maxIterations": 5}}, id="the smaller of both"),
]


def raised(world: World) -> World:
    """Somebody allows two more runs."""
    if "maxRuns" in world.raw["spec"]:
        return world.edit(maxRuns=4)
    return world.edit(heartbeat={"maxIterations": 4})


@pytest.mark.parametrize("spec", LIMITS)
def test_it_is_complete_after_so_many_runs(spec: dict[str, Any]) -> None:
    world = succeed(World(**spec), "09:00").tick("10:00").runs(TEN).tick("10:01")
    assert (world.status.phase, world.condition("Complete").status) == ("Active", "False"), "the last one still runs"
    assert (world.status.next_run_time, world.status.iteration) == (None, 2)
    world.ends(TEN).tick("10:05")
    complete = world.condition("Complete")
    assert (complete.status, complete.reason, complete.message) == ("True", "MaxRuns", "all 2 runs have been made")
    assert (world.status.phase, world.condition("Ready").reason) == ("Complete", "Complete")
    assert world.told().count("Completed") == 1
    started(world)
    world.tick("11:00").tick("12:00")
    assert (started(world), world.skips(), world.told(), world.wake_at) == ([], {}, [], None)


@pytest.mark.parametrize("spec", LIMITS)
def test_it_goes_on_when_more_are_allowed_and_what_passed_is_gone(spec: dict[str, Any]) -> None:
    world = raised(succeed(World(**spec), "09:00", "10:00").tick("12:30")).tick("12:40")
    assert (world.condition("Complete").status, world.status.phase) == ("False", "Active")
    assert (started(world), world.skips()) == (["09:00", "10:00"], {})
    succeed(world, "13:00", "14:00").tick("15:00")
    assert (started(world), world.status.phase, world.status.iteration) == (["13:00", "14:00"], "Complete", 4)


@pytest.mark.parametrize("spec", LIMITS)
def test_what_passed_is_gone_also_where_the_last_run_is_still_active(spec: dict[str, Any]) -> None:
    world = succeed(World(concurrencyPolicy="Allow", **spec), "09:00").tick("10:00").runs(TEN).tick("12:30")
    raised(world).tick("12:40")
    assert (started(world), world.skips()) == (["09:00", "10:00"], {})
    assert started(world.tick("13:00")) == ["13:00"]


@pytest.mark.parametrize(
    ("happens", "iteration"),
    [
        pytest.param(lambda w: fail(w, "09:00").wait(seconds=31).ends(NINE + "-r2").tick("09:05"), 1, id="an attempt"),
        pytest.param(lambda w: w.request("now").tick("08:50").ends("news-m00000001aa").tick("08:51"), 0, id="manual"),
        pytest.param(lambda w: w.edit(blackouts=[NO_RUN]).tick("09:00").tick("09:30"), 0, id="a skipped slot"),
        pytest.param(lambda w: w.tick("09:00").job(NINE, deleting=True).lose(NINE).tick("09:01"), 1, id="cancelled"),
        pytest.param(lambda w: w.tick("09:45"), 1, id="caught up"),
    ],
)
def test_what_counts_as_a_run(happens: Callable[[World], World], iteration: int) -> None:
    world = happens(World(maxRuns=1, retry={"limit": 1, "backoff": "30s"}).tick("08:45"))
    assert world.status.iteration == iteration


def test_a_one_shot_of_several_runs_is_complete_when_no_slot_is_left() -> None:
    world = succeed(World(maxRuns=5, endTime="2026-11-22T09:30:00Z"), "09:00").tick("09:40")
    assert (world.condition("Complete").reason, world.status.phase) == ("NoMoreRuns", "Complete")


def test_the_last_run_s_further_attempts_are_made() -> None:
    world = fail(World(maxRuns=1, retry={"limit": 1, "backoff": "30s"}), "09:00")
    assert world.condition("Complete").status == "False"
    world.wait(seconds=31)
    assert started(world) == ["09:00", "09:00-r2"]
    world.ends(NINE + "-r2", code=1).tick("09:05")
    assert world.status.phase == "Complete"


def test_a_manual_run_is_made_when_it_is_complete() -> None:
    world = succeed(World(maxRuns=1), "09:00").request("now").tick("09:30")
    assert started(world) == ["09:00", "news-m00000001aa"]


def test_a_job_that_is_being_created_is_no_run_yet_and_none_starts_beside_it() -> None:
    world = World(maxRuns=1, concurrencyPolicy="Allow").tick("08:45")
    world.creates = Start("InFlight")
    world.step("09:00")
    world.step("10:00")
    assert (started(world), world.status.iteration) == (["09:00"], 0)


@pytest.mark.parametrize("older", [False, True])
def test_a_restart_counts_no_run_twice_and_forgets_none(older: bool) -> None:
    world = World(maxRuns=2).tick("08:45")
    before = written(world)
    succeed(world, "09:00")
    if older:
        world.status = before
    restart(world).tick("09:30")
    assert world.status.iteration == 1
    succeed(world, "10:00")
    assert (world.status.phase, world.status.iteration) == ("Complete", 2)


def test_with_catch_up_all_only_so_many_are_made_up_for() -> None:
    world = World(maxRuns=2, catchUp="All").tick("08:45").tick("12:20")
    world.ends(NINE).tick("12:21").ends(TEN).tick("12:22")
    assert (started(world), world.status.phase) == (["09:00", "10:00"], "Complete")


def test_failures_that_hold_it_come_before_complete() -> None:
    world = fail(World(maxRuns=2, pauseAfterFailures=2), "09:00", "10:00")
    assert (world.status.phase, world.condition("Complete").status) == ("Held", "False")
    assert resume(world).status.phase == "Complete"


# With a queue


def queueing(**spec: Any) -> World:
    """The run of 09:00 is active, 10:00 and 11:00 wait; three runs are allowed."""
    world = World(concurrencyPolicy="Queue", maxQueuedRuns=5, **{"maxRuns": 3, **spec})
    return world.tick("09:00").runs(NINE).tick("10:00").tick("11:00")


def test_no_more_wait_in_the_queue_than_may_run() -> None:
    world = queueing().tick("12:00")
    assert (len(world.status.queued), world.skips(), world.status.next_run_time) == (2, {}, None)
    world.ends(NINE).tick("12:10").ends(TEN).tick("12:20").ends(slot_id("11:00")).tick("12:30")
    assert started(world) == ["09:00", "10:00", "11:00"]
    assert (world.status.phase, world.status.iteration) == ("Complete", 3)


def test_one_that_leaves_the_queue_without_a_run_makes_room_for_a_later_one() -> None:
    world = queueing().annotate(skip="2026-11-22T10:00:00Z").tick("11:30").tick("12:00")
    assert [f"{slot:%H:%M}" for slot in world.status.queued] == ["11:00", "12:00"]
    assert world.skips() == {"Requested": 1}


@pytest.mark.parametrize("limit", [{"maxRuns": 2}, {"heartbeat": {"maxIterations": 2}}])
def test_a_lowered_limit_holds_for_what_waits(limit: dict[str, Any]) -> None:
    world = queueing().edit(**limit).tick("11:30").ends(NINE).tick("11:40").ends(TEN).tick("11:50")
    assert (started(world), world.status.iteration) == (["09:00", "10:00"], 2)
    assert (world.status.queued, world.skips(), world.status.phase) == ([], {"Requested": 1}, "Complete")


def test_a_lowered_limit_that_is_used_up_already_completes_it() -> None:
    world = begin_and_end(succeed(World(maxRuns=5), "09:00"), "10:00").edit(maxRuns=1).tick("10:30")
    assert (world.status.phase, world.condition("Complete").message) == ("Complete", "all 2 runs have been made")
