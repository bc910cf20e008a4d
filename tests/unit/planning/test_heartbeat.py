"""Scheduled runs are counted, once each, and a heartbeat tells the agent which one it is."""

import json
from typing import Any

import pytest

from agentschedule.api.status import AgentScheduleStatus

from .builders import World, slot_id

NINE, TEN, ELEVEN = slot_id("09:00"), slot_id("10:00"), slot_id("11:00")


def told(world: World, job: str) -> dict[str, Any] | None:
    """What the agent of this Job is told of its iteration."""
    notes = world.manifests[job]["spec"]["template"]["metadata"]["annotations"]
    heartbeat: dict[str, Any] | None = json.loads(notes["agentschedule.dev/context"]).get("heartbeat")
    return heartbeat


@pytest.mark.parametrize(
    ("heartbeat", "first", "second"),
    [
        pytest.param({"maxIterations": 9}, 1, 2, id="limited"),
        pytest.param({}, 1, 2, id="without a limit"),
        pytest.param(None, None, None, id="none"),
    ],
)
def test_scheduled_runs_are_counted(heartbeat: dict[str, int] | None, first: int | None, second: int | None) -> None:
    world = World(heartbeat=heartbeat).tick("09:00").ends(NINE).tick("09:01")
    assert world.status.iteration == 1
    world.tick("10:00").tick("10:01")
    assert (world.run(NINE).iteration, world.run(TEN).iteration, world.status.iteration) == (first, second, 2)
    assert told(world, TEN) == (None if heartbeat is None else {"iteration": 2, **heartbeat})


def test_a_further_attempt_is_the_same_iteration() -> None:
    world = World(heartbeat={}, retry={"backoff": "10s"}).tick("09:00").ends(NINE, code=1).tick("09:01").tick("09:05")
    second = slot_id("09:00", 2)
    assert told(world, second) == told(world, NINE) == {"iteration": 1}
    assert (world.run(second).iteration, world.status.iteration) == (1, 1)


def test_a_manual_run_is_no_iteration() -> None:
    world = World(heartbeat={}).tick("09:00").ends(NINE).request("now").tick("09:01")
    [manual] = [job for job in world.jobs if job != NINE]
    assert (told(world, manual), world.status.iteration) == ({"iteration": 1}, 1)
    world.ends(manual).tick("09:02").tick("10:00")
    assert told(world, TEN) == {"iteration": 2}


def test_a_run_whose_record_was_lost_is_counted_once() -> None:
    world = World(heartbeat={}).tick("08:30")
    before = world.status
    world.tick("09:00")
    world.status = before  # the operator ended before it could write that down
    world.ends(NINE).tick("09:01").tick("09:02")
    assert (world.run(NINE).iteration, world.status.iteration) == (1, 1)


def test_the_count_outlives_the_history() -> None:
    world = World(heartbeat={}, runHistoryLimit=1, successfulJobsHistoryLimit=0)
    for time, job in (("09:00", NINE), ("10:00", TEN), ("11:00", ELEVEN)):
        world.tick(time).ends(job).tick()
    assert world.phases() == [(ELEVEN.removeprefix("news-"), "Succeeded")]
    world.status = AgentScheduleStatus.model_validate(world.status.to_json())
    assert world.tick("11:30").status.iteration == 3
