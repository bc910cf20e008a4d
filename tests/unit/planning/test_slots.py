"""Due slots: started, kept waiting, missed, skipped; each leaves a trace, none runs twice."""

from datetime import timedelta
from typing import Any

import pytest

from agentschedule.planning.actions import CreateJob
from agentschedule.planning.observed import Start, Verdict

from .builders import World, slot_id, utc

IN_FLIGHT = Start("InFlight")


def test_a_due_slot_becomes_a_job() -> None:
    world = World().tick("08:45")
    assert (world.wake_at, world.status.next_run_time) == (utc("09:00"), utc("09:00"))
    assert world.take(CreateJob) == []

    world.tick("09:00")
    [created] = world.take(CreateJob)
    assert created.name == f"news-{int(utc('09:00').timestamp())}"
    assert (created.slot, created.due, created.trigger) == (utc("09:00"), utc("09:00"), "Schedule")
    run = world.run(created.name)
    assert (run.phase, run.scheduled_at, run.attempt, run.trigger) == ("Pending", utc("09:00"), 1, "Schedule")
    assert run.uid == f"uid-{created.name}"
    assert (world.status.active, world.status.active_count) == ([created.name], 1)
    assert (world.status.last_schedule_time, world.status.next_run_time) == (utc("09:00"), utc("10:00"))
    assert world.runs(created.name).tick("09:00:05").wake_at == utc("10:00")


def test_the_cursor_moves_only_when_the_job_is_there() -> None:
    world = World().tick("08:45")
    world.creates = IN_FLIGHT
    world.step("09:00")
    [asked] = world.take(CreateJob)
    assert world.status.scheduling is not None
    assert world.status.scheduling.handled_through is None
    assert world.status.runs == []

    world.step("09:00:05")
    assert world.take(CreateJob) == [], "it is on its way"

    world.starts.clear()
    world.put_job(asked)  # created by us, or by an earlier life of ours: AlreadyExists
    world.step("09:00:06")
    assert world.status.scheduling.handled_through == utc("09:00")
    assert world.take(CreateJob) == []


def test_a_slot_whose_job_is_on_its_way_is_not_missed_when_the_next_is_due() -> None:
    world = World(schedule="* * * * *", created="08:59").tick("08:59")
    world.creates = IN_FLIGHT
    world.step("09:00")
    [first] = world.take(CreateJob)
    world.step("09:01:10")
    assert world.take(CreateJob) == []
    assert world.skips() == {}
    assert world.wake_at is None or world.wake_at > world.now

    world.starts.clear()
    world.creates = None
    world.put_job(first)
    world.tick("09:01:11")
    assert world.skips() == {"Concurrency": 1}
    assert world.phases() == [(slot_id("09:00")[5:], "Pending")]


@pytest.mark.parametrize(
    ("outcome", "reason", "event"),
    [
        pytest.param(
            Start("NameConflict", message="it is not ours"), "NameConflict", "NameConflict", id="somebody else's Job"
        ),
        pytest.param(Start("Rejected", message="denied by a webhook"), "Rejected", "FailedCreate", id="refused"),
    ],
)
def test_a_job_that_cannot_be_is_a_skip_with_a_reason(outcome: Start, reason: str, event: str) -> None:
    world = World().tick("08:45")
    world.creates = outcome
    world.tick("09:00")
    assert len(world.take(CreateJob)) == 1
    assert world.skips() == {reason: 1}
    [note] = world.notes
    assert (note.reason, note.warning) == (event, True)
    assert outcome.message in note.message
    assert world.starts == {}, "the outcome is taken in"
    world.creates = None
    assert [job.slot for job in world.tick("10:00").take(CreateJob)] == [utc("10:00")]


def test_a_deferred_start_waits_and_is_tried_again() -> None:
    world = World().tick("08:45")
    world.creates = Start("Deferred", until=utc("09:00:08"))
    world.step("09:00")
    world.asked.clear()
    world.step("09:00:03")
    assert world.asked == []
    assert world.wake_at == utc("09:00:08")
    world.creates = None
    assert len(world.tick("09:00:08").take(CreateJob)) == 1
    assert world.starts == {}


def test_a_deferred_start_does_not_outlive_its_deadline() -> None:
    world = World(startingDeadlineSeconds=30).tick("08:45")
    world.creates = Start("Deferred", until=utc("09:00:31"))
    world.step("09:00")
    world.creates = None
    world.tick("09:00:31")
    assert world.skips() == {"DeadlineMissed": 1}
    assert len(world.take(CreateJob)) == 1


