"""Statuses and results whose way is long: answers lost, conflicts, a watch that is behind."""

import pytest

from agentschedule.cluster.errors import ApiError

from .clock import simulate
from .node import Behaviour
from .promises import check_quiet
from .world import World

MINUTE = 60
HOURLY = {"schedule": "0 * * * *", "endTime": "2026-11-22T13:30:00Z"}


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
            entries = operator.intake.registry.schedules.values()
            assert all(entry.settled() for entry in entries)
            world.start()
            await check_quiet(world)

    simulate(story())
