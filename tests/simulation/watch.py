"""Watches of the fake cluster: they lag, they break, and what they missed is told later or lost."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from agentschedule.cluster.errors import ApiError

from .connection import Connection, selected

Raw = dict[str, Any]


class Watch:
    """One watch: events in their order, late, some twice. It can break, and resume or have to begin anew."""

    def __init__(
        self,
        connection: Connection,
        kind: str,
        on_event: Callable[[str | None, Raw], object],
        on_listed: Callable[[Collection[str], int], object],
    ) -> None:
        self.kind = kind
        self.losing = False
        self.version = 0
        """Up to which everything was told."""
        self._connection = connection
        self._on_event = on_event
        self._on_listed = on_listed
        self._missed: list[tuple[str, Raw]] = []
        self._held: list[tuple[str, Raw]] = []
        self._open = False
        self._buffering = False
        self._last = 0.0
        self._epoch = 0

    async def begin(self) -> None:
        """List, then watch, anew if it was begun before. What happens while the list is on its way is not lost."""
        self.snap(losing=True)
        self._missed, self._buffering = [], True
        if self._heard not in self._connection.cluster.listeners:
            self._connection.cluster.listeners.append(self._heard)
        while True:
            try:
                items, version = await self._connection.list(self.kind)
                break
            except ApiError:
                await asyncio.sleep(2)
        for raw in items:
            self._on_event(None, raw)
        self._on_listed({raw["metadata"]["uid"] for raw in items}, version)
        self._open, self._buffering, self.losing, self.version = True, False, False, version
        self._resume(version)

    def snap(self, *, losing: bool) -> None:
        """It breaks. `losing`: what happens until it is mended is too old then, so that a new list is needed."""
        self._open, self._buffering, self.losing = False, not losing, losing
        self._epoch += losing

    async def mend(self) -> None:
        """It is connected again."""
        if self._open:
            return
        if self.losing:
            await self.begin()
            return
        self._open, self._buffering = True, False
        self._resume(0)

    def close(self) -> None:
        """Nobody watches any more."""
        self.snap(losing=True)
        if self._heard in self._connection.cluster.listeners:
            self._connection.cluster.listeners.remove(self._heard)

    def thaw(self) -> None:
        """What came while the operator was frozen is read now, bit by bit."""
        held, self._held = self._held, []
        for event, raw in held:
            self._pass_on(event, raw)

    def _resume(self, version: int) -> None:
        """Pass on what happened since that version."""
        missed, self._missed = self._missed, []
        for event, raw in missed:
            if int(raw["metadata"]["resourceVersion"]) > version:
                self._pass_on(event, raw)

    def _heard(self, kind: str, event: str, raw: Raw) -> None:
        if kind != self.kind or not selected(kind, raw):
            return
        if self._open:
            self._pass_on(event, raw)
        elif self._buffering:
            self._missed.append((event, raw))

    def _pass_on(self, event: str, raw: Raw) -> None:
        loop, faults = asyncio.get_running_loop(), self._connection.faults
        lag = faults.random.uniform(0, faults.lags.get(self.kind, 0.0))
        self._last = max(self._last, loop.time() + faults.delay() + lag)
        loop.call_at(self._last, self._deliver, event, raw, self._epoch)
        if faults.random.random() < faults.doubled:
            self._last += faults.delay()
            loop.call_at(self._last, self._deliver, event, raw, self._epoch)

    def _deliver(self, event: str, raw: Raw, epoch: int) -> None:
        if self._connection.dead or epoch != self._epoch:
            return
        if self._connection.frozen:
            self._held.append((event, raw))
        else:
            self.version = max(self.version, int(raw["metadata"]["resourceVersion"]))
            self._on_event(event, raw)
