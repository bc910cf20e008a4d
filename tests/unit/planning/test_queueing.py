"""concurrencyPolicy Queue: slots that wait for a free place, and what becomes of them."""

from collections.abc import Callable
from typing import Any

import pytest

from agentschedule.planning.actions import CreateJob
from agentschedule.planning.observed import Start

from .builders import World, slot_id, utc
from .stories import costs, fail, hold_of, restart, resume, started, written

NINE, TEN, ELEVEN = slot_id("09:00"), slot_id("10:00"), slot_id("11:00")


def queueing(*slots: str, most: int | None = None, **spec: Any) -> World:
    """The run of 09:00 is active; these slots have become due since."""
    world = World(concurrencyPolicy="Queue", maxQueuedRuns=most, **spec).tick("09:00").runs(NINE)
    for slot in slots:
        world.tick(slot)
    assert started(world) == ["09:00"]
    return world


def queued(world: World) -> list[str]:
    """Slots that wait, as the status has them."""
    return [f"{slot:%H:%M}" for slot in world.status.queued]


@pytest.mark.parametrize(
    ("most", "slots", "waiting", "skips"),
    [
        pytest.param(None, ["10:00"], ["10:00"], {}, id="one by default"),
        pytest.param(None, ["10:00", "11:00"], ["10:00"], {"QueueFull": 1}, id="and no more"),
        pytest.param(2, ["10:00", "11:00", "12:00", "13:00"], ["10:00", "11:00"], {"QueueFull": 2}, id="two"),
    ],
)
def test_so_many_wait_and_further_ones_are_skipped(
    most: int | None, slots: list[str], waiting: list[str], skips: dict[str, int]
) -> None:
    world = queueing(*slots, most=most)
    assert (queued(world), world.skips()) == (waiting, skips)
    told = [note.reason for note in world.notes]
    assert (told.count("RunQueued"), told.count("QueueFull")) == (len(waiting), sum(skips.values()))
    assert (world.status.active_count, world.status.phase) == (1, "Active")


def test_they_start_in_order_one_for_each_place_that_is_free() -> None:
    world = queueing("10:00", "11:00", "12:00", most=3).ends(NINE).tick("12:10")
    assert (started(world), queued(world)) == (["10:00"], ["11:00", "12:00"])
    run = world.run(TEN)
    assert (run.trigger, run.scheduled_at) == ("Schedule", utc("10:00"))
    world.ends(TEN).tick("12:20").ends(ELEVEN).tick("12:30")
    assert (started(world), queued(world), world.skips()) == (["11:00", "12:00"], [], {})


def test_a_raised_limit_lets_several_start() -> None:
    world = queueing("10:00", "11:00", "12:00", most=3).edit(maxConcurrentRuns=3).tick("12:10")
    assert (started(world), queued(world)) == (["10:00", "11:00"], ["12:00"])


@pytest.mark.parametrize("catch_up", ["None", "Latest", "All"])
def test_one_that_waited_was_not_missed(catch_up: str) -> None:
    world = queueing("10:00", catchUp=catch_up).ends(NINE).tick("12:50")
    assert started(world)[0] == "10:00"
    assert world.run(TEN).trigger == "Schedule"


def test_a_due_slot_goes_behind_those_that_wait_though_a_place_is_free() -> None:
    world = queueing("10:00", most=2).ends(NINE).tick("11:00")
    assert (started(world), queued(world)) == (["10:00"], ["11:00"])


def test_one_whose_job_is_being_created_takes_no_place_in_the_queue() -> None:
    world = queueing("10:00").ends(NINE)
    world.creates = Start("InFlight")
    world.step("11:00")
    world.step("11:00:01")
    assert (started(world), world.skips()) == (["10:00"], {})
    assert queued(world)[-1] == "11:00"


def test_a_full_queue_never_outgrows_what_the_status_may_hold() -> None:
    world = World(schedule="* * * * *", concurrencyPolicy="Queue", maxQueuedRuns=20, created="08:59").tick("09:00")
    for minute in range(1, 21):
        world.tick(f"09:{minute:02}")
    assert len(written(world).queued) == 20
    world.ends(NINE)
    world.creates = Start("InFlight")
    world.step("09:21")
    world.step("09:21:01")
    assert len(written(world).queued) == 20
    [asked] = [job for job in world.take(CreateJob) if job.slot == utc("09:01")]
    world.creates = None
    world.starts.clear()
    world.put_job(asked)
    world.tick("09:21:02")
    assert (queued(world)[-1], len(written(world).queued), world.skips()) == ("09:21", 20, {})


