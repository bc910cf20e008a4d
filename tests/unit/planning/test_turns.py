"""Starts that wait for their turn over all schedules: `Queued`, then `Granted` for one plan."""

from typing import Any

import pytest

from agentschedule.planning.actions import CreateJob
from agentschedule.planning.observed import Start

from .builders import World, slot_id

FULL = "waits for its turn: 20 of 20 runs are active in all namespaces"


def queued(trigger: str = "Schedule") -> Start:
    return Start("Queued", message=FULL, trigger=trigger)


def waiting(at: str = "09:00", trigger: str = "Schedule", **spec: Any) -> World:
    """The slot of 09:00 waits since that time."""
    world = World(**spec).tick("08:30")
    world.creates = queued(trigger)
    world.tick(at)
    assert [action.trigger for action in world.take(CreateJob)] == [trigger]
    assert world.starts == {slot_id("09:00"): queued(trigger)}
    return world


def grant(world: World, name: str = slot_id("09:00")) -> None:
    """Its turn has come."""
    world.creates = None
    world.starts[name] = Start("Granted", trigger=world.starts[name].trigger)


def test_a_waiting_slot_is_not_asked_for_again_and_is_not_active() -> None:
    world = waiting().tick("09:20")
    assert world.take(CreateJob) == []
    assert (world.status.active_count, world.status.skips) == (0, [])


@pytest.mark.parametrize("catch_up", ["Latest", "None"])
def test_a_slot_whose_turn_comes_late_was_not_missed(catch_up: str) -> None:
    world = waiting(catchUp=catch_up)
    world.now = world.now.replace(minute=40)
    grant(world)
    world.tick()
    assert [(action.name, action.trigger) for action in world.take(CreateJob)] == [(slot_id("09:00"), "Schedule")]
    assert (world.starts, world.skips()) == ({}, {})


def test_a_slot_that_was_missed_still_was_when_its_turn_comes() -> None:
    world = waiting("09:30", "CatchUp")
    grant(world)
    world.tick("09:31")
    assert [action.trigger for action in world.take(CreateJob)] == ["CatchUp"]


def test_the_next_slot_waits_behind_it() -> None:
    world = waiting().tick("10:05")
    assert world.take(CreateJob) == []
    assert world.skips() == {}
    grant(world)
    world.tick("10:06")
    assert [action.name for action in world.take(CreateJob)] == [slot_id("09:00")]
    assert world.skips() == {"Concurrency": 1}


def test_past_its_starting_deadline_it_is_missed_and_waits_no_longer() -> None:
    world = waiting(startingDeadlineSeconds=600)
    assert world.wake_at is not None
    assert f"{world.wake_at:%H:%M:%S}" == "09:10:01"
    world.tick(world.wake_at)
    assert (world.starts, world.skips()) == ({}, {"DeadlineMissed": 1})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda world: world.edit(suspend=True), id="suspended"),
        pytest.param(lambda world: world.annotate(paused="x"), id="paused"),
        pytest.param(lambda world: world.edit(schedule="30 * * * *"), id="another time"),
        pytest.param(lambda world: world.edit(schedule="61 * * * *"), id="of no use any more"),
        pytest.param(
            lambda world: world.raw["metadata"].update(deletionTimestamp="2026-11-22T09:01:00Z"), id="deleted"
        ),
    ],
)
@pytest.mark.parametrize("state", ["Queued", "Granted"])
def test_what_is_wanted_no_more_gives_up_its_turn(state: str, change: Any) -> None:
    world = waiting()
    if state == "Granted":
        grant(world)
    change(world)
    world.tick("09:05")
    assert (world.take(CreateJob), world.starts) == ([], {})


@pytest.mark.parametrize(
    ("state", "given_up"), [pytest.param("Queued", set(), id="waits on"), pytest.param("Granted", {slot_id("09:00")})]
)
def test_while_an_edit_is_checked_it_waits_on_but_holds_no_place(state: Any, given_up: set[str]) -> None:
    world = waiting().edit(input="other")
    world.answer = None
    world.starts = {slot_id("09:00"): Start(state, trigger="Schedule")}
    assert world.step("09:20").consumed == given_up


def test_a_turn_that_cannot_be_used_is_given_back() -> None:
    """Meanwhile a manual run has the only place of the schedule."""
    world = waiting(concurrencyPolicy="Replace")
    world.creates = None
    world.request("now").tick("09:01")
    world.starts[slot_id("09:00")] = Start("Granted", trigger="Schedule")
    made = world.step("09:02")
    assert made.consumed == {slot_id("09:00")}


def test_a_manual_run_says_what_it_waits_for_and_starts_when_its_turn_comes() -> None:
    world = World().tick("08:30")
    world.creates = Start("Queued", message=FULL, trigger="Manual")
    world.request("now").tick("08:31")
    [asked] = world.take(CreateJob)
    assert (world.requests["now"].status.phase, world.requests["now"].status.message) == ("Pending", FULL)
    grant(world, asked.name)
    world.tick("08:50")
    assert [action.name for action in world.take(CreateJob)] == [asked.name]
    assert world.requests["now"].status.run is not None


def test_a_manual_run_taken_back_gives_up_its_turn() -> None:
    world = World().tick("08:30")
    world.creates = Start("Queued", message=FULL, trigger="Manual")
    world.request("now").tick("08:31")
    world.requests.clear()
    world.tick("08:32")
    assert world.starts == {}


def test_a_manual_run_keeps_to_the_schedules_own_limit_when_its_turn_comes() -> None:
    world = World().tick("08:30")
    world.creates = Start("Queued", message=FULL, trigger="Manual")
    world.request("now").tick("08:59")
    [name] = world.starts
    world.creates = None
    world.tick("09:00")
    world.take(CreateJob)
    grant(world, name)
    world.tick("09:01")
    assert (world.take(CreateJob), world.starts) == ([], {})
    assert world.requests["now"].status.message == "waits: 1 of 1 runs are active"


def test_an_attempt_waits_for_its_turn_too() -> None:
    world = World(retry={"limit": 1, "backoff": "5m"}).tick("08:30").tick("09:00")
    world.runs(slot_id("09:00")).ends(slot_id("09:00"), code=1)
    world.creates = queued()
    world.tick("09:01").take(CreateJob)
    world.tick("09:06")
    assert [action.name for action in world.take(CreateJob)] == [slot_id("09:00", 2)]
    assert world.starts == {slot_id("09:00", 2): queued()}
    world.tick("09:20")
    assert (world.take(CreateJob), world.status.active_count) == ([], 1)
    grant(world, slot_id("09:00", 2))
    world.tick("09:21")
    assert [action.name for action in world.take(CreateJob)] == [slot_id("09:00", 2)]
