"""Where the API server asks: an HTTPS server in a thread and an event loop of its own.

Kopf's own server would share the event loop with a burst of starts, and takes no request above 1 MiB, while an update
of a schedule with a long history is larger: nobody could edit it any more. What answers is kopf: `WebhookFn`.
"""

import asyncio
import contextlib
import hashlib
import logging
import ssl
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import kopf
import orjson
import uvloop
from aiohttp import web

logger = logging.getLogger(__name__)

_MOST_BYTES: Final = 8 * 1024 * 1024
"""Of a request: two objects, each of at most what the API server stores."""
_LOOK_AGAIN: Final = 10.0
"""Seconds between two looks at the certificate's files."""
_STOPPING: Final = 2.0
_SWITCH: Final = 0.0005
"""Seconds after which a thread that computes lets another one go on that waits. With Python's own 5 ms an answer, which
waits for its turn several times, takes four times as long in a burst."""
_DROPPED: Final = ("status",)

Observe = Callable[[str, str, float], None]
"""Told of each answer: the operation, what came of it (allowed, denied, error), and the seconds that it took."""


class WebhookThread:
    """Serves kopf's admission handlers. To be given to kopf as its admission server; `up` is set while it listens."""

    def __init__(self, host: str, port: int, folder: Path, observe: Observe) -> None:
        self._host = host
        self._port = port
        self._certificate, self._key = folder / "tls.crt", folder / "tls.key"
        self._observe = observe
        self.up = threading.Event()

    async def __call__(self, answer: kopf.WebhookFn) -> AsyncIterator[kopf.WebhookClientConfig]:
        """Listen, until closed. Raises `OSError` where the port is taken or the certificate's files cannot be read."""
        begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        serving = _Serving(asyncio.get_running_loop(), begun)
        sys.setswitchinterval(_SWITCH)
        thread = threading.Thread(
            target=self._run, args=(answer, serving), name="webhook", daemon=True
        )  # daemon: a kill of the operator does not wait for it
        thread.start()
        try:
            port = await begun
            self.up.set()
            logger.info("serving admission requests", extra={"port": port})
            yield {"url": f"https://localhost:{port}"}
            await serving.ended.wait()
            raise RuntimeError("the admission server has ended")
        finally:
            self.up.clear()
            serving.stop()
            await asyncio.to_thread(thread.join, _STOPPING)

    def _run(self, answer: kopf.WebhookFn, serving: "_Serving") -> None:
        loop = uvloop.new_event_loop()
        try:
            serving.run(loop, self._serve(answer, serving))
        except Exception as error:
            logger.exception("the admission server failed")
            serving.fail(error)
        finally:
            loop.close()

    async def _serve(self, answer: kopf.WebhookFn, serving: "_Serving") -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        digest = self._load(context, None)

        async def post(request: web.Request) -> web.Response:
            return await self._answer(answer, request)

        application = web.Application(client_max_size=_MOST_BYTES)
        application.router.add_post("/{id}", post)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=_STOPPING)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host, self._port, ssl_context=context)
            await site.start()
            serving.begin(int(runner.addresses[0][1]))
            while True:
                await asyncio.sleep(_LOOK_AGAIN)
                digest = self._load(context, digest)
        finally:
            await runner.cleanup()

    def _load(self, context: ssl.SSLContext, known: str | None) -> str:
        """Take the certificate, if it is another one: whoever renews it writes the files anew."""
        try:
            content = self._certificate.read_bytes() + self._key.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            if digest != known:
                context.load_cert_chain(self._certificate, self._key)
        except (OSError, ssl.SSLError) as error:
            if known is None:
                raise
            logger.warning("the certificate could not be read anew", extra={"error": str(error)})
            return known
        return digest

    async def _answer(self, answer: kopf.WebhookFn, request: web.Request) -> web.Response:
        begun, operation, result = time.perf_counter(), "unknown", "error"
        try:
            review = _slim(orjson.loads(await request.read()))
            operation = str(review["request"]["operation"]).lower()
            given = await answer(review, webhook=request.match_info["id"])  # type: ignore[arg-type]
            result = _result(given)
            return web.Response(body=orjson.dumps(given), content_type="application/json")
        except (ValueError, KeyError, TypeError) as error:
            return web.Response(status=400, text=f"not an AdmissionReview: {error}")
        finally:
            self._observe(operation, result, time.perf_counter() - begun)


class _Serving:
    """One life of the thread, as seen from the operator's event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, begun: "asyncio.Future[int]") -> None:
        self._loop = loop
        self._begun = begun
        self._own: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = threading.Event()
        self.ended = asyncio.Event()

    # In the thread

    def run(self, loop: asyncio.AbstractEventLoop, work: Any) -> None:
        """Run until stopped."""
        self._own = loop
        self._task = loop.create_task(work)
        if self._stopped.is_set():
            self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(self._task)

    def begin(self, port: int) -> None:
        """It listens."""
        self._tell(lambda: None if self._begun.done() else self._begun.set_result(port))

    def fail(self, error: Exception) -> None:
        """It does not, or not any more."""
        self._tell(lambda: self.ended.set() if self._begun.done() else self._begun.set_exception(error))

    def _tell(self, what: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the operator's loop has ended
            self._loop.call_soon_threadsafe(what)

    # In the operator's loop

    def stop(self) -> None:
        """End it."""
        self._stopped.set()
        if self._own is not None and self._task is not None and not self._own.is_closed():
            with contextlib.suppress(RuntimeError):
                self._own.call_soon_threadsafe(self._task.cancel)


def _result(given: Mapping[str, Any]) -> str:
    """What came of a request. Kopf denies with code 500 where a handler has failed."""
    response = given["response"]
    if response["allowed"]:
        return "allowed"
    return "error" if response.get("status", {}).get("code") == 500 else "denied"


def _slim(review: dict[str, Any]) -> dict[str, Any]:
    """Without what no handler reads: kopf compares the two objects whole, and keeps a memory for each uid."""
    for name in ("object", "oldObject"):
        raw = review["request"].get(name)
        if raw:
            for part in _DROPPED:
                raw.pop(part, None)
            raw["metadata"].pop("managedFields", None)
            raw["metadata"].pop("uid", None)
    return review