def test_it_starts_behind_manual_runs_that_were_asked_for() -> None:
    world = queueing("10:00").request("now").tick("10:05").ends(NINE).tick("10:10")
    assert started(world) == ["news-m00000001aa"]
    world.ends("news-m00000001aa").tick("10:20")
    assert started(world) == ["10:00"]


# What ends the waiting otherwise


def test_the_starting_deadline_goes_on_in_the_queue() -> None:
    world = queueing("10:00", startingDeadlineSeconds=600)
    assert world.wake_at == utc("10:10:01")
    world.tick("10:10")
    assert (queued(world), world.skips()) == (["10:00"], {})
    world.tick("10:10:01")
    assert (queued(world), world.skips()) == ([], {"DeadlineMissed": 1})
    assert started(world.ends(NINE).tick("10:20")) == []


def test_the_deadline_counts_from_the_jittered_start() -> None:
    world = World(concurrencyPolicy="Queue", jitter="30m", startingDeadlineSeconds=60).tick("08:45")
    [first] = [world.wake_at]
    assert first is not None
    world.tick(first).runs(NINE).tick("09:59")
    start = world.wake_at
    assert start is not None
    world.tick(start)
    assert queued(world) == ["10:00"]
    assert world.wake_at is not None
    assert (world.wake_at - start).total_seconds() == 61


def test_a_slot_that_waits_and_is_not_wanted_any_more_is_skipped() -> None:
    world = queueing("10:00", "11:00", most=2).annotate(skip="2026-11-22T10:00:00Z").tick("11:10")
    assert (queued(world), world.skips()) == (["11:00"], {"Requested": 1})
    assert started(world.ends(NINE).tick("11:20")) == ["11:00"]


@pytest.mark.parametrize(
    ("action", "waiting", "skips", "then"),
    [
        pytest.param("Skip", [], {"Blackout": 1}, [], id="Skip"),
        pytest.param("Defer", ["10:00"], {}, ["10:00"], id="Defer"),
    ],
)
def test_a_place_becomes_free_within_a_blackout(
    action: str, waiting: list[str], skips: dict[str, int], then: list[str]
) -> None:
    lunch = {"name": "lunch", "action": action, "hours": {"start": "10:10", "end": "10:50"}}
    world = queueing("10:00", blackouts=[lunch]).tick("10:20").ends(NINE).tick("10:30")
    assert (started(world), queued(world), world.skips()) == ([], waiting, skips)
    assert world.wake_at == utc("10:50" if waiting else "11:00")
    assert started(world.tick("10:50")) == then


@pytest.mark.parametrize(
    ("outcome", "skips"),
    [
        pytest.param(Start("Rejected", message="no"), {"Rejected": 1}, id="rejected"),
        pytest.param(Start("NameConflict", message="taken"), {"NameConflict": 1}, id="name taken"),
    ],
)
def test_one_whose_job_is_refused_leaves_the_queue(outcome: Start, skips: dict[str, int]) -> None:
    world = queueing("10:00").ends(NINE)
    world.creates = outcome
    world.tick("10:10")
    assert (queued(world), world.skips(), world.starts) == ([], skips, {})


def test_without_money_it_is_skipped_and_the_others_stay_while_the_schedule_is_held() -> None:
    world = queueing("10:00", "11:00", most=2, budget={"period": "Day", "periodUSD": "1"})
    world.ends(NINE, result=costs("1")).tick("11:10")
    assert (queued(world), world.skips(), world.status.phase) == (["11:00"], {"Budget": 1}, "Held")
    resume(world)
    assert (started(world), queued(world)) == (["11:00"], [])


# Suspending and editing


