"""What happened in the fake cluster, and which promises were broken at the moment they were."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from agentschedule.api.fields import utc_text
from agentschedule.constants import LABEL_SCHEDULE_UID
from agentschedule.planning.draft import base_id
from agentschedule.planning.observed import NO_CEILINGS
from agentschedule.runs.facts import job_facts, job_of_pod, pod_facts
from agentschedule.runs.names import parse_time
from agentschedule.runs.result import parse_result

from . import limits, money
from .life import Life, PodEnd

if TYPE_CHECKING:
    from .cluster import FakeCluster

Raw = dict[str, Any]

SOON = timedelta(minutes=20)
"""Twice the time between two full lists: by then every deletion is known."""


class History:
    """Keeps it. `watched` says whether an operator sees what happens to pods at this moment."""

    def __init__(self, cluster: "FakeCluster") -> None:
        self._cluster = cluster
        self.lives: dict[str, Life] = {}
        self.broken: list[str] = []
        self.doubles = 0
        """Second Jobs for one attempt of one slot, which is never to happen."""
        self.on_break: Callable[[str], None] = lambda _: None
        self.watched: Callable[[], bool] = lambda: True
        self.ceilings = NO_CEILINGS
        self.most_alive = 0
        """The most pods that ever were alive at once."""
        self._alive: dict[str, set[str]] = defaultdict(set)
        self._job_of: dict[str, str] = {}
        """The UID of each pod's Job, by the pod's."""
        self._straying = self._stale = False

    @contextmanager
    def strayed(self, *, stale: bool) -> Iterator[None]:
        """What happens within is carried out late, or (`stale`) was asked for with an old picture."""
        self._straying, self._stale = True, stale
        try:
            yield
        finally:
            self._straying = self._stale = False

    def breaks(self, how: str) -> None:
        """A promise is broken, now."""
        self.broken.append(how)
        self.on_break(how)

    def life(self, name: str) -> Life:
        """The newest schedule of that name."""
        return [life for life in self.lives.values() if life.raw["metadata"]["name"] == name][-1]

    def life_of(self, raw: Raw) -> Life | None:
        """The schedule that a Job or pod belongs to."""
        return self.lives.get(raw["metadata"]["labels"].get(LABEL_SCHEDULE_UID, ""))

    def job_created(self, job: Raw) -> None:
        life, name = self.life_of(job), job["metadata"]["name"]
        if life is None:
            return
        if life.gone_at is not None and self._cluster.clock.true() > life.gone_at + SOON:
            self.breaks(f"Job {name} was created for a schedule that was deleted at {life.gone_at:%H:%M:%S}")
        if name in life.jobs and self._stale:
            life.again += 1
        elif name in life.jobs and not (self._straying and name not in life.cleaned):
            self.doubles += 1
            self.breaks(f"a second Job {name} was created for one attempt of one slot")
        if self._straying and name in life.jobs:
            life.ghosts.add(job["metadata"]["uid"])
        life.jobs[name] = job
        if self._straying:
            life.strays[job["metadata"]["uid"]] = name
            return
        now, working = self._cluster.clock.true(), self._working(life, name)
        scheduled = [other for other in sorted(working) if job_facts(life.jobs[other]).trigger != "Manual"]
        for how in (*limits.check_created(life, job, now, scheduled), *self._money(life, job, now, working)):
            self.breaks(how)

    def _money(self, life: Life, job: Raw, now: datetime, working: set[str]) -> Iterator[str]:
        """Periods begin by the operator's clock: they cannot be told from outside when somebody has set it."""
        if not self._cluster.clock.was_set:
            yield from money.check_start(life, job, now, working)

    def _working(self, life: Life, but: str) -> set[str]:
        """Jobs of a schedule, other than this one, whose pod lives or is still to come."""
        alive = {self._job_of[pod] for pod in self._alive[life.raw["metadata"]["uid"]]}
        had_pod = set(self._job_of.values())
        working = set()
        for name, job in life.jobs.items():
            uid = job["metadata"]["uid"]
            there = self._cluster.find("jobs", uid)
            coming = there is not None and "deletionTimestamp" not in there["metadata"] and uid not in had_pod
            unfinished = coming and not ((there or {}).get("status") or {}).get("conditions")
            if name != but and (unfinished or uid in alive):
                working.add(name)
        return working

    def job_deleted(self, job: Raw) -> None:
        """The operator deletes a Job that has ended: its run must be in the persisted status."""
        facts, life = job_facts(job), self.life_of(job)
        if life is None or life.raw["metadata"]["uid"] not in self._cluster.by_uid["agentschedules"]:
            return
        life.cleaned.add(facts.name)
        if life.recorded.get(base_id(facts.name), 0) < facts.attempt and not _trimmed(life, facts.slot):
            self.breaks(f"Job {facts.name} was deleted before its run was recorded")

    def operator_died(self) -> None:
        """What an operator knew of pods that are gone, and had not recorded yet, is lost with it."""
        for life in self.lives.values():
            lost = {uid for uid, (base, attempt) in life.gone.items() if life.recorded.get(base, 0) < attempt}
            life.unseen |= lost

    def note(self, kind: str, event: str, raw: Raw) -> None:
        if kind == "agentschedules":
            self._schedule(event, raw)
        elif kind == "pods":
            self._pod(event, raw)

    def _schedule(self, event: str, raw: Raw) -> None:
        meta, spec, now = raw["metadata"], raw["spec"], self._cluster.clock.true()
        life = self.lives.setdefault(meta["uid"], Life(raw, spec.get("maxConcurrentRuns", 1)))
        old = life.status
        life.takes(raw, deleted=event == "DELETED")
        life.gone_at = now if event == "DELETED" else None
        held = limits.is_held(life.status)
        life.holds += held and life.held_since is None
        life.held_since = (life.held_since or now) if held else None
        self._goes_forward(old, raw)
        for how in limits.check_status(life, old) if life.status else ():
            self.breaks(how)

    def _goes_forward(self, old: Raw, raw: Raw) -> None:
        """No status takes back what an earlier one has said, whoever wrote it and whenever it came."""
        new, name = raw.get("status") or {}, raw["metadata"]["name"]
        for group, fields in (
            ("scheduling", ("handledThrough", "effectiveSince")),
            ("totals", ("runs", "succeeded", "failed", "skipped")),
        ):
            for key in fields:
                before, after = (old.get(group) or {}).get(key), (new.get(group) or {}).get(key)
                if before is not None and (after is None or after < before):
                    self.breaks(f"the status of {name} went back: {group}.{key} from {before} to {after}")

    def _pod(self, event: str, raw: Raw) -> None:
        life, pod = self.life_of(raw), pod_facts(raw)
        if life is None:
            return
        alive = self._alive[pod.schedule_uid]
        self._job_of[pod.uid] = pod.job_uid
        if pod.ended or event == "DELETED":
            alive.discard(pod.uid)
        else:
            if pod.job_uid not in life.strays:
                alive.add(pod.uid)
            if event == "ADDED" and life.limit is not None and len(alive) > life.limit:
                self.breaks(f"pod {pod.name} is number {len(alive)} of {life.limit} allowed at once")
            self._check_ceilings(pod.namespace)
        if pod.ended or event == "DELETED":
            stopped = pod.deleted_at is not None or not pod.ended
            cost, now = parse_result(pod.result).cost, self._cluster.clock.true()
            end = PodEnd(pod.job, pod.ever_started, stopped, cost, pod.finished_at or now)
            life.ends.setdefault(pod.uid, end)
        if event == "DELETED":
            life.gone[pod.uid] = (base_id(pod.job), job_of_pod(raw).attempt)
            if not self.watched() or pod.job_uid in life.ghosts:
                life.unseen.add(pod.uid)

    def _check_ceilings(self, namespace: str) -> None:
        alive = {uid: len(pods) for uid, pods in self._alive.items()}
        there = sum(n for uid, n in alive.items() if self.lives[uid].raw["metadata"]["namespace"] == namespace)
        everywhere = sum(alive.values())
        self.most_alive = max(self.most_alive, everywhere)
        limits = self.ceilings
        if 0 < limits.active_runs < everywhere:
            self.breaks(f"{everywhere} pods are alive, {limits.active_runs} may be")
        if 0 < limits.active_runs_per_namespace < there:
            self.breaks(f"{there} pods are alive in {namespace}, {limits.active_runs_per_namespace} may be")


def _trimmed(life: Life, slot: datetime) -> bool:
    """Whether the persisted history is full and has only younger runs than this slot's, which the cursor has passed."""
    runs = life.status.get("runs") or ()
    handled = parse_time((life.status.get("scheduling") or {}).get("handledThrough"))
    full = len(runs) >= life.raw["spec"].get("runHistoryLimit", 10)
    return full and handled is not None and slot <= handled and all(run["scheduledAt"] > utc_text(slot) for run in runs)
