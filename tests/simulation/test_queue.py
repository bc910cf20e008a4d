"""Queue, catch-up of all, blackouts and limits of runs: every slot runs, is skipped, or waits, in its order."""

from typing import Any

import pytest

from agentschedule.runs.facts import job_facts

from .clock import simulate
from .life import Life
from .node import Behaviour
from .profile import DEEP
from .promises import check_promises, check_quiet, slots_ran, slots_skipped
from .world import World

MINUTE = 60
END = "2026-11-22T10:41:00Z"
QUEUE = {"every": "5m", "endTime": END, "concurrencyPolicy": "Queue", "maxQueuedRuns": 2}


def order(life: Life) -> list[str]:
    """Slots and triggers of a schedule's Jobs, in the order in which they were created."""
    return [f"{job.slot:%H:%M} {job.trigger}" for job in map(job_facts, life.jobs.values())]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", [None, *range(1, 30, 1 if DEEP else 7)])
def test_slots_wait_in_their_order(call: int | None, moment: Any) -> None:
    """Eight slots of runs of eight minutes each: two wait, the others find the queue full."""

    async def story() -> None:
        async with World(seed=call or 0) as world:
            world.behaviour = Behaviour(lasts=480)
            world.apply("report", QUEUE)
            world.start()
            await world.sleep(9 * MINUTE)
            if call is not None:
                world.crash_at(call, moment, 3)
            await check_quiet(world)
            life = world.cluster.history.life("report")
            assert order(life) == sorted(order(life))
            assert len(slots_ran(life)) == 7
            assert [(skip["reason"], skip["count"]) for skip in life.status["skips"]] == [("QueueFull", 1)]

    simulate(story())


def test_what_waits_outlives_a_long_downtime() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=480)
            world.apply("report", QUEUE)
            world.start()
            await world.sleep(11 * MINUTE)
            assert len(world.status("report")["queued"]) == 1
            world.crash(25 * MINUTE)
            await check_quiet(world)
            life = world.cluster.history.life("report")
            assert order(life)[:2] == ["10:05 Schedule", "10:10 Schedule"]

    simulate(story())


@pytest.mark.parametrize("policy", ["Forbid", "Replace", "Allow", "Queue"])
@pytest.mark.parametrize("limit", [2, 10])
def test_all_missed_slots_are_made_up_for_one_after_another(policy: str, limit: int) -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=20)
            spec = {"every": "5m", "endTime": END, "catchUp": "All", "catchUpLimit": limit, "concurrencyPolicy": policy}
            world.apply("report", spec)
            world.start()
            await world.sleep(6 * MINUTE)
            world.crash(21 * MINUTE)
            await world.sleep(21 * MINUTE)
            world.crash_at(4, "after", 10)
            await check_quiet(world)
            life = world.cluster.history.life("report")
            made_up = [slot for slot in order(life) if "CatchUp" in slot]
            assert made_up == [f"10:{minute:02} CatchUp" for minute in (10, 15, 20, 25)[-limit:]]
            assert slots_skipped(life) == 4 - len(made_up)

    simulate(story())


@pytest.mark.parametrize(("action", "ran"), [("Skip", 4), ("Defer", 5)])
def test_slots_in_a_blackout(action: str, ran: int) -> None:
    async def story() -> None:
        async with World() as world:
            hours = {"start": "10:12", "end": "10:32"}
            blackouts = [{"name": "noon", "hours": hours, "action": action}]
            world.apply("report", {"every": "5m", "endTime": END, "blackouts": blackouts})
            world.start()
            await world.sleep(13 * MINUTE)
            world.crash(MINUTE)
            await check_quiet(world)
            life = world.cluster.history.life("report")
            assert len(slots_ran(life)) == ran
            assert [(skip["reason"], skip["name"]) for skip in life.status["skips"]] == [("Blackout", "noon")]

    simulate(story())


@pytest.mark.parametrize("call", range(1, 12, 1 if DEEP else 3))
def test_no_run_too_many(call: int) -> None:
    async def story() -> None:
        async with World(seed=call) as world:
            world.apply("report", {"every": "5m", "endTime": END, "maxRuns": 2})
            world.start()
            await world.sleep(5 * MINUTE - 1)
            world.crash_at(call, "after", 3)
            await world.sleep(16 * MINUTE)
            check_promises(world)
            assert world.status("report")["phase"] == "Complete"
            world.edit("report", {"maxRuns": 3})
            await check_quiet(world)
            assert len(slots_ran(world.cluster.history.life("report"))) == 3

    simulate(story())


def test_slots_that_people_take_out() -> None:
    async def story() -> None:
        async with World() as world:
            world.apply("report", {"every": "5m", "endTime": END})
            world.start()
            await world.sleep(MINUTE)
            world.skip_next("report")
            world.crash(6 * MINUTE)
            await check_quiet(world)
            life = world.cluster.history.life("report")
            assert [(skip["reason"], skip["count"]) for skip in life.status["skips"]] == [("Requested", 1)]
            assert len(slots_ran(life)) == 7

    simulate(story())
