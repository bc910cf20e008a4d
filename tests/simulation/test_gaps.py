"""Single answers and events that get lost, each in the moment in which it hurts."""

import asyncio
from datetime import timedelta

import pytest

from agentschedule.cluster.errors import ApiError

from .clock import simulate
from .node import Behaviour
from .promises import check_promises, check_quiet, slots_ran
from .world import NAMESPACE, World

MINUTE = 60
HOURLY = {"schedule": "0 * * * *", "endTime": "2026-11-22T13:30:00Z"}


def test_a_create_without_an_answer_is_found_out_about() -> None:
    """The Job is there, but neither the answer nor the watch says so: the name does."""

    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=300)
            world.apply("report", HOURLY)
            world.start()
            await world.sleep(59 * MINUTE)
            world.snap("jobs", 4 * MINUTE, losing=False)
            world.faults.script = lambda verb, *_: "unanswered" if verb == "create" else ""
            await world.sleep(MINUTE + 14)
            world.faults.script = lambda *_: ""
            await world.sleep(20)
            assert world.status("report")["activeCount"] == 1
            check_promises(world)
            await check_quiet(world, settle=4 * 3600)
            assert len(world.cluster.history.life("report").jobs) == 3

    simulate(story())


def test_a_create_without_an_answer_is_not_forgotten_when_the_next_slot_is_due() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=25)
            end = (world.clock.true() + timedelta(minutes=2)).isoformat()
            world.apply("often", {"every": "10s", "endTime": end})
            world.start()
            await world.sleep(9)
            for kind in ("jobs", "pods"):
                world.snap(kind, 70, losing=False)
            world.faults.script = lambda verb, *_: "unanswered" if verb == "create" else ""
            await world.sleep(10)
            world.faults.script = lambda *_: ""
            await check_quiet(world)

    simulate(story())


def test_a_foreign_job_of_the_same_name_is_left_alone() -> None:
    async def story() -> None:
        async with World() as world:
            world.apply("report", HOURLY)
            foreign = {"name": "report-1795345200", "namespace": NAMESPACE, "labels": {}}
            world.cluster.add("jobs", {"metadata": foreign, "spec": {}, "status": {}})
            world.start()
            await world.sleep(4 * 3600)
            life = world.cluster.history.life("report")
            assert [(skip["reason"], skip["count"]) for skip in life.status["skips"]] == [("NameConflict", 1)]
            assert len(slots_ran(life)) == 2
            assert world.cluster.get("jobs", NAMESPACE, "report-1795345200") is not None

    simulate(story())


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
        async with World(resync_interval=60) as world:
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
            await world.sleep(40)
            assert world.operator is not None
            known = {entry.schedule.owner.uid for entry in world.operator.engine.registry.schedules.values()}
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


def test_a_status_is_written_again_until_it_is_taken() -> None:
    async def story() -> None:
        async with World() as world:
            world.apply("once", {"at": "2026-11-22T10:02:00Z"})
            world.start()
            await world.sleep(130)
            world.faults.script = lambda verb, *_: "broken" if verb == "patch status" else ""
            await world.sleep(120)
            world.faults.script = lambda *_: ""
            await world.sleep(60)
            assert world.status("once")["phase"] == "Complete"
            assert "nextRunTime" not in world.status("once")
            await check_quiet(world)

    simulate(story())


def test_a_result_is_waited_for_while_the_watch_of_pods_is_broken() -> None:
    async def story() -> None:
        async with World() as world:
            world.apply("report", {"every": "2m", "endTime": "2026-11-22T10:20:00Z", "successfulJobsHistoryLimit": 0})
            world.start()
            await world.sleep(119)
            world.snap("pods", 90, losing=False)
            await world.sleep(100)
            assert world.status("report")["runs"][0]["summary"] == "done"
            await check_quiet(world)

    simulate(story())


def test_a_stop_that_fails_is_asked_for_again() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=1000)
            world.apply("report", {"every": "2m", "endTime": "2026-11-22T10:10:00Z", "concurrencyPolicy": "Replace"})
            world.start()
            await world.sleep(200)
            world.faults.script = lambda verb, kind, _: "broken" if kind == "jobs" and verb != "create" else ""
            await world.sleep(60)
            world.faults.script = lambda *_: ""
            await check_quiet(world)
            life = world.cluster.history.life("report")
            assert len(slots_ran(life)) == 5

    simulate(story())


@pytest.mark.parametrize("verb", ["create", "patch status"])
def test_late_answers_do_not_undo_what_the_watch_has_told(verb: str) -> None:
    """Each Job has ended, or each status changed again, before the answer to the request comes in."""

    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(starts=0.1, lasts=0.7)
            world.apply("report", {"every": "10s", "endTime": "2026-11-22T10:05:00Z", "successfulJobsHistoryLimit": 1})
            world.faults.script = lambda asked, *_: "slow" if asked == verb else ""
            world.start()
            await check_quiet(world)
            assert world.status("report")["totals"]["failed"] == 0
            assert len(world.cluster.items("jobs")) == 1

    simulate(story())


