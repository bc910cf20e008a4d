"""What is known: schedules, AgentRuns, Jobs and pods. In memory only; a list rebuilds it."""

import dataclasses
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from agentschedule.engine.admission import Admission
from agentschedule.engine.approvals import Approvals
from agentschedule.engine.entries import Key, RequestEntry, ScheduleEntry
from agentschedule.engine.policies import Policies
from agentschedule.engine.population import Population
from agentschedule.engine.spending import Spending
from agentschedule.planning.observed import (
    DEFAULT_SETTINGS,
    NO_CEILINGS,
    Ceilings,
    Observed,
)
from agentschedule.runs.facts import JobFacts, PodFacts, job_facts, job_of_pod, pod_facts
from agentschedule.runs.sighting import Sighting


def uids_of(items: Collection[dict[str, Any]]) -> set[str]:
    """UIDs of objects."""
    return {raw["metadata"]["uid"] for raw in items}


_MOST_BURIED = 20_000
"""UIDs of objects that are gone, kept in case that old news of them is still on its way: some MiB at most."""


class Registry:
    """The picture that plans are made from. `admission` is told of every Job of ours, whoever owns it."""

    def __init__(
        self,
        ceilings: Ceilings = NO_CEILINGS,
        clock: Callable[[], datetime] | None = None,
        policies: Policies | None = None,
    ) -> None:
        self._clock = clock or (lambda: datetime.now(UTC))
        self._places: dict[str, dict[str, int]] = {}
        settings = dataclasses.replace(DEFAULT_SETTINGS, ceilings=ceilings)
        self.policies = policies or Policies(settings.policy_ceilings())
        self.admission = Admission(ceilings, lambda namespace: self.policies.of(namespace).max_active_runs)
        self.approvals = Approvals()
        self.began: datetime | None = None
        """When this operator's term began."""
        self.schedules: dict[Key, ScheduleEntry] = {}
        self.population = Population()
        self.spending = Spending(self.policies, self.schedules, self.jobs_of, self._clock)
        self.requests: dict[Key, RequestEntry] = {}
        self._requested: dict[Key, set[str]] = {}
        self._jobs: dict[str, dict[str, JobFacts]] = {}
        self._pods: dict[str, PodFacts] = {}
        self._gone: set[str] = set()
        self._gone_long: set[str] = set()
        self._ends_seen: dict[str, datetime] = {}
        self._left: dict[str, JobFacts] | None = {}
        self._buried: dict[str, None] = {}
        self._explanations: dict[str, tuple[datetime, tuple[str, str] | None]] = {}

    # Reading

    def observe(self, key: Key) -> Observed | None:
        """Everything about one schedule."""
        entry = self.schedules.get(key)
        if entry is None:
            return None
        requests = tuple(self.requests_of(key))
        return Observed(
            schedule=entry.schedule,
            status=entry.status,
            sightings=tuple(self._sightings(entry.schedule.owner.uid)),
            requests=tuple(r.request for r in requests),
            starts=entry.starts,
            verdict=entry.verdict,
            settled=entry.settled() and all(request.settled() for request in requests),
            volume=entry.volume,
            served_at=entry.served_at,
            locked=entry.locked,
            began=self.began,
            policy=self.policies.of(key.namespace),
            place=self._place(key),
            others=self.spending.others(key),
            attempted=entry.attempted,
            approvals=self.approvals.of(entry.schedule.owner.uid),
            asking=entry.asking,
            pin=entry.pin,
            protection=self.approvals.protection,
        )

    def _place(self, key: Key) -> int | None:
        """Which schedule of its namespace it is, the oldest first, from 1; None where nobody wants to know."""
        if self.policies.of(key.namespace).max_schedules is None:
            return None
        places = self._places.get(key.namespace)
        if places is None:
            mine = ((e.schedule.created, k.name) for k, e in self.schedules.items() if k.namespace == key.namespace)
            places = {name: number for number, (_, name) in enumerate(sorted(mine), 1)}
            self._places[key.namespace] = places
        return places.get(key.name)

    def neighbours(self, namespace: str) -> list[Key]:
        """A schedule came or went: those of its namespace, if their number has a limit."""
        self._places.pop(namespace, None)
        if self.policies.of(namespace).max_schedules is None:
            return []
        return [key for key in self.schedules if key.namespace == namespace]

    def requests_of(self, key: Key) -> Iterator[RequestEntry]:
        """AgentRuns of a schedule."""
        for name in self._requested.get(key, ()):
            yield self.requests[Key(key.namespace, name)]

    def jobs(self) -> Iterator[JobFacts]:
        """All Jobs that are there."""
        for jobs in self._jobs.values():
            yield from (job for job in jobs.values() if job.uid not in self._gone)

    def pods(self) -> Iterator[PodFacts]:
        """All pods that are there."""
        yield from (pod for pod in self._pods.values() if pod.uid not in self._gone)

    def jobs_of(self, schedule_uid: str) -> Collection[JobFacts]:
        """Jobs of a schedule, with those that are gone and remembered."""
        return self._jobs.get(schedule_uid, {}).values()

    def pod_of(self, schedule_uid: str, job: str) -> tuple[PodFacts, bool] | None:
        """The newest pod of a schedule's Job, as far as it is remembered, and whether it is still there."""
        found = self._jobs.get(schedule_uid, {}).get(job)
        pod = self._pods.get(found.uid) if found is not None else None
        return (pod, pod.uid not in self._gone) if pod is not None else None

    def has_uid(self, key: Key, uid: str) -> bool:
        """Whether this very schedule is known."""
        entry = self.schedules.get(key)
        return entry is not None and entry.schedule.owner.uid == uid

    def has_job(self, schedule_uid: str, job_uid: str) -> bool:
        """Whether this very Job is known and there."""
        return job_uid not in self._gone and any(j.uid == job_uid for j in self._jobs.get(schedule_uid, {}).values())

    def knows_job(self, schedule_uid: str, name: str, version: int) -> bool:
        """Whether a schedule's Job of this name is known as of this version, or a newer one."""
        found = self._jobs.get(schedule_uid, {}).get(name)
        return found is not None and found.version >= version

    def everyone(self) -> Iterator[Key]:
        """Every schedule that is known, or that an AgentRun names."""
        yield from self.schedules
        yield from self._requested

    # Putting in and taking out AgentRuns

    # The dead stay dead: an answer or a list that was long on its way must not bring back what is known to be gone.

    def bury(self, uid: str) -> None:
        """An object is gone and done with."""
        self._buried[uid] = None
        if len(self._buried) > _MOST_BURIED:
            del self._buried[next(iter(self._buried))]

    def is_buried(self, raw: dict[str, Any]) -> bool:
        """Whether this object is known to be gone."""
        return raw["metadata"]["uid"] in self._buried

    def put_request(self, key: Key, entry: RequestEntry) -> None:
        """An AgentRun is new."""
        self.drop_request(key)
        self.requests[key] = entry
        self._requested.setdefault(Key(key.namespace, entry.request.spec.schedule_name), set()).add(key.name)

    def drop_request(self, key: Key) -> None:
        """An AgentRun is gone."""
        entry = self.requests.pop(key, None)
        if entry is None:
            return
        self.bury(entry.request.uid)
        schedule = Key(key.namespace, entry.request.spec.schedule_name)
        names = self._requested[schedule]
        names.discard(key.name)
        if not names:
            del self._requested[schedule]

    # Putting in and taking out Jobs and pods. Each returns the schedule concerned, or None when nothing changed.

    def put_job(self, raw: dict[str, Any]) -> Key | None:
        """A Job was created or changed."""
        if self.is_buried(raw):
            return None
        job = job_facts(raw)
        jobs = self._jobs.setdefault(job.schedule_uid, {})
        known = jobs.get(job.name)
        if known is not None and known.uid == job.uid and known.version >= job.version:
            return None
        jobs[job.name] = job
        if known == job:  # what has changed about it concerns nobody here
            return None
        if job.finished is not None:
            self._ends_seen.setdefault(job.uid, self._clock())
        if known is not None and known.uid != job.uid:
            self._weigh(job.schedule_uid, (job.namespace, job.name), known.uid)
        self._weigh(job.schedule_uid, (job.namespace, job.name), job.uid)
        return Key(job.namespace, job.schedule)

    def drop_job(self, raw: dict[str, Any]) -> Key | None:
        """A Job was deleted. It is remembered until its run is recorded, unless its schedule is gone too."""
        return None if self.is_buried(raw) else self._lose_job(job_facts(raw))

    def _lose_job(self, job: JobFacts) -> Key:
        key = Key(job.namespace, job.schedule)
        jobs = self._jobs.setdefault(job.schedule_uid, {})
        known = jobs.get(job.name)
        if known is None or known.uid == job.uid:
            if self.has_uid(key, job.schedule_uid):
                jobs[job.name] = job
                self._gone.add(job.uid)
                self._weigh(job.schedule_uid, (job.namespace, job.name), job.uid)
            else:
                self.forget_job(job.schedule_uid, job.name, job.uid)
        return key

    def forget_job(self, schedule_uid: str, name: str, uid: str) -> None:
        """A deleted Job needs to be remembered no longer."""
        self.bury(uid)
        jobs = self._jobs.get(schedule_uid, {})
        known = jobs.get(name)
        if known is not None and known.uid == uid:
            del jobs[name]
        if not jobs:
            self._jobs.pop(schedule_uid, None)
        self._gone.discard(uid)
        self._ends_seen.pop(uid, None)
        self._explanations.pop(uid, None)
        pod = self._pods.get(uid)
        if pod is not None:
            self._explanations.pop(pod.uid, None)
        if pod is not None and (pod.uid in self._gone or pod.ended):
            del self._pods[uid]
            self._gone.discard(pod.uid)
        if uid not in self._pods:
            self.admission.seen(uid, ("", name), False)

    def list_jobs(
        self,
        items: Collection[dict[str, Any]],
        version: int,
        namespace: str | None = None,
        schedule_uid: str | None = None,
    ) -> set[Key]:
        """A whole list, or that of a namespace or schedule: what is not in it, and is not newer, is gone."""
        changed = {key for raw in items if (key := self.put_job(raw))}
        return changed | self.jobs_listed(uids_of(items), version, namespace, schedule_uid)

    def jobs_listed(
        self, present: Collection[str], version: int, namespace: str | None = None, schedule_uid: str | None = None
    ) -> set[Key]:
        """All Jobs of a list were put, those with these UIDs."""
        lost = [
            job
            for job in self.jobs()
            if namespace in {None, job.namespace}
            and schedule_uid in {None, job.schedule_uid}
            and job.uid not in present
            and job.version <= version
        ]
        return {self._lose_job(job) for job in lost}

    def put_pod(self, raw: dict[str, Any]) -> Key | None:
        """A pod was created or changed. Of several pods of a Job the newest counts."""
        pod = pod_facts(raw)
        if self._left is not None and pod.job_uid not in self._left:
            self._left[pod.job_uid] = job_of_pod(raw)
        known = self._pods.get(pod.job_uid)
        if known is not None:
            if known.uid == pod.uid and known.version >= pod.version:
                return None
            if known.uid != pod.uid and known.created > pod.created:
                return None
            if known.uid != pod.uid:
                self._explanations.pop(known.uid, None)
        self._pods[pod.job_uid] = pod
        if known == pod:
            return None
        self._weigh(pod.schedule_uid, (pod.namespace, pod.job), pod.job_uid)
        return Key(pod.namespace, pod.schedule)

    def drop_pod(self, raw: dict[str, Any]) -> Key | None:
        """A pod was deleted; its last state, with the agent's result, is kept as long as its Job is."""
        pod = pod_facts(raw)
        return self._lose_pod(pod)

    def _lose_pod(self, pod: PodFacts) -> Key:
        known = self._pods.get(pod.job_uid)
        if known is None or known.uid == pod.uid:
            if pod.job_uid in self._gone or self.has_job(pod.schedule_uid, pod.job_uid):
                self._pods[pod.job_uid] = pod
                self._gone.add(pod.uid)
            else:
                self._pods.pop(pod.job_uid, None)
                self._explanations.pop(pod.uid, None)
            self._weigh(pod.schedule_uid, (pod.namespace, pod.job), pod.job_uid)
        return Key(pod.namespace, pod.schedule)

    def list_pods(self, items: Collection[dict[str, Any]], version: int, namespace: str | None = None) -> set[Key]:
        """A whole list of pods, or that of a namespace."""
        changed = {key for raw in items if (key := self.put_pod(raw))}
        return changed | self.pods_listed(uids_of(items), version, namespace)

    def pods_listed(self, present: Collection[str], version: int, namespace: str | None = None) -> set[Key]:
        """All pods of a list were put, those with these UIDs."""
        lost = [
            pod
            for pod in self.pods()
            if namespace in {None, pod.namespace} and pod.uid not in present and pod.version <= version
        ]
        return {self._lose_pod(pod) for pod in lost}

    def begin_lists(self) -> None:
        """Everything is about to be listed, pods before Jobs; then comes `recall_left_pods`."""
        self._left = {}

    def recall_left_pods(self) -> None:
        """Pods whose Job was deleted while nobody looked. To be called when pods were listed before Jobs: then a Job
        that is not in the later list is gone for certain."""
        known = {job.uid for job in self.jobs()}
        for job in (self._left or {}).values():
            if job.uid and job.uid not in known and self.has_uid(Key(job.namespace, job.schedule), job.schedule_uid):
                self._jobs.setdefault(job.schedule_uid, {}).setdefault(job.name, job)
                self._gone.add(job.uid)
        self._left = None
        self._ends_seen.clear()  # what pods these Jobs have is known

    def forget_gone(self) -> None:
        """To be called now and then while another leads, who records what comes of Jobs. Those that were gone at the
        last call are forgotten."""
        for job in [job for jobs in self._jobs.values() for job in jobs.values() if job.uid in self._gone_long]:
            self.forget_job(job.schedule_uid, job.name, job.uid)
        self._gone_long = set(self._gone)

    def _weigh(self, schedule_uid: str, place: tuple[str, str], uid: str) -> None:
        """Tell whether a Job works: it has not ended, or is gone and has left its pod running."""
        pod = self._pods.get(uid)
        stopped = pod is not None and (pod.ended or pod.uid in self._gone)
        job = self._jobs.get(schedule_uid, {}).get(place[1])
        there = job is not None and job.uid == uid and uid not in self._gone
        unfinished = job is not None and job.finished is None if there else pod is not None
        self.admission.seen(uid, place, unfinished and not stopped)

    # Why Jobs and pods do not start, by their UIDs

    def asked(self, uid: str, at: datetime) -> None:
        """Somebody asks for the Events on a Job or pod."""
        _, words = self._explanations.get(uid, (at, None))
        self._explanations[uid] = (at, words)

    def explained(self, uid: str, words: tuple[str, str] | None) -> bool:
        """The answer. Whether it is another than before, and still wanted."""
        known = self._explanations.get(uid)
        if known is None or known[1] == words:
            return False
        self._explanations[uid] = (known[0], words)
        return True

    def _sightings(self, schedule_uid: str) -> Iterator[Sighting]:
        for job in self._jobs.get(schedule_uid, {}).values():
            pod = self._pods.get(job.uid)
            at, words = self._explanations.get(pod.uid if pod is not None else job.uid, (None, None))
            gone, pod_gone = job.uid in self._gone, pod is not None and pod.uid in self._gone
            yield Sighting(job, pod, gone, pod_gone, words, at, self._ends_seen.get(job.uid))
