"""Observations: what watches and lists show goes into the registry, and wakes the schedules that it concerns."""

import dataclasses
import logging
from collections.abc import Collection
from typing import Any, Protocol

from agentschedule.engine.entries import Key, RequestEntry, ScheduleEntry
from agentschedule.engine.packing import packed
from agentschedule.engine.registry import Registry
from agentschedule.planning.observed import PlannerSettings, Protection
from agentschedule.planning.reading import read_request, read_schedule, read_status, salvage_status
from agentschedule.runs.facts import version_of

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """Who acts upon what is observed: the engine of the present term."""

    def wake(self, key: Key) -> None:
        """Something about this schedule has changed."""

    def forget(self, kind: str, key: Key) -> None:
        """An object is gone; the registry still has it if it is a schedule."""

    def doubt(self, key: Key) -> None:
        """Another has written this schedule's status."""


class Intake:
    """Takes events and whole lists of all four kinds.

    `listener` is told of them while this operator leads: to be set when our own kinds are listed and before Jobs are,
    so that no status is newer than the Jobs. While it is None another leads: every status is his, and taken as it is.
    """

    def __init__(self, registry: Registry, settings: PlannerSettings) -> None:
        self.registry = registry
        self.settings = settings
        self.listener: Listener | None = None

    def observe_schedule(self, kind: str | None, raw: dict[str, Any]) -> None:
        """An AgentSchedule was seen: listed (kind None), ADDED, MODIFIED or DELETED."""
        key = _key(raw)
        known = self.registry.schedules.get(key)
        if kind == "DELETED":
            if known is not None and known.schedule.owner.uid == raw["metadata"]["uid"]:
                self._lose_schedule(key)
            return
        if self.registry.is_buried(raw):
            return
        if known is not None and known.schedule.owner.uid == raw["metadata"]["uid"]:
            if version_of(raw) > known.version:
                self._update_schedule(key, known, raw)
            return
        if known is not None:
            self._lose_schedule(key)
        schedule = read_schedule(raw)
        status = read_status(raw)
        if status is None:
            where = {"namespace": key.namespace, "object": key.name}
            logger.error("a status cannot be read whole: its cursor is kept, the rest is made anew", extra=where)
        self.registry.schedules[key] = ScheduleEntry(
            schedule=schedule,
            version=version_of(raw),
            acked=packed(raw.get("status") or {}),
            status=status or salvage_status(raw),
        )
        self.registry.population.come(schedule)
        self._others(key)
        self._wake(key)

    def observe_request(self, kind: str | None, raw: dict[str, Any]) -> None:
        """An AgentRun was seen."""
        key = _key(raw)
        request = read_request(raw)
        known = self.registry.requests.get(key)
        if request is None:
            logger.error("an AgentRun cannot be read", extra={"namespace": key.namespace, "object": key.name})
            return
        schedule = Key(key.namespace, request.spec.schedule_name)
        if kind == "DELETED":
            if known is not None and known.request.uid == request.uid:
                self.registry.drop_request(key)
                self._forget("agentruns", key)
                self._wake(schedule)
            return
        if self.registry.is_buried(raw):
            return
        acked = raw.get("status") or {}
        if known is None or known.request.uid != request.uid:
            entry = RequestEntry(request=request, version=version_of(raw), acked=packed(acked), status=request.status)
            self.registry.put_request(key, entry)
        elif version_of(raw) > known.version:
            known.status = known.status if known.is_ours(acked) else request.status
            known.acked, known.version = packed(acked), version_of(raw)
            known.request = dataclasses.replace(request, status=known.status)
        else:
            return
        self._wake(schedule)

    def observe_job(self, kind: str | None, raw: dict[str, Any]) -> None:
        """A Job was listed, ADDED, MODIFIED or DELETED."""
        key = self.registry.drop_job(raw) if kind == "DELETED" else self.registry.put_job(raw)
        if key is not None:
            self._wake(key)

    def observe_pod(self, kind: str | None, raw: dict[str, Any]) -> None:
        """A pod was listed, ADDED, MODIFIED or DELETED."""
        key = self.registry.drop_pod(raw) if kind == "DELETED" else self.registry.put_pod(raw)
        if key is not None:
            self._wake(key)

    def observe_policy(self, kind: str | None, raw: dict[str, Any]) -> None:
        """An AgentPolicy was seen."""
        policies = self.registry.policies
        if policies.drop(raw) if kind == "DELETED" else policies.put(raw):
            self.registry.admission.reconsider()
            self._wake_all()

    def observe_namespace(self, kind: str | None, raw: dict[str, Any]) -> None:
        """A namespace was seen; its labels say which policies are for it."""
        if kind == "DELETED":
            self.registry.policies.drop_namespace(raw)
        elif self.registry.policies.put_namespace(raw):
            self.registry.admission.reconsider()
            self._wake_all(raw["metadata"]["name"])

    def observe_approval(self, kind: str | None, raw: dict[str, Any]) -> None:
        """An AgentApproval was seen."""
        approvals = self.registry.approvals
        if kind != "DELETED" and self.registry.is_buried(raw):
            return
        key = approvals.drop(raw) if kind == "DELETED" else approvals.put(raw)
        if key is not None:
            self._wake(key)

    def protect(self, protection: Protection) -> None:
        """It is known whether decisions and authors can be believed."""
        approvals = self.registry.approvals
        if protection != approvals.protection:
            approvals.protection = protection
            self._wake_all()

    # Lists: each object is observed (kind None), then one of these is told that those were all.

    def jobs_listed(self, present: Collection[str], version: int, namespace: str | None = None) -> None:
        """All Jobs were listed, or all of a namespace: those with these UIDs. Others that are not newer are gone."""
        for key in self.registry.jobs_listed(present, version, namespace):
            self._wake(key)

    def pods_listed(self, present: Collection[str], version: int, namespace: str | None = None) -> None:
        """The same of pods."""
        for key in self.registry.pods_listed(present, version, namespace):
            self._wake(key)

    def schedules_listed(self, present: Collection[str], version: int, namespace: str | None = None) -> None:
        """The same of AgentSchedules."""
        for key, entry in list(self.registry.schedules.items()):
            listed = namespace in {None, key.namespace} and entry.version <= version
            if listed and entry.schedule.owner.uid not in present:
                self._lose_schedule(key)

    def requests_listed(self, present: Collection[str], version: int, namespace: str | None = None) -> None:
        """The same of AgentRuns."""
        for key, entry in list(self.registry.requests.items()):
            listed = namespace in {None, key.namespace} and entry.version <= version
            if listed and entry.request.uid not in present:
                self.registry.drop_request(key)
                self._forget("agentruns", key)
                self._wake(Key(key.namespace, entry.request.spec.schedule_name))

    def policies_listed(self, present: Collection[str], version: int, namespace: str | None = None) -> None:
        """The same of AgentPolicies, which are in no namespace."""
        del namespace
        if self.registry.policies.listed(present, version):
            self.registry.admission.reconsider()
            self._wake_all()

    def approvals_listed(self, present: Collection[str], version: int, namespace: str | None = None) -> None:
        """The same of AgentApprovals."""
        for key in self.registry.approvals.listed(present, version, namespace):
            self._wake(key)

    def namespaces_listed(self, present: Collection[str], version: int, namespace: str | None = None) -> None:
        """The same of namespaces. Those that are gone have no schedules, either."""

    def _update_schedule(self, key: Key, known: ScheduleEntry, raw: dict[str, Any]) -> None:
        """A newer version of a known schedule. Our own status writes come back here and need nothing."""
        acked = raw.get("status") or {}
        foreign = not known.is_ours(acked)
        schedule = read_schedule(raw, known.schedule)
        changed = schedule != known.schedule
        if schedule.created_by != known.schedule.created_by:
            self.registry.population.go(known.schedule)
            self.registry.population.come(schedule)
        known.schedule, known.version, known.acked = schedule, version_of(raw), packed(acked)
        if foreign and self.listener is not None:
            known.doubted = True
            self.listener.doubt(key)
        elif foreign:
            known.status = read_status(raw) or salvage_status(raw)
        elif changed:
            self._wake(key)

    def adopt(self, key: Key, raw: dict[str, Any]) -> bool:
        """Take over the status that another has written, as it was just read. False: a newer one is known by now."""
        self.observe_schedule(None, raw)
        known = self.registry.schedules.get(key)
        if known is None or known.schedule.owner.uid != raw["metadata"]["uid"]:
            return True
        if known.version > version_of(raw):
            return False
        known.status = read_status(raw) or known.status
        known.doubted = False
        self._wake(key)
        return True

    def _lose_schedule(self, key: Key) -> None:
        self._forget("agentschedules", key)
        self.registry.spending.lose(key, self.registry.schedules[key])
        gone = self.registry.schedules.pop(key).schedule
        self.registry.population.go(gone)
        self.registry.bury(gone.owner.uid)
        logger.info("the schedule was deleted", extra={"namespace": key.namespace, "object": key.name})
        self._others(key)
        self._wake(key)  # AgentRuns of it, if any, learn of it

    def _others(self, key: Key) -> None:
        """A schedule came or went: there may be more room for others, or less."""
        for other in self.registry.neighbours(key.namespace):
            self._wake(other)

    def _wake_all(self, namespace: str | None = None) -> None:
        for key in self.registry.schedules:
            if namespace in {None, key.namespace}:
                self._wake(key)

    def _wake(self, key: Key) -> None:
        if self.listener is not None:
            self.listener.wake(key)

    def _forget(self, kind: str, key: Key) -> None:
        if self.listener is not None:
            self.listener.forget(kind, key)


def _key(raw: dict[str, Any]) -> Key:
    return Key(raw["metadata"]["namespace"], raw["metadata"]["name"])
