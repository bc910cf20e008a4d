"""A server with cores, a queue and faults, and a client that sends what it may: simulated event by event."""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from agentschedule.engine.congestion import Outcome


class Limiter(Protocol):
    """What decides how much may be under way."""

    @property
    def limit(self) -> int: ...

    def begun(self, now: float) -> None: ...

    def ended(self, now: float, latency: float, outcome: Outcome, retry_after: float | None = None) -> None: ...

    def wait(self, now: float) -> float: ...


@dataclass
class Fixed:
    """The same number always; Retry-After is obeyed."""

    limit: int
    until: float = 0.0

    def begun(self, now: float) -> None: ...

    def ended(self, now: float, latency: float, outcome: Outcome, retry_after: float | None = None) -> None:
        self.until = max(self.until, now + (retry_after or 0.0))

    def wait(self, now: float) -> float:
        return max(0.0, self.until - now)


Draw = Callable[[random.Random, float], float]


def constant(seconds: float) -> Draw:
    return lambda rng, now: seconds


def exponential(mean: float) -> Draw:
    return lambda rng, now: rng.expovariate(1 / mean)


@dataclass(frozen=True)
class Server:
    """`service` keeps a core busy, `delay` passes beside it (network, disk). Times are in seconds."""

    service: Draw
    delay: Draw
    cores: Callable[[float], int] = lambda now: 2
    queue: int = 10**9
    """Requests that may wait; more are answered 429 with Retry-After: 1."""
    crowd: Callable[[int], float] = lambda waiting: 1.0
    """How much longer a request takes while so many wait."""
    frozen: tuple[tuple[float, float], ...] = ()
    """From and until when nothing gets on."""
    broken: tuple[tuple[float, float], ...] = ()
    """From and until when everything is answered 503."""
    timeout: float = 15.0
    load: Callable[[float], bool] = lambda now: True
    """Whether the client has something to send."""


@dataclass
class Run:
    """What became of it: `ends` when each request that succeeded was answered, `limits` what was allowed then."""

    ends: list[float] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)

    def rate(self, since: float, until: float) -> float:
        """Requests that succeeded, a second."""
        return sum(since <= end < until for end in self.ends) / (until - since)


class Simulation:
    """One client and one server from 0 to `seconds`."""

    def __init__(self, server: Server, limiter: Limiter, seed: int = 1) -> None:
        self.server, self.limiter = server, limiter
        self.rng = random.Random(seed)
        self.run = Run()
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._under_way: dict[int, float] = {}
        self._waiting: deque[int] = deque()
        self._busy = 0
        self._timer = False

    def until(self, seconds: float) -> Run:
        """Go on until then."""
        self._pump()
        while self._events and self._events[0][0] <= seconds:
            self.now, _, happen = heapq.heappop(self._events)
            happen()
        return self.run

    def _at(self, when: float, happen: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (when, self._number, happen))

    def _pump(self) -> None:
        if pause := self.limiter.wait(self.now):
            if not self._under_way:
                self._at(self.now + pause, self._pump)
            return
        if not self.server.load(self.now):
            if not self._under_way:
                self._at(self.now + 0.05, self._pump)
            return
        while len(self._under_way) < self.limiter.limit:
            self._send()

    def _send(self) -> None:
        self._number += 1
        request = self._number
        self._under_way[request] = self.now
        self.limiter.begun(self.now)
        if not self._timer:
            self._timer = True
            self._at(self.now + self.server.timeout, self._time_out)
        if any(since <= self.now < until for since, until in self.server.broken):
            self._at(self.now + 0.001, lambda: self._answer(request, "failed"))
        elif len(self._waiting) >= self.server.queue:
            self._at(self.now + 0.001, lambda: self._answer(request, "throttled", 1.0))
        else:
            self._waiting.append(request)
            self._serve()

    def _time_out(self) -> None:
        while self._under_way:
            request, began = next(iter(self._under_way.items()))  # the oldest
            if began + self.server.timeout > self.now:
                self._at(began + self.server.timeout, self._time_out)
                return
            self._answer(request, "failed")
        self._timer = False

    def _serve(self) -> None:
        while self._waiting and self._busy < self.server.cores(self.now):
            request = self._waiting.popleft()
            self._busy += 1
            took = self.server.service(self.rng, self.now) * self.server.crowd(len(self._waiting))
            self._at(self._thawed(took), lambda request=request: self._served(request))  # type: ignore[misc]

    def _thawed(self, took: float) -> float:
        end = self.now + took
        for since, until in self.server.frozen:
            if since >= end:
                break
            if self.now < until:
                end += until - max(since, self.now)
        return end

    def _served(self, request: int) -> None:
        self._busy -= 1
        self._serve()
        self._at(self.now + self.server.delay(self.rng, self.now), lambda: self._answer(request, "ok"))

    def _answer(self, request: int, outcome: Outcome, retry_after: float | None = None) -> None:
        began = self._under_way.pop(request, None)
        if began is None:
            return  # timed out, or answered before
        self.limiter.ended(self.now, self.now - began, outcome, retry_after)
        self.run.outcomes[outcome] = self.run.outcomes.get(outcome, 0) + 1
        if outcome == "ok":
            self.run.ends.append(self.now)
            self.run.limits.append(self.limiter.limit)
        self._pump()