def test_missed_slots_are_counted_also_when_the_operator_dies_before_it_could_say_so() -> None:
    """It made up for the newest slot, and died: its Job is there, the record of the others is not."""

    async def story() -> None:
        async with World() as world:
            world.apply("report", {"every": "1m", "endTime": "2026-11-22T10:30:00Z"})
            world.start()
            await world.sleep(150)
            world.crash(600)
            world.faults.script = lambda verb, *_: "lost" if verb == "patch status" else ""
            await world.sleep(605)
            world.crash(5)
            world.faults.script = lambda *_: ""
            await check_quiet(world)

    simulate(story())


def test_an_agentrun_that_ends_while_its_status_is_being_written_is_told_of() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(starts=0.1, lasts=0.2)
            world.apply("report", {**HOURLY, "suspend": True})
            world.start()
            await world.sleep(MINUTE)
            world.faults.script = lambda verb, kind, _: "slow" if (verb, kind) == ("patch status", "agentruns") else ""
            world.run_now("now", "report")
            await world.sleep(MINUTE)
            world.faults.script = lambda *_: ""
            await check_quiet(world)

    simulate(story())


def test_a_status_that_was_taken_without_an_answer_is_settled() -> None:
    """What waited for it (the deletion of the Job) goes on, though nothing else happens any more."""

    async def story() -> None:
        async with World() as world:
            world.apply("once", {"at": "2026-11-22T10:02:00Z", "successfulJobsHistoryLimit": 0})
            world.start()
            await world.sleep(130)
            world.faults.script = lambda verb, *_: "unanswered" if verb == "patch status" else ""
            world.snap("agentschedules", 14, losing=False)
            await world.sleep(120)
            assert not world.cluster.items("jobs")
            world.faults.script = lambda *_: ""
            await check_quiet(world)

    simulate(story())


@pytest.mark.parametrize("kind", ["agentschedules", "agentruns"])
def test_a_status_that_met_a_conflict_is_written_again(kind: str) -> None:
    """The API server gives up a patch that meets too many others, with the same code as for a wrong UID."""

    async def story() -> None:
        async with World() as world:
            world.apply("once", {"at": "2026-11-22T10:02:00Z"})
            world.run_now("now", "once")
            world.start()
            conflict = ApiError(409, "Conflict", "the object has been modified; please apply your changes again")
            world.faults.refuse = lambda verb, on, _: conflict if (verb, on) == ("patch status", kind) else None
            await world.sleep(180)
            world.faults.refuse = lambda *_: None
            await check_quiet(world)

    simulate(story())


def test_an_older_status_that_is_carried_out_late_changes_nothing() -> None:
    """Its version is not held any more: it is refused, and the newer status stays."""

    async def story() -> None:
        async with World() as world:
            world.apply("report", {"every": "1m", "endTime": "2026-11-22T10:10:00Z"})
            world.start()
            await world.sleep(50)
            world.faults.script = lambda verb, *_: "late" if verb == "patch status" else ""
            await world.sleep(40)
            world.faults.script = lambda *_: ""
            await world.sleep(90)
            assert world.story.count("carried out late")
            assert world.status("report")["totals"]["runs"] == 2
            await check_quiet(world)

    simulate(story())


def test_a_name_stays_taken_while_an_earlier_request_may_still_be_carried_out() -> None:
    """A try to create a Job is given up, the next succeeds, the Job ends and is not kept: then the first comes."""

    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(starts=0.1, lasts=0.2)
            spec = {"successfulJobsHistoryLimit": 0, "ttlSecondsAfterFinished": 0}
            world.apply("once", {"at": "2026-11-22T10:02:00Z", **spec})
            world.faults.script = lambda verb, *_: "late" if verb == "create" and world.clock.true().second < 10 else ""
            world.start()
            await check_quiet(world)
            assert not world.cluster.items("jobs")

    simulate(story())


@pytest.mark.parametrize("seconds", [0.05, 0.5, 0.9])
def test_what_waits_to_be_written_is_written_when_the_operator_stops(seconds: float) -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(starts=0.1, lasts=0.3)
            world.apply("once", {"at": "2026-11-22T10:02:00Z"})
            world.start()
            await world.sleep(120 + seconds)
            operator = world.operator
            assert operator is not None
            await world.stop()
            entries = operator.engine.registry.schedules.values()
            assert all(entry.settled() for entry in entries)
            world.start()
            await check_quiet(world)

    simulate(story())


def test_a_stop_does_not_wait_for_an_api_server_that_is_silent() -> None:
    async def story() -> None:
        async with World() as world:
            world.apply("once", {"at": "2026-11-22T10:02:00Z"})
            world.start()
            await world.sleep(120.5)
            world.take_down("silent", 300, losing=False)
            before = world.clock.true()
            await world.stop(20)
            assert world.clock.true() - before < timedelta(seconds=21)
            world.start()
            await check_quiet(world)

    simulate(story())
