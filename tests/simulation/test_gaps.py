"""Requests whose answers get lost, each in the moment in which it hurts."""

from datetime import timedelta

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


def test_a_job_that_comes_when_its_run_was_stopped_long_ago_is_stopped() -> None:
    """Its name was free again, as a run that is stopped leaves no Job."""

    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(starts=None)
            spec = {"at": "2026-11-22T10:02:00Z", "pendingDeadlineSeconds": 1, "activeDeadlineSeconds": 7200}
            world.apply("once", spec)
            world.faults.script = lambda verb, *_: "late" if verb == "create" else ""
            world.start()
            await world.sleep(120.1)
            world.faults.script = lambda *_: ""
            world.crash(0)
            await world.sleep(0.9)
            world.behaviour = Behaviour(lasts=3000)
            await world.sleep(120)
            assert world.story.count("carried out late")
            assert not world.cluster.items("pods")
            await check_quiet(world)

    simulate(story())
