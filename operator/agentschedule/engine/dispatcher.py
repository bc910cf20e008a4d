"""API requests in order of urgency, a bounded number at once: in a burst, starts come before everything else."""

import asyncio
import heapq
import itertools
import logging
from collections import Counter
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


class Dispatcher:
    """A queue by urgency, then by age, and as many requests under way as there may be at once."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._most = most
        self._heap: list[tuple[int, int, Work]] = []
        self._order = itertools.count()
        self._waiting: Counter[int] = Counter()
        self._open = False
        self._under_way: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.on_starts_gone: Callable[[], None] = lambda: None
        """Called when no start waits any more."""
        metrics.queue.set_function(lambda: len(self._heap))

    @property
    def limit(self) -> int:
        """How many requests may be under way at once."""
        return self._most

    def waiting(self, urgency: Urgency) -> int:
        """How many requests of an urgency wait."""
        return self._waiting[urgency]

    def submit(self, urgency: Urgency, work: Work) -> None:
        """Queue a request."""
        heapq.heappush(self._heap, (urgency, next(self._order), work))
        self._waiting[urgency] += 1
        self._idle.clear()
        self._pump()

    def start(self) -> None:
        """Begin to make requests."""
        self._open = True
        self._pump()

    async def drain(self, seconds: float) -> None:
        """Let queued requests finish, but no longer than this."""
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            logger.warning("stopping with requests unfinished", extra={"waiting": len(self._heap)})

    async def stop(self) -> None:
        """Give up whatever is under way; what waits is dropped."""
        self._open = False
        self._heap.clear()
        self._waiting.clear()
        tasks = tuple(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _pump(self) -> None:
        for _ in range(min(len(self._heap), self._most - len(self._under_way)) if self._open else 0):
            task = asyncio.create_task(self._work())
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if self._heap:
            self._pump()
        elif not self._under_way:
            self._idle.set()

    async def _work(self) -> None:
        """One request after another, as long as any waits."""
        while self._heap and self._open:
            urgency, _, work = heapq.heappop(self._heap)
            self._waiting[urgency] -= 1
            if urgency == Urgency.START and not self._waiting[urgency]:
                self.on_starts_gone()
            try:
                await work()
            except Exception:
                logger.exception("a request failed in an unforeseen way")
