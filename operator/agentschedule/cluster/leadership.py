"""What the rest of the operator knows of leadership, however it is decided."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

Written = Mapping[str, int]
"""The newest versions that a leader has written, by what it was and where."""

Prepare = Callable[[Written | None], None]
"""Called when whoever led can write nothing any more, with what it wrote last if it said so."""


class Leadership(Protocol):
    """Whether this operator leads."""

    def leads(self) -> bool:
        """Whether it does at this moment."""

    async def acquire(self, prepare: Prepare) -> None:
        """Wait until it leads. `prepare` is called once for each leader before it, the last time before this returns:
        as early as can be, so that there is time to find out what that one has done."""

    async def hold(self) -> None:
        """Go on leading. Returns when it does not lead any more."""

    async def release(self, written: Written | None = None) -> None:
        """Lead no more, and let others know, if possible with what was written last."""


class Unopposed:
    """Without leader election: the only operator leads for as long as it runs."""

    def leads(self) -> bool:
        """Always."""
        return True

    async def acquire(self, prepare: Prepare) -> None:
        """At once."""
        prepare(None)

    async def hold(self) -> None:
        """For ever."""
        await asyncio.Event().wait()

    async def release(self, written: Written | None = None) -> None:
        """Nobody waits for it."""