@pytest.mark.parametrize(
    ("stop", "go_on"),
    [
        pytest.param(lambda w: w.edit(suspend=True), lambda w: w.edit(suspend=False), id="suspended"),
        pytest.param(lambda w: w.annotate(paused="x"), lambda w: w.annotate(paused=None), id="paused"),
        pytest.param(
            lambda w: w.edit(pauseAfterFailures=1), lambda w: w.annotate(resume=hold_of(w).id), id="held for failures"
        ),
    ],
)
def test_the_queue_outlasts_a_pause(stop: Callable[[World], object], go_on: Callable[[World], object]) -> None:
    world = queueing("10:00")
    stop(world)
    world.tick("10:05").ends(NINE, code=1).tick("10:10").tick("11:00").tick("11:30")
    assert (started(world), queued(world), world.skips()) == ([], ["10:00"], {})
    go_on(world)
    world.tick("11:40")
    assert (started(world), queued(world), world.skips()) == (["10:00"], [], {})


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"schedule": "30 * * * *"}, id="another time"),
        pytest.param({"schedule": None, "every": "7h"}, id="an interval"),
        pytest.param({"input": "other"}, id="something else"),
        pytest.param({"maxQueuedRuns": 1}, id="a smaller queue"),
    ],
)
def test_the_queue_outlasts_an_edit(edit: dict[str, Any]) -> None:
    world = queueing("10:00", "11:00", most=2).edit(**edit).tick("11:10")
    assert (queued(world), world.skips()) == (["10:00", "11:00"], {})
    world.ends(NINE).tick("11:20").ends(TEN).tick("11:25")
    assert (started(world), queued(world)) == (["10:00", "11:00"], [])


@pytest.mark.parametrize(
    ("policy", "now", "later"),
    [
        pytest.param("Forbid", [], ["10:00"], id="Forbid: when a place is free"),
        pytest.param("Allow", ["10:00", "11:00"], [], id="Allow: at once"),
    ],
)
def test_another_policy_drains_the_queue(policy: str, now: list[str], later: list[str]) -> None:
    world = queueing("10:00", "11:00", most=2).edit(concurrencyPolicy=policy, maxQueuedRuns=None).tick("11:10")
    assert started(world) == now
    assert started(world.ends(NINE).tick("11:20")) == later
    assert world.skips() == {}


def test_a_slot_that_is_due_while_the_queue_drains_is_not_skipped_where_there_is_no_limit() -> None:
    world = queueing("10:00", "11:00", most=2).edit(concurrencyPolicy="Allow", maxQueuedRuns=None).tick("12:00")
    assert (started(world), world.skips()) == (["10:00", "11:00", "12:00"], {})


# Crashes


def test_the_queue_is_known_after_a_restart() -> None:
    world = restart(queueing("10:00", "11:00", most=2)).ends(NINE).tick("11:10")
    assert (started(world), queued(world)) == (["10:00"], ["11:00"])


def test_a_crash_before_the_queue_was_written_lets_the_slot_wait_again() -> None:
    world = queueing()
    before = written(world)
    world.tick("10:00")
    world.status = before
    restart(world).tick("10:00:20")
    assert (queued(world), world.skips()) == (["10:00"], {})


@pytest.mark.parametrize("ended", [False, True])
def test_a_crash_after_a_queued_job_was_made_neither_repeats_nor_loses_it(ended: bool) -> None:
    world = queueing("10:00", "11:00", most=2)
    before = written(world)
    world.ends(NINE).step("11:10")
    assert started(world) == ["10:00"]
    if ended:
        world.ends(TEN, result=costs("0.5"))
    world.status = before
    restart(world).tick("11:20")
    assert started(world) == (["11:00"] if ended else [])
    assert (queued(world), world.skips()) == ([] if ended else ["11:00"], {})
    assert world.run(TEN).phase == ("Succeeded" if ended else "Pending")
    assert world.status.iteration == len(world.jobs)


def test_a_crash_that_loses_the_whole_queue_but_not_the_jobs_made_from_it() -> None:
    world = queueing()
    before = written(world)
    world.tick("10:00").ends(NINE).tick("10:10").ends(TEN).tick("10:20")
    world.status = before
    restart(world).tick("10:30")
    assert world.phases() == [(TEN[5:], "Succeeded"), (NINE[5:], "Succeeded")]
    assert (queued(world), world.skips(), world.status.iteration) == ([], {}, 2)


def test_failures_in_a_row_hold_with_a_queue_too() -> None:
    world = fail(World(concurrencyPolicy="Queue", pauseAfterFailures=2), "09:00").tick("10:00").runs(TEN).tick("11:00")
    world.ends(TEN, code=1).tick("11:10")
    assert (world.status.phase, queued(world)) == ("Held", ["11:00"])
