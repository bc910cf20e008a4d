"""How many at once: what a due slot does at the limit."""

import dataclasses
from typing import Any

import pytest

from agentschedule.planning.actions import CreateJob, DeletePod, StopJob
from agentschedule.planning.observed import Start

from .builders import World, slot_id, utc

NINE, TEN, ELEVEN = slot_id("09:00"), slot_id("10:00"), slot_id("11:00")


def names(world: World) -> list[str]:
    return [job.name for job in world.take(CreateJob)]


def test_forbid_skips_the_slot_and_says_what_is_active() -> None:
    world = World().tick("09:00").runs(NINE).tick("10:00")
    assert names(world) == [NINE]
    assert world.skips() == {"Concurrency": 1}
    [note] = world.notes
    assert (note.reason, note.warning) == ("JobAlreadyActive", False)
    assert NINE in note.message
    world.tick("10:30").ends(NINE).tick("10:40")
    assert names(world) == [], "what is skipped does not come back"
    assert names(world.tick("11:00")) == [ELEVEN]


def test_forbid_counts_a_run_that_waits_for_its_next_attempt() -> None:
    world = World(retry={"backoff": "30m", "maxBackoff": "2h"}).tick("09:00").runs(NINE)
    world.tick("09:50").ends(NINE, code=1).tick("09:50")
    assert world.run(NINE).retry_at is not None
    assert world.status.active == [NINE]
    world.tick("10:00")
    assert world.skips() == {"Concurrency": 1}


@pytest.mark.parametrize(
    ("policy", "limit", "started", "skipped"),
    [
        pytest.param("Forbid", None, 1, 3, id="Forbid"),
        pytest.param("Forbid", 2, 2, 2, id="Forbid, two at once"),
        pytest.param("Allow", None, 4, 0, id="Allow"),
    ],
)
def test_limits(policy: str, limit: int | None, started: int, skipped: int) -> None:
    world = World(concurrencyPolicy=policy, maxConcurrentRuns=limit)
    for hour in ("08:45", "09:00", "10:00", "11:00", "12:00"):
        world.tick(hour)
    assert len(names(world)) == started
    assert world.skips() == ({"Concurrency": skipped} if skipped else {})
    assert world.status.active_count == started


def test_allow_ends_where_a_status_ends() -> None:
    world = World(concurrencyPolicy="Allow").tick("09:00")
    for number in range(498):
        job = dataclasses.replace(world.jobs[NINE], name=f"news-{number}", uid=f"uid-{number}")
        world.jobs[job.name] = job
    world.tick("10:00").tick("11:00").tick("12:00")
    assert world.status.active_count == 500
    assert world.skips() == {"Concurrency": 2}
    assert len(world.status.active) == 100


def test_a_job_on_its_way_takes_a_place() -> None:
    world = World().tick("08:45").request("now")
    world.creates = Start("InFlight")
    world.tick("08:50")
    assert [name for name in names(world) if "-m" in name] == ["news-m00000001aa"]
    world.tick("09:00")
    assert names(world) == []
    assert world.skips() == {"Concurrency": 1}


# Replace


def replacing(**spec: Any) -> World:
    """09:00 runs; 10:00 is due and has asked for it to be stopped."""
    world = World(concurrencyPolicy="Replace", **spec).tick("09:00").runs(NINE).tick("09:30")
    assert names(world) == [NINE]
    return world.tick("10:00")


def test_replace_stops_the_oldest_once_and_waits_until_its_pod_is_gone() -> None:
    world = replacing()
    [stop] = world.take(StopJob)
    assert (stop.name, stop.uid, stop.why) == (NINE, f"uid-{NINE}", "Replaced")
    assert names(world) == []
    world.tick("10:00:20")
    assert (world.take(StopJob), names(world)) == ([], []), "it is stopping"
    assert world.phases() == [(NINE[5:], "Running")]

    world.ends(NINE, code=143, result='{"summary": "half", "costUSD": "0.1"}').lose(NINE).tick("10:00:30")
    assert names(world) == [TEN]
    assert world.phases() == [(TEN[5:], "Pending"), (NINE[5:], "Replaced")]
    run = world.run(NINE)
    assert (run.reason, run.message, run.summary) == ("Replaced", "stopped for a newer run", "half")
    assert (world.status.totals.failed, world.status.consecutive_failures) == (0, 0)
    assert world.status.totals.runs == 1
    assert world.skips() == {}
    assert "RunReplaced" in world.told()


