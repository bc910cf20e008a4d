"""Deletions that nobody hears of, or that old news would undo."""

import asyncio

import pytest

from .clock import simulate
from .node import Behaviour
from .promises import check_quiet
from .world import World

MINUTE = 60
HOURLY = {"schedule": "0 * * * *", "endTime": "2026-11-22T13:30:00Z"}


@pytest.mark.parametrize("watch", ["jobs", "pods", "both"])
def test_a_job_deleted_in_a_gap_is_missed(watch: str) -> None:
    """Its watch broke, and when it can be connected again, the deletion is too old to be told."""

    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=1500)
            world.apply("report", HOURLY)
            world.start()
            await world.sleep(61 * MINUTE)
            for kind in ("jobs", "pods") if watch == "both" else (watch,):
                world.snap(kind, 5 * MINUTE, losing=True)
            world.delete("jobs", "report-1795345200")
            await world.sleep(6 * MINUTE)
            assert world.status("report")["runs"][0]["phase"] == "Cancelled"
            assert world.status("report")["activeCount"] == 0
            await check_quiet(world, settle=4 * 3600)
            assert len(world.cluster.history.life("report").jobs) == 3

    simulate(story())


def test_an_agentrun_deleted_in_a_gap_is_missed() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=3000)
            world.apply("report", {**HOURLY, "suspend": True})
            world.start()
            await world.sleep(MINUTE)
            world.run_now("now", "report")
            await world.sleep(MINUTE)
            world.snap("agentruns", MINUTE, losing=True)
            world.delete("agentruns", "now")
            await world.sleep(12 * MINUTE)
            assert [run["phase"] for run in world.status("report")["runs"]] == ["Cancelled"]
            assert not world.cluster.items("pods")
            await check_quiet(world)

    simulate(story())


@pytest.mark.parametrize("cascade", ["Background", "Orphan"])
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("away", ["watch", "operator", ""])
def test_a_deleted_schedule_does_not_go_on_running(cascade: str, again: bool, away: str) -> None:
    """Deleted while the watch was broken, while no operator ran, or in plain sight; and made again at once, or not."""

    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=3300)
            world.apply("report", HOURLY)
            world.start()
            await world.sleep(61 * MINUTE)
            if away == "watch":
                world.snap("agentschedules", MINUTE, losing=True)
            elif away == "operator":
                world.crash(10 * MINUTE)
            world.delete("agentschedules", "report", cascade)
            if again:
                world.apply("report", {**HOURLY, "suspend": True})
            await world.sleep(37 * MINUTE)
            assert not world.cluster.items("pods"), (
                "twice the sweep interval, the grace time and the pod's own have passed"
            )
            assert not world.cluster.items("jobs")
            await check_quiet(world, settle=3 * 3600)

    simulate(story())


@pytest.mark.parametrize("again", [False, True])
def test_a_list_that_was_long_on_its_way_brings_nothing_back(again: bool) -> None:
    """It shows a schedule whose deletion was told meanwhile."""

    async def story() -> None:
        async with World() as world:
            spec = {"every": "1m", "endTime": "2026-11-22T10:30:00Z"}
            world.apply("report", spec)
            world.start()
            await world.sleep(50)

            def meanwhile() -> None:
                world.delete("agentschedules", "report")
                if again:
                    world.apply("report", {**spec, "input": "anew"})

            def script(verb: str, kind: str, name: str) -> str:
                if (verb, kind) != ("list", "agentschedules"):
                    return ""
                asyncio.get_running_loop().call_later(0.5, meanwhile)
                world.faults.script = lambda *_: ""
                return "slow"

            world.faults.script = script
            world.snap("agentschedules", 1, losing=True)
            await world.sleep(40)
            assert world.operator is not None
            known = {entry.schedule.owner.uid for entry in world.operator.intake.registry.schedules.values()}
            assert known == set(world.cluster.by_uid["agentschedules"])
            await check_quiet(world)

    simulate(story())


def test_an_answer_that_was_long_on_its_way_brings_no_job_back() -> None:
    """A Job goes, and its end is recorded, while the operator's last look at it is still on its way."""

    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=240, stops=0.2)
            world.apply("report", {"every": "2m", "endTime": "2026-11-22T10:20:00Z", "concurrencyPolicy": "Replace"})
            world.start()
            world.faults.script = lambda verb, kind, _: "slow" if (verb, kind) == ("read", "jobs") else ""
            await check_quiet(world)
            assert not world.status("report")["active"]
            assert world.status("report")["totals"]["runs"] == 10

    simulate(story())


def test_a_pod_that_outlives_its_job_and_the_operator_is_waited_for() -> None:
    """Its Job was deleted while no operator ran; what it says when it ends is still heard."""

    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=240, stops=28)
            world.apply("report", {"every": "2m", "endTime": "2026-11-22T10:20:00Z"})
            world.start()
            await world.sleep(150)
            world.crash(8)
            world.delete("jobs", "report-1795341720")
            await world.sleep(60)
            (run,) = world.status("report")["runs"]
            assert (run["phase"], run["costUSD"]) == ("Cancelled", "0.01")
            await check_quiet(world)

    simulate(story())
