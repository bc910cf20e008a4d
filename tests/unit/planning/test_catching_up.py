"""catchUp All: missed slots start oldest first, one after another, and no more of them than the limit says."""

from datetime import timedelta
from typing import Any

import pytest

from agentschedule.planning.actions import CreateJob
from agentschedule.planning.observed import Start

from .builders import World, slot_id, utc
from .stories import costs, fail, restart, started, succeed


def back(at: str, **spec: Any) -> World:
    """The operator was down from 08:30 on."""
    return World(**{"catchUp": "All", **spec}).tick("08:30").tick(at)


def let_them_end(world: World, most: int = 120, **duration: float) -> list[str]:
    """Slots that start while each active run ends after a while (a minute)."""
    order = started(world)
    for _ in range(most):
        if not world.status.active:
            return order
        for job in world.status.active:
            world.ends(job)
        world.wait(**(duration or {"minutes": 1}))
        order += started(world)
    raise AssertionError("it does not come to an end")


@pytest.mark.parametrize(
    ("spec", "at", "expected", "skips"),
    [
        pytest.param({}, "12:20", ["09:00", "10:00", "11:00", "12:00"], {}, id="all that were missed"),
        pytest.param({"catchUpLimit": 2}, "12:20", ["11:00", "12:00"], {"CatchUp": 2}, id="the newest two"),
        pytest.param({"catchUpLimit": 4}, "12:20", ["09:00", "10:00", "11:00", "12:00"], {}, id="just as many"),
        pytest.param({}, "08:59", [], {}, id="none was missed"),
        pytest.param({}, "09:00:30", ["09:00"], {}, id="one is hardly late"),
        pytest.param(
            {"catchUpLimit": 2, "concurrencyPolicy": "Queue"},
            "12:00:30",
            ["10:00", "11:00", "12:00"],
            {"CatchUp": 1},
            id="one that is hardly late is none of the limit",
        ),
        pytest.param(
            {"schedule": "*/5 * * * *"},
            "10:32",
            [f"{9 + n // 12:02}:{n % 12 * 5:02}" for n in range(9, 19)],
            {"CatchUp": 14},
            id="ten by default",
        ),
    ],
)
def test_missed_slots(spec: dict[str, Any], at: str, expected: list[str], skips: dict[str, int]) -> None:
    world = back(at, **spec)
    assert (let_them_end(world, seconds=5), world.skips()) == (expected, skips)
    assert world.status.totals.skipped == sum(skips.values())


@pytest.mark.parametrize("policy", ["Forbid", "Allow", "Queue", "Replace"])
@pytest.mark.parametrize("limit", [None, 3])
def test_one_after_another_whatever_the_policy(policy: str, limit: int | None) -> None:
    world = back("11:20", concurrencyPolicy=policy, maxConcurrentRuns=None if policy == "Allow" else limit)
    assert started(world) == ["09:00"]
    world.tick("11:21").runs(slot_id("09:00")).tick("11:22")
    assert (started(world), world.status.active_count, world.status.queued) == ([], 1, [])
    world.ends(slot_id("09:00")).tick("11:25")
    assert (started(world), world.skips()) == (["10:00"], {})
    assert {run.trigger for run in world.status.runs} == {"CatchUp"}


def test_a_fresh_slot_waits_behind_the_backlog() -> None:
    world = back("11:20").tick("12:00")
    assert let_them_end(world) == ["09:00", "10:00", "11:00", "12:00"]
    assert world.skips() == {}
    assert started(world.tick("13:00")) == ["13:00"]
    assert world.run(slot_id("13:00")).trigger == "Schedule"


def test_slots_that_join_a_long_backlog_push_the_oldest_out() -> None:
    world = back("11:20", catchUpLimit=2)
    assert started(world) == ["10:00"]
    for hour in ("12:00", "13:00", "13:30"):
        world.tick(hour)
    assert world.skips() == {"CatchUp": 2}, "09:00 and 11:00"
    assert let_them_end(world) == ["12:00", "13:00"]


def test_a_downtime_of_thousands_of_slots_is_counted_in_bounded_passes() -> None:
    world = World(schedule="*/2 * * * *", catchUp="All", catchUpLimit=100, created="08:29:30").tick("08:29:30")
    world.tick(utc("08:31:15") + timedelta(minutes=2 * 3000))
    assert (len(started(world)), world.skips()) == (1, {"CatchUp": 2901})
    assert len(let_them_end(world, seconds=0.1)) == 99
    assert world.skips() == {"CatchUp": 2901}


