"""A server on the loopback that answers as a test says."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from kubernetes import client as kubernetes

from agentschedule.cluster.credentials import Credentials

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def credentials(server: str) -> Credentials:
    """Of nobody."""
    return Credentials(
        server=server,
        tls=None,
        ca_path=None,
        certificate_path=None,
        key_path=None,
        verify=False,
        _configuration=kubernetes.Configuration(),
    )


@asynccontextmanager
async def serving(answer: Handler) -> AsyncIterator[Credentials]:
    """Every request is answered by this."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield credentials(f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()
