"""/healthz, /readyz and /metrics, on one port."""

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from agentschedule.metrics import Metrics

Check = Callable[[], str | None]
"""What is wrong, or None."""

More = Callable[[], AsyncIterator[bytes]]
"""Further metrics as text, piece by piece."""


async def nothing_more() -> AsyncIterator[bytes]:
    """No further metrics."""
    for _ in ():
        yield b""


class Probes:
    """The HTTP server that the kubelet and Prometheus ask."""

    def __init__(self, metrics: Metrics, *, alive: Check, ready: Check, more: More = nothing_more) -> None:
        self._metrics = metrics
        self._more = more
        self._alive = alive
        self._ready = ready
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen. Returns the port, which matters where `port` is 0. Raises `OSError` when it is taken."""
        application = web.Application()
        application.router.add_get("/healthz", self._answer(self._alive))
        application.router.add_get("/readyz", self._answer(self._ready))
        application.router.add_get("/metrics", self._show_metrics)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    @staticmethod
    def _answer(check: Check) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(_: web.Request) -> web.StreamResponse:
            problem = check()
            return web.Response(text=problem or "ok", status=503 if problem else 200)

        return answer

    async def _show_metrics(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE_LATEST})
        await response.prepare(request)
        await response.write(generate_latest(self._metrics.registry))
        async for piece in self._more():
            await response.write(piece)
        await response.write_eof()
        return response
