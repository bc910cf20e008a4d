"""The parts put together: started and stopped by kopf."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any

from agentschedule.cluster.client import Client
from agentschedule.cluster.credentials import Credentials
from agentschedule.cluster.errors import ApiError
from agentschedule.cluster.operations import Operations
from agentschedule.cluster.paths import collection
from agentschedule.cluster.reflector import OnEvent, Reflector
from agentschedule.constants import SELECTOR
from agentschedule.engine.each import series_of_each
from agentschedule.engine.engine import Engine
from agentschedule.engine.executor import utc_now
from agentschedule.engine.intake import Intake
from agentschedule.engine.overview import Overview
from agentschedule.engine.registry import Registry
from agentschedule.metrics import Metrics
from agentschedule.metrics.pulse import watch_loop
from agentschedule.planning.observed import Ceilings, PlannerSettings
from agentschedule.probes import Probes
from agentschedule.runs.facts import version_number
from agentschedule.runs.manifest import Defaults
from agentschedule.settings import Settings
from agentschedule.sweeper import Sweeper

logger = logging.getLogger(__name__)


class Application:
    """One running operator."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self._client = Client(
            credentials,
            timeout=settings.api_timeout,
            connections=settings.api_concurrency,
            on_request=self.metrics.requested,
        )
        operations = Operations(self._client, socket.gethostname())
        planning = planner_settings(settings)
        self.intake = Intake(Registry(planning.ceilings, utc_now), planning)
        self.metrics.registry.register(Overview(self.intake.registry, leads=self.leads, clock=utc_now))
        self._engine = Engine(
            operations,
            self.intake,
            self.metrics,
            concurrency=settings.api_concurrency,
            status_interval=settings.status_interval,
            on_schedule_gone=self._schedule_gone,
        )
        self._sweeper = Sweeper(
            self.intake.registry,
            operations,
            self._engine.recorder,
            self.metrics,
            interval=timedelta(seconds=settings.sweep_interval),
            grace=timedelta(seconds=settings.orphan_grace),
            clock=utc_now,
        )
        self._probes = Probes(self.metrics, alive=self._dead, ready=self._not_ready, more=self._series_of_each)
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = False

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
        for namespace in self._namespaces:
            await self._watch_own(namespace)
        self.intake.listener = self._engine
        for namespace in self._namespaces:
            await self._watch_theirs(namespace)
        self.intake.registry.recall_left_pods()
        self._spawn("engine", self._engine.run())
        self._spawn("sweeper", self._sweeper.run())
        self._spawn("resync", self._resync())
        self._spawn("pulse", watch_loop(self.metrics))
        self._ready = True
        logger.info("started", extra={"schedules": len(self.intake.registry.schedules)})

    async def stop(self) -> None:
        """Start nothing new, end what is under way, close."""
        self._ready = False
        for task in self._tasks:
            if task.get_name() != "engine":
                task.cancel()
        await self._engine.close(self.settings.shutdown_timeout)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._probes.stop()
        await self._client.__aexit__()
        logger.info("stopped")

    @property
    def _namespaces(self) -> tuple[str | None, ...]:
        """Those to watch; None stands for all."""
        return self.settings.namespaces or (None,)

    async def _watch_own(self, namespace: str | None) -> None:
        """Schedules before AgentRuns: then an AgentRun that names none has none for certain."""
        intake = self.intake
        await self._watch("agentschedules", namespace, "", intake.list_schedules, intake.observe_schedule)
        await self._watch("agentruns", namespace, "", intake.list_requests, intake.observe_request)

    async def _watch_theirs(self, namespace: str | None) -> None:
        """Pods before Jobs: then a pod whose Job is not listed has lost it for certain."""
        intake = self.intake
        await self._watch("pods", namespace, SELECTOR, intake.list_pods, intake.observe_pod)
        await self._watch("jobs", namespace, SELECTOR, intake.list_jobs, intake.observe_job)

    async def _watch(
        self, kind: str, namespace: str | None, selector: str, on_list: Callable[..., None], on_event: OnEvent
    ) -> None:
        """Watch from now on; returns when the first list is in."""
        reflector = Reflector(
            self._client,
            collection(kind, namespace),
            selector=selector,
            on_list=partial(on_list, namespace=namespace),
            on_event=on_event,
            on_restart=partial(self.metrics.watch_restarted, kind),
        )
        self._spawn(f"watch-{kind}", reflector.run())
        await reflector.synced.wait()

    async def _list_own(self, namespace: str | None) -> None:
        """List our own kinds: should their watches have lost anything, it is found here."""
        for kind, on_list in (
            ("agentschedules", self.intake.list_schedules),
            ("agentruns", self.intake.list_requests),
        ):
            try:
                items, version = await self._client.list(collection(kind, namespace))
            except ApiError as error:
                logger.warning("cannot list", extra={"kind": kind, "error": str(error)})
                return
            on_list(items, version_number(version), namespace)

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self.settings.resync_interval)
            for namespace in self._namespaces:
                await self._list_own(namespace)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    def leads(self) -> bool:
        """Whether this operator acts."""
        return self.intake.listener is not None

    async def _series_of_each(self) -> AsyncIterator[bytes]:
        """Metrics of each schedule, where they are wanted."""
        if self.settings.metrics_per_schedule and self.leads():
            async for piece in series_of_each(self.intake.registry):
                yield piece

    def _schedule_gone(self) -> None:
        self._sweeper.nudge()

    def _dead(self) -> str | None:
        """A task that ended is a bug that only a restart mends."""
        ended = [task.get_name() for task in self._tasks if task.done()]
        return f"ended: {', '.join(ended)}" if ended else None

    def _not_ready(self) -> str | None:
        return None if self._ready else "not ready: the first lists are not in yet"


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
