"""Orphans: Jobs and pods of ours whose owner is gone go on running for nobody, and AgentApprovals wait for nothing.
They are found and deleted.

How they come to be: a schedule deleted with `--cascade=orphan`, one re-created under its old name, one removed while
the garbage collector was away. Nothing is deleted before the grace time has passed and a fresh read has confirmed it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentschedule.audit.record import AuditRecord, record_id
from agentschedule.cluster.errors import ApiError
from agentschedule.constants import API_VERSION
from agentschedule.engine.auditor import Auditor
from agentschedule.engine.entries import Key
from agentschedule.engine.ports import Cluster
from agentschedule.engine.recorder import Recorder
from agentschedule.engine.registry import Registry
from agentschedule.planning.observed import Approval
from agentschedule.runs.facts import JobFacts

logger = logging.getLogger(__name__)

_KINDS = {"jobs": ("Job", "batch/v1"), "pods": ("Pod", "v1"), "agentapprovals": ("AgentApproval", API_VERSION)}
_LEAST_WAIT = 1.0
"""Seconds between two sweeps, however many schedules go at once."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A Job, pod or AgentApproval whose owner is not known. `owner_kind` and `owner` name what is read afresh."""

    kind: str
    namespace: str
    name: str
    uid: str
    owner_kind: str
    owner: str
    owner_uid: str
    schedule: str
    schedule_uid: str


class Sweeper:
    """Looks for orphans every `interval` and deletes those seen for longer than `grace`."""

    def __init__(
        self,
        registry: Registry,
        cluster: Cluster,
        recorder: Recorder,
        auditor: Auditor,
        *,
        interval: timedelta,
        grace: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._registry = registry
        self._cluster = cluster
        self._recorder = recorder
        self._auditor = auditor
        self._metrics = auditor.metrics
        self._interval = interval
        self._grace = grace
        self._clock = clock
        self._since: dict[str, datetime] = {}
        self._nudged = asyncio.Event()

    async def run(self) -> None:
        """Sweep now and then, until cancelled. With suspects known, the next look comes when their grace time ends."""
        while True:
            waiting = await self.sweep()
            await asyncio.sleep(_LEAST_WAIT)
            wait = min([self._interval, *([waiting] if waiting is not None else [])])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), max(0.0, wait.total_seconds() - _LEAST_WAIT))
            self._nudged.clear()

    def nudge(self) -> None:
        """A schedule is gone: the grace time of what it left behind begins."""
        self._nudged.set()

    async def sweep(self) -> timedelta | None:
        """Look once. Returns how long the next suspect's grace time still lasts."""
        now = self._clock()
        suspects = {suspect.uid: suspect for suspect in self._suspects()}
        self._since = {uid: self._since.get(uid, now) for uid in suspects}
        due = [s for uid, s in suspects.items() if now - self._since[uid] >= self._grace]
        for suspect in due:
            await self._judge(suspect)
        waiting = [self._since[uid] + self._grace - now for uid in suspects if uid not in {s.uid for s in due}]
        return min(waiting, default=None)

    def _suspects(self) -> Iterator[Suspect]:
        for job in self._registry.jobs():
            if not job.keep and not job.deleting and not self._has_schedule(job):
                yield _of_schedule("jobs", job)
        for one in self._registry.approvals.all():
            if one.schedule_uid and not one.deleting and not self._has_schedule(one):
                yield _of_schedule("agentapprovals", one)
        for pod in self._registry.pods():
            if not pod.keep and pod.deleted_at is None and not self._registry.has_job(pod.schedule_uid, pod.job_uid):
                yield Suspect(
                    "pods",
                    pod.namespace,
                    pod.name,
                    pod.uid,
                    "jobs",
                    pod.job,
                    pod.job_uid,
                    pod.schedule,
                    pod.schedule_uid,
                )

    def _has_schedule(self, one: JobFacts | Approval) -> bool:
        return self._registry.has_uid(Key(one.namespace, one.schedule), one.schedule_uid)

    async def _judge(self, suspect: Suspect) -> None:
        """Delete it if a fresh read says that its owner is gone; else wait for another grace time."""
        try:
            owner = await self._cluster.read(suspect.owner_kind, suspect.namespace, suspect.owner)
            if owner is not None and owner["metadata"]["uid"] == suspect.owner_uid:
                self._since.pop(suspect.uid, None)
                return
            deleted = await self._cluster.delete(
                suspect.kind, suspect.namespace, suspect.name, suspect.uid, "Background"
            )
        except ApiError as error:
            extra = {"namespace": suspect.namespace, "object": suspect.name, "error": str(error)}
            logger.warning("an orphan could not be looked at", extra=extra)
            return
        if deleted:
            self._metrics.orphans.labels(suspect.kind).inc()
            self._tell(suspect)

    def _tell(self, suspect: Suspect) -> None:
        kind, version = _KINDS[suspect.kind]
        what = "AgentSchedule" if suspect.owner_kind == "agentschedules" else "Job"
        reference = {
            "apiVersion": version,
            "kind": kind,
            "namespace": suspect.namespace,
            "name": suspect.name,
            "uid": suspect.uid,
        }
        text = f"deleted {kind} {suspect.name}: its {what} {suspect.owner} (uid {suspect.owner_uid}) is gone"
        self._recorder.tell(reference, "OrphanDeleted", text, warning=True)
        self._audit(suspect, text)

    def _audit(self, suspect: Suspect, text: str) -> None:
        """Its schedule is what its own name says it was: nobody is there to ask."""
        self._auditor.write(
            AuditRecord(
                id=record_id("OrphanDeleted", suspect.owner_uid, suspect.uid),
                time=self._clock(),
                type="OrphanDeleted",
                namespace=suspect.namespace,
                schedule=suspect.schedule,
                schedule_uid=suspect.schedule_uid,
                run=suspect.owner if suspect.kind == "pods" else suspect.name,
                reason="OwnerGone",
                message=text,
            )
        )


def _of_schedule(kind: str, one: JobFacts | Approval) -> Suspect:
    """What belongs to a schedule itself."""
    owner = ("agentschedules", one.schedule, one.schedule_uid)
    return Suspect(kind, one.namespace, one.name, one.uid, *owner, one.schedule, one.schedule_uid)
