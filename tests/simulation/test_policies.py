"""Administrators' policies come, change and go while schedules run, and while no operator does."""

import pytest

from .clock import simulate
from .promises import check_quiet
from .world import World

MINUTE = 60
HOUR = 3600
HOURLY = {"schedule": "0 * * * *", "endTime": "2026-11-22T16:30:00Z", "startingDeadlineSeconds": 600}
ONLY_OTHERS = {"allowedImages": ["registry.example.com/*"]}
GOLD = {"namespaceSelector": {"matchLabels": {"tier": "gold"}}}


def jobs(world: World) -> int:
    return len(world.cluster.history.life("report").jobs)


def skipped(world: World) -> dict[str, int]:
    return {skip["reason"]: skip["count"] for skip in world.status("report").get("skips") or ()}


@pytest.mark.parametrize("away", [False, True])
def test_a_policy_holds_from_when_it_is_there(away: bool) -> None:
    async def story() -> None:
        async with World() as world:
            world.apply("report", HOURLY)
            world.start()
            await world.sleep(61 * MINUTE)
            assert jobs(world) == 1
            if away:
                world.kill()
            world.policy("base", ONLY_OTHERS)
            if away:
                await world.sleep(MINUTE)
                world.start()
            await world.sleep(2 * HOUR)
            assert jobs(world) == 1
            assert skipped(world) == {"Policy": 2}
            world.policy("base", None)
            await check_quiet(world, settle=4 * HOUR)
            assert jobs(world) > 2
            assert skipped(world) == {"Policy": 2}

    simulate(story())


def test_a_policy_that_is_changed_in_a_gap_of_its_watch() -> None:
    async def story() -> None:
        async with World() as world:
            world.policy("base", ONLY_OTHERS)
            world.apply("report", HOURLY)
            world.start()
            await world.sleep(61 * MINUTE)
            assert (jobs(world), skipped(world)) == (0, {"Policy": 1})
            world.snap("agentpolicies", 5 * MINUTE, losing=True)
            world.policy("base", None)
            await world.sleep(HOUR)
            assert jobs(world) == 1
            await check_quiet(world, settle=4 * HOUR)

    simulate(story())


def test_a_namespaces_labels_bring_a_policy_and_take_it_away() -> None:
    async def story() -> None:
        async with World() as world:
            world.policy("gold", {**GOLD, **ONLY_OTHERS})
            world.label_namespace(tier="silver")
            world.apply("report", HOURLY)
            world.start()
            await world.sleep(61 * MINUTE)
            assert jobs(world) == 1
            world.label_namespace(tier="gold")
            await world.sleep(HOUR)
            assert (jobs(world), skipped(world)) == (1, {"Policy": 1})
            world.label_namespace(tier=None)
            await world.sleep(HOUR)
            assert jobs(world) == 2
            await check_quiet(world, settle=4 * HOUR)

    simulate(story())


def test_a_ceiling_that_comes_later_refuses_and_lets_go_again() -> None:
    async def story() -> None:
        async with World() as world:
            world.apply("report", {**HOURLY, "activeDeadlineSeconds": 600})
            world.start()
            await world.sleep(61 * MINUTE)
            world.policy("base", {"limits": {"maxActiveDeadlineSeconds": 60}})
            await world.sleep(HOUR)
            assert jobs(world) == 1
            assert world.status("report")["phase"] == "Invalid"
            world.policy("base", {"limits": {"maxActiveDeadlineSeconds": 6000}})
            await world.sleep(HOUR)
            assert jobs(world) == 2
            assert skipped(world) == {"Policy": 1}
            assert world.status("report")["phase"] == "Active"
            await check_quiet(world, settle=4 * HOUR)

    simulate(story())


def test_a_namespace_has_no_more_schedules_than_it_may() -> None:
    async def story() -> None:
        async with World() as world:
            world.policy("base", {"limits": {"maxSchedulesPerNamespace": 1}})
            world.start()
            for name in ("first", "report"):
                world.apply(name, HOURLY)
                await world.sleep(MINUTE)
            await world.sleep(HOUR)
            [accepted] = [c for c in world.status("report")["conditions"] if c["type"] == "Accepted"]
            assert (accepted["status"], accepted["reason"]) == ("False", "QuotaExceeded")
            assert (jobs(world), len(world.cluster.history.life("first").jobs)) == (0, 1)
            world.delete("agentschedules", "first")
            await world.sleep(HOUR)
            assert jobs(world) == 1
            await check_quiet(world, settle=4 * HOUR)

    simulate(story())
