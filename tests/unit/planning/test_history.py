"""Ended Jobs: which are kept, which go, and never before their run is recorded."""

from typing import Any

import pytest

from agentschedule.planning.actions import DeleteJob

from .builders import World, slot_id, utc

HOURS = [f"{hour:02}:00" for hour in range(9, 17)]
NINE = slot_id("09:00")


def after_runs(codes: str, **spec: Any) -> World:
    """A run an hour from 09:00 on, ended with these exit codes."""
    world = World(**spec).tick("08:45")
    for hour, code in zip(HOURS, codes, strict=False):
        world.tick(hour).ends(slot_id(hour), code=int(code)).wait(minutes=2)
    return world


def kept(world: World) -> list[str]:
    return sorted(f"{job.slot:%H:%M}" for job in world.jobs.values())


@pytest.mark.parametrize(
    ("codes", "spec", "left"),
    [
        pytest.param("00000", {}, ["11:00", "12:00", "13:00"], id="three that succeeded"),
        pytest.param(
            "1111111", {"pauseAfterFailures": 0}, ["11:00", "12:00", "13:00", "14:00", "15:00"], id="five that failed"
        ),
        pytest.param(
            "10010",
            {"successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 1},
            ["12:00", "13:00"],
            id="one of each",
        ),
        pytest.param("010", {"successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0}, [], id="none"),
    ],
)
def test_jobs_beyond_the_limits_go(codes: str, spec: dict[str, Any], left: list[str]) -> None:
    world = after_runs(codes, **spec)
    assert kept(world) == left
    assert world.status.totals.runs == len(codes)
    names = [job.name for job in world.take(DeleteJob)]
    assert len(names) == len(set(names)) == len(codes) - len(left)


def test_each_goes_once_and_by_its_uid() -> None:
    world = after_runs("0", successfulJobsHistoryLimit=0, ttlSecondsAfterFinished=0)
    assert [(job.name, job.uid) for job in world.take(DeleteJob)] == [(NINE, f"uid-{NINE}")]


def test_none_goes_before_its_run_is_written() -> None:
    world = World(successfulJobsHistoryLimit=0).tick("09:00").ends(NINE)
    world.settled = False
    world.step("09:02")
    world.step("09:02")
    assert world.take(DeleteJob) == []
    world.settled = True
    world.step("09:02")
    assert len(world.take(DeleteJob)) == 1


@pytest.mark.parametrize("manual", [False, True])
def test_an_end_that_is_news_is_recorded_first(manual: bool) -> None:
    world = World(successfulJobsHistoryLimit=0).tick("08:45")
    name = "news-m00000001aa" if manual else NINE
    if manual:
        world.request("now").tick()
    world.tick("09:00")
    before = world.status.model_copy(
        update={
            "runs": [],
            "scheduling": world.status.scheduling.model_copy(update={"handled_through": None})
            if world.status.scheduling
            else None,
        }
    )
    world.ends(name)
    world.status = before  # an earlier life of ours could not write it
    world.step("09:02")
    assert world.run(name).phase == "Succeeded"
    assert world.take(DeleteJob) == []
    world.step("09:02")
    assert len(world.take(DeleteJob)) == 1


def test_the_job_of_an_attempt_goes_when_the_next_is_recorded() -> None:
    world = World(failedJobsHistoryLimit=0, retry={"backoff": "10m"}).tick("09:00").ends(NINE, code=1).tick("09:01")
    assert kept(world) == ["09:00"]
    world.tick("09:12")
    assert list(world.jobs) == [f"{NINE}-r2"]


def test_keep_spares_a_job() -> None:
    world = World(successfulJobsHistoryLimit=0).tick("09:00").job(NINE, keep=True).ends(NINE).tick("09:05")
    assert kept(world) == ["09:00"]
    world.job(NINE, keep=False).tick("09:06")
    assert kept(world) == []


def test_no_job_goes_while_an_earlier_request_for_it_may_still_be_carried_out() -> None:
    """Its name is the lock of its slot."""
    world = World(successfulJobsHistoryLimit=0, ttlSecondsAfterFinished=0).tick("09:00")
    world.locked = {NINE: utc("09:01:30")}
    world.now = utc("09:00:20")
    world.ends(NINE).tick()
    assert world.wake_at == utc("09:01:30")
    assert kept(world.tick("09:01:29")) == ["09:00"]
    assert kept(world.tick("09:01:30")) == []


def test_time_to_live() -> None:
    world = World(ttlSecondsAfterFinished=600).tick("09:00")
    world.now = utc("09:01")
    world.ends(NINE).tick()
    assert world.wake_at == utc("09:11")
    assert kept(world.tick("09:10:59")) == ["09:00"]
    assert kept(world.tick("09:11")) == []


def test_an_active_job_never_goes() -> None:
    world = World(ttlSecondsAfterFinished=0, successfulJobsHistoryLimit=0, failedJobsHistoryLimit=0)
    world.tick("09:00").runs(NINE).tick("09:59")
    assert world.take(DeleteJob) == []


def test_jobs_of_a_refused_schedule_are_cleaned_up_all_the_same() -> None:
    world = after_runs("0000").edit(schedule="bad", successfulJobsHistoryLimit=1).tick("14:00")
    assert kept(world) == ["12:00"]
    assert world.status.totals.runs == 4


def test_a_job_being_deleted_is_left_alone() -> None:
    world = after_runs("0").job(NINE, deleting=True).edit(successfulJobsHistoryLimit=0).tick("09:10")
    assert world.take(DeleteJob) == []
