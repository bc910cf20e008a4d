"""One life of the operator in the simulation."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agentschedule.engine.engine import Engine
from agentschedule.engine.intake import Intake
from agentschedule.engine.overview import Overview
from agentschedule.engine.registry import Registry
from agentschedule.metrics import Metrics
from agentschedule.sweeper import Sweeper

from .connection import Connection
from .watch import Watch

if TYPE_CHECKING:
    from .world import World

Raw = dict[str, Any]


class Operator:
    """One life of the operator: started as the application does, until it is killed."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._frozen_at: datetime | None = None
        world.operators += 1
        self.number = world.operators
        self.connection = Connection(world.cluster, world.faults, world.log, self.number)
        self.intake = Intake(Registry(world.settings.ceilings, self._now), world.settings)
        self.metrics = Metrics()
        overview = Overview(self.intake.registry, leads=lambda: self.intake.listener is not None, clock=self._now)
        self.metrics.registry.register(overview)
        self.engine = Engine(self.connection, self.intake, self.metrics, clock=self._now)
        self.sweeper = Sweeper(
            self.intake.registry,
            self.connection,
            self.engine.recorder,
            self.metrics,
            interval=world.sweep_interval,
            grace=world.orphan_grace,
            clock=self._now,
        )
        intake = self.intake
        self.watches = {
            "agentschedules": self._watch("agentschedules", intake.observe_schedule, self._relist),
            "agentruns": self._watch("agentruns", intake.observe_request, self._relist_requests),
            "pods": self._watch("pods", intake.observe_pod, intake.list_pods),
            "jobs": self._watch("jobs", intake.observe_job, intake.list_jobs),
        }
        self.ready = False
        """Whether it has begun to watch pods."""
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._spawn(self._live())

    def kill(self) -> None:
        """The process is gone, whatever it was doing: nothing of it reaches the cluster any more."""
        self.connection.dead = True
        for watch in self.watches.values():
            watch.close()
        for task in self._tasks:
            task.cancel()

    async def stop(self, seconds: float) -> None:
        """As the application does: start nothing new, end what is under way, close."""
        await self.engine.close(seconds)

    def freeze(self) -> None:
        """As with SIGSTOP: it does nothing, sees no time pass and reads nothing; what it had sent goes its way."""
        self._frozen_at = self._world.clock.now()
        self.connection.freeze()

    def thaw(self) -> None:
        """It goes on with what it knew. What happened meanwhile it reads bit by bit."""
        self._frozen_at = None
        self.connection.thaw()
        for watch in self.watches.values():
            watch.thaw()

    def _now(self) -> datetime:
        return self._frozen_at or self._world.clock.now()

    def mend(self) -> None:
        """Every broken watch is connected again, each in its own time."""
        for watch in self.watches.values():
            self._spawn(watch.mend())

    async def _live(self) -> None:
        """Pods before Jobs: then a pod whose Job is not listed has lost it for certain."""
        await self._list_own()
        self.intake.listener = self.engine
        await self.watches["pods"].begin()
        self.ready = True
        await self.watches["jobs"].begin()
        self.intake.registry.recall_left_pods()
        self._spawn(self.engine.run())
        self._spawn(self.sweeper.run())
        self._spawn(self._resync())
        await self.watches["agentschedules"].begin()
        await self.watches["agentruns"].begin()

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self._world.resync_interval)
            if not self._world.faults.down:
                await self._list_own()

    async def _list_own(self) -> None:
        """What the watches of our own kinds lost (a deletion within a gap) is found here."""
        for kind, on_list in (
            ("agentschedules", self.intake.list_schedules),
            ("agentruns", self.intake.list_requests),
        ):
            watch = Watch(self.connection, kind, lambda *_: None, on_list)
            await watch.begin()
            watch.close()

    def _relist(self, items: list[Raw], version: int) -> None:
        """A watch that begins anew shows what is there, and is silent about what is not."""
        for raw in items:
            self.intake.observe_schedule(None, raw)

    def _relist_requests(self, items: list[Raw], version: int) -> None:
        for raw in items:
            self.intake.observe_request(None, raw)

    def _watch(
        self, kind: str, on_event: Callable[[str, Raw], object], on_list: Callable[[list[Raw], int], object]
    ) -> Watch:
        return Watch(self.connection, kind, on_event, on_list)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._world.cluster.history.breaks(f"a task of the operator died: {error!r}")
