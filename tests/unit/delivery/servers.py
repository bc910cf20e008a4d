"""Real servers on the loopback, and a guard that is told to allow them as an administrator would."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Any

import trustme
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from agentschedule.delivery.guard import Guard
from agentschedule.policy.addresses import Reach

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
AUTHORITY = trustme.CA()


def reach(port: int, **more: Any) -> Reach:
    """Loopback is allowed explicitly, and this port."""
    return replace(Reach(http=True, ports=frozenset({port}), networks=LOOPBACK), **more)


def client_tls(authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    """Trusts that authority's certificates only."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def server_tls(*names: str) -> ssl.SSLContext:
    """A server's, with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names).configure_cert(context)
    return context


class Names(AbstractResolver):
    """A name server that a test writes: each answer may differ from the one before."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The next answer; the last one stays."""
        addresses = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


class Nobody(Names):
    """Knows no name."""

    def __init__(self) -> None:
        super().__init__([])

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As a name server says it."""
        raise OSError(None, "no such name")


@dataclass
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpServer:
    """A real HTTP server that keeps what it was sent."""

    port: int = 0
    scheme: str = "http"
    received: list[Received] = field(default_factory=list)

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        """Where it is."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    def guard(self, **more: Any) -> Guard:
        """One that may reach it."""
        tls = client_tls() if self.scheme == "https" else None
        return Guard(reach(self.port, **more), tls=tls)


@asynccontextmanager
async def http_server(answer: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpServer]:
    """Every request is kept, and answered by this."""
    server = HttpServer(scheme="https" if tls else "http")

    async def handle(request: web.Request) -> web.StreamResponse:
        server.received.append(Received(request.path, dict(request.headers), await request.read()))
        return await answer(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        await runner.cleanup()


def answering(status: int = 200, body: str = "", **headers: str) -> Handler:
    """A handler that always answers so. `_` in a header's name stands for `-`."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return answer


@asynccontextmanager
async def raw_server(
    behave: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A server that speaks as it likes. Gives its port."""

    tasks: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await behave(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
