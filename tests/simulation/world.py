"""A cluster, its users, and an operator that can be killed and started again at any moment."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from types import TracebackType
from typing import Any, Literal, Self

from agentschedule.engine import engine as engine_module
from agentschedule.planning.draft import base_id
from agentschedule.planning.observed import DEFAULT_SETTINGS, PlannerSettings

from .clock import WallClock
from .cluster import FakeCluster
from .connection import Faults
from .node import Behaviour
from .operator import Operator
from .post import Receivers
from .story import Story
from .users import NAMESPACE, Users

__all__ = ["FIGURES", "NAMESPACE", "SETTINGS", "START", "Moment", "World"]

Raw = dict[str, Any]

Moment = Literal["before", "after"]

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SETTINGS = replace(DEFAULT_SETTINGS, min_interval=timedelta(seconds=5))

FIGURES: Counter[str] = Counter()
"""What all simulations of this process came to."""


class _Errors(logging.Handler):
    """Exceptions that the operator caught and logged: in a simulation each of them is a bug."""

    def __init__(self, breaks: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._breaks = breaks

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self._breaks(f"{record.getMessage()}: {logging.Formatter().formatException(record.exc_info)}")


class World(Users):
    """Everything. To be used as `async with World(…) as world`, within `clock.simulate`."""

    def __init__(
        self,
        *,
        start: datetime = START,
        seed: int = 0,
        settings: PlannerSettings = SETTINGS,
        sweep_interval: timedelta = timedelta(minutes=10),
        resync_interval: float = 600,
        longest_sleep: float = engine_module.LONGEST_SLEEP,
        behave: Callable[[Raw], Behaviour] | None = None,
        elected: bool = False,
    ) -> None:
        self.random = Random(seed)
        self.settings = settings
        self.sweep_interval = sweep_interval
        self.orphan_grace = timedelta(minutes=5)
        self.resync_interval = resync_interval
        self.clock = WallClock(start)
        self.faults = Faults(Random(seed + 1))
        self.behaviour = Behaviour()
        self.cluster = FakeCluster(self.clock, self.random, behave or (lambda _: self.behaviour))
        self.cluster.history.watched = self._watched
        self.cluster.history.ceilings = settings.ceilings
        self.receivers = Receivers()
        self.story = Story()
        self.cluster.history.on_break = lambda how: self.story.tell_break(self._at(), how)
        self.elected = elected
        """Whether operators respect a Lease. Then there are two: the present one, and a standby."""
        self.operator: Operator | None = None
        self.standby: Operator | None = None
        self.old: list[Operator] = []
        """Operators that were frozen and have not ended yet: another may have taken over."""
        self.operators = 0
        """How many there have been."""
        self.longest_gap = timedelta(0)
        """The longest time for which a watch was broken."""
        self.crashes = 0
        self.hits = 0
        """How often the request that something was to happen at was made."""
        self._writes = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors = _Errors(self.cluster.history.breaks)
        self._longest_sleeps = (longest_sleep, engine_module.LONGEST_SLEEP)

    async def __aenter__(self) -> Self:
        logging.getLogger("agentschedule").addHandler(self._errors)
        engine_module.LONGEST_SLEEP = self._longest_sleeps[0]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._count()
        while self.operator is not None:
            self.kill()
        self.end_old()
        engine_module.LONGEST_SLEEP = self._longest_sleeps[1]
        logging.getLogger("agentschedule").removeHandler(self._errors)

    def _count(self) -> None:
        lives = self.cluster.history.lives.values()
        jobs = [job for life in lives for job in life.jobs]
        FIGURES["stories"] += 1
        FIGURES["schedules"] += len(lives)
        FIGURES["Jobs"] += len(jobs)
        FIGURES["runs"] += len({base_id(job) for job in jobs})
        FIGURES["skips"] += sum(s["count"] for life in lives for s in life.status.get("skips") or ())
        FIGURES["doubles"] += self.cluster.history.doubles
        FIGURES["holds"] += sum(life.holds for life in lives)
        FIGURES["crashes"] += self.crashes
        FIGURES["operators"] += self.operators
        FIGURES["faults"] += self.faults.befell
        FIGURES["days of schedule time"] += int(asyncio.get_running_loop().time()) // 86400
        FIGURES["promises broken"] += len(self.cluster.history.broken)

    def log(self, text: str, *, call: bool = False) -> None:
        """A line of the story, for whoever has to find out what went wrong."""
        self.story.tell(self._at(), text, call=call)

    def _at(self) -> str:
        clock = f" (operator's clock {self.clock.now():%H:%M})" if self.clock.skew else ""
        return f"{self.clock.true():%d. %H:%M:%S.%f}"[:-3] + clock

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    def later(self, seconds: float, happens: Callable[[], object]) -> None:
        """Let something happen after so many seconds."""
        asyncio.get_running_loop().call_later(seconds, happens)

    # The operator

    def start(self) -> Operator:
        """Start an operator where none runs; a standby, where there is to be one, when that one leads."""
        if self.operator is None:
            self.operator = self._begin()
        if self.elected:
            asyncio.get_running_loop().call_later(5, self._stand_by)
        return self.operator

    def _begin(self) -> Operator:
        operator = Operator(self)
        self.log(f"operator {operator.number} starts")
        operator.start()
        return operator

    def _stand_by(self) -> None:
        if self.operator is not None and self.standby is None:
            self.standby = self._begin()

    def _take_out(self) -> Operator | None:
        """The present operator, which is so no more: the standby is."""
        operator, self.operator, self.standby = self.operator, self.standby, None
        return operator

    def kill(self) -> None:
        operator = self._take_out()
        if operator is not None:
            self._end(operator, "is killed")

    def _end(self, operator: Operator, how: str) -> None:
        self.log(f"operator {operator.number} {how}")
        operator.kill()
        self.cluster.history.operator_died()
        self._writes += operator.connection.writes

    async def stop(self, seconds: float = 20.0) -> None:
        """Stop the operator as SIGTERM does; it has so many seconds."""
        operator = self._take_out()
        if operator is not None:
            self.log(f"operator {operator.number} is stopped")
            await operator.stop(seconds)
            self._end(operator, "has ended")

    def pause_operator(self, seconds: float) -> None:
        """The operator hangs; another takes over after so many seconds."""
        operator = self._take_out()
        if operator is not None:
            self.log(f"operator {operator.number} hangs")
            operator.freeze()
            self.cluster.history.operator_died()
            self.old.append(operator)
            asyncio.get_running_loop().call_later(seconds, self.start)

    def wake_old(self, seconds: float) -> None:
        """Operators that hung go on with what they knew, for so many seconds."""
        for operator in self.old:
            if operator.connection.frozen:
                self.log(f"operator {operator.number} goes on with an old picture, for {seconds} s")
                operator.thaw()
        asyncio.get_running_loop().call_later(seconds, self.end_old, tuple(self.old))

    def end_old(self, operators: tuple[Operator, ...] | None = None) -> None:
        """These old operators, or all, see that another leads, and end."""
        for operator in [each for each in self.old if operators is None or each in operators]:
            self._end(operator, "sees that another leads, and ends")
            self.old.remove(operator)

    def stop_soon(self, seconds: float) -> None:
        """Stop the operator as SIGTERM does; another is started after so many seconds."""
        self._tasks.add(asyncio.get_running_loop().create_task(self.stop()))
        asyncio.get_running_loop().call_later(seconds, self.start)

    def crash(self, seconds: float) -> None:
        """Kill the operator; it is started again after so many seconds."""
        self.crashes += 1
        self.kill()
        asyncio.get_running_loop().call_later(seconds, self.start)

    def crash_at(self, call: int, moment: Moment, seconds: float) -> None:
        """Crash at the operator's so-many-th request from now, before or after it took effect."""
        self.at_call(call, moment, lambda: self.crash(seconds))

    def at_call(self, call: int, moment: Moment, happens: Callable[[], None]) -> None:
        """Let something happen at the operator's so-many-th request from now."""
        if self.operator is None:
            return
        first = self.operator.connection.calls

        def on_call(number: int, when: Moment) -> None:
            if number == first + call and when == moment:
                self.hits += 1
                happens()

        self.operator.connection.on_call = on_call

    @property
    def writes(self) -> int:
        """How many requests that write operators made so far."""
        return self._writes + sum(operator.connection.writes for operator in (*self.old, *self._present()))

    def _present(self) -> list[Operator]:
        return [operator for operator in (self.operator, self.standby) if operator is not None]

    def take_down(self, how: Literal["refusing", "silent"], seconds: float, *, losing: bool) -> None:
        """The API server cannot be reached for so long. `losing`: its watches cannot be resumed after that."""
        self.log(f"the API server is down ({how}) for {seconds} s")
        self.faults.down = how
        for kind in tuple(self.operator.watches) if self.operator else ():
            self.snap(kind, seconds, losing=losing)
        asyncio.get_running_loop().call_later(seconds, self._come_up)

    def snap(self, kind: str, seconds: float, *, losing: bool) -> None:
        """One watch breaks for so long."""
        self.longest_gap = max(self.longest_gap, timedelta(seconds=seconds))
        for operator in self._present():
            operator.watches[kind].snap(losing=losing)
            asyncio.get_running_loop().call_later(seconds, self._mend)

    def wake_all(self) -> None:
        """The operator looks at every schedule again."""
        if self.operator is not None:
            self.operator.look_again()

    def rest(self) -> None:
        """From here on the operator looks at its clock less often: nobody sets it any more."""
        engine_module.LONGEST_SLEEP = 900.0

    async def calm(self) -> None:
        """No trouble any more, and an operator that runs."""
        self.log("calm from here on")
        self.faults.rate, self.faults.longest_delay, self.faults.doubled, self.faults.lags = 0.0, 0.05, 0.0, {}
        self.behaviour = Behaviour()
        if self.operator is not None:
            self.operator.connection.on_call = lambda *_: None
        self.end_old()
        await self.sleep(3600)
        self.start()

    def _come_up(self) -> None:
        self.log("the API server is up again")
        self.faults.down = ""
        self._mend()

    def _mend(self) -> None:
        for operator in self._present() if not self.faults.down else ():
            operator.mend()

    def _watched(self) -> bool:
        return self.operator is not None and self.operator.ready and not self.operator.watches["pods"].losing