def test_a_job_that_shows_up_late_does_not_take_the_cursor_back() -> None:
    world = World(concurrencyPolicy="Allow").tick("08:45")
    world.creates = Start("Deferred", until=utc("11:00"))  # no answer came, but the Job was made
    world.step("09:00")
    [first] = world.take(CreateJob)
    world.creates = None
    world.tick("10:00")
    world.put_job(first)
    world.take(CreateJob)
    world.tick("10:05")
    assert world.take(CreateJob) == []
    assert [run.scheduled_at for run in world.status.runs] == [utc("10:00"), utc("09:00")]
    assert world.status.scheduling is not None
    assert world.status.scheduling.handled_through == utc("10:00")


# Missed slots


@pytest.mark.parametrize(
    ("spec", "back", "started", "skips"),
    [
        pytest.param({}, "12:20", ("12:00", "CatchUp"), {"CatchUp": 3}, id="the newest is made up for"),
        pytest.param({}, "12:00:59", ("12:00", "Schedule"), {"CatchUp": 3}, id="the newest is hardly late"),
        pytest.param({}, "12:01", ("12:00", "Schedule"), {"CatchUp": 3}, id="just not late"),
        pytest.param({}, "12:01:01", ("12:00", "CatchUp"), {"CatchUp": 3}, id="just late"),
        pytest.param({"catchUp": "None"}, "12:20", None, {"CatchUp": 4}, id="none is made up for"),
        pytest.param({"catchUp": "None"}, "12:00:30", ("12:00", "Schedule"), {"CatchUp": 3}, id="none, but one is due"),
        pytest.param(
            {"startingDeadlineSeconds": 600}, "12:20", None, {"CatchUp": 3, "DeadlineMissed": 1}, id="deadline passed"
        ),
        pytest.param(
            {"startingDeadlineSeconds": 1200}, "12:20", ("12:00", "CatchUp"), {"CatchUp": 3}, id="deadline just met"
        ),
        pytest.param({"endTime": "2026-11-22T10:30:00Z"}, "12:20", ("10:00", "CatchUp"), {"CatchUp": 1}, id="end"),
        pytest.param({}, "08:59:59", None, {}, id="nothing was due"),
    ],
)
def test_slots_missed_while_nobody_could_start_them(
    spec: dict[str, Any], back: str, started: tuple[str, str] | None, skips: dict[str, int]
) -> None:
    world = World(**spec).tick("08:30")
    world.tick(back)
    made = [(f"{job.slot:%H:%M}", job.trigger) for job in world.take(CreateJob)]
    assert made == ([started] if started else [])
    assert world.skips() == skips
    assert world.status.totals.skipped == sum(skips.values())
    assert all(note.reason == "MissSchedule" and note.warning for note in world.notes)


def test_what_was_missed_is_named() -> None:
    world = World().tick().tick("11:30")
    slots = "2 slots from 2026-11-22 09:00:00 UTC to 2026-11-22 10:00:00 UTC"
    assert [note.message for note in world.notes] == [f"{slots} were missed; only the newest one is made up for"]
    [skip] = world.status.skips
    assert (skip.first, skip.last) == (utc("09:00"), utc("10:00"))
    world.ends(slot_id("11:00")).tick("14:30")
    assert world.notes[-1].message.startswith("2 slots from 2026-11-22 12:00:00")
    [skip] = world.status.skips
    assert (skip.count, skip.first, skip.last) == (4, utc("09:00"), utc("13:00"))


@pytest.mark.parametrize(
    ("missed", "passes"),
    [
        pytest.param(598, 1, id="as many as fit"),
        pytest.param(599, 2, id="one more"),
        pytest.param(600, 2, id="two more"),
        pytest.param(1700, 4, id="many more"),
    ],
)
def test_thousands_of_missed_slots_are_counted_in_bounded_passes(missed: int, passes: int) -> None:
    world = World(schedule="* * * * *", created="08:29:30").tick("08:29:30")
    world.now = utc("08:29:30") + timedelta(minutes=missed + 1)
    for _ in range(passes - 1):
        assert world.step().wake_at == world.now, "it goes on at once"
        assert world.take(CreateJob) == []
    world.step()
    assert [job.slot for job in world.take(CreateJob)] == [world.now.replace(second=0)]
    world.tick()
    assert world.skips() == {"CatchUp": missed}


# Jitter


def jittered() -> tuple[World, timedelta]:
    """A world whose 09:00 slot starts some minutes late."""
    world = World(jitter="30m").tick("08:45")
    assert world.wake_at is not None
    return world, world.wake_at - utc("09:00")


def test_jitter_delays_the_start_and_not_the_slot() -> None:
    world, delay = jittered()
    assert timedelta(minutes=1) < delay <= timedelta(minutes=30), "else this test says nothing"
    world.tick(utc("09:00") + delay - timedelta(seconds=1))
    assert world.take(CreateJob) == []
    assert world.status.next_run_time == utc("09:00")
    world.tick(utc("09:00") + delay)
    [created] = world.take(CreateJob)
    assert (created.name, created.slot, created.trigger) == (slot_id("09:00"), utc("09:00"), "Schedule")
    assert created.due == utc("09:00") + delay


