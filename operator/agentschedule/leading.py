"""Following and leading in turn. What is known is kept up to date in both; what is done is done in terms.

Before a term begins, everything is found out that whoever led before has written, and a watch may not have told yet. It
ends at once when leadership is lost: nothing is written any more, and every status is as the API server has it.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from agentschedule.cluster.leadership import Leadership, Written
from agentschedule.engine.afresh import take_afresh
from agentschedule.engine.engine import Engine
from agentschedule.engine.intake import Intake
from agentschedule.sweeper import Sweeper

logger = logging.getLogger(__name__)

Learn = Callable[[Written | None], Coroutine[Any, Any, None]]
"""Finds out what is there; see `Knowledge.learn`."""


class Term:
    """What acts while this operator leads."""

    def __init__(self, engine: Engine, sweeper: Sweeper) -> None:
        self.engine = engine
        self._sweeper = sweeper
        engine.on_schedule_gone = sweeper.nudge

    async def run(self) -> None:
        """Act, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.engine.run(), name="engine")
            tasks.create_task(self._sweeper.run(), name="sweeper")


class Terms:
    """Follows while another leads, and leads when it can."""

    def __init__(
        self,
        leadership: Leadership,
        intake: Intake,
        *,
        make_term: Callable[[], Term],
        learn: Learn,
        clock: Callable[[], datetime],
    ) -> None:
        self._leadership = leadership
        self._intake = intake
        self._make_term = make_term
        self._learn = learn
        self._clock = clock
        self._term: Term | None = None
        self._learning: asyncio.Task[None] | None = None
        self._closing = False

    async def run(self) -> None:
        """Until cancelled, or closed and not leading any more."""
        try:
            while not self._closing:
                await self._leadership.acquire(self._prepare)
                await self._have_term()
        finally:
            self._forget()

    async def close(self, seconds: float) -> None:
        """Start nothing new, end what is under way, for at most so many seconds. It still leads then."""
        self._closing = True
        if self._term is not None:
            await self._term.engine.close(seconds)

    def _prepare(self, written: Written | None) -> None:
        """Whoever led can write nothing any more."""
        self._forget()
        self._learning = asyncio.create_task(self._learn(written))

    def _forget(self) -> None:
        if self._learning is not None:
            self._learning.cancel()

    async def _have_term(self) -> None:
        """Lead until that is lost."""
        self._term = self._make_term()
        async with asyncio.TaskGroup() as tasks:
            leading = tasks.create_task(self._lead(self._term), name="term")
            await self._leadership.hold()
            leading.cancel()
        self._term = self._intake.listener = None
        take_afresh(self._intake.registry, self._clock())

    async def _lead(self, term: Term) -> None:
        if self._learning is not None:
            await self._learning
        self._intake.listener = term.engine
        logger.info("a term begins", extra={"schedules": len(self._intake.registry.schedules)})
        await term.run()