def test_replace_waits_for_a_pod_that_its_deleted_job_left_behind() -> None:
    world = World(concurrencyPolicy="Replace").tick("09:00").runs(NINE).tick("09:30").lose(NINE, pod=False)
    world.tick("10:00")
    assert [pod.name for pod in world.take(DeletePod)] == [f"{NINE}-x"]
    world.take(CreateJob)
    world.tick("10:01")
    assert (world.take(DeletePod), names(world)) == ([], [])
    world.lose(NINE).tick("10:02")
    assert names(world) == [TEN]


@pytest.mark.parametrize("catch_up", ["Latest", "None"])
def test_a_pod_that_takes_long_to_stop_does_not_make_its_successor_a_missed_one(catch_up: str) -> None:
    world = replacing(catchUp=catch_up)
    world.tick("10:04").ends(NINE, code=143).lose(NINE).tick("10:05")
    [created] = world.take(CreateJob)
    assert (created.name, created.trigger) == (TEN, "Schedule")
    assert world.skips() == {}


def test_a_slot_that_waits_for_its_place_obeys_its_starting_deadline() -> None:
    world = replacing(startingDeadlineSeconds=120)
    assert world.wake_at == utc("10:02:01")
    world.tick("10:02")
    assert world.skips() == {}
    world.tick("10:02:01")
    assert world.skips() == {"DeadlineMissed": 1}
    assert names(world) == []


def test_a_newer_slot_takes_the_place_of_one_that_waits() -> None:
    world = replacing()
    world.tick("11:00")
    assert world.skips() == {"CatchUp": 1}
    world.ends(NINE, code=143).lose(NINE).tick("11:00:10")
    assert names(world) == [ELEVEN]


def test_replace_ends_a_run_between_two_attempts() -> None:
    retry = {"backoff": "2h", "maxBackoff": "2h"}
    world = World(schedule="0 9,10 * * *", concurrencyPolicy="Replace", retry=retry).tick("09:00").runs(NINE)
    world.ends(NINE, code=1, result='{"costUSD": "0.25"}').tick("09:10").tick("10:00")
    assert world.take(StopJob) == []
    assert names(world) == [NINE, TEN]
    run = world.run(NINE)
    assert (run.phase, run.reason, run.message, run.retry_at) == (
        "Replaced",
        "Replaced",
        "stopped for a newer run",
        None,
    )
    assert world.status.totals.runs == 1
    assert str(world.status.totals.cost_usd) == "0.250000000"
    assert world.tick("13:00").status.totals.runs == 1, "and no attempt follows"
    assert NINE + "-r2" not in world.jobs


@pytest.mark.parametrize("seen", [False, True])
def test_an_attempt_and_a_slot_due_together_never_run_together(seen: bool) -> None:
    world = World(concurrencyPolicy="Replace", retry={"backoff": "50m", "maxBackoff": "50m"})
    world.tick("09:00").ends(NINE, code=1).tick("09:05")
    names(world)
    world.creates = None if seen else Start("InFlight")
    world.step("10:00")  # nothing looked in between: both are due
    assert names(world) == [NINE + "-r2"]
    assert (world.status.totals.runs, world.status.active_count) == (0, 1), "it has not ended: its Job is on its way"
    world.creates = None
    world.step("10:00:01")
    assert names(world) == []
    assert [stop.name for stop in world.take(StopJob)] == ([NINE + "-r2"] if seen else [])


def test_replace_makes_room_for_one_only() -> None:
    world = World(concurrencyPolicy="Replace", maxConcurrentRuns=2).tick("08:45")
    for hour in ("09:00", "10:00"):
        world.tick(hour)
    world.runs(NINE).runs(TEN).tick("11:00")
    assert [stop.name for stop in world.take(StopJob)] == [NINE]
    world.ends(NINE, code=143).lose(NINE).tick("11:00:05")
    assert world.phases() == [(ELEVEN[5:], "Pending"), (TEN[5:], "Running"), (NINE[5:], "Replaced")]


def test_a_lower_limit_stops_as_many_as_needed() -> None:
    world = World(concurrencyPolicy="Replace", maxConcurrentRuns=3).tick("08:45")
    for hour in ("09:00", "10:00", "11:00"):
        world.tick(hour)
    for job in (NINE, TEN, ELEVEN):
        world.runs(job)
    world.edit(maxConcurrentRuns=1).tick("11:30")
    assert world.take(StopJob) == []
    world.tick("12:00")
    assert [stop.name for stop in world.take(StopJob)] == [NINE, TEN, ELEVEN]
