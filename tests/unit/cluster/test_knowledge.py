"""What a new leader must find out: everything, unless it has seen all that was written before."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from agentschedule.cluster.client import Client
from agentschedule.cluster.errors import ApiError
from agentschedule.cluster.operations import Operations
from agentschedule.engine.intake import Intake
from agentschedule.engine.registry import Registry
from agentschedule.knowledge import Knowledge
from agentschedule.metrics import Metrics
from agentschedule.planning.observed import DEFAULT_SETTINGS
from tests.unit.cluster.api_server import serving

OF_NAMESPACES = ("agentschedules", "agentruns", "pods", "jobs")
KINDS = ("namespaces", "agentpolicies", *OF_NAMESPACES)


class Cluster:
    """An empty one. Each list has a newer version than the one before; watches say what they are told to."""

    def __init__(self) -> None:
        self.version = 10
        self.lists: Counter[str] = Counter()
        self.news: dict[str, asyncio.Queue[str]] = {}
        self.fails = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        kind = request.path.rsplit("/", 1)[-1]
        if request.method != "GET":
            self.version += 1
            meta = {"name": "one", "resourceVersion": str(self.version)}
            return web.json_response({"metadata": meta}, status=500 if self.fails else 200)
        if "watch" not in request.query:
            self.lists[kind] += 1
            self.version += 1
            return web.json_response({"items": [], "metadata": {"resourceVersion": str(self.version)}})
        response = web.StreamResponse()
        await response.prepare(request)
        news = self.news[request.path] = asyncio.Queue()
        while True:
            version = await news.get()
            event = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}
            await response.write(json.dumps(event).encode() + b"\n")

    async def tell(self, version: int) -> None:
        """Every watch is that far."""
        for _ in range(500):
            if len(self.news) == len(self.lists):
                break
            await asyncio.sleep(0.01)
        for news in self.news.values():
            news.put_nowait(str(version))


@asynccontextmanager
async def knowing(
    cluster: Cluster, namespaces: tuple[str, ...] | tuple[None] = (None,)
) -> AsyncIterator[tuple[Knowledge, Operations]]:
    async with serving(cluster.answer) as known, Client(known, timeout=5, connections=8) as client:
        knowledge = Knowledge(client, Intake(Registry(), DEFAULT_SETTINGS), Metrics(), namespaces)
        try:
            await knowledge.learn()
            yield knowledge, Operations(client, "me")
        finally:
            for task in knowledge.tasks:
                task.cancel()
            await asyncio.gather(*knowledge.tasks, return_exceptions=True)


async def test_without_a_note_everything_is_listed_again() -> None:
    cluster = Cluster()
    async with knowing(cluster) as (knowledge, _):
        assert cluster.lists == dict.fromkeys(KINDS, 1)
        await knowledge.learn()
        assert cluster.lists == dict.fromkeys(KINDS, 2)


async def test_whose_watches_have_told_of_all_that_was_written_lists_nothing() -> None:
    cluster = Cluster()
    async with knowing(cluster) as (knowledge, _):
        await cluster.tell(30)
        await knowledge.learn({"jobs": 30, "agentschedules": 29})
        assert cluster.lists == dict.fromkeys(KINDS, 1)


async def test_whose_watches_lag_behind_lists_everything() -> None:
    cluster = Cluster()
    async with knowing(cluster) as (knowledge, _):
        await cluster.tell(30)
        await knowledge.learn({"jobs": 31})
        assert cluster.lists == dict.fromkeys(KINDS, 2)


async def test_a_kind_or_namespace_that_is_not_watched_is_not_known() -> None:
    cluster = Cluster()
    async with knowing(cluster) as (knowledge, _):
        await cluster.tell(30)
        await knowledge.learn({"jobs/team": 1})
        assert cluster.lists == dict.fromkeys(KINDS, 2)


async def test_the_next_leader_is_told_what_was_written_and_what_was_known_before() -> None:
    cluster = Cluster()
    async with knowing(cluster) as (knowledge, operations):
        base = knowledge.handed_over({})
        assert sorted(base) == sorted(KINDS)
        assert set(base.values()) == {11, 12, 13, 14, 15, 16}
        await operations.create_job("team", {})
        await operations.patch("agentschedules", "team", "one", {}, "status")
        await operations.post_event(
            {"kind": "Job", "namespace": "team", "name": "x", "uid": "u"}, "Normal", "R", "m", "x"
        )
        written = operations.written()
        assert written is not None
        assert knowledge.handed_over(written) == {**base, "jobs": 17, "agentschedules": 18}


async def test_what_is_told_is_told_of_each_namespace_where_they_are_watched_one_by_one() -> None:
    cluster = Cluster()
    async with knowing(cluster, ("one", "two")) as (knowledge, operations):
        await operations.create_job("two", {})
        written = operations.written()
        assert written is not None
        told = knowledge.handed_over(written)
        assert sorted(told) == sorted(f"{kind}/{namespace}" for kind in OF_NAMESPACES for namespace in ("one", "two"))
        assert told["jobs/two"] == cluster.version
        assert told["jobs/one"] < told["jobs/two"]


async def test_who_was_told_hands_that_on() -> None:
    cluster = Cluster()
    async with knowing(cluster) as (knowledge, _):
        await cluster.tell(30)
        await knowledge.learn({"jobs": 30})
        assert knowledge.handed_over({}) == {"jobs": 30}


async def test_with_a_write_unanswered_nobody_knows_what_was_written() -> None:
    cluster = Cluster()
    async with knowing(cluster) as (_, operations):
        await operations.create_job("team", {})
        cluster.fails = True
        with pytest.raises(ApiError):
            await operations.create_job("team", {})
        assert operations.written() is None
