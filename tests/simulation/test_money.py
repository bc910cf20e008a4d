"""Budgets: never more is started than they allow, and every run is charged what it cost, whatever happens meanwhile."""

from typing import Any

import pytest

from .clock import simulate
from .node import Behaviour
from .profile import DEEP
from .promises import check_promises, check_quiet, slots_ran, slots_skipped
from .world import World

MINUTE = 60
END = "2026-11-22T11:55:00Z"
CHEAP = Behaviour(lasts=60, message='{"costUSD": "0.30"}')
DEAR = Behaviour(lasts=60, message='{"costUSD": "0.70"}')
SILENT = Behaviour(lasts=60, message="not a word of money")
HOURLY = {"perRunUSD": "0.50", "period": "Hour", "periodUSD": "1.20"}


def spec(budget: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"every": "5m", "endTime": END, "pauseAfterFailures": 0, "budget": budget, **more}


@pytest.mark.parametrize("policy", ["Pause", "Skip"])
@pytest.mark.parametrize(
    ("behaviour", "runs_an_hour"),
    [
        pytest.param(CHEAP, 3, id="0.30 each: after three, less than a run needs is left"),
        pytest.param(DEAR, 2, id="0.70 each: more than is granted, found out afterwards"),
        pytest.param(SILENT, 2, id="told by none: each is charged the 0.50 that it was granted"),
    ],
)
def test_what_a_budget_of_an_hour_is_spent_on(policy: str, behaviour: Behaviour, runs_an_hour: int) -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = behaviour
            world.apply("report", spec({**HOURLY, "onExceeded": policy}))
            world.start()
            await world.sleep(118 * MINUTE)
            check_promises(world)
            life = world.cluster.history.life("report")
            assert len(slots_ran(life)) == 2 * runs_an_hour
            if policy == "Skip":
                assert slots_skipped(life) == 23 - 2 * runs_an_hour
            await check_quiet(world)

    simulate(story())


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 20, 1 if DEEP else 4))
def test_a_crash_at_each_request_charges_nothing_twice(call: int, moment: Any) -> None:
    async def story() -> None:
        async with World(seed=call) as world:
            world.behaviour = CHEAP
            world.apply("report", spec({"perRunUSD": "0.50", "totalUSD": "1.60"}))
            world.start()
            await world.sleep(5 * MINUTE - 1)
            world.crash_at(call, moment, 3)
            await check_quiet(world)
            life = world.cluster.history.life("report")
            assert len(slots_ran(life)) == 4
            assert life.status["budget"]["totalUSD"] == "1.2"
            assert life.status["hold"]["reason"] == "BudgetExceeded"

    simulate(story())


def test_attempts_share_what_their_run_was_granted() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=5, exit_code=1, message='{"costUSD": "0.20"}')
            retry = {"limit": 5, "backoff": "10s"}
            world.apply(
                "report", spec({"perRunUSD": "0.50", "totalUSD": "1"}, retry=retry, endTime="2026-11-22T10:06:00Z")
            )
            world.start()
            await world.sleep(10 * MINUTE)
            life = world.cluster.history.life("report")
            granted = [job["metadata"]["annotations"]["agentschedule.dev/budget-usd"] for job in life.jobs.values()]
            assert granted == ["0.5", "0.3", "0.1"]
            await check_quiet(world)
            assert life.status["budget"]["totalUSD"] == "0.6"

    simulate(story())


def test_runs_at_once_reserve_for_themselves() -> None:
    """Two may run at once, but there is money for one at a time."""

    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=420, message='{"costUSD": "0.01"}')
            budget = {"perRunUSD": "0.50", "totalUSD": "0.80", "onExceeded": "Skip"}
            world.apply("report", spec(budget, maxConcurrentRuns=2))
            world.start()
            await check_quiet(world, settle=180 * MINUTE)
            life = world.cluster.history.life("report")
            assert world.cluster.history.most_alive == 1
            assert [(skip["reason"], skip["count"]) for skip in life.status["skips"]] == [("Budget", 11)]

    simulate(story())


def test_a_person_resumes_or_raises_it() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = CHEAP
            world.apply("report", spec({"perRunUSD": "0.50", "totalUSD": "0.60"}))
            world.start()
            await world.sleep(21 * MINUTE)
            life = world.cluster.history.life("report")
            assert (len(slots_ran(life)), life.status["phase"]) == (1, "Held")
            world.resume("report", "0123456789")
            await world.sleep(10 * MINUTE)
            assert len(slots_ran(life)) == 1
            world.edit("report", {"budget": {"totalUSD": "0.90"}})
            await world.sleep(10 * MINUTE)
            assert (len(slots_ran(life)), life.status["phase"]) == (2, "Held")
            world.resume("report")
            await world.sleep(10 * MINUTE)
            assert len(slots_ran(life)) == 4
            await check_quiet(world)

    simulate(story())
