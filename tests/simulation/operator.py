"""One life of the operator in the simulation."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from agentschedule.cluster.client import Client
from agentschedule.cluster.leadership import Leadership, Unopposed, Written
from agentschedule.cluster.lease import Elector, LeaseTimes
from agentschedule.engine.engine import Engine
from agentschedule.engine.intake import Intake
from agentschedule.engine.overview import Overview
from agentschedule.engine.policies import Policies
from agentschedule.engine.registry import Registry
from agentschedule.leading import Term, Terms
from agentschedule.metrics import Metrics
from agentschedule.planning.observed import Guarded, Protection
from agentschedule.sweeper import Sweeper

from .connection import Connection
from .lease import NAME, NAMESPACE
from .watch import Watch

if TYPE_CHECKING:
    from .world import World

Raw = dict[str, Any]

_IN_FORCE = Guarded(known=True, since=datetime.fromtimestamp(0, UTC))
PROTECTED = Protection(_IN_FORCE, _IN_FORCE)
"""As where the chart's admission policies are installed."""


class Candidacy:
    """An elector whose process can be frozen: then it does not notice that its time is over before it goes on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._elector = Elector(
            cast("Client", _Line(connection)),
            NAMESPACE,
            NAME,
            f"operator-{connection.operator}",
            LeaseTimes(duration=15, renew_deadline=10, retry_period=5),
            clock=asyncio.get_running_loop().time,
        )
        self.leads = self._elector.leads
        self.acquire = self._elector.acquire
        self.release = self._elector.release

    async def hold(self) -> None:
        await self._elector.hold()
        await self._connection.survive()


class _Line:
    """The elector's client."""

    def __init__(self, connection: Connection) -> None:
        self.request = connection.renew


class Operator:
    """One life of the operator: started as the application does, until it is killed."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._frozen_at: datetime | None = None
        world.operators += 1
        self.number = world.operators
        self.connection = Connection(world.cluster, world.faults, world.log, self.number)
        self.leadership: Leadership = Unopposed()
        if world.elected:
            self.leadership = Candidacy(self.connection)
            self.connection.may_write = self.leadership.leads
        policies = Policies(world.settings.policy_ceilings())
        self.intake = Intake(Registry(world.settings.ceilings, self._now, policies), world.settings)
        self.intake.protect(PROTECTED)
        self.metrics = Metrics()
        overview = Overview(self.intake.registry, leads=lambda: self.intake.listener is not None, clock=self._now)
        self.metrics.registry.register(overview)
        self.terms = Terms(self.leadership, self.intake, make_term=self._make_term, learn=self._learn, clock=self._now)
        intake = self.intake
        self.watches = {
            "namespaces": Watch(self.connection, "namespaces", intake.observe_namespace, intake.namespaces_listed),
            "agentpolicies": Watch(self.connection, "agentpolicies", intake.observe_policy, intake.policies_listed),
            "agentschedules": Watch(
                self.connection, "agentschedules", intake.observe_schedule, intake.schedules_listed
            ),
            "agentruns": Watch(self.connection, "agentruns", intake.observe_request, intake.requests_listed),
            "agentapprovals": Watch(
                self.connection, "agentapprovals", intake.observe_approval, intake.approvals_listed
            ),
            "pods": Watch(self.connection, "pods", intake.observe_pod, intake.pods_listed),
            "jobs": Watch(self.connection, "jobs", intake.observe_job, intake.jobs_listed),
        }
        self.ready = False
        """Whether it has begun to watch pods."""
        self._base: dict[str, int] = {}
        self._learned = asyncio.Event()
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
        """As the application does: start nothing new, end what is under way, let another lead, close."""
        await self.terms.close(seconds)
        for task in self._tasks:
            task.cancel()
        certain = asyncio.get_running_loop().time() > self.connection.unanswered_at + 90
        newest = {**self._base, **self.connection.versions}
        await self.leadership.release({kind: newest[kind] for kind in self.watches} if certain else None)

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

    def look_again(self) -> None:
        """Look at every schedule again."""
        if self.intake.listener is not None:
            for key in self.intake.registry.schedules:
                self.intake.listener.wake(key)

    async def _live(self) -> None:
        if self._world.elected:
            await self._learn(None)
        self._spawn(self.terms.run())
        await self._learned.wait()
        self._spawn(self._resync())

    async def _learn(self, written: Written | None) -> None:
        """As `Knowledge` does."""
        if written is not None and all(self.watches[kind].version >= version for kind, version in written.items()):
            self._world.log(f"operator {self.number} knows all that was written before")
            self._base = dict(written)
            return
        self.intake.registry.begin_lists()
        for kind in ("namespaces", "agentpolicies", "agentschedules", "agentruns", "pods"):
            await self.watches[kind].begin()
        self.ready = True
        await self.watches["jobs"].begin()
        await self.watches["agentapprovals"].begin()
        self.intake.registry.recall_left_pods()
        self._base = {kind: watch.version for kind, watch in self.watches.items()}
        self._learned.set()

    def _make_term(self) -> Term:
        world = self._world
        outgoing = world.receivers.outgoing(lambda: self.connection.dead)
        engine = Engine(self.connection, self.intake, self.metrics, clock=self._now, outgoing=outgoing)
        sweeper = Sweeper(
            self.intake.registry,
            self.connection,
            engine.recorder,
            engine.auditor,
            interval=world.sweep_interval,
            grace=world.orphan_grace,
            clock=self._now,
        )
        return Term(engine, sweeper)

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self._world.resync_interval)
            if not self.leadership.leads():
                self.intake.registry.forget_gone()
            if not self._world.faults.down:
                await self.watches["agentruns"].begin()
                await self.watches["agentapprovals"].begin()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._world.cluster.history.breaks(f"a task of the operator died: {error!r}")
