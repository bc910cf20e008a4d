"""Ceilings over all schedules: never more pods at once, nothing lost, starts in the order of their slots."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agentschedule.api.fields import utc_text
from agentschedule.planning.observed import Ceilings
from agentschedule.runs.facts import JobFacts, job_facts

from .clock import simulate
from .node import Behaviour
from .profile import DEEP
from .promises import check_promises, check_quiet, slots_ran, slots_skipped
from .world import SETTINGS, START, World

MINUTE = 60
TEAMS = ("team-a", "team-b", "team-c")
CEILINGS = replace(SETTINGS, ceilings=Ceilings(active_runs=5, active_runs_per_namespace=2))


def jobs(world: World) -> list[JobFacts]:
    """All Jobs ever made, as they came."""
    lives = world.cluster.history.lives.values()
    return sorted((job_facts(raw) for life in lives for raw in life.jobs.values()), key=lambda job: job.version)


def test_thirty_schedules_at_once_run_one_after_another_in_the_order_of_their_slots() -> None:
    async def story() -> None:
        async with World(settings=CEILINGS) as world:
            world.behaviour = Behaviour(lasts=60)
            due = START + timedelta(minutes=5)
            for number in range(30):
                at = due + timedelta(seconds=number * 7 % 30)
                world.apply(f"s-{number}", {"at": utc_text(at), "catchUp": "None"}, TEAMS[number % 3])
            world.start()
            await world.sleep(7 * MINUTE)
            assert world.operator is not None
            assert world.operator.intake.registry.admission.waiting == 20
            told = {name for name, _, reason, _ in world.cluster.events if reason == "WaitingForTurn"}
            assert len(told) >= 20
            await world.sleep(30 * MINUTE)
            check_promises(world, settled=True)

            made = jobs(world)
            assert len(made) == 30
            assert {job.trigger for job in made} == {"Schedule"}
            assert world.cluster.history.most_alive == 5
            for team in TEAMS:
                slots = [job.slot for job in made if job.namespace == team]
                assert slots == sorted(slots)
            admission = world.operator.intake.registry.admission
            assert (admission.taken, admission.waiting) == (0, 0)

    simulate(story())


@pytest.mark.parametrize("seed", range(20 if DEEP else 2))
def test_with_crashes_and_trouble_the_promises_hold(seed: int) -> None:
    async def story() -> None:
        async with World(settings=CEILINGS, seed=seed) as world:
            end = utc_text(START + timedelta(minutes=60))
            kinds: list[dict[str, object]] = [
                {"every": "7m"},
                {"every": "6m", "concurrencyPolicy": "Replace"},
                {"every": "9m", "startingDeadlineSeconds": 90},
                {"every": "8m", "catchUp": "None", "retry": {"limit": 1, "backoff": "20s"}},
                {"every": "10m", "concurrencyPolicy": "Allow"},
            ]
            for number in range(30):
                world.apply(f"s-{number}", {"endTime": end, **kinds[number % 5]}, TEAMS[number % 3])
            world.start()
            for number in range(12):
                world.behaviour = Behaviour(lasts=world.random.choice((5, 20, 45)), exit_code=number % 4 == 3)
                world.faults.rate = world.random.choice((0.0, 0.0, 0.2))
                world.run_now(f"now-{number}", "s-0")
                world.crash_at(world.random.randint(1, 60), world.random.choice(("before", "after")), 3)
                if number == 5:
                    world.edit("s-3", {"suspend": True})
                    world.delete("agentschedules", "s-6")
                if number == 7:
                    world.take_down("silent", 240, losing=True)
                await world.sleep(5 * MINUTE)
            await world.calm()
            await check_quiet(world)
            assert world.crashes >= 10
            assert world.cluster.history.most_alive == 5
            assert world.operator is not None
            admission = world.operator.intake.registry.admission
            assert (admission.taken, admission.waiting) == (0, 0)

    simulate(story())


@pytest.mark.parametrize("jump", [0, -60, 60])
def test_after_a_long_downtime_missed_slots_are_made_up_for_at_a_pace(jump: int) -> None:
    """Also when somebody sets the clock meanwhile."""

    async def story() -> None:
        settings = replace(SETTINGS, ceilings=Ceilings(catch_up_starts_per_second=2))
        async with World(settings=settings) as world:
            for number in range(60):
                at = START + timedelta(minutes=10, seconds=number * 7 % 60)
                world.apply(f"s-{number}", {"at": utc_text(at)}, TEAMS[number % 3])
            back = START + timedelta(minutes=90)
            world.apply("on-time", {"at": utc_text(back + timedelta(seconds=10))})
            world.start()
            await world.sleep(5 * MINUTE)
            world.kill()
            await world.sleep(85 * MINUTE)
            world.start()
            await world.sleep(5)
            world.clock.step(timedelta(minutes=jump))
            await world.sleep(40)
            made = [job for job in jobs(world) if job.schedule != "on-time"]
            assert {job.trigger for job in made} == {"CatchUp"}
            assert len(made) == 60
            slots = [job.slot for job in made]
            two_at_once = [slot for n in range(0, 60, 2) for slot in sorted(slots[n : n + 2])]
            assert two_at_once == sorted(slots)
            times = [job.created.timestamp() for job in made]
            assert 28 <= times[-1] - times[0] <= 31, "60 at two a second, two at once"
            if jump == 0:
                [other] = [job for job in jobs(world) if job.schedule == "on-time"]
                assert other.created - back <= timedelta(seconds=11)
            await check_quiet(world)

    simulate(story())


def test_a_deadline_passes_while_others_run() -> None:
    async def story() -> None:
        settings = replace(SETTINGS, ceilings=Ceilings(active_runs=1))
        async with World(settings=settings) as world:
            world.behaviour = Behaviour(lasts=300)
            world.apply("long", {"at": "2026-11-22T10:05:00Z"})
            world.apply("patient", {"at": "2026-11-22T10:06:00Z"})
            world.apply("hasty", {"at": "2026-11-22T10:05:30Z", "startingDeadlineSeconds": 60})
            world.start()
            await world.sleep(6.6 * MINUTE)
            assert slots_skipped(world.cluster.history.life("hasty")) == 1
            await check_quiet(world)
            assert len(slots_ran(world.cluster.history.life("patient"))) == 1
            assert world.cluster.history.most_alive == 1

    simulate(story())


def test_a_schedule_that_goes_while_it_waits_keeps_nobody_waiting() -> None:
    async def story() -> None:
        settings = replace(SETTINGS, ceilings=Ceilings(active_runs=1))
        async with World(settings=settings) as world:
            world.behaviour = Behaviour(lasts=120)
            for minute, name in enumerate(("first", "second", "third")):
                world.apply(name, {"at": utc_text(START + timedelta(minutes=5, seconds=minute))})
            world.start()
            await world.sleep(6 * MINUTE)
            world.delete("agentschedules", "second")
            await world.sleep(10)
            assert world.operator is not None
            assert world.operator.intake.registry.admission.waiting == 1
            await check_quiet(world)
            assert len(slots_ran(world.cluster.history.life("third"))) == 1

    simulate(story())
