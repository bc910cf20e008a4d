"""Promises of the API, each where two features meet: jitter and deferral, edits and what waits, queues and limits."""

from datetime import timedelta
from decimal import Decimal

import pytest

from agentschedule.api.status import AgentScheduleStatus

from .builders import World, slot_id, utc

DEFERRED = {"name": "nights", "action": "Defer", "hours": {"start": "09:20", "end": "12:10"}}


def started(world: World) -> dict[str, str]:
    """Slots that ran, to when their Jobs were made."""
    return {f"{run.scheduled_at:%H:%M}": f"{world.jobs[run.id].created:%H:%M}" for run in reversed(world.status.runs)}


def minutely(world: World, until: str) -> World:
    while world.now < utc(until):
        world.tick(world.now + timedelta(minutes=1))
    return world


@pytest.mark.parametrize("jitter", [pytest.param("20m", id="some"), pytest.param("50m", id="longer than the interval")])
def test_of_a_window_that_defers_one_slot_runs_whatever_the_jitter(jitter: str) -> None:
    world = World(schedule="*/30 * * * *", jitter=jitter, concurrencyPolicy="Allow", blackouts=[DEFERRED])
    minutely(world, "13:25")
    of_the_window = {slot: at for slot, at in started(world).items() if "09:20" <= at < "12:30"}
    assert list(of_the_window) == ["12:00"], "the newest, before the next slot"
    assert {"12:30", "13:00"} <= set(started(world))
    assert set(world.skips()) == {"Blackout"}
    assert sum(world.skips().values()) + len(world.status.runs) == 9, "each of 09:00 to 13:00"


def test_a_slot_that_a_window_puts_off_gives_way_to_one_due_at_its_end_whatever_the_jitter() -> None:
    nights = {**DEFERRED, "hours": {"start": "08:50", "end": "12:00"}}
    world = minutely(World(jitter="30m", blackouts=[nights]), "12:59")
    assert list(started(world)) == ["12:00"]
    assert world.skips() == {"Blackout": 3}


def test_an_edit_while_a_slot_waits_for_its_jitter_leaves_a_trace_of_it() -> None:
    world = World(jitter="50m").tick("09:00")
    assert world.wake_at is not None
    assert world.wake_at > utc("09:02")
    world.edit(jitter="49m").tick("09:02").tick("09:59")
    assert (world.status.runs, world.skips()) == ([], {"Requested": 1})


def test_a_retry_that_was_edited_away_while_it_waited_does_not_follow() -> None:
    for edited in (None, {"limit": 0, "backoff": "10m"}):
        world = World(retry={"limit": 3, "backoff": "10m"}).tick("09:00")
        world.runs(slot_id("09:00")).ends(slot_id("09:00"), code=1).tick("09:01")
        assert world.run(slot_id("09:00")).retry_at is not None
        world.edit(retry=edited).tick("09:02").tick("09:20")
        run = world.run(slot_id("09:00"))
        assert (run.phase, run.retry_at, world.status.consecutive_failures) == ("Failed", None, 1)
        assert "not tried again" in (run.message or "")


def test_a_retry_that_an_edit_still_allows_follows() -> None:
    world = World(retry={"limit": 3, "backoff": "10m"}).tick("09:00")
    world.runs(slot_id("09:00")).ends(slot_id("09:00"), code=1).tick("09:01")
    world.edit(retry={"limit": 1, "backoff": "10m"}).tick("09:02").tick("09:20")
    assert world.phases() == [(slot_id("09:00", 2).removeprefix("news-"), "Pending")]


def test_queued_slots_do_not_run_when_enough_have_been_run() -> None:
    world = World(concurrencyPolicy="Queue", maxQueuedRuns=3, maxRuns=10).tick("09:00").tick("10:00").tick("11:00")
    assert len(world.status.queued) == 2
    world.edit(maxRuns=1).tick("11:05").ends(slot_id("09:00")).tick("11:10")
    assert [run.id for run in world.status.runs] == [slot_id("09:00")]
    assert (world.status.phase, world.skips(), world.status.queued) == ("Complete", {"Requested": 2}, [])


def test_a_success_on_probation_ends_no_hold_for_the_budget() -> None:
    world = World(
        pauseAfterFailures=1,
        maxConcurrentRuns=2,
        budget={"perRunUSD": "1", "totalUSD": "1.5"},
    ).tick("09:00")
    world.runs(slot_id("09:00")).ends(slot_id("09:00"), code=1, result='{"costUSD": "0.1"}').tick("09:10")
    assert world.status.hold is not None
    world.annotate(resume=world.status.hold.id).tick("09:11").tick("10:00")
    world.runs(slot_id("10:00")).tick("11:00")
    assert world.status.hold.reason == "BudgetExceeded"
    world.ends(slot_id("10:00"), result='{"costUSD": "1"}').tick("11:10")
    assert (world.status.phase, world.status.hold and world.status.hold.probation) == ("Held", False)