def test_a_look_between_slot_and_start_forgets_nothing() -> None:
    world, delay = jittered()
    world.tick(utc("09:00") + delay / 2)
    assert world.wake_at == utc("09:00") + delay


def test_the_deadline_counts_from_the_delayed_start() -> None:
    world = World(jitter="30m", startingDeadlineSeconds=10).tick("08:45")
    start = world.wake_at
    assert start is not None
    assert world.tick(start + timedelta(seconds=10)).take(CreateJob)[0].due == start
    world = World(jitter="30m", startingDeadlineSeconds=10).tick("08:45").tick(start + timedelta(seconds=11))
    assert world.skips() == {"DeadlineMissed": 1}


# Clock and edits


def test_a_clock_that_goes_back_repeats_nothing() -> None:
    world = World().tick("08:45").tick("09:00").ends(slot_id("09:00")).tick("09:01")
    world.take(CreateJob)
    world.tick("08:10").tick("09:00").tick("09:30")
    assert world.take(CreateJob) == []
    assert world.skips() == {}
    assert world.wake_at == utc("10:00")
    assert len(world.tick("10:00").take(CreateJob)) == 1


def test_an_edit_never_runs_the_past() -> None:
    world = World(schedule="0 0 1 1 *").tick("08:45")
    world.edit(schedule="0 * * * *").tick("11:30")
    assert world.take(CreateJob) == []
    assert (world.skips(), world.status.next_run_time) == ({}, utc("12:00"))


def test_an_edit_counts_from_when_it_is_seen_however_long_its_check_takes() -> None:
    world = World(schedule="0 0 1 1 *").tick("08:45")
    world.answer = None
    world.edit(schedule="0 * * * *").step("08:59:50")
    world.verdict = Verdict(2)
    world.tick("09:00:05")
    assert [job.slot for job in world.take(CreateJob)] == [utc("09:00")]


def test_an_edit_of_something_else_moves_nothing() -> None:
    world = World().tick("08:45")
    world.edit(input="other").tick("10:30")
    assert [job.slot for job in world.take(CreateJob)] == [utc("10:00")]
    assert world.skips() == {"CatchUp": 1}


def test_it_is_complete_after_its_end_and_an_edit_opens_it_again() -> None:
    world = World(endTime="2026-11-22T09:00:00Z").tick("09:00")
    assert (world.status.phase, world.condition("Complete").status) == ("Active", "False")
    world.ends(slot_id("09:00")).tick("09:05")
    assert (world.status.phase, world.condition("Complete").status) == ("Complete", "True")
    assert (world.condition("Ready").status, world.condition("Ready").reason) == ("True", "Complete")
    assert (world.status.next_run_time, world.wake_at) == (None, None)
    assert world.told().count("Completed") == 1
    assert world.tick("12:00").told() == []

    world.edit(endTime=None).tick("12:10")
    assert (world.status.phase, world.condition("Complete").status) == ("Active", "False")
    world.take(CreateJob)
    assert [job.slot for job in world.tick("13:00").take(CreateJob)] == [utc("13:00")]


def test_a_one_shot_is_complete_when_its_run_has_ended() -> None:
    world = World(schedule=None, at="2026-11-22T09:00:00Z").tick("09:00").ends(slot_id("09:00")).tick("09:01")
    assert world.status.phase == "Complete"
    assert world.phases() == [(slot_id("09:00")[5:], "Succeeded")]


def test_a_lost_status_is_made_up_from_the_jobs() -> None:
    world = World(concurrencyPolicy="Allow").tick("09:00").tick("10:00")
    world.ends(slot_id("09:00")).runs(slot_id("10:00"))
    world.status = type(world.status)()
    world.take(CreateJob)
    world.tick("10:05")
    assert world.phases() == [(slot_id("10:00")[5:], "Running"), (slot_id("09:00")[5:], "Succeeded")]
    assert world.take(CreateJob) == []
    assert world.skips() == {}


def test_a_schedule_that_is_being_deleted_starts_nothing_and_records_what_ends() -> None:
    world = World(retry={"limit": 3}).tick("09:00")
    world.raw["metadata"]["deletionTimestamp"] = "2026-11-22T09:10:00Z"
    world.ends(slot_id("09:00"), code=1, result="no luck").tick("10:00")
    assert len(world.take(CreateJob)) == 1, "the one of 09:00"
    assert world.phases() == [(slot_id("09:00")[5:], "Failed")]
    assert world.run(slot_id("09:00")).summary == "no luck"
    assert world.run(slot_id("09:00")).retry_at is None
