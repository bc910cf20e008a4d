"""What policies allow a namespace as a whole: money in a period, and active runs."""

from datetime import timedelta
from typing import Any

import pytest

from agentschedule.runs.facts import job_facts

from .clock import simulate
from .node import Behaviour
from .promises import check_promises, check_quiet
from .world import START, World

MINUTE = 60
HOUR = 3600
CHEAP = Behaviour(lasts=60, message='{"costUSD": "0.30"}')
HOURLY = {"schedule": "0 * * * *", "endTime": "2026-11-22T23:30:00Z", "pauseAfterFailures": 0}
PER_RUN = {**HOURLY, "budget": {"perRunUSD": "0.50"}}


def a_day(limit: str) -> dict[str, Any]:
    return {"limits": {"namespaceBudget": {"period": "Day", "limitUSD": limit}}}


def ran(world: World) -> int:
    return sum(len(life.jobs) for life in world.cluster.history.lives.values())


def skips(world: World, name: str) -> dict[str, int]:
    return {skip["reason"]: skip["count"] for skip in world.status(name).get("skips") or ()}


def test_ten_schedules_in_one_second_do_not_take_the_last_dollar_twice() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = CHEAP
            world.policy("base", a_day("1.20"))
            for number in range(10):
                world.apply(f"s-{number}", PER_RUN)
            world.start()
            await world.sleep(61 * MINUTE)
            assert ran(world) == 2, "each has 0.50 reserved"
            assert sum(skips(world, f"s-{number}").get("Budget", 0) for number in range(10)) == 8
            told = [message for _, _, reason, message in world.cluster.events if reason == "BudgetExceeded"]
            assert "AgentPolicy base: of 1.2 USD for all schedules of this namespace in this day 0 are spent" in told[0]
            await world.sleep(HOUR)
            assert ran(world) == 3, "0.60 are spent: there is room for one that may cost 0.50"
            await world.sleep(3 * HOUR)
            assert ran(world) == 3, "0.90 are spent"
            assert {world.status(f"s-{number}")["phase"] for number in range(10)} == {"Active"}
            check_promises(world)

    simulate(story())


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 40, 6))
def test_a_crash_at_any_request_gives_nobody_more(call: int, moment: Any) -> None:
    async def story() -> None:
        async with World(seed=call) as world:
            world.behaviour = CHEAP
            world.policy("base", a_day("1.70"))
            for number in range(6):
                world.apply(f"s-{number}", PER_RUN)
            world.start()
            await world.sleep(HOUR - (START - START.replace(minute=0, second=0)).total_seconds() - 1)
            world.crash_at(call, moment, 3)
            await world.sleep(5 * MINUTE)
            assert ran(world) == 3
            await world.sleep(6 * HOUR)
            assert ran(world) == 5, "1.50 are spent"
            await check_quiet(world, settle=12 * HOUR)

    simulate(story())


def test_a_schedule_that_is_made_anew_does_not_get_the_money_again() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = CHEAP
            world.policy("base", a_day("0.70"))
            world.apply("report", PER_RUN)
            world.start()
            await world.sleep(65 * MINUTE)
            assert ran(world) == 1
            world.delete("agentschedules", "report")
            await world.sleep(MINUTE)
            world.apply("report", PER_RUN)
            await world.sleep(2 * HOUR)
            assert ran(world) == 1
            assert skips(world, "report") == {"Budget": 2}
            await check_quiet(world, settle=24 * HOUR)

    simulate(story())


def test_a_budget_that_comes_later_counts_what_the_history_shows_and_goes_without_a_trace() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = CHEAP
            world.apply("report", PER_RUN)
            world.start()
            await world.sleep(2 * HOUR + MINUTE)
            assert ran(world) == 2
            world.policy("base", a_day("1"))
            await world.sleep(HOUR)
            assert ran(world) == 2, "0.60 are spent"
            world.policy("base", a_day("1.20"))
            await world.sleep(HOUR + 5 * MINUTE)
            assert ran(world) == 3
            (account,) = world.status("report")["namespaceSpending"]
            assert (account["period"], account["spentUSD"]) == ("Day", "0.9")
            world.policy("base", None)
            await world.sleep(HOUR)
            assert ran(world) == 4
            assert "namespaceSpending" not in world.status("report")
            await check_quiet(world, settle=24 * HOUR)

    simulate(story())


def test_other_namespaces_have_their_own_money() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = CHEAP
            world.policy("base", a_day("0.50"))
            for team in ("team-a", "team-b"):
                for number in range(3):
                    world.apply(f"s-{number}", PER_RUN, team)
            world.start()
            await world.sleep(61 * MINUTE)
            assert ran(world) == 2

    simulate(story())


def test_active_runs_of_a_namespace_wait_for_each_other_in_slot_order() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=600)
            world.policy("base", {"limits": {"maxActiveRuns": 2}})
            for team in ("team-a", "team-b"):
                for number in range(6):
                    at = START + timedelta(seconds=120 + 7 * number % 5)
                    world.apply(f"s-{number}", {"at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}, team)
            world.start()
            await world.sleep(5 * MINUTE)
            assert ran(world) == 4
            told = [message for _, _, reason, message in world.cluster.events if reason == "WaitingForTurn"]
            assert any("2 of 2 runs are active in namespace team-a (AgentPolicy base)" in one for one in told)
            world.policy("base", {"limits": {"maxActiveRuns": 3}})
            await world.sleep(MINUTE)
            assert ran(world) == 6
            world.policy("base", None)
            await world.sleep(MINUTE)
            assert ran(world) == 12
            for team in ("team-a", "team-b"):
                jobs = [job_facts(raw) for life in world.cluster.history.lives.values() for raw in life.jobs.values()]
                mine = sorted((job for job in jobs if job.namespace == team), key=lambda job: job.version)
                slots = [job.slot for job in mine]
                assert sorted(slots[:2]) == sorted(slots)[:2]
                assert slots[2] == sorted(slots)[2], "the others were let go together"
            await check_quiet(world, settle=2 * HOUR)

    simulate(story())
