"""Each metric moves when what it stands for happens, and not otherwise."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agentschedule.api.fields import utc_text
from agentschedule.cluster.errors import ApiError
from agentschedule.engine.overdue import Suspects
from agentschedule.planning.observed import Ceilings

from .clock import simulate
from .node import Behaviour
from .world import SETTINGS, START, World

MINUTE = 60


def shown(world: World, name: str, **labels: str) -> float | None:
    """A sample, as whoever scrapes the operator gets it; None where there is none."""
    assert world.operator is not None
    return world.operator.metrics.registry.get_sample_value(f"agentschedule_{name}", labels)


def overdue(world: World) -> float:
    """How long the oldest overdue slot is, without the other metrics: to be asked for often."""
    assert world.operator is not None
    suspects = Suspects(world.operator.intake.registry, world.clock.now())
    for entry in world.operator.intake.registry.schedules.values():
        suspects.look_at(entry)
    return suspects.oldest()


def test_what_becomes_of_runs_is_counted() -> None:
    async def story() -> None:
        async with World() as world:
            usage = '{"costUSD": "0.25", "usage": {"inputTokens": 70, "outputTokens": 7}}'
            world.behaviour = Behaviour(lasts=90, message=usage)
            world.apply("report", {"every": "10m"})
            world.start()
            await world.sleep(9 * MINUTE)
            for name in ("runs_total", "run_duration_seconds_count"):
                labels = {"trigger": "Schedule"} if name == "runs_total" else {}
                assert shown(world, name, phase="Succeeded", **labels) == 0, "there from the start"
            await world.sleep(1.5 * MINUTE)
            assert shown(world, "active_runs") == 1
            assert shown(world, "start_lateness_seconds_count", trigger="Schedule") == 1
            assert shown(world, "start_lateness_seconds_bucket", trigger="Schedule", le="1.0") == 1
            await world.sleep(2 * MINUTE)
            assert shown(world, "active_runs") == 0
            assert shown(world, "runs_total", phase="Succeeded", trigger="Schedule") == 1
            assert shown(world, "run_duration_seconds_count", phase="Succeeded") == 1
            assert shown(world, "run_duration_seconds_sum", phase="Succeeded") == pytest.approx(90, abs=2)
            assert shown(world, "reported_cost_usd_total") == 0.25
            assert shown(world, "reported_tokens_total", direction="input") == 70
            assert shown(world, "reported_tokens_total", direction="output") == 7
            world.behaviour = Behaviour(lasts=30, exit_code=1, message="no")
            await world.sleep(10 * MINUTE)
            assert shown(world, "runs_total", phase="Failed", trigger="Schedule") == 1
            world.run_now("now", "report")
            await world.sleep(MINUTE)
            assert shown(world, "runs_total", phase="Failed", trigger="Manual") == 1
            assert shown(world, "start_lateness_seconds_count", trigger="Manual") == 1

    simulate(story())


def test_skips_and_what_waits_are_counted() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=25 * MINUTE)
            world.apply("strict", {"every": "10m"})
            world.apply("patient", {"every": "10m", "concurrencyPolicy": "Queue"})
            world.start()
            await world.sleep(21 * MINUTE)
            assert shown(world, "skipped_slots_total", reason="Concurrency") == 1
            assert shown(world, "queued_slots") == 1
            await world.sleep(10 * MINUTE)
            assert shown(world, "skipped_slots_total", reason="QueueFull") == 1
            assert shown(world, "oldest_overdue_slot_seconds") == 0

    simulate(story())


def test_schedules_are_counted_by_phase() -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=5, exit_code=1)
            world.apply("good", {"every": "1h"})
            world.apply("off", {"every": "1h", "suspend": True})
            world.apply("wrong", {"schedule": "61 * * * *"})
            world.apply("once", {"at": utc_text(START + timedelta(minutes=1))})
            world.apply("held", {"every": "1m", "pauseAfterFailures": 1})
            world.start()
            await world.sleep(5 * MINUTE)
            phases = {"Active": 1, "Paused": 1, "Invalid": 1, "DeadLetter": 1, "Held": 1, "Complete": 0, "Unknown": 0}
            assert {phase: shown(world, "schedules", phase=phase) for phase in phases} == phases
            for name in ("good", "off", "wrong", "once", "held"):
                world.delete("agentschedules", name)
            await world.sleep(5)
            assert [shown(world, "schedules", phase=phase) for phase in phases] == [0] * len(phases)

    simulate(story())


def test_what_waits_for_a_ceiling_is_counted_and_is_not_overdue() -> None:
    async def story() -> None:
        async with World(settings=replace(SETTINGS, ceilings=Ceilings(active_runs=1))) as world:
            world.behaviour = Behaviour(lasts=10 * MINUTE)
            for name in ("a", "b", "c"):
                world.apply(name, {"every": "5m", "endTime": utc_text(START + timedelta(minutes=6))})
            world.start()
            await world.sleep(8 * MINUTE)
            assert shown(world, "waiting_starts") == 2
            assert shown(world, "oldest_overdue_slot_seconds") == 0
            await world.sleep(25 * MINUTE)
            assert shown(world, "waiting_starts") == 0

    simulate(story())


def test_who_does_not_lead_shows_nothing_of_the_schedules() -> None:
    async def story() -> None:
        async with World() as world:
            world.apply("report", {"every": "10m"})
            operator = world.start()
            await world.sleep(MINUTE)
            assert (shown(world, "leader"), shown(world, "schedules", phase="Active")) == (1, 1)
            operator.intake.listener = None
            assert (shown(world, "leader"), shown(world, "schedules", phase="Active")) == (0, None)
            assert shown(world, "oldest_overdue_slot_seconds") is None

    simulate(story())


def test_an_overdue_slot_shows_when_the_engine_stands_still() -> None:
    async def story() -> None:
        async with World() as world:
            world.apply("report", {"every": "10m"})
            operator = world.start()
            await world.sleep(10.5 * MINUTE)
            assert shown(world, "oldest_overdue_slot_seconds") == 0
            await operator.terms.close(0)
            await world.sleep(9 * MINUTE)
            assert shown(world, "oldest_overdue_slot_seconds") == 0, "nothing is due yet"
            await world.sleep(0.5 * MINUTE)
            for minutes in (1, 12, 30):
                before = shown(world, "oldest_overdue_slot_seconds") or 0
                await world.sleep(minutes * MINUTE)
                assert shown(world, "oldest_overdue_slot_seconds") == pytest.approx(before + minutes * MINUTE, abs=1)

    simulate(story())


def test_a_new_schedule_that_nobody_looks_at_is_overdue_from_its_first_slot() -> None:
    async def story() -> None:
        async with World() as world:
            operator = world.start()
            await world.sleep(MINUTE)
            await operator.terms.close(0)
            world.apply("report", {"every": "10m"})
            await world.sleep(11 * MINUTE)
            assert shown(world, "schedules", phase="Unknown") == 1
            assert shown(world, "oldest_overdue_slot_seconds") == pytest.approx(MINUTE, abs=1)

    simulate(story())


def test_a_slot_whose_job_cannot_be_created_is_overdue() -> None:
    async def story() -> None:
        async with World() as world:
            quota = ApiError(403, "Forbidden", "exceeded quota: small")
            world.faults.refuse = lambda verb, kind, _: quota if (verb, kind) == ("create", "jobs") else None
            world.apply("report", {"every": "30m"})
            world.start()
            await world.sleep(35 * MINUTE)
            assert shown(world, "oldest_overdue_slot_seconds") == pytest.approx(5 * MINUTE, abs=1)
            world.faults.refuse = lambda *_: None
            await world.sleep(2 * MINUTE)
            assert shown(world, "oldest_overdue_slot_seconds") == 0
            assert shown(world, "start_lateness_seconds_bucket", trigger="CatchUp", le="300.0") == 0
            assert shown(world, "start_lateness_seconds_count", trigger="CatchUp") == 1

    simulate(story())


def test_a_job_whose_creation_was_not_answered_is_counted_once_it_is_found() -> None:
    async def story() -> None:
        async with World() as world:
            world.faults.script = lambda verb, kind, _: "unanswered" if (verb, kind) == ("create", "jobs") else ""
            world.apply("report", {"every": "30m"})
            world.start()
            await world.sleep(32 * MINUTE)
            assert shown(world, "start_lateness_seconds_count", trigger="Schedule") == 1

    simulate(story())


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"every": "10m", "jitter": "5m"}, id="put off by jitter"),
        pytest.param({"every": "10m", "catchUp": "All"}, id="catching up, one after another"),
        pytest.param({"every": "10m", "concurrencyPolicy": "Replace"}, id="making room"),
        pytest.param({"every": "10m", "concurrencyPolicy": "Queue", "maxQueuedRuns": 2}, id="in its own queue"),
        pytest.param({"every": "10m", "suspend": True}, id="suspended"),
        pytest.param({"every": "10m", "pauseAfterFailures": 1}, id="held"),
        pytest.param({"every": "10m", "maxRuns": 2}, id="complete"),
        pytest.param({"every": "10m", "budget": {"totalUSD": "0.01"}}, id="without money"),
        pytest.param(
            {"every": "10m", "blackouts": [{"name": "b", "hours": {"start": "10:15", "end": "10:55"}}]}, id="blackout"
        ),
        pytest.param(
            {
                "every": "10m",
                "jitter": "3m",
                "blackouts": [{"name": "b", "hours": {"start": "10:15", "end": "10:55"}, "action": "Defer"}],
            },
            id="deferred",
        ),
        pytest.param({"schedule": "61 * * * *"}, id="invalid"),
        pytest.param({"at": utc_text(START + timedelta(minutes=10))}, id="one shot"),
    ],
)
def test_nothing_is_overdue_while_all_is_well(spec: dict[str, Any]) -> None:
    """What waits for a reason of its own was looked at, and is no sign of trouble."""

    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=12 * MINUTE, stops=25, exit_code=1 if "pauseAfterFailures" in spec else 0)
            world.apply("report", spec)
            world.start()
            worst = 0.0
            for _ in range(90 * 6):
                await world.sleep(10)
                worst = max(worst, overdue(world))
            assert worst < 1

    simulate(story())
