"""The parts put together: started before kopf watches anything, stopped after it has stopped."""

import asyncio
import gc
import logging
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any

from agentschedule.cluster.client import Client
from agentschedule.cluster.credentials import Credentials
from agentschedule.cluster.lease import Elector, Leadership, LeaseTimes, Unopposed
from agentschedule.cluster.operations import Operations
from agentschedule.cluster.paths import collection
from agentschedule.cluster.reflector import OnEvent, Reflector
from agentschedule.constants import SELECTOR
from agentschedule.engine.each import series_of_each
from agentschedule.engine.engine import Engine
from agentschedule.engine.executor import utc_now
from agentschedule.engine.intake import Intake, Listener
from agentschedule.engine.overview import Overview
from agentschedule.engine.registry import Registry
from agentschedule.leading import Term, Terms
from agentschedule.metrics import Metrics
from agentschedule.metrics.pulse import watch_loop
from agentschedule.planning.observed import Ceilings, PlannerSettings
from agentschedule.probes import Probes
from agentschedule.runs.manifest import Defaults
from agentschedule.settings import Settings
from agentschedule.sweeper import Sweeper

logger = logging.getLogger(__name__)


class Application:
    """One running operator. It leads, or follows another and stays ready to lead."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self._client = Client(
            credentials,
            timeout=settings.api_timeout,
            connections=settings.api_concurrency,
            on_request=self.metrics.requested,
        )
        # Of its own, so that a renewal never waits behind other requests.
        self._lease_client = Client(
            credentials, timeout=settings.renew_deadline, connections=1, on_request=self.metrics.requested
        )
        self._leadership = self._make_leadership()
        self._operations = Operations(self._client, socket.gethostname(), self.leads)
        planning = planner_settings(settings)
        self.intake = Intake(Registry(planning.ceilings, utc_now), planning)
        self.metrics.registry.register(Overview(self.intake.registry, leads=self.leads, clock=utc_now))
        self._terms = Terms(self._leadership, self.intake, make_term=self._make_term, learn=self._learn, clock=utc_now)
        self._probes = Probes(self.metrics, alive=self._dead, ready=self._not_ready, more=self._series_of_each)
        self._reflectors: dict[str, list[Reflector]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._learned = asyncio.Event()
        self._ready = False

    def leads(self) -> bool:
        """Whether this operator leads at this moment."""
        return self._leadership.leads()

    async def start(self) -> None:
        """Learn what is there, then begin to act. Whatever keeps it from starting leaves nothing open."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        port = await self._probes.start(self.settings.http_host, self.settings.http_port)
        logger.info("serving health and metrics", extra={"port": port})
        await self._client.__aenter__()
        await self._lease_client.__aenter__()
        if self.settings.leader_election:
            await self._learn(None)  # it is warm before it competes
        self._spawn("terms", self._terms.run())
        await self._learned.wait()
        self._spawn("resync", self._resync())
        self._spawn("pulse", watch_loop(self.metrics))
        self._ready = True
        logger.info("started", extra={"schedules": len(self.intake.registry.schedules)})

    async def stop(self) -> None:
        """Start nothing new, end what is under way, let another lead, close."""
        self._ready = False
        await self._terms.close(self.settings.shutdown_timeout)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._leadership.release()
        await self._probes.stop()
        await self._lease_client.__aexit__()
        await self._client.__aexit__()
        logger.info("stopped")

    # Leading

    def _make_leadership(self) -> Leadership:
        settings = self.settings
        if not settings.leader_election:
            return Unopposed()
        return Elector(
            self._lease_client,
            settings.own_namespace,
            settings.lease_name,
            f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}",
            LeaseTimes(settings.lease_duration, settings.renew_deadline, settings.retry_period),
        )

    def _make_term(self) -> Term:
        settings = self.settings
        engine = Engine(
            self._operations,
            self.intake,
            self.metrics,
            concurrency=settings.api_concurrency,
            status_interval=settings.status_interval,
        )
        engine.on_begun = _settle_memory
        sweeper = Sweeper(
            self.intake.registry,
            self._operations,
            engine.recorder,
            self.metrics,
            interval=timedelta(seconds=settings.sweep_interval),
            grace=timedelta(seconds=settings.orphan_grace),
            clock=utc_now,
        )
        return Term(engine, sweeper)

    # Learning what is there

    async def _learn(self, listener: Listener | None) -> None:
        """List everything, schedules before Jobs: no status is newer than they are. Pods before Jobs: a pod whose Job
        is not listed has lost it for certain."""
        intake = self.intake
        intake.registry.begin_lists()
        await self._watch("agentschedules", "", intake.observe_schedule, intake.schedules_listed)
        await self._watch("agentruns", "", intake.observe_request, intake.requests_listed)
        intake.listener = listener
        await self._watch("pods", SELECTOR, intake.observe_pod, intake.pods_listed)
        await self._watch("jobs", SELECTOR, intake.observe_job, intake.jobs_listed)
        intake.registry.recall_left_pods()
        self._learned.set()

    async def _watch(self, kind: str, selector: str, on_event: OnEvent, on_listed: Callable[..., None]) -> None:
        """Begin to watch a kind, or list what is watched already. Returns when everything of it is listed."""
        if kind in self._reflectors:
            await self._renew(kind)
            return
        self._reflectors[kind] = [
            Reflector(
                self._client,
                collection(kind, namespace),
                selector=selector,
                on_event=on_event,
                on_listed=partial(on_listed, namespace=namespace),
                on_restart=partial(self.metrics.watch_restarted, kind),
            )
            for namespace in self._namespaces
        ]
        for reflector in self._reflectors[kind]:
            self._spawn(f"watch-{kind}", reflector.run())
        await asyncio.gather(*(reflector.synced.wait() for reflector in self._reflectors[kind]))

    async def _renew(self, kind: str) -> None:
        await asyncio.gather(*(reflector.renew() for reflector in self._reflectors[kind]))

    @property
    def _namespaces(self) -> tuple[str | None, ...]:
        """Those to watch; None stands for all."""
        return self.settings.namespaces or (None,)

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self.settings.resync_interval)
            if not self.leads():
                self.intake.registry.forget_gone()
            await self._renew("agentruns")

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def _series_of_each(self) -> AsyncIterator[bytes]:
        """Metrics of each schedule, where they are wanted."""
        if self.settings.metrics_per_schedule and self.leads():
            async for piece in series_of_each(self.intake.registry):
                yield piece

    def _dead(self) -> str | None:
        """A task that ended is a bug that only a restart mends."""
        ended = [task.get_name() for task in self._tasks if task.done()]
        return f"ended: {', '.join(ended)}" if ended else None

    def _not_ready(self) -> str | None:
        """Who follows is ready, too: it could lead at once."""
        return None if self._ready else "not ready: the first lists are not in yet"


def _settle_memory() -> None:
    """What is known by now stays: the garbage collector need not look at all of it again and again.

    With ten thousand schedules a full collection takes a third of a second, in which nothing starts.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def planner_settings(settings: Settings) -> PlannerSettings:
    """The part of the settings that decisions depend on."""
    return PlannerSettings(
        defaults=Defaults(
            active_deadline_seconds=settings.default_active_deadline_seconds,
            max_budget_usd=settings.max_budget_per_run_usd,
            resources=settings.default_resources.model_dump(),
            run_as_user=settings.run_as_user,
            run_as_group=settings.run_as_group,
        ),
        min_interval=timedelta(seconds=settings.min_interval),
        late_after=timedelta(seconds=settings.late_after),
        max_active_deadline_seconds=settings.max_active_deadline_seconds,
        ceilings=Ceilings(
            active_runs=settings.max_active_runs,
            active_runs_per_namespace=settings.max_active_runs_per_namespace,
            catch_up_starts_per_second=settings.catch_up_starts_per_second,
        ),
    )
