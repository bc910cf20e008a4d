"""Operators that respect a Lease: one leads, another stands by, and whoever led before writes nothing any more.

As in `test_leaders`, but ended Jobs go at once: their names are no lock any more.
"""

from collections.abc import Callable, Iterable
from itertools import product

import pytest

from .clock import simulate
from .node import Behaviour
from .profile import DEEP
from .promises import check_promises, check_quiet
from .test_crashes import scripted
from .world import Moment, World

MINUTE = 60
CALLS = 60
SPEC = {
    "every": "2m",
    "endTime": "2026-11-22T10:08:00Z",
    "retry": {"limit": 2, "backoff": "20s"},
    "successfulJobsHistoryLimit": 0,
    "failedJobsHistoryLimit": 0,
    "runHistoryLimit": 1,
}

Happening = Callable[[World], None]
Way = tuple[str, Moment, Happening]


async def _story(world: World, policy: str) -> None:
    scripted(world)
    world.apply("report", {**SPEC, "concurrencyPolicy": policy})
    await world.sleep(5 * MINUTE)
    world.run_now("now", "report")
    await world.sleep(4 * MINUTE)
    check_promises(world)
    world.end_old()
    await check_quiet(world, settle=20 * MINUTE)
    assert all(life.again == 0 and life.strays == {} for life in world.cluster.history.lives.values())


async def _at_call(call: int, policy: str, moment: Moment, happens: Happening) -> None:
    async with World(elected=True) as world:
        world.start()
        world.at_call(call, moment, lambda: happens(world))
        await _story(world, policy)
        assert world.hits == 1, f"the story is too short: it has no request {call}"


async def _creations(policy: str) -> list[int]:
    """Which requests create Jobs, if nothing happens."""
    async with World(elected=True) as world:
        leader, found = world.start(), []

        def note(verb: str, kind: str, name: str) -> str:
            if (verb, kind) == ("create", "jobs"):
                found.append(leader.connection.calls)
            return ""

        world.faults.script = note
        await _story(world, policy)
        return found


def _tell_all(ways: list[Way], calls: Iterable[int]) -> None:
    """One of the ways at each of these requests, or in the deep search all of them at every request."""
    for number, call in enumerate(range(1, CALLS + 1) if DEEP else calls):
        for way in ways if DEEP else [ways[number * 5 % len(ways)]]:
            try:
                simulate(_at_call(call, *way))
            except AssertionError as error:
                raise AssertionError(f"at request {call}, {way[:2]}: {error}") from error


MOMENTS: tuple[Moment, ...] = ("before", "after")


def _hangs(asleep: float, on: float) -> Happening:
    def hang(world: World) -> None:
        world.pause_operator(30)
        world.later(asleep, lambda: world.wake_old(on))

    return hang


@pytest.mark.parametrize("policy", ["Forbid", "Replace"])
def test_the_leader_hangs_when_it_is_about_to_create_a_job_and_does_not_when_it_goes_on(policy: str) -> None:
    """That Job has come and gone meanwhile. Without the fence each of these would be made again."""
    calls = simulate(_creations(policy))
    assert len(calls) >= 5
    _tell_all([(policy, "before", _hangs(asleep=70.0, on=600.0))], calls)


def test_the_leader_hangs_at_any_request_and_goes_on() -> None:
    """For less than its lease, for a little longer, for long; then it ends soon, or stays and follows."""
    naps = [_hangs(asleep, on) for asleep, on in product((6.0, 16.0, 70.0, 300.0), (0.3, 600.0))]
    _tell_all(list(product(("Forbid", "Replace"), MOMENTS, naps)), range(1, CALLS + 1, 5))


def test_the_leader_is_killed_at_any_request() -> None:
    crashes: list[Happening] = [lambda world: world.crash(3), lambda world: world.crash(60)]
    _tell_all(list(product(("Forbid", "Replace"), MOMENTS, crashes)), range(1, CALLS + 1, 5))


def test_the_leader_is_stopped_at_any_request() -> None:
    """It tells what it has written last; who has seen all that need not list anything."""
    stops: list[Happening] = [lambda world: world.stop_soon(3), lambda world: world.stop_soon(60)]
    _tell_all(list(product(("Forbid", "Replace"), MOMENTS, stops)), range(1, CALLS + 1, 5))


def test_a_graceful_stop_writes_what_is_known() -> None:
    """Though mere progress of a run would have waited for more."""

    async def story() -> None:
        async with World(elected=True) as world:
            world.behaviour = Behaviour(starts=1, lasts=60)
            world.apply("report", {"at": "2026-11-22T10:02:00Z"})
            world.start()
            await world.sleep(2 * MINUTE + 2)
            [life] = world.cluster.history.lives.values()
            assert not life.status["runs"]
            await world.stop()
            assert [run["phase"] for run in life.status["runs"]] == ["Running"]

    simulate(story())


def test_a_graceful_stop_in_a_burst_starts_nothing_more_and_the_next_leader_does() -> None:
    async def story() -> None:
        async with World(elected=True) as world:
            for number in range(300):
                world.apply(f"report-{number}", {"at": "2026-11-22T10:02:00Z"})
            world.start()
            await world.sleep(2 * MINUTE + 0.06)
            await world.stop()
            begun = len(list(world.cluster.items("jobs")))
            assert 0 < begun < 300
            world.start()
            await world.sleep(30)
            assert len(list(world.cluster.items("jobs"))) == 300
            check_promises(world)

    simulate(story())
