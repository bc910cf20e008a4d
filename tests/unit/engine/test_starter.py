"""Answers to creations: kept, and looked at later."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import orjson

from agentschedule.cluster.client import Answer
from agentschedule.engine.dispatcher import Dispatcher
from agentschedule.engine.entries import Key
from agentschedule.engine.ports import Cluster
from agentschedule.engine.recorder import Recorder
from agentschedule.engine.registry import Registry
from agentschedule.engine.starter import Starter
from agentschedule.metrics import Metrics
from agentschedule.planning.actions import CreateJob
from tests.unit.engine.test_registry import NEWS, UID, entry
from tests.unit.runs.builders import raw_job

RAW = raw_job(version=10, ownerReferences=[{"uid": UID}])
JOB = RAW["metadata"]["name"]


class Creations:
    """A cluster that answers a creation with what the test says."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.read_again = 0

    async def create_job(self, namespace: str, manifest: object) -> Answer:
        return Answer(self.text)

    async def read(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        self.read_again += 1
        return RAW

    async def post_event(self, *_: object) -> None:
        """Told."""


class Scene:
    """A starter that has had its Job created, and whom it woke."""

    def __init__(self, cluster: Creations) -> None:
        metrics = Metrics()
        self.registry = Registry()
        self.woken: list[Key] = []
        self.entry = self.registry.schedules[NEWS] = entry()
        self.dispatcher = Dispatcher(4, metrics)
        port = cast("Cluster", cluster)
        recorder = Recorder(port, self.dispatcher, metrics)
        self.starter = Starter(
            self.registry, port, self.dispatcher, recorder, metrics, clock=_now, wake=self.woken.append
        )

    @property
    def known(self) -> bool:
        return self.registry.has_job(UID, RAW["metadata"]["uid"])


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def answered(cluster: Creations) -> AsyncIterator[Scene]:
    scene = Scene(cluster)
    scene.dispatcher.start()
    scene.starter.start(NEWS, scene.entry, CreateJob(JOB, _now(), "Schedule", _now(), {}, Decimal(1)))
    await _turns()
    try:
        yield scene
    finally:
        await scene.dispatcher.stop()


async def _turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_answer_waits_until_there_is_time_and_the_start_is_under_way_so_long() -> None:
    async with answered(Creations(orjson.dumps(RAW))) as scene:
        assert not scene.known
        assert scene.entry.starts[JOB].state == "InFlight"
        assert scene.starter.settle(0) is False
        assert scene.starter.settle(1) is True
        assert scene.known
        assert scene.entry.starts == {}
        assert scene.woken == [NEWS]


async def test_what_the_watch_has_shown_is_not_read_again() -> None:
    async with answered(Creations(b'{"metadata":{"resourceVersion":"10", and no more')) as scene:
        scene.registry.put_job(RAW)
        scene.starter.settle(1)
        assert scene.entry.starts == {}
        assert scene.woken == [NEWS]


async def test_an_older_job_of_the_same_name_is_not_taken_for_it() -> None:
    async with answered(Creations(orjson.dumps(RAW))) as scene:
        scene.registry.put_job(raw_job(version=9, uid="older"))
        scene.starter.settle(1)
        assert scene.known


async def test_an_answer_that_cannot_be_read_is_found_out_about() -> None:
    cluster = Creations(b'{"metadata":{"resourceVersion":"10", and no more')
    async with answered(cluster) as scene:
        scene.starter.settle(1)
        assert scene.entry.starts[JOB].state == "InFlight"
        await asyncio.sleep(2.1)
        assert cluster.read_again == 1
        assert scene.known


async def test_who_ends_keeps_no_answer_waiting() -> None:
    async with answered(Creations(orjson.dumps(RAW))) as scene:
        scene.starter.hurry()
        assert scene.known
