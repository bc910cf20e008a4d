"""Nobody misses a run's end, whenever the operator dies; what comes twice has the same key."""

from datetime import timedelta
from typing import Any, Literal

import pytest

from agentschedule.delivery.outcome import Again, Delivered, Outcome

from .clock import simulate
from .node import Behaviour
from .profile import DEEP
from .promises import check_promises, check_quiet
from .world import World

MINUTE = 60
TARGETS: list[dict[str, Any]] = [
    {"name": "all", "events": ["Succeeded", "Failed", "Recovered"], "webhook": {"url": "https://hooks.example.com"}},
    {"name": "bad", "output": "Log", "events": ["Failed", "Alert"], "stdout": {}},
]


def scripted(world: World) -> None:
    scripts = {
        2: Behaviour(lasts=10, exit_code=1, message='{"summary": "no"}'),
        3: Behaviour(lasts=10, message='{"summary": "odd", "alert": {"message": "look"}}'),
    }
    made = iter(range(1, 1000))
    world.cluster.node.behave = lambda _: scripts.get(next(made), world.behaviour)
    world.receivers.answer = lambda number: Again("not now") if number % 3 == 1 else Delivered()


def apply(world: World, **more: Any) -> None:
    end = world.clock.true() + timedelta(minutes=9)
    spec = {"every": "2m", "endTime": end.isoformat(), "delivery": TARGETS, "pauseAfterFailures": 0}
    world.apply("report", {**spec, "successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0, **more})


def check_told(world: World) -> None:
    """Every run's end was told, each by one key."""
    status = world.status("report")
    assert [run["phase"] for run in reversed(status["runs"])] == ["Succeeded", "Failed", "Succeeded", "Succeeded"]
    wanted = {
        (run["id"], event, target["name"])
        for run in status["runs"]
        for target in TARGETS
        for event in target["events"]
        if event == run["phase"] or (event == "Alert" and run.get("alert"))
    }
    last = status["runs"][0]["id"]
    told = {(sent.run, sent.event, sent.target): keys for sent, keys in world.receivers.keys.items()}
    assert set(told) == {*wanted, (last, "Recovered", "all")}
    assert all(len(set(keys)) == 1 for keys in told.values())
    assert {entry["phase"] for entry in status["deliveries"]} == {"Delivered"}


async def _story(call: int, moment: Literal["before", "after"]) -> int:
    async with World(seed=call) as world:
        scripted(world)
        world.start()
        world.crash_at(call, moment, 40)
        apply(world)
        await world.sleep(12 * MINUTE)
        check_promises(world)
        await check_quiet(world, settle=20 * MINUTE)
        check_told(world)
        return world.hits


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_each_request(moment: Literal["before", "after"]) -> None:
    for call in range(1, 46, 1 if DEEP else 2):
        try:
            made = simulate(_story(call, moment))
        except AssertionError as error:
            raise AssertionError(f"killed {moment} request {call}: {error}") from error
        assert made == 1, f"the story is too short: it has no request {call}"


def test_a_crash_in_each_attempt() -> None:
    async def story(attempt: int) -> None:
        async with World(seed=attempt) as world:
            scripted(world)
            world.receivers.on_attempt = lambda number: world.crash(40) if number == attempt else None
            world.start()
            apply(world)
            await world.sleep(12 * MINUTE)
            await check_quiet(world, settle=20 * MINUTE)
            check_told(world)
            assert world.receivers.attempts > attempt
            assert sum(len(keys) for keys in world.receivers.keys.values()) > len(world.receivers.keys)

    for attempt in range(1, 9):
        simulate(story(attempt))


def test_another_leader_goes_on_with_what_was_under_way() -> None:
    async def story() -> None:
        async with World(elected=True) as world:
            scripted(world)
            world.receivers.lasts = 30
            world.receivers.on_attempt = lambda number: world.crash(200) if number == 2 else None
            world.start()
            apply(world)
            await world.sleep(16 * MINUTE)
            await check_quiet(world, settle=20 * MINUTE)
            check_told(world)

    simulate(story())


def test_an_endpoint_that_never_answers_keeps_no_slot_waiting() -> None:
    async def story() -> None:
        async with World() as world:
            world.receivers.lasts = 600
            world.receivers.answer = _never
            world.start()
            apply(world, every="1m", runHistoryLimit=100)
            await world.sleep(10 * MINUTE)
            status = world.status("report")
            assert status["totals"]["succeeded"] == status["totals"]["runs"] >= 8
            assert status["totals"]["skipped"] == 0
            assert {entry["phase"] for entry in status["deliveries"]} == {"Pending"}

    def _never(number: int) -> Outcome:
        return Again("no answer in time")

    simulate(story())


@pytest.mark.parametrize("elected", [False, True])
def test_an_operator_that_stops_lets_an_attempt_end_and_nothing_goes_twice(elected: bool) -> None:
    async def story(attempt: int) -> None:
        async with World(seed=attempt, elected=elected) as world:
            scripted(world)
            world.receivers.answer = lambda _: Delivered()
            world.receivers.on_attempt = lambda number: world.stop_soon(40) if number == attempt else None
            world.start()
            apply(world)
            await world.sleep(12 * MINUTE)
            await check_quiet(world, settle=20 * MINUTE)
            check_told(world)
            assert all(len(keys) == 1 for keys in world.receivers.keys.values())

    for attempt in range(1, 6):
        simulate(story(attempt))
