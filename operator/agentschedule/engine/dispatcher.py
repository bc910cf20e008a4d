"""API requests in order of urgency, as many at once as the API server takes: in a burst, starts come before everything
else."""

import asyncio
import heapq
import itertools
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from enum import IntEnum
from functools import partial

from agentschedule.cluster.errors import ApiError
from agentschedule.engine.clock import loop_time
from agentschedule.engine.congestion import Congestion, Outcome
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


_FIRST = 32
"""Requests under way at once, until it is known what the API server makes of them."""

_TAIL = 0.5
"""Seconds for which the last starts of a burst have the API server for themselves: what comes after a burst is much."""

_trouble: ContextVar[ApiError | None] = ContextVar("_trouble", default=None)
"""How the last request of the work at hand failed."""


class Dispatcher:
    """A queue by urgency, then by age, and as many requests under way as the API server takes, at most `most`."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._congestion = Congestion(most=most, first=min(_FIRST, most), least=min(2, most))
        self._heap: list[tuple[int, int, Work]] = []
        self._order = itertools.count()
        self._waiting: Counter[int] = Counter()
        self._starts = 0
        """Starts under way."""
        self._filled_at = -math.inf
        """When starts last waited, or took half of what may be under way."""
        self._open = False
        self._taken = frozenset(Urgency)
        self._pause: asyncio.TimerHandle | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.on_starts_low: Callable[[], None] = lambda: None
        """Called when no more starts wait than may be under way at once, for each that is begun or has ended."""
        for urgency in Urgency:
            metrics.queue.labels(urgency.name.lower()).set_function(partial(self.waiting, urgency))
        metrics.under_way.set_function(lambda: len(self._under_way))
        metrics.limit.set_function(lambda: self.limit if self._open else 0)

    @property
    def limit(self) -> int:
        """How many requests may be under way at once."""
        return self._congestion.limit

    def waiting(self, urgency: Urgency) -> int:
        """How many requests of an urgency wait."""
        return self._waiting[urgency]

    def starts_fill_it(self) -> bool:
        """Whether starts wait, take half of what may be under way, or are the last of so many."""
        return self._is_full() or (self._starts > 0 and loop_time() < self._filled_at + _TAIL)

    def _is_full(self) -> bool:
        return self._waiting[Urgency.START] > 0 or self._starts > self._congestion.limit // 2

    def submit(self, urgency: Urgency, work: Work) -> None:
        """Queue a request."""
        if urgency not in self._taken:
            return
        heapq.heappush(self._heap, (urgency, next(self._order), work))
        self._waiting[urgency] += 1
        self._idle.clear()
        self._pump()

    def failed(self, error: ApiError) -> None:
        """To be called by work whose request failed, however it deals with that."""
        _trouble.set(error)

    def start(self) -> None:
        """Begin to make requests."""
        self._open = True
        self._pump()

    def only(self, *urgencies: Urgency) -> None:
        """From now on no other request is begun; those that wait are dropped. What is under way goes on."""
        self._taken = frozenset(urgencies)
        self._heap = [waiting for waiting in self._heap if waiting[0] in self._taken]
        heapq.heapify(self._heap)
        self._waiting = Counter(urgency for urgency, _, _ in self._heap)
        if not self._heap and not self._under_way:
            self._idle.set()

    async def drain(self, seconds: float) -> bool:
        """Let queued requests finish, but no longer than this. Whether all did."""
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

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
        """Send what may be sent now."""
        free = self._congestion.limit - len(self._under_way)
        if not self._open or free <= 0 or not self._heap or self._must_wait():
            return
        for _ in range(min(len(self._heap), free)):
            task = asyncio.create_task(self._work())
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _must_wait(self) -> bool:
        """Whether the API server asked not to be asked for a while."""
        if self._pause is None:
            wait = self._congestion.wait(loop_time())
            if wait <= 0:
                return False
            self._pause = asyncio.get_running_loop().call_later(wait, self._go_on)
        return True

    def _go_on(self) -> None:
        self._pause = None
        self._pump()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if self._heap:
            self._pump()
        elif not self._under_way:
            self._idle.set()

    async def _work(self) -> None:
        """One piece of work after another, as long as any waits and may be done."""
        while self._heap and self._open and self._pause is None:
            urgency, _, work = heapq.heappop(self._heap)
            self._waiting[urgency] -= 1
            starts = urgency == Urgency.START
            self._starts += starts
            if starts and self._waiting[urgency] <= self.limit:
                self.on_starts_low()
            begun = loop_time()
            if starts and self._is_full():
                self._filled_at = begun
            self._congestion.begun(begun)
            _trouble.set(None)
            try:
                await work()
            except Exception:
                logger.exception("a request failed in an unforeseen way")
            finally:
                self._account(begun)
                self._starts -= starts
                if starts and not self._waiting[Urgency.START]:
                    self.on_starts_low()
            if len(self._under_way) > self._congestion.limit:
                return

    def _account(self, begun: float) -> None:
        error, now = _trouble.get(), loop_time()
        retry_after = error.retry_after if error is not None else None
        self._congestion.ended(now, now - begun, _outcome(error), retry_after)
        self._must_wait()


def _outcome(error: ApiError | None) -> Outcome:
    if error is None:
        return "ok"
    if error.status == 429:
        return "throttled"
    return "failed" if error.status == 0 or error.status >= 500 else "refused"
