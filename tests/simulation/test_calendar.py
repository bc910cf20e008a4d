"""Long stretches of schedule time: nothing is lost or doubled, whatever the clocks of a zone do."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agentschedule.runs.facts import job_facts

from .clock import simulate
from .node import Behaviour
from .profile import DEEP
from .promises import check_promises, check_quiet, slots_ran, slots_skipped
from .world import World

DAY = 86400
KEEP_LITTLE = {"runHistoryLimit": 2, "successfulJobsHistoryLimit": 1}


def test_a_year_of_a_daily_run_in_berlin() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    async def story() -> None:
        start = datetime(2026, 1, 1, 0, 30, tzinfo=berlin)
        calendar = World(start=start, sweep_interval=timedelta(days=1), resync_interval=DAY, longest_sleep=DAY / 4)
        async with calendar as world:
            world.behaviour = Behaviour(lasts=300, message='{"summary": "a day", "costUSD": "0.25"}')
            world.apply("daily", {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin", "runHistoryLimit": 3})
            world.start()
            for _ in range(52):
                await world.sleep(7 * DAY)
                check_promises(world)
            await world.sleep(DAY + 3600)
            check_promises(world, settled=True)

            (life,) = world.cluster.history.lives.values()
            times = sorted(job_facts(job).slot.astimezone(berlin) for job in life.jobs.values())
            assert len(times) == 365
            assert slots_skipped(life) == 0
            odd = {f"{at:%m-%d %H:%M %Z}" for at in times if (at.hour, at.minute) != (2, 30)}
            assert odd == {"03-29 03:00 CEST"}
            assert [f"{at:%H:%M %Z}" for at in times if (at.month, at.day) == (10, 25)] == ["02:30 CEST"]
            status = world.status("daily")
            assert status["totals"] == {"runs": 365, "succeeded": 365, "failed": 0, "skipped": 0, "costUSD": "91.25"}
            assert len(status["runs"]) == 3
            assert len(world.cluster.items("jobs")) == 3

    simulate(story())


def test_every_five_seconds_with_restarts() -> None:
    """For an hour in the deep search, for ten minutes else."""
    slots = 720 if DEEP else 120

    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=1.5, starts=0.3)
            end = world.clock.true() + timedelta(seconds=5 * slots)
            world.apply("often", {"every": "5s", "endTime": end.isoformat(), **KEEP_LITTLE})
            world.start()
            for down in (0.5, 2.0, 7.0, 61.0, 0.0):
                await world.sleep(world.random.uniform(0.6, 0.9) * slots)
                world.crash(down)
                check_promises(world)
            await check_quiet(world)

            (life,) = world.cluster.history.lives.values()
            assert len(slots_ran(life)) > slots - 25
            assert len(slots_ran(life)) + slots_skipped(life) == slots

    simulate(story())


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set(hours: int) -> None:
    """Backwards it repeats nothing, though no Job is left to show what ran; forwards is downtime."""

    async def story() -> None:
        async with World() as world:
            world.apply("report", {"every": "10m", "endTime": "2026-11-22T15:00:00Z", "successfulJobsHistoryLimit": 0})
            world.start()
            await world.sleep(7500)
            world.clock.step(timedelta(hours=hours))
            await world.sleep(300)
            world.edit("report", {"input": "whoever looks again, must not see what ran as due"})
            await world.sleep(300)
            check_promises(world)
            await check_quiet(world, settle=5 * 3600)

            (life,) = world.cluster.history.lives.values()
            assert len(slots_ran(life)) == (30 if hours < 0 else 25)
            assert slots_skipped(life) == (0 if hours < 0 else 5)

    simulate(story())
