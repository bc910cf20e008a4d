"""API requests in order of urgency, a bounded number at once: in a burst, starts come before everything else."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from enum import IntEnum

from agentschedule.metrics import Metrics

logger = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]


class Urgency(IntEnum):
    """Lower is sooner."""

    START = 0
    STOP = 1
    CHECK = 2
    STATUS = 3
    CLEAN = 4
    EVENT = 5


MAX_WAITING_EVENTS = 2000


class Dispatcher:
    """A priority queue and the workers that empty it."""

    def __init__(self, workers: int, metrics: Metrics) -> None:
        self._queue: asyncio.PriorityQueue[tuple[int, int, Work]] = asyncio.PriorityQueue()
        self._order = itertools.count()
        self._size = workers
        self._metrics = metrics
        self._waiting_events = 0
        self._tasks: list[asyncio.Task[None]] = []
        metrics.queue.set_function(self._queue.qsize)

    def submit(self, urgency: Urgency, work: Work) -> None:
        """Queue a request. Events are dropped when too many wait: they never delay anything else."""
        if urgency is Urgency.EVENT:
            if self._waiting_events >= MAX_WAITING_EVENTS:
                self._metrics.events_dropped.inc()
                return
            self._waiting_events += 1
        self._queue.put_nowait((urgency, next(self._order), work))

    def start(self) -> None:
        """Start the workers."""
        self._tasks = [asyncio.create_task(self._work(), name=f"dispatcher-{n}") for n in range(self._size)]

    async def drain(self, seconds: float) -> None:
        """Let queued requests finish, but no longer than this."""
        try:
            async with asyncio.timeout(seconds):
                await self._queue.join()
        except TimeoutError:
            logger.warning("stopping with requests unfinished", extra={"waiting": self._queue.qsize()})

    async def stop(self) -> None:
        """End the workers; what waits is dropped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while not self._queue.empty():
            self._queue.get_nowait()

    async def _work(self) -> None:
        while True:
            urgency, _, work = await self._queue.get()
            if urgency == Urgency.EVENT:
                self._waiting_events -= 1
            try:
                await work()
            except Exception:
                logger.exception("a request failed in an unforeseen way")
            finally:
                self._queue.task_done()
