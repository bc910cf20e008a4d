"""An operator hangs, another takes over, and the old one goes on with what it knew; requests are carried out late."""

from itertools import count, product

from .clock import simulate
from .profile import DEEP
from .promises import check_promises, check_quiet
from .test_crashes import scripted
from .world import Moment, World

MINUTE = 60
CALLS = 50
SPEC = {
    "every": "2m",
    "endTime": "2026-11-22T10:08:00Z",
    "retry": {"limit": 2, "backoff": "20s"},
    "successfulJobsHistoryLimit": 0,
    "failedJobsHistoryLimit": 0,
    "runHistoryLimit": 1,
}


KEPT = {"successfulJobsHistoryLimit": 5, "failedJobsHistoryLimit": 5}
"""Against an old leader only the Job's name stands, as long as the Job does."""


async def _story(world: World, policy: str, more: dict[str, int]) -> None:
    scripted(world)
    world.apply("report", {**SPEC, **more, "concurrencyPolicy": policy})
    await world.sleep(5 * MINUTE)
    world.run_now("now", "report")
    await world.sleep(4 * MINUTE)
    check_promises(world)
    world.end_old()
    await check_quiet(world, settle=20 * MINUTE)


def _ways(call: int) -> list[tuple[str, Moment, float, float]]:
    """Policy, moment, how long it hangs and how long it goes on: all, or in the short search one after another."""
    policies = ("Forbid", "Replace")
    moments: tuple[Moment, ...] = ("before", "after")
    ways = list(product(policies, moments, (16.0, 70.0, 300.0), (0.3, 60.0)))
    return ways if DEEP else [ways[call * 5 % len(ways)]]


def test_an_old_leader_goes_on_after_each_request() -> None:
    async def story(call: int, policy: str, moment: Moment, asleep: float, on: float) -> None:
        async with World(seed=call) as world:
            world.start()

            def hang() -> None:
                world.pause_operator(15)
                world.later(asleep, lambda: world.wake_old(on))

            world.at_call(call, moment, hang)
            await _story(world, policy, KEPT)
            assert world.hits == 1, f"the story is too short: it has no request {call}"

    for call in range(1, CALLS + 1):
        for way in _ways(call):
            try:
                simulate(story(call, *way))
            except AssertionError as error:
                raise AssertionError(f"it hangs at request {call}, {way}: {error}") from error


def _troubles(call: int) -> list[tuple[str, str, bool]]:
    """Policy, fault, and whether the operator dies of it: all, or in the short search one after another."""
    troubles = list(product(("Forbid", "Replace"), ("late", "failed", "unanswered"), (False, True)))
    return troubles if DEEP else [troubles[call * 5 % len(troubles)]]


def test_each_request_takes_effect_though_the_client_gave_it_up() -> None:
    async def story(call: int, policy: str, fault: str, dies: bool) -> None:
        async with World(seed=call) as world:
            calls = count(1)
            world.faults.script = lambda *_: fault if next(calls) == call else ""
            world.start()
            if dies:
                world.crash_at(call + 1, "before", 3)
            await _story(world, policy, {})

    for call in range(1, CALLS + 1):
        for trouble in _troubles(call):
            try:
                simulate(story(call, *trouble))
            except AssertionError as error:
                raise AssertionError(f"request {call}, {trouble}: {error}") from error
