"""Trouble: broken neighbours, a status that nobody takes, an API server that is away."""

from datetime import timedelta
from typing import Literal

import pytest

from agentschedule.cluster.errors import ApiError
from agentschedule.runs.facts import job_facts

from .clock import simulate
from .node import Behaviour
from .profile import DEEP
from .promises import check_promises, check_quiet, slots_ran, slots_skipped
from .world import World

MINUTE = 60


def test_a_burst_of_schedules_of_one_minute_among_broken_ones() -> None:
    """1,000 of them in the deep search, 200 else; one broken one to every 20."""
    good = 1000 if DEEP else 200
    broken = (
        {"schedule": "61 * * * *"},
        {"schedule": "0 9 * * *", "timeZone": "Europe/Bertin"},
        {"schedule": "0 9 * * *", "every": "5m"},
        {"every": "1s"},
        {"schedule": "0 9 * * *", "agent": {"args": ["no image"]}},
    )

    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(starts=0.1, lasts=0.4)
            for number in range(good):
                world.apply(f"good-{number}", {"at": "2026-11-22T10:05:00Z"})
                if number % 20 == 0:
                    world.apply(f"broken-{number}", broken[number // 20 % len(broken)])
            world.start()
            await world.sleep(10 * MINUTE)
            check_promises(world, settled=True)

            for life in world.cluster.history.lives.values():
                usable = life.raw["metadata"]["name"].startswith("good")
                assert len(slots_ran(life)) == usable
                assert life.status["phase"] == ("Complete" if usable else "Invalid")
            starts = [job_facts(job).created for job in world.cluster.items("jobs")]
            assert max(starts) - min(starts) <= timedelta(seconds=5)

    simulate(story())


def test_a_status_that_is_refused_for_ever_harms_no_other() -> None:
    async def story() -> None:
        async with World() as world:
            end = (world.clock.true() + timedelta(hours=2)).isoformat()
            for name in ("cursed", "other"):
                world.apply(name, {"every": "5m", "endTime": end, "successfulJobsHistoryLimit": 1})
            world.faults.refuse = lambda verb, _, name: (
                ApiError(422, "Invalid", "too long") if (verb, name) == ("patch status", "cursed") else None
            )
            world.start()
            await world.sleep(130 * MINUTE)
            cursed, other = world.cluster.history.lives.values()
            check_promises(world)
            assert len(slots_ran(other)) == 24
            assert other.status["totals"]["succeeded"] == 24
            assert len(slots_ran(cursed)) == 24
            tries = world.story.count("patch status agentschedules cursed")
            assert tries < 150, "it is tried again ever less often"

            world.crash(5)
            world.faults.refuse = lambda *_: None
            await check_quiet(world)
            assert cursed.status["totals"]["succeeded"] == 24

    simulate(story())


@pytest.mark.parametrize("losing", [False, True])
@pytest.mark.parametrize("how", ["refusing", "silent"])
def test_ten_minutes_without_an_api_server(how: Literal["refusing", "silent"], losing: bool) -> None:
    async def story() -> None:
        async with World() as world:
            end = (world.clock.true() + timedelta(minutes=30)).isoformat()
            world.apply("often", {"every": "1m", "endTime": end})
            world.apply("seldom", {"every": "7m", "endTime": end})
            world.apply("once", {"at": "2026-11-22T10:12:00Z"})
            world.apply("never-late", {"every": "2m", "endTime": end, "startingDeadlineSeconds": 30})
            world.apply("no-catch-up", {"every": "2m", "endTime": end, "catchUp": "None"})
            world.start()
            await world.sleep(9.8 * MINUTE)
            world.take_down(how, 600, losing=losing)
            await check_quiet(world)

            often, seldom, once, never_late, no_catch_up = world.cluster.history.lives.values()
            assert 9 <= slots_skipped(often) <= 11
            assert {skip["reason"] for skip in often.status["skips"]} <= {"CatchUp", "Concurrency"}
            made_up = [job for job in map(job_facts, seldom.jobs.values()) if job.trigger == "CatchUp"]
            assert [f"{job.slot:%H:%M}" for job in made_up] == ["10:14"]
            assert len(slots_ran(once)) == 1
            assert 4 <= slots_skipped(never_late) <= 6
            assert 4 <= slots_skipped(no_catch_up) <= 6

    simulate(story())


@pytest.mark.parametrize("verb", ["create", "read"])
def test_a_bug_while_a_job_is_made_does_not_hold_its_schedule_up(verb: str) -> None:
    """An exception that nobody foresaw tells nothing of whether the request took effect: that is found out."""

    async def story() -> None:
        async with World() as world:
            world.apply("report", {"every": "5m", "endTime": (world.clock.true() + timedelta(minutes=21)).isoformat()})
            faults = {"create": "unanswered"} if verb == "read" else {}
            bugs = iter(range(3))

            def refuse(asked: str, kind: str, _: str) -> ApiError | None:
                if (asked, kind) == (verb, "jobs") and next(bugs, None) is not None:
                    raise KeyError("nobody foresaw this")
                return None

            world.faults.refuse = refuse
            world.faults.script = lambda asked, kind, _: faults.pop(asked, "") if kind == "jobs" else ""
            world.start()
            await world.sleep(30 * MINUTE)
            [life] = world.cluster.history.lives.values()
            assert len(slots_ran(life)) == 4
            told = world.cluster.history.broken
            assert len(told) == 3
            assert all("in an unforeseen way" in line and "nobody foresaw this" in line for line in told)
            told.clear()
            await check_quiet(world)

    simulate(story())
