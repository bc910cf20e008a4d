"""The audit through crashes: nothing that a status says is missing, nothing has two ids, nothing is invented."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from agentschedule.audit.record import LOGGER

from .clock import simulate
from .node import Behaviour
from .profile import DEEP
from .promises import check_quiet
from .world import World

MINUTE = 60
SPEC = {"every": "5m", "endTime": "2026-11-22T10:58:00Z", "pauseAfterFailures": 0, "retry": {"limit": 1}}


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.read: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.read.append(json.loads(record.getMessage()))

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Records of a type, by their ids."""
        return {line["id"]: line for line in self.read if line["type"] == kind}


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, logger = Lines(), logging.getLogger(LOGGER)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)


def check(world: World, lines: Lines) -> None:
    status = world.status("report")
    assert len(lines.of("ScheduleCreated")) == 1
    ended = lines.of("RunSucceeded") | lines.of("RunFailed")
    assert len(ended) == status["totals"]["runs"]
    assert {run["id"] for run in status["runs"]} <= {line["run"] for line in ended.values()}
    started = [line["run"] for line in lines.of("RunStarted").values()]
    assert sorted(started) == sorted(world.cluster.history.life("report").jobs)
    assert sum(line["count"] for line in lines.of("RunSkipped").values()) == status["totals"]["skipped"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 40, 1 if DEEP else 5))
def test_a_crash_at_any_request(call: int, moment: Any, lines: Lines) -> None:
    async def story() -> None:
        async with World(seed=call) as world:
            world.behaviour = Behaviour(lasts=7 * MINUTE)
            world.apply("report", SPEC)
            world.start()
            await world.sleep(4 * MINUTE)
            world.crash_at(call, moment, 12 * MINUTE)
            await world.sleep(60 * MINUTE)
            await check_quiet(world)
            check(world, lines)

    simulate(story())


def test_another_leader_tells_nothing_again_that_is_settled(lines: Lines) -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(lasts=MINUTE)
            world.apply("report", SPEC)
            world.start()
            await world.sleep(33 * MINUTE)
            before = len(lines.read)
            for _ in range(3):
                await world.stop()
                world.start()
                await world.sleep(10)
            assert len(lines.read) == before
            await world.sleep(30 * MINUTE)
            check(world, lines)
            world.delete("agentschedules", "report")
            await world.sleep(MINUTE)
            assert len(lines.of("ScheduleDeleted")) == 1

    simulate(story())


def test_an_approval_whose_schedule_is_gone_is_told_by_its_run(lines: Lines) -> None:
    async def story() -> None:
        async with World() as world:
            world.policy("base", {"approvers": [{"kind": "User", "name": "alice"}]})
            world.apply("report", {**SPEC, "policy": {"requireApproval": {"expiresAfter": "2h"}}})
            world.annotate("report", {"agentschedule.dev/created-by": "bob"})
            world.start()
            await world.sleep(6 * MINUTE)
            [waiting] = world.waiting()
            world.delete("agentschedules", "report", "Orphan")
            await world.sleep(30 * MINUTE)
            [record] = lines.of("OrphanDeleted").values()
            assert (record["schedule"], record["run"]) == ("report", waiting)

    simulate(story())
