"""A list on demand: what a watch that fell silent has not told is known then."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from agentschedule.cluster.client import Client
from agentschedule.cluster.paths import collection
from agentschedule.cluster.reflector import Reflector
from tests.unit.cluster.api_server import serving

JOBS = collection("jobs", "team")


class Silent:
    """A server whose watches say nothing. `version` is that of its lists."""

    def __init__(self) -> None:
        self.version = 1
        self.lists = 0
        self.watched: list[str] = []
        self.answers = asyncio.Event()
        self.answers.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            self.watched.append(request.query["resourceVersion"])
            response = web.StreamResponse()
            await response.prepare(request)
            await asyncio.sleep(30)
            return response
        self.lists += 1
        version = self.version
        await self.answers.wait()
        item = {"metadata": {"uid": f"u{version}", "resourceVersion": str(version)}}
        return web.json_response({"items": [item], "metadata": {"resourceVersion": str(version)}})


@asynccontextmanager
async def reflecting(server: Silent) -> AsyncIterator[tuple[Reflector, list[str]]]:
    seen: list[str] = []

    def on_event(_: str | None, raw: dict[str, Any]) -> None:
        seen.append(raw["metadata"]["uid"])

    async with serving(server.answer) as known, Client(known, timeout=5, connections=2) as client:
        reflector = Reflector(client, JOBS, selector="", on_event=on_event, on_listed=lambda *_: None)
        running = asyncio.create_task(reflector.run())
        try:
            await reflector.synced.wait()
            yield reflector, seen
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def until(happens: Callable[[], bool]) -> None:
    for _ in range(500):
        if happens():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it does not happen")


async def watching(server: Silent, times: int) -> None:
    await until(lambda: len(server.watched) >= times)


async def test_renewed_it_lists_at_once_and_watches_from_there() -> None:
    server = Silent()
    async with reflecting(server) as (reflector, seen):
        await watching(server, 1)
        server.version = 7
        await asyncio.wait_for(reflector.renew(), 5)
        assert seen == ["u1", "u7"]
        await watching(server, 2)
        assert server.watched == ["1", "7"]


async def test_a_list_that_was_under_way_does_not_count() -> None:
    server = Silent()
    async with reflecting(server) as (reflector, seen):
        await watching(server, 1)
        server.answers.clear()
        first = asyncio.create_task(reflector.renew())
        await until(lambda: server.lists == 2)
        server.version = 9
        second = asyncio.create_task(reflector.renew())
        await asyncio.sleep(0.05)
        server.answers.set()
        await asyncio.wait_for(asyncio.gather(first, second), 5)
        assert seen[-1] == "u9"


async def test_renewals_at_the_same_time_are_all_answered() -> None:
    server = Silent()
    async with reflecting(server) as (reflector, _):
        await asyncio.wait_for(asyncio.gather(*(reflector.renew() for _ in range(3))), 5)
