"""The fence: who does not lead any more writes nothing, not even what was about to be sent."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain, repeat

import pytest
from aiohttp import web

from agentschedule.cluster.client import Client
from agentschedule.cluster.errors import ApiError
from agentschedule.cluster.operations import Operations
from tests.unit.cluster.api_server import credentials, serving

REFERENCE = {"kind": "Job", "namespace": "team", "name": "one", "uid": "u"}

WRITES: list[Callable[[Operations], Awaitable[object]]] = [
    lambda operations: operations.create_job("team", {"metadata": {"namespace": "team", "name": "one"}}),
    lambda operations: operations.create_claim({"metadata": {"namespace": "team", "name": "one"}}),
    lambda operations: operations.delete("jobs", "team", "one", "u", "Background"),
    lambda operations: operations.stop_job("team", "one", "u", "Replaced"),
    lambda operations: operations.patch("agentschedules", "team", "one", {"status": {}}, "status"),
    lambda operations: operations.post_event(REFERENCE, "Normal", "Reason", "text", "one.1"),
]
READS: list[Callable[[Operations], Awaitable[object]]] = [
    lambda operations: operations.read("jobs", "team", "one"),
    lambda operations: operations.list_jobs("team", "u"),
    lambda operations: operations.events_on("team", "u"),
    lambda operations: operations.dry_run_job({"metadata": {"namespace": "team", "name": "one"}}),
]


@pytest.mark.parametrize("write", WRITES)
async def test_who_does_not_lead_sends_no_write(write: Callable[[Operations], Awaitable[object]]) -> None:
    asked = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.method)
        return web.json_response({})

    async with serving(answer) as known, Client(known, timeout=5, connections=2) as client:
        with pytest.raises(ApiError) as refused:
            await write(Operations(client, "me", lambda: False))
        assert (refused.value.status, refused.value.reason) == (0, "NotLeading")
        assert asked == []
        await write(Operations(client, "me", lambda: True))
        assert len(asked) == 1 + (asked == ["PATCH", "DELETE"])


@pytest.mark.parametrize("read", READS)
async def test_who_does_not_lead_may_read(read: Callable[[Operations], Awaitable[object]]) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({"items": [], "metadata": {}})

    async with serving(answer) as known, Client(known, timeout=5, connections=2) as client:
        await read(Operations(client, "me", lambda: False))


async def test_a_write_for_which_a_connection_was_made_first_is_held_back() -> None:
    """While it is made, a process may be stopped for longer than its lease."""
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65536):
            heard.extend(chunk)
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    leads = chain([True], repeat(False))
    async with server, Client(credentials(f"http://127.0.0.1:{port}"), timeout=5, connections=2) as client:
        with pytest.raises(ApiError) as refused:
            await Operations(client, "me", lambda: next(leads)).create_job("team", {"secret": "body"})
        assert refused.value.reason == "NotLeading"
        await asyncio.sleep(0.1)
    assert b"secret" not in heard
