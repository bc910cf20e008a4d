"""The parts put together: started before kopf watches anything, stopped after it has stopped."""

import asyncio
import gc
import logging
import os
import socket
import uuid
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from agentschedule.cluster.client import Client
from agentschedule.cluster.credentials import Credentials
from agentschedule.cluster.leadership import Leadership, Unopposed
from agentschedule.cluster.lease import Elector, LeaseTimes
from agentschedule.cluster.operations import Operations
from agentschedule.cluster.reading import Reading
from agentschedule.delivery.sending import Sender
from agentschedule.engine.clock import utc_now
from agentschedule.engine.courier import Outgoing
from agentschedule.engine.each import series_of_each
from agentschedule.engine.engine import Engine
from agentschedule.engine.intake import Intake
from agentschedule.engine.overview import Overview
from agentschedule.engine.policies import Policies
from agentschedule.engine.registry import Registry
from agentschedule.guarding import Guard
from agentschedule.knowledge import Knowledge
from agentschedule.leading import Term, Terms
from agentschedule.metrics import Metrics
from agentschedule.metrics.pulse import watch_loop
from agentschedule.outgoing import Means, api_server_addresses, outlets_of, reach_of
from agentschedule.planning.observed import Ceilings, PlannerSettings
from agentschedule.policy.effective import Policy
from agentschedule.probes import Probes
from agentschedule.runs.manifest import Defaults
from agentschedule.settings import Settings
from agentschedule.sweeper import Sweeper
from agentschedule.webhook.reviewer import Reviewer
from agentschedule.webhook.server import WebhookThread

logger = logging.getLogger(__name__)

_COLLECT = (20_000, 20, 50)
"""Thresholds of the garbage collector. With Python's own it takes a quarter of the time in which schedules are read."""


class Application:
    """One running operator. It leads, or follows another and stays ready to lead."""

    def __init__(self, settings: Settings, credentials: Credentials, policies: Sequence[Policy] = ()) -> None:
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
        # Of its own as well: Secrets and logs are never read in a start's place.
        self._delivery_client = Client(
            credentials, timeout=settings.api_timeout, connections=4, on_request=self.metrics.requested
        )
        never = api_server_addresses(credentials.server)
        reach = reach_of(settings.delivery, never)
        self._sender = Sender(Means(settings.delivery, reach))
        self._outgoing = Outgoing(
            self._sender, Reading(self._delivery_client), reach, settings.delivery.concurrency, self.leads
        )
        self._leadership = self._make_leadership()
        self._operations = Operations(self._client, socket.gethostname(), self.leads)
        planning = replace(planner_settings(settings), outlets=outlets_of(settings.delivery, never))
        registry = Registry(planning.ceilings, utc_now, Policies(planning.policy_ceilings(), policies))
        self.intake = Intake(registry, planning)
        self.metrics.registry.register(Overview(self.intake.registry, leads=self.leads, clock=utc_now))
        self._knowledge = Knowledge(self._client, self.intake, self.metrics, settings.namespaces or (None,))
        self._guard = Guard(
            self._client,
            self.intake,
            prefix=settings.admission_policies,
            namespaces=settings.namespaces,
            interval=settings.admission_policies_interval,
        )
        self._terms = Terms(
            self._leadership, self.intake, make_term=self._make_term, learn=self._knowledge.learn, clock=utc_now
        )
        self._probes = Probes(self.metrics, alive=self._dead, ready=self._not_ready, more=self._series_of_each)
        self.reviewer = Reviewer(registry, planning, utc_now)
        self.webhook = self._make_webhook()
        self._tasks: list[asyncio.Task[None]] = []
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
        gc.set_threshold(*_COLLECT)
        port = await self._probes.start(self.settings.http_host, self.settings.http_port)
        logger.info("serving health and metrics", extra={"port": port})
        await self._client.__aenter__()
        await self._lease_client.__aenter__()
        await self._delivery_client.__aenter__()
        if self.settings.leader_election:
            await self._knowledge.learn()  # it is warm before it competes
        self._spawn("guard", self._guard.run())
        self._spawn("terms", self._terms.run())
        await self._knowledge.learned.wait()
        self._spawn("resync", self._resync())
        self._spawn("pulse", watch_loop(self.metrics))
        self._ready = True
        logger.info("started", extra={"schedules": len(self.intake.registry.schedules)})

    async def stop(self) -> None:
        """Start nothing new, end what is under way, let another lead, close."""
        self._ready = False
        await self._terms.close(self.settings.shutdown_timeout)
        for task in (*self._tasks, *self._knowledge.tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._knowledge.tasks, return_exceptions=True)
        written = self._operations.written()
        await self._leadership.release(self._knowledge.handed_over(written) if written is not None else None)
        await self._probes.stop()
        await self._sender.close()
        await self._delivery_client.__aexit__()
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

    def _make_webhook(self) -> WebhookThread | None:
        settings = self.settings
        if settings.webhook_certificates is None:
            return None
        return WebhookThread(
            settings.webhook_host, settings.webhook_port, settings.webhook_certificates, self.metrics.admitted
        )

    def _make_term(self) -> Term:
        settings = self.settings
        engine = Engine(
            self._operations,
            self.intake,
            self.metrics,
            concurrency=settings.api_concurrency,
            status_interval=settings.status_interval,
            outgoing=self._outgoing if settings.delivery.enabled else None,
        )
        engine.on_begun = _settle_memory
        sweeper = Sweeper(
            self.intake.registry,
            self._operations,
            engine.recorder,
            engine.auditor,
            interval=timedelta(seconds=settings.sweep_interval),
            grace=timedelta(seconds=settings.orphan_grace),
            clock=utc_now,
        )
        return Term(engine, sweeper)

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self.settings.resync_interval)
            if not self.leads():
                self.intake.registry.forget_gone()
            await self._knowledge.renew("agentruns")
            await self._knowledge.renew("agentapprovals")

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def _series_of_each(self) -> AsyncIterator[bytes]:
        """Metrics of each schedule, where they are wanted."""
        if self.settings.metrics_per_schedule and self.leads():
            async for piece in series_of_each(self.intake.registry):
                yield piece

    def _dead(self) -> str | None:
        """A task that ended is a bug that only a restart mends."""
        ended = [task.get_name() for task in (*self._tasks, *self._knowledge.tasks) if task.done()]
        return f"ended: {', '.join(ended)}" if ended else None

    def _not_ready(self) -> str | None:
        """Who follows is ready, too: it could lead at once."""
        if self.webhook is not None and self._ready and not self.webhook.up.is_set():
            return "not ready: admission requests are not answered yet"
        return None if self._ready else "not ready: the first lists are not in yet"


def _settle_memory() -> None:
    """What is known by now stays: the garbage collector need not look at all of it again and again.

    With ten thousand schedules a full collection takes a third of a second, in which nothing starts.
    """
    gc.collect()
    gc.freeze()


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
        keys_namespace=settings.keys_namespace or os.environ.get("POD_NAMESPACE", ""),
        late_after=timedelta(seconds=settings.late_after),
        max_active_deadline_seconds=settings.max_active_deadline_seconds,
        max_schedules_per_user=settings.max_schedules_per_user,
        stamps_are_proof=settings.webhook_certificates is not None,
        ceilings=Ceilings(
            active_runs=settings.max_active_runs,
            active_runs_per_namespace=settings.max_active_runs_per_namespace,
            catch_up_starts_per_second=settings.catch_up_starts_per_second,
        ),
    )