def test_what_was_spent_today_counts_when_the_budgets_period_becomes_the_day() -> None:
    world = World(budget={"perRunUSD": "1", "period": "Month", "periodUSD": "9"}).tick("09:00")
    world.runs(slot_id("09:00")).ends(slot_id("09:00"), result='{"costUSD": "0.8"}').tick("09:10")
    world.edit(budget={"perRunUSD": "1", "period": "Day", "periodUSD": "1"}).tick("09:20")
    assert world.status.budget is not None
    assert (world.status.budget.period_start, world.status.budget.period_spent_usd) == (utc("00:00"), Decimal("0.8"))
    world.tick("10:00")
    assert world.skips() == {"Budget": 1}


def test_what_was_spent_before_there_was_a_budget_does_not_use_it_up() -> None:
    world = World().tick("09:00")
    world.runs(slot_id("09:00")).ends(slot_id("09:00")).tick("09:10")
    world.edit(budget={"perRunUSD": "1", "period": "Day", "periodUSD": "1"}).tick("09:20").tick("10:00")
    assert (len(world.status.runs), world.skips()) == (2, {})


def test_times_in_annotations_may_be_in_lower_case() -> None:
    world = World().annotate(skip="2026-11-22t09:00:00z", paused="", paused_until="2026-11-22t10:30:00z")
    schedule = world.observed().schedule
    assert schedule.unwanted.slots == {utc("09:00")}
    assert schedule.pause is not None
    assert (schedule.pause.until, schedule.pause.problem) == (utc("10:30"), None)


@pytest.mark.parametrize("text", ["1_000", "٣", "0x10", "NaN", "1e99"])
def test_an_amount_is_written_in_plain_digits(text: str) -> None:
    world = World(budget={"perRunUSD": "2"}).tick("09:00")
    world.runs(slot_id("09:00")).ends(slot_id("09:00"), result=f'{{"costUSD": "{text}"}}').tick("09:10")
    run = world.run(slot_id("09:00"))
    assert (run.cost_usd, run.cost_unreported) == (None, True)
    assert "costUSD" in (run.message or "")


def test_a_pause_that_came_and_ended_while_nobody_looked_holds_what_it_may_have_held() -> None:
    world = World().tick("08:45").annotate(paused="x", paused_until="2026-11-22T12:15:00Z").tick("12:30")
    assert (world.status.runs, world.skips()) == ([], {"Requested": 4})
    world.tick("13:00")
    assert list(started(world)) == ["13:00"]


def test_slots_after_such_a_pause_are_made_up_for() -> None:
    world = World().tick("08:45").annotate(paused="x", paused_until="2026-11-22T10:15:00Z").tick("12:30")
    assert (list(started(world)), world.skips()) == (["12:00"], {"Requested": 2, "CatchUp": 1})


def test_a_pause_leaves_a_trace_of_what_waits_to_be_made_up_for() -> None:
    world = World(catchUp="All").tick("08:45").tick("12:20")
    assert list(started(world)) == ["09:00"]
    world.annotate(paused="x").tick("12:30").annotate(paused=None).tick("12:40")
    world.ends(slot_id("09:00")).tick("12:50")
    assert (list(started(world)), world.skips()) == (["09:00"], {"Requested": 3})


def test_attempts_found_without_an_entry_are_one_run() -> None:
    """The status was lost, and `retry` removed: neither the first attempt's end nor its cost counts twice."""
    world = World(retry={"limit": 2, "backoff": "1m"}).tick("09:00")
    for attempt in (1, 2):
        job = slot_id("09:00", attempt)
        world.runs(job).ends(job, code=1, result='{"costUSD": "0.3"}')
        if attempt == 1:
            world.tick("09:01").tick("09:05")
    world.status = AgentScheduleStatus()
    world.edit(retry=None).tick("09:06")
    totals = world.status.totals
    assert (totals.runs, totals.failed, totals.cost_usd) == (1, 1, Decimal("0.6"))
    assert (world.status.consecutive_failures, world.status.iteration) == (1, 1)


def test_what_is_left_of_a_queue_is_not_started_only_to_be_replaced() -> None:
    world = World(concurrencyPolicy="Queue", maxQueuedRuns=3).tick("09:00").runs(slot_id("09:00"))
    world.tick("10:00").tick("11:00").edit(concurrencyPolicy="Replace", maxQueuedRuns=None).tick("11:30").tick("12:00")
    world.pod(slot_id("09:00"), phase="Failed", finished_at=world.now, exit_code=143).lose(slot_id("09:00"))
    world.tick("12:01")
    assert [run.id for run in world.status.runs] == [slot_id("12:00"), slot_id("09:00")]
    assert (world.skips(), world.status.queued) == ({"Concurrency": 2}, [])


def test_what_is_left_of_a_queue_runs_where_no_newer_slot_is_due() -> None:
    world = World(concurrencyPolicy="Queue").tick("09:00").tick("10:00")
    world.edit(concurrencyPolicy="Replace").tick("10:20").ends(slot_id("09:00")).tick("10:30")
    assert list(started(world)) == ["09:00", "10:00"]


def test_every_time_that_an_annotation_can_hold_is_skipped() -> None:
    times = [f"{utc('09:00') + timedelta(minutes=n):%Y-%m-%dT%H:%M:%SZ}" for n in range(12_000)]
    text = ",".join(times)
    assert len(text) < 256 * 1024
    assert len(World(annotations={"agentschedule.dev/skip": text}).observed().schedule.unwanted.slots) == 12_000
