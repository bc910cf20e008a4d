"""The operator dies at every request it makes, before and after the request took effect; the promises hold."""

from datetime import timedelta
from typing import Literal

from .clock import simulate
from .node import Behaviour
from .profile import DEEP
from .promises import check_promises, check_quiet
from .world import World

CALLS = 50
MINUTE = 60


def scripted(world: World) -> None:
    """The second run fails once, the fifth is too long for the next slot."""
    scripts = {
        2: Behaviour(lasts=10, exit_code=1, message='{"summary": "no", "costUSD": "0.03", "state": {"page": 7}}'),
        5: Behaviour(lasts=150, message='{"summary": "long", "costUSD": "0.05"}'),
    }
    made = iter(range(1, 1000))
    world.cluster.node.behave = lambda _: scripts.get(next(made), world.behaviour)


async def _story(policy: str, call: int, moment: Literal["before", "after"], down: float) -> int:
    """Four slots, a retry, a manual run, history limits of one Job. Returns how often that request was made."""
    async with World(seed=call) as world:
        scripted(world)
        end = world.clock.true() + timedelta(minutes=8)
        world.start()
        world.crash_at(call, moment, down)
        world.apply(
            "report",
            {
                "every": "2m",
                "endTime": end.isoformat(),
                "concurrencyPolicy": policy,
                "retry": {"limit": 2, "backoff": "20s"},
                "successfulJobsHistoryLimit": 1,
                "failedJobsHistoryLimit": 1,
            },
        )
        await world.sleep(5 * MINUTE)
        world.run_now("now", "report")
        await world.sleep(4 * MINUTE)
        check_promises(world)
        await check_quiet(world, settle=20 * MINUTE)
        return world.hits


def _ways(call: int) -> list[tuple[str, Literal["before", "after"], float]]:
    """In which ways it dies at this request: all of them, or in the short search one after another."""
    policies = (("Forbid", 3.0), ("Replace", 150.0))
    moments: tuple[Literal["before", "after"], ...] = ("before", "after")
    ways = [(policy, moment, down) for policy, down in policies for moment in moments]
    return ways if DEEP else [ways[call % 4]]


def test_a_crash_at_each_request() -> None:
    for call in range(1, CALLS + 1):
        for policy, moment, down in _ways(call):
            try:
                made = simulate(_story(policy, call, moment, down))
            except AssertionError as error:
                raise AssertionError(f"killed {moment} request {call}, {policy}: {error}") from error
            assert made == 1, f"the story is too short: it has no request {call}"
