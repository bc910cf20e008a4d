"""Requests that go wrong in ways that nobody foresaw, and answers that come in another order than they were asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

from agentschedule.cluster.client import Answer
from agentschedule.engine.approver import Approver
from agentschedule.engine.crew import Crew
from agentschedule.engine.dispatcher import Dispatcher
from agentschedule.engine.entries import Key
from agentschedule.engine.executor import Executor
from agentschedule.engine.pins import PinVerifier
from agentschedule.engine.ports import Cluster
from agentschedule.engine.recorder import Recorder
from agentschedule.engine.registry import Registry
from agentschedule.engine.starter import Starter
from agentschedule.metrics import Metrics
from agentschedule.planning.actions import DeletePod, DryRun
from tests.unit.engine.test_registry import NEWS, entry


class Answers:
    """A cluster that answers when the test says so."""

    def __init__(self) -> None:
        self.checks: dict[int, asyncio.Future[Answer]] = {}
        self.deletions = 0

    async def dry_run_job(self, manifest: dict[str, Any]) -> Answer:
        return await self.checks[manifest["generation"]]

    async def delete(self, *_: object) -> bool:
        self.deletions += 1
        raise KeyError("a bug")


@asynccontextmanager
async def executor(cluster: Answers) -> AsyncIterator[Executor]:
    metrics, registry = Metrics(), Registry()
    dispatcher = Dispatcher(4, metrics)
    port = cast("Cluster", cluster)
    recorder = Recorder(port, dispatcher, metrics)

    def clock() -> datetime:
        return datetime.now(UTC)

    def wake(_: Key) -> None:
        pass

    starter = Starter(registry, port, dispatcher, recorder, metrics, clock=clock, wake=wake)
    approver = Approver(registry, port, dispatcher, recorder, clock=clock, wake=wake)
    pins = PinVerifier(registry, port, dispatcher, "", clock=clock, wake=wake)
    dispatcher.start()
    try:
        yield Executor(registry, port, dispatcher, Crew(starter, approver, pins), clock=clock, wake=wake)
    finally:
        await dispatcher.stop()


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def check(generation: int) -> DryRun:
    return DryRun(generation, {"generation": generation})


def test_the_answer_for_an_older_spec_does_not_stand_in_for_the_newest() -> None:
    """Else the newest would be checked no more: it had its answer."""

    async def story() -> None:
        cluster, news = Answers(), entry()
        cluster.checks = {n: asyncio.get_running_loop().create_future() for n in (1, 2)}
        async with executor(cluster) as made:
            for generation in (1, 2):
                made.carry_out(NEWS, news, check(generation))
            await turns()
            for generation in (2, 1):
                cluster.checks[generation].set_result(Answer(b"{}"))
                await turns()
            assert news.verdict is not None
            assert news.verdict.generation == 2

    asyncio.run(story())


def test_a_check_that_fails_in_an_unforeseen_way_is_made_again() -> None:
    async def story() -> None:
        cluster, news = Answers(), entry()
        cluster.checks = {1: asyncio.get_running_loop().create_future()}
        async with executor(cluster) as made:
            made.carry_out(NEWS, news, check(1))
            cluster.checks[1].set_exception(KeyError("a bug"))
            await turns()
            assert (news.checking, news.verdict) == (1, None)
            await asyncio.sleep(2.1)
            assert news.checking is None, "so the next plan's question is put again"

    asyncio.run(story())


def test_a_deletion_that_fails_in_an_unforeseen_way_is_tried_again() -> None:
    async def story() -> None:
        cluster = Answers()
        async with executor(cluster) as made:
            made.carry_out(NEWS, entry(), DeletePod("pod", "uid"))
            await asyncio.sleep(5.1)
            made.carry_out(NEWS, entry(), DeletePod("pod", "uid"))
            await turns()
            assert cluster.deletions == 2

    asyncio.run(story())
