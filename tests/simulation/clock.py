"""Time that costs nothing: an event loop that jumps to its next timer, and the wall clocks derived from it."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

_TICK = 1e-6
"""Added to every jump: a timer must lie in the past by more than a float of a year's seconds can be wrong."""

_MOST_TURNS = 50_000
"""Turns of the loop within one moment: a thousand schedules need a few hundred, a busy loop any number."""


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for a time-out it sets the time forward by it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            self._turns += 1
            if self._turns > _MOST_TURNS:
                raise RuntimeError(f"the simulation turns in circles: time stands still at {self.now:.3f} s")
            return ready
        if timeout is None:
            raise RuntimeError("the simulation stands still: nothing is ready and no timer is set")
        self._turns = 0
        self.now += timeout + _TICK
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds pass as soon as nothing is left to do in them."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def simulate(story: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


class WallClock:
    """The cluster's clock, which is right, and the operator's, which somebody may set wrong."""

    def __init__(self, start: datetime) -> None:
        self._start = start.astimezone(UTC)
        self.skew = timedelta(0)
        self._most = timedelta(0)
        self.was_set = False
        self.furthest = self._start
        """The latest time that the operator's clock has ever shown."""

    @property
    def ahead(self) -> timedelta:
        """How far the operator's clock was ever ahead."""
        return self._most

    def true(self) -> datetime:
        """What the cluster's clock shows."""
        return self._start + timedelta(seconds=asyncio.get_running_loop().time())

    def now(self) -> datetime:
        """What the operator's clock shows."""
        shown = self.true() + self.skew
        self.furthest = max(self.furthest, shown)
        return shown

    def step(self, by: timedelta) -> None:
        """Set the operator's clock forwards or backwards."""
        self.now()
        self.skew += by
        self.was_set = True
        self._most = max(self._most, self.skew)
        self.now()
