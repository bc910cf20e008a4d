"""Pods that do not start: their runs are told why, end in time, and are tried again, whatever happens meanwhile."""

from datetime import timedelta
from typing import Any

import pytest

from .clock import simulate
from .node import Behaviour
from .promises import check_promises, check_quiet
from .world import World

MINUTE = 60
NO_IMAGE = Behaviour(starts=None)
QUOTA = Behaviour(refused='pods "x" is forbidden: exceeded quota: small')
AT = {"at": "2026-11-22T10:01:00Z", "pendingDeadlineSeconds": 120}


def newest(world: World) -> dict[str, Any]:
    run: dict[str, Any] = world.status("report")["runs"][0]
    return run


@pytest.mark.parametrize(
    ("behaviour", "soon", "reason", "words"),
    [
        pytest.param(NO_IMAGE, 5, "ErrImagePull", "no such image", id="no image"),
        pytest.param(QUOTA, 25, "FailedCreate", "exceeded quota: small", id="no pod at all"),
    ],
)
def test_a_run_that_never_starts(behaviour: Behaviour, soon: float, reason: str, words: str) -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = behaviour
            world.apply("report", AT)
            world.start()
            await world.sleep(MINUTE + soon)
            assert (newest(world)["phase"], newest(world)["reason"]) == ("Pending", reason)
            assert words in newest(world)["message"]
            await world.sleep(2 * MINUTE)
            assert (newest(world)["phase"], newest(world)["reason"]) == ("Failed", "NeverStarted")
            assert newest(world)["message"].startswith(f"never started within 120 s: {reason}: ")
            assert words in newest(world)["message"]
            assert world.cluster.items("jobs") == []
            await check_quiet(world)

    simulate(story())


@pytest.mark.parametrize("behaviour", [NO_IMAGE, QUOTA], ids=["no image", "no pod at all"])
def test_a_crash_in_between_loses_nothing(behaviour: Behaviour) -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = behaviour
            world.apply("report", {**AT, "retry": {"limit": 1, "backoff": "30s"}})
            world.start()
            await world.sleep(2 * MINUTE)
            world.crash(10 * MINUTE)
            await world.sleep(10 * MINUTE + 20)
            assert newest(world)["reason"] == "NeverStarted"
            assert "retryAt" in newest(world)
            world.behaviour = Behaviour()
            world.crash(5)
            await world.sleep(2 * MINUTE)
            assert (newest(world)["phase"], newest(world)["attempt"]) == ("Succeeded", 2)
            await check_quiet(world)

    simulate(story())


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 9))
def test_a_crash_at_each_request_of_the_stop(call: int, moment: Any) -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = NO_IMAGE
            world.apply("report", AT)
            world.start()
            await world.sleep(2.9 * MINUTE)
            world.crash_at(call, moment, 30)
            await world.sleep(5 * MINUTE)
            assert (newest(world)["phase"], newest(world)["reason"]) == ("Failed", "NeverStarted")
            assert "no such image" in newest(world)["message"]
            await check_quiet(world)

    simulate(story())


def test_events_that_cannot_be_read_delay_nothing() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = QUOTA
            world.faults.script = lambda verb, kind, name: "broken" if kind == "events" else ""
            world.apply("report", AT)
            world.start()
            await world.sleep(4 * MINUTE)
            assert newest(world)["message"] == "never started within 120 s: the cluster does not say why"
            check_promises(world)

    simulate(story())


def test_one_that_starts_at_the_last_moment_runs_on() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(starts=110, lasts=200)
            world.apply("report", {**AT, "activeDeadlineSeconds": 900})
            world.start()
            await world.sleep(10 * MINUTE)
            assert newest(world)["phase"] == "Succeeded"
            assert world.clock.true() - world.clock.now() < timedelta(seconds=1)
            await check_quiet(world)

    simulate(story())
