"""A proxy between operator and API server that does to requests what networks and overloaded servers do to them.

It runs in a thread of its own. Faults are put in and taken out while it works.
"""

import asyncio
import json
import random
import re
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from tests.chaos.faults import Answer, Delay, Fault, Hang, Reset, Silence, WatchError, is_watch

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "authorization"}
_NEVER = 3600.0


class _Stream:
    """A watch that is open. `dead`: the client is not told of anything any more."""

    def __init__(self, request: web.BaseRequest) -> None:
        self.request = request
        self.dead = False


class Proxy:
    """Forwards to `server`, with the rights of `token`. `url` is where it listens, on the loopback."""

    def __init__(self, server: str, *, token: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.url = ""
        self.tokens: frozenset[str] | None = None
        """Bearer tokens that are taken; others get 401. None: whoever asks."""
        self.asked: list[tuple[str, str]] = []
        """Every request: its method and path."""
        self.hit = 0
        """How many requests a fault was done to, and watches that were cut or silenced."""
        self._server, self._token, self._tls = server, token, tls
        self._faults: tuple[Fault, ...] = ()
        self._streams: set[_Stream] = set()
        self._later: set[asyncio.Task[web.StreamResponse]] = set()
        self._chance = random.Random(4711)
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._up.wait(10):
            raise RuntimeError("the proxy did not come up")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        self._loop.close()

    # Faults

    @contextmanager
    def fault(self, *faults: Fault) -> Iterator[None]:
        """These are done from now on until the context is left. Of several that concern a request the first is."""
        self._faults = (*self._faults, *faults)
        try:
            yield
        finally:
            self._faults = tuple(fault for fault in self._faults if fault not in faults)

    def cut_watches(self, path: str = "") -> None:
        """Reset the open watches."""
        self._loop.call_soon_threadsafe(self._cut, path)

    def silence_watches(self, path: str = "") -> None:
        """The open watches stay open, and nothing comes by them any more."""
        self._loop.call_soon_threadsafe(self._silence, path)

    @property
    def watches(self) -> int:
        """How many watches are open and alive."""
        return sum(not stream.dead for stream in tuple(self._streams))

    def _cut(self, path: str) -> None:
        for stream in tuple(self._streams):
            if re.search(path, stream.request.path_qs):
                self.hit += 1
                _reset(stream.request)

    def _silence(self, path: str) -> None:
        for stream in self._streams:
            if re.search(path, stream.request.path_qs):
                self.hit += 1
                stream.dead = True

    # Serving

    async def _serve(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, ssl=self._tls if self._tls is not None else True)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:

            async def handle(request: web.BaseRequest) -> web.StreamResponse:
                return await self._handle(session, request)

            runner = web.ServerRunner(web.Server(handle, handler_cancellation=True), shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._up.set()
            await self._end.wait()
            for task in self._later:
                task.cancel()
            await runner.cleanup()
        await asyncio.sleep(0.25)  # connections that were closed have yet to be let go

    async def _handle(self, session: aiohttp.ClientSession, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((request.method, request.path_qs))
        if (
            self.tokens is not None
            and request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens
        ):
            return _answer(Answer(401))
        fault = next((fault for fault in self._faults if fault.concerns(request, self._chance)), None)
        if fault is None:
            return await self._forward(session, request)
        self.hit += 1
        match fault.act:
            case Answer():
                return _answer(fault.act)
            case Delay():
                await asyncio.sleep(fault.act.seconds)
                return await self._forward(session, request)
            case Hang():
                later = asyncio.create_task(self._forward_after(fault, session, request))
                self._later.add(later)
                later.add_done_callback(self._later.discard)
                return await asyncio.shield(later)
            case Silence():
                async with self._open(request, web.StreamResponse()) as stream:
                    stream.dead = True
                    await asyncio.sleep(_NEVER)
            case WatchError():
                return web.Response(body=json.dumps({"type": "ERROR", "object": _status(fault.act.code)}) + "\n")
            case Reset.BEFORE:
                _reset(request)
            case Reset.AFTER | Reset.MIDWAY:
                return await self._forward(session, request, fault.act)
        return web.Response(status=502)

    async def _forward_after(
        self, fault: Fault, session: aiohttp.ClientSession, request: web.BaseRequest
    ) -> web.StreamResponse:
        await request.read()  # it keeps it
        while fault in self._faults:  # noqa: ASYNC110 - it is lifted by another thread
            await asyncio.sleep(0.02)
        return await self._forward(session, request)

    async def _forward(
        self, session: aiohttp.ClientSession, request: web.BaseRequest, reset: Reset | None = None
    ) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        body = await request.read() or None  # b"" would be given a content type, and GETs with one are refused
        try:
            async with session.request(
                request.method, self._server + request.path_qs, headers=headers, data=body, allow_redirects=False
            ) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
                if is_watch(request) and answer.status == 200:
                    return await self._stream(request, answer, kept)
                content = await answer.read()
        except (aiohttp.ClientError, OSError):
            _reset(request)  # as if there were no proxy
            return web.Response(status=502)
        if reset is Reset.AFTER:
            _reset(request)
        elif reset is Reset.MIDWAY:
            await self._half(request, answer.status, kept, content)
        return web.Response(status=answer.status, headers=kept, body=content)

    async def _half(self, request: web.BaseRequest, status: int, headers: dict[str, str], content: bytes) -> None:
        response = web.StreamResponse(status=status, headers={**headers, "Content-Length": str(len(content))})
        await response.prepare(request)
        await response.write(content[: len(content) // 2])
        _reset(request)

    async def _stream(
        self, request: web.BaseRequest, answer: aiohttp.ClientResponse, headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        async with self._open(request, response) as stream:
            try:
                async for chunk in answer.content.iter_any():
                    if not stream.dead:
                        await response.write(chunk)
            except (aiohttp.ClientError, OSError):
                if not stream.dead:
                    _reset(request)
            if stream.dead:
                await asyncio.sleep(_NEVER)
        return response

    @asynccontextmanager
    async def _open(self, request: web.BaseRequest, response: web.StreamResponse) -> AsyncIterator[_Stream]:
        await response.prepare(request)
        stream = _Stream(request)
        self._streams.add(stream)
        try:
            yield stream
        finally:
            self._streams.discard(stream)


def _reset(request: web.BaseRequest) -> None:
    """RST rather than an orderly end."""
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def _answer(act: Answer) -> web.Response:
    headers = {} if act.retry_after is None else {"Retry-After": str(act.retry_after)}
    return web.json_response(_status(act.status), status=act.status, headers=headers)


def _status(code: int) -> dict[str, object]:
    reasons = {401: "Unauthorized", 403: "Forbidden", 410: "Expired", 429: "TooManyRequests", 503: "ServiceUnavailable"}
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "metadata": {},
        "status": "Failure",
        "message": "a fault was put in here",
        "reason": reasons.get(code, "InternalError"),
        "code": code,
    }
