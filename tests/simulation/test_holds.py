"""Holds: after failures nothing starts until a person says so, whatever happens to the operator."""

from typing import Any

import pytest

from .clock import simulate
from .node import Behaviour
from .profile import DEEP
from .promises import check_quiet, slots_ran
from .world import World

MINUTE = 60
FAILS = Behaviour(lasts=5, exit_code=1)
SPEC = {"every": "5m", "endTime": "2026-11-22T11:31:00Z", "pauseAfterFailures": 2}
DEAD = {"at": "2026-11-22T10:05:00Z", "retry": {"limit": 1, "backoff": "10s"}}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 11, 1 if DEEP else 3))
def test_two_failures_hold_it_until_it_is_resumed(call: int, moment: Any) -> None:
    async def story() -> None:
        async with World(seed=call) as world:
            world.behaviour = FAILS
            world.apply("report", SPEC)
            world.start()
            await world.sleep(5 * MINUTE - 1)
            world.crash_at(call, moment, 3)
            await world.sleep(20 * MINUTE)
            life = world.cluster.history.life("report")
            assert len(slots_ran(life)) == 2
            assert (life.status["phase"], life.status["consecutiveFailures"]) == ("Held", 2)

            stale = life.status["hold"]["id"]
            world.resume("report")
            await world.sleep(5 * MINUTE)
            assert life.status["hold"]["id"] != stale, "on probation one more failure is enough"
            assert len(slots_ran(life)) == 3
            world.resume("report", stale)
            await world.sleep(10 * MINUTE)
            assert (len(slots_ran(life)), life.status["phase"]) == (3, "Held")

            world.behaviour = Behaviour()
            world.resume("report")
            await world.sleep(6 * MINUTE)
            assert "hold" not in life.status
            await check_quiet(world)
            assert len(slots_ran(life)) == 14

    simulate(story())


def test_a_manual_run_goes_on_and_ends_no_hold() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = FAILS
            world.apply("report", SPEC)
            world.start()
            await world.sleep(11 * MINUTE)
            world.behaviour = Behaviour()
            world.run_now("now", "report")
            await world.sleep(MINUTE)
            assert world.status("report")["runs"][0]["trigger"] == "Manual"
            assert world.status("report")["phase"] == "Held"
            await check_quiet(world)

    simulate(story())


@pytest.mark.parametrize("call", range(1, 16, 1 if DEEP else 3))
def test_a_dead_letter_waits_for_a_person(call: int) -> None:
    async def story() -> None:
        async with World(seed=call) as world:
            world.behaviour = FAILS
            world.apply("once", DEAD)
            world.start()
            await world.sleep(5 * MINUTE - 1)
            world.crash_at(call, "after", 3)
            await world.sleep(5 * MINUTE)
            life = world.cluster.history.life("once")
            assert (life.status["phase"], len(life.jobs)) == ("DeadLetter", 2)
            world.resume("once")
            await world.sleep(MINUTE)
            assert life.status["phase"] == "Complete"
            await check_quiet(world)

    simulate(story())


@pytest.mark.parametrize(
    ("status", "how"),
    [
        pytest.param({"hold": None}, "ended, though nobody resumed it", id="the hold taken away"),
        pytest.param({"queued": ["2026-11-22T10:30:00Z", "2026-11-22T10:25:00Z"]}, "out of order", id="a queue"),
        pytest.param({"totals": {"skipped": 0, "runs": 0}}, "went back: totals.runs", id="counters"),
    ],
)
def test_the_promises_notice_a_status_that_is_wrong(status: dict[str, Any], how: str) -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = FAILS
            world.apply("report", {**SPEC, "maxQueuedRuns": 5, "concurrencyPolicy": "Queue"})
            world.start()
            await world.sleep(11 * MINUTE)
            world.kill()
            world.cluster.patch("agentschedules", "team-a", "report", {"status": status}, "status")
            assert any(how in line for line in world.cluster.history.broken)

    simulate(story())