@pytest.mark.parametrize(
    ("missed", "limit"), [(600, 100), (599, 100), (601, 100), (500, 100), (600, 1), (100, 100), (101, 100)]
)
def test_where_passes_meet_the_limit_holds(missed: int, limit: int) -> None:
    world = World(schedule="*/2 * * * *", catchUp="All", catchUpLimit=limit, created="08:29:30").tick("08:29:30")
    world.tick(utc("08:29:15") + timedelta(minutes=2 * missed))
    oldest = utc("08:30") + timedelta(minutes=2 * (missed - limit))
    assert [job.slot for job in world.take(CreateJob)] == [oldest]
    assert world.skips() == ({"CatchUp": missed - limit} if missed > limit else {})


def test_the_starting_deadline_goes_on_while_they_wait() -> None:
    world = back("10:20", startingDeadlineSeconds=5400)  # 09:00 until 10:30, 10:00 until 11:30
    world.runs(slot_id("09:00")).tick("10:20:05")
    assert (started(world), world.wake_at) == (["09:00"], utc("11:00"))
    world.tick("11:00").tick("11:31")
    assert world.skips() == {"DeadlineMissed": 1}
    assert started(world.ends(slot_id("09:00")).tick("11:40")) == ["11:00"]


def test_those_past_their_deadline_are_not_made_up_for() -> None:
    world = back("12:20", startingDeadlineSeconds=5400)
    assert (let_them_end(world), world.skips()) == (["11:00", "12:00"], {"DeadlineMissed": 2})


def test_a_slot_that_is_not_late_obeys_the_policy() -> None:
    world = World(catchUp="All").tick("09:00").runs(slot_id("09:00")).tick("10:00")
    assert (started(world), world.skips()) == (["09:00"], {"Concurrency": 1})


def test_a_backlog_starts_when_a_manual_run_has_ended() -> None:
    world = World(catchUp="All", concurrencyPolicy="Allow").tick("08:30").request("now").tick("08:31")
    world.tick("10:20")
    assert started(world) == ["news-m00000001aa"]
    assert let_them_end(world) == ["09:00", "10:00"]


def test_an_attempt_goes_before_the_rest_of_the_backlog() -> None:
    world = back("10:20", retry={"limit": 1, "backoff": "30s"})
    world.ends(slot_id("09:00"), code=1).tick("10:21")
    assert started(world) == ["09:00", "09:00-r2"]
    assert let_them_end(world) == ["10:00"]


def test_a_job_that_could_not_be_made_keeps_its_place() -> None:
    world = World(catchUp="All").tick("08:30")
    world.creates = Start("Deferred", until=utc("10:20:08"))
    world.step("10:20")
    world.step("10:20:02")
    assert started(world) == ["09:00"]
    world.creates = None
    assert let_them_end(world.tick("10:20:08")) == ["09:00", "10:00"]


def test_a_failure_that_holds_the_schedule_counts_the_rest_of_the_backlog() -> None:
    world = back("12:20", pauseAfterFailures=1)
    world.ends(slot_id("09:00"), code=1).tick("12:30")
    assert (world.status.phase, world.skips()) == ("Held", {"CatchUp": 3})


def test_money_that_is_gone_counts_the_rest_of_the_backlog() -> None:
    world = back("12:20", budget={"totalUSD": "1"})
    world.ends(slot_id("09:00"), result=costs("1")).tick("12:30")
    assert (world.status.phase, world.skips()) == ("Held", {"Budget": 1, "CatchUp": 2})


def test_suspending_lets_the_backlog_go() -> None:
    world = back("12:20").edit(suspend=True).tick("12:21").ends(slot_id("09:00")).tick("12:30")
    world.edit(suspend=False).tick("12:40")
    assert started(world) == ["09:00"]
    assert started(world.tick("13:00")) == ["13:00"]


def test_a_restart_goes_on_with_the_backlog() -> None:
    world = restart(back("12:20", catchUpLimit=3)).tick("12:25")
    assert let_them_end(restart(world)) == ["10:00", "11:00", "12:00"]
    assert world.skips() == {"CatchUp": 1}


@pytest.mark.parametrize("catch_up", ["Latest", "None", "All"])
def test_after_the_backlog_all_is_as_before(catch_up: str) -> None:
    world = back("10:20", catchUp=catch_up)
    let_them_end(world)
    fail(succeed(world, "11:00"), "12:00")
    assert [run.trigger for run in world.status.runs[:2]] == ["Schedule", "Schedule"]
