"""Every request is told of once, with what became of it; and every watch that begins anew, with the reason."""

import asyncio
import contextlib
import socket
from collections import Counter

import pytest
from aiohttp import web

from agentschedule.cluster.client import Client
from agentschedule.cluster.errors import ApiError
from agentschedule.cluster.operations import Operations
from agentschedule.cluster.paths import asked_for, collection, item
from agentschedule.cluster.reflector import Reflector
from tests.unit.cluster.api_server import Handler, credentials, serving

JOBS = collection("jobs", "team")


class Told:
    """What was told of requests."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.seconds: list[float] = []

    def __call__(self, verb: str, resource: str, code: str, seconds: float) -> None:
        self.counts[verb, resource, code] += 1
        self.seconds.append(seconds)


def answering(status: int, text: str = "{}") -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status)

    return answer


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


@pytest.mark.parametrize(
    ("method", "path", "verb", "resource"),
    [
        ("GET", collection("jobs"), "list", "jobs"),
        ("GET", collection("pods", "team"), "list", "pods"),
        ("GET", item("jobs", "team", "one"), "get", "jobs"),
        ("POST", collection("jobs", "team"), "create", "jobs"),
        ("POST", collection("events", "team"), "create", "events"),
        ("PATCH", item("agentschedules", "team", "one"), "patch", "agentschedules"),
        ("PATCH", item("agentruns", "team", "one", "status"), "patch", "agentruns/status"),
        ("DELETE", item("pods", "team", "one"), "delete", "pods"),
        ("GET", "/apis/coordination.k8s.io/v1/namespaces/team/leases/one", "get", "leases"),
        ("PUT", "/apis/coordination.k8s.io/v1/namespaces/team/leases/one", "update", "leases"),
        ("GET", "/api/v1/namespaces/team", "get", "namespaces"),
        ("GET", "/version", "get", "version"),
    ],
)
def test_a_request_is_named_as_in_roles(method: str, path: str, verb: str, resource: str) -> None:
    assert asked_for(method, path) == (verb, resource)


@pytest.mark.parametrize("status", [200, 201, 403, 409, 429, 500, 503])
async def test_an_answer_is_counted_by_its_code(status: int) -> None:
    told = Told()
    async with serving(answering(status)) as known, Client(known, timeout=5, connections=2, on_request=told) as client:
        with contextlib.suppress(ApiError):
            await client.request("POST", JOBS, body={})
    assert told.counts == {("create", "jobs", str(status)): 1}
    assert 0 < told.seconds[0] < 5


async def test_a_dry_run_is_no_creation() -> None:
    told = Told()
    async with serving(answering(201)) as known, Client(known, timeout=5, connections=2, on_request=told) as client:
        await Operations(client, "me").dry_run_job({"metadata": {"namespace": "team"}})
    assert told.counts == {("dry-run", "jobs", "201"): 1}


async def test_each_page_of_a_list_is_a_request() -> None:
    async def pages(request: web.Request) -> web.StreamResponse:
        more = {} if "continue" in request.query else {"continue": "more"}
        return web.json_response({"items": [{}], "metadata": {"resourceVersion": "1", **more}})

    told = Told()
    async with serving(pages) as known, Client(known, timeout=5, connections=2, on_request=told) as client:
        items, _ = await client.list(JOBS)
    assert len(items) == 2
    assert told.counts == {("list", "jobs", "200"): 2}


async def test_a_request_that_nobody_answers_is_counted() -> None:
    told = Told()
    async with serving(hang) as known, Client(known, timeout=0.1, connections=2, on_request=told) as client:
        with pytest.raises(ApiError):
            await client.request("GET", JOBS)
    assert told.counts == {("list", "jobs", "timeout"): 1}


async def test_a_request_that_reaches_nobody_is_counted() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        told, nobody = Told(), credentials(f"http://127.0.0.1:{taken.getsockname()[1]}")
        async with Client(nobody, timeout=5, connections=2, on_request=told) as client:
            with pytest.raises(ApiError):
                await client.request("GET", JOBS)
            with pytest.raises(ApiError):
                await anext(client.watch(JOBS, selector="", version="1", seconds=5, silence=5))
    assert told.counts == {("list", "jobs", "unreachable"): 1, ("watch", "jobs", "unreachable"): 1}


async def test_a_request_that_is_given_up_is_counted() -> None:
    told = Told()
    async with serving(hang) as known, Client(known, timeout=5, connections=2, on_request=told) as client:
        asked = asyncio.create_task(client.request("GET", JOBS))
        await asyncio.sleep(0.1)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    assert told.counts == {("list", "jobs", "aborted"): 1}


async def test_a_watch_is_counted_when_it_is_answered_and_not_again_when_it_breaks() -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type": "ADDED", "object": {}}\n')
        assert request.transport is not None
        request.transport.abort()
        return response

    told = Told()
    async with serving(break_off) as known, Client(known, timeout=5, connections=2, on_request=told) as client:
        with pytest.raises(ApiError):
            async for _ in client.watch(JOBS, selector="", version="1", seconds=5, silence=5):
                pass
    assert told.counts == {("watch", "jobs", "200"): 1}


@pytest.mark.parametrize(
    ("watched", "reason"),
    [
        pytest.param(answering(200), "ended", id="the server ends it"),
        pytest.param(answering(410), "expired", id="gone"),
        pytest.param(answering(500), "refused", id="an error"),
        pytest.param(
            answering(200, '{"type": "ERROR", "object": {"code": 410}}\n'), "expired", id="gone, told in the stream"
        ),
    ],
)
async def test_a_watch_that_begins_anew_is_told_of_with_the_reason(watched: Handler, reason: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"items": [], "metadata": {"resourceVersion": "1"}})
        return await watched(request)

    assert await reasons(answer) == reason


async def test_a_list_that_nobody_answers_is_a_reason_too() -> None:
    assert await reasons(hang) == "timeout"


async def reasons(answer: Handler) -> str:
    """The first one that a reflector tells."""
    told: asyncio.Queue[str] = asyncio.Queue()
    async with serving(answer) as known, Client(known, timeout=0.2, connections=2) as client:
        reflector = Reflector(
            client, JOBS, selector="", on_listed=lambda *_: None, on_event=lambda *_: None, on_restart=told.put_nowait
        )
        running = asyncio.create_task(reflector.run())
        try:
            return await asyncio.wait_for(told.get(), 10)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
