"""A small world around the planner: one schedule, its Jobs and pods, a clock. It does what plans ask for."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self, TypeVar

from agentschedule.api.agentrun import AgentRunSpec, AgentRunStatus
from agentschedule.api.policy import AgentPolicySpec
from agentschedule.api.status import AgentScheduleStatus, Condition, Run
from agentschedule.planning.actions import (
    Action,
    Adopt,
    CreateApproval,
    CreateJob,
    DeleteApproval,
    DeleteJob,
    DeletePod,
    Deliver,
    DryRun,
    EnsureVolume,
    Explain,
    Forget,
    MarkApproval,
    Note,
    Plan,
    StopJob,
    VerifyPin,
)
from agentschedule.planning.delivering import Attempted
from agentschedule.planning.observed import (
    DEFAULT_SETTINGS,
    Observed,
    Others,
    PinState,
    PlannerSettings,
    Request,
    Start,
    Verdict,
    VolumeState,
)
from agentschedule.planning.planner import plan
from agentschedule.planning.reading import read_schedule
from agentschedule.policy.effective import Effective, Policy, effective
from agentschedule.runs.facts import JobFacts, PodFacts, job_facts
from agentschedule.runs.sighting import Sighting

from .people import People

UID = "8f9c0e66-3c1f-4d5b-9c55-0a2f3d1f7a10"
DAY = "2026-11-22"
A = TypeVar("A")


def utc(text: str) -> datetime:
    """ "2026-11-23 09:00", or "09:00" on the day of the tests, in UTC."""
    return datetime.fromisoformat(text if "-" in text else f"{DAY} {text}").replace(tzinfo=UTC)


def raw_schedule(
    *,
    name: str = "news",
    created: str = "08:30",
    generation: int = 1,
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """An hourly AgentSchedule as the API server gives it; a field of spec that is None is left out."""
    given = {"schedule": "0 * * * *", "agent": {"image": "agent:1"}, "pendingDeadlineSeconds": 86400, **spec}
    return {
        "metadata": {
            "namespace": "team",
            "name": name,
            "uid": UID,
            "generation": generation,
            "creationTimestamp": f"{utc(created):%Y-%m-%dT%H:%M:%SZ}",
            "annotations": dict(annotations or {}),
            "labels": dict(labels or {}),
        },
        "spec": {key: value for key, value in given.items() if value is not None},
    }


class World:
    """One schedule and what belongs to it. `creates` says what becomes of Jobs that are asked for, `outcome` what of
    deliveries (None: they are under way); `events` has the newest warning on an object, by its UID."""

    def __init__(
        self,
        *,
        now: str = "08:30",
        settings: PlannerSettings = DEFAULT_SETTINGS,
        annotations: Mapping[str, str] | None = None,
        created: str = "08:30",
        **spec: Any,
    ) -> None:
        self.raw = raw_schedule(created=created, annotations=annotations, **spec)
        self.settings = settings
        self.policies: list[dict[str, Any]] = []
        self.people = People()
        self.pin: PinState | None = None
        self.pin_refusal = ""
        self.others: Others | None = None
        self.now = utc(now)
        self.status = AgentScheduleStatus()
        self.jobs: dict[str, JobFacts] = {}
        self.pods: dict[str, PodFacts] = {}
        self.gone: set[str] = set()
        self.requests: dict[str, Request] = {}
        self.events: dict[str, tuple[str, str]] = {}
        self.explained: dict[str, tuple[datetime, tuple[str, str] | None]] = {}
        self.starts: dict[str, Start] = {}
        self.verdict: Verdict | None = None
        self.answer: Verdict | None = Verdict(0)
        self.volume: VolumeState | None = None
        self.volume_trouble = ""
        self.creates: Start | None = None
        self.settled = True
        self.outcome: Literal["Delivered", "Again", "Refused"] | None = None
        self.attempted: tuple[Attempted, ...] = ()
        self.locked: dict[str, datetime] = {}
        self.notes: list[Note] = []
        self.asked: list[Action] = []
        self.manifests: dict[str, dict[str, Any]] = {}
        self.wake_at: datetime | None = None
        self.served_at: datetime | None = None

    # What happens outside

    def edit(self, **spec: Any) -> Self:
        """Change the spec: a new generation. None removes a field."""
        self.raw["spec"] = {k: v for k, v in {**self.raw["spec"], **spec}.items() if v is not None}
        self.raw["metadata"]["generation"] += 1
        return self

    def annotate(self, **notes: str | None) -> Self:
        """Set annotations under the operator's prefix (`paused_until`: `…/paused-until`). None removes one."""
        for key, value in notes.items():
            name = f"agentschedule.dev/{key.replace('_', '-')}"
            self.raw["metadata"]["annotations"].pop(name, None)
            if value is not None:
                self.raw["metadata"]["annotations"][name] = value
        return self

    def request(self, name: str, created: str | None = None, **spec: Any) -> Self:
        """Somebody creates an AgentRun."""
        number = len(self.requests) + 1
        self.requests[name] = Request(
            name=name,
            uid=f"{number:08x}-aaaa-bbbb-cccc-000000000000",
            generation=1,
            created=utc(created) if created else self.now,
            spec=AgentRunSpec(schedule_name="news", **spec),
            status=AgentRunStatus(),
        )
        return self

    def pod(self, job: str, **facts: Any) -> Self:
        """The pod of a Job is seen as such, or changes."""
        owner = self.jobs[job]
        known = self.pods.get(owner.uid) or PodFacts(
            namespace="team",
            name=f"{job}-x",
            uid=f"pod-of-{owner.uid}",
            version=1,
            job=job,
            job_uid=owner.uid,
            schedule="news",
            schedule_uid=UID,
            phase="Pending",
            created=self.now,
        )
        self.pods[owner.uid] = dataclasses.replace(known, **facts)
        return self

    def job(self, name: str, **facts: Any) -> Self:
        """A Job changes."""
        self.jobs[name] = dataclasses.replace(self.jobs[name], **facts)
        return self

    def runs(self, job: str) -> Self:
        """Its agent starts."""
        return self.pod(job, phase="Running", started_at=self.now)

    def ends(self, job: str, *, code: int = 0, result: str | None = None, **facts: Any) -> Self:
        """Its agent ends with this exit code, and then its Job."""
        phase = "Failed" if code else "Succeeded"
        started = (known.started_at if (known := self.pods.get(self.jobs[job].uid)) else None) or self.now
        facts = {"started_at": started, "finished_at": self.now, "exit_code": code, "result": result, **facts}
        self.pod(job, phase=phase, **facts)
        ended = {"reason": "BackoffLimitExceeded", "message": "too many failures"} if code else {}
        return self.job(job, finished="Failed" if code else "Complete", finished_at=self.now, **ended)

    def lose(self, job: str, *, pod: bool = True) -> Self:
        """A Job is gone, and its pod where there is one and it goes too."""
        self.gone.add(self.jobs[job].uid)
        if pod and self.jobs[job].uid in self.pods:
            self.gone.add(self.pods[self.jobs[job].uid].uid)
        return self

    # What the planner makes of it

    def observed(self) -> Observed:
        """What the planner is given."""
        return Observed(
            schedule=read_schedule(self.raw),
            status=self.status,
            sightings=tuple(self._sighting(job) for job in self.jobs.values()),
            requests=tuple(self.requests.values()),
            starts=dict(self.starts),
            verdict=self.verdict,
            settled=self.settled,
            locked=self.locked,
            volume=self.volume,
            served_at=self.served_at,
            policy=self._policy() if self.policies else None,
            attempted=self.attempted,
            approvals=tuple(self.people.approvals.values()),
            asking=self.people.asking,
            protection=self.people.protection,
            pin=self.pin,
            others=self.others,
        )

    def _policy(self) -> Effective:
        policies = [Policy(f"p{n}", AgentPolicySpec.read(spec)) for n, spec in enumerate(self.policies)]
        return effective(policies, "team", {}, self.settings.policy_ceilings())

    def plan(self) -> Plan:
        """Plan, and change nothing."""
        return plan(self.observed(), self.settings, self.now)

    def step(self, at: str | datetime | None = None) -> Plan:
        """Plan once at this time, and do what is asked."""
        if at is not None:
            self.now = at if isinstance(at, datetime) else utc(at)
        made, self.attempted = self.plan(), ()
        self.status, self.wake_at, self.served_at = made.status, made.wake_at, made.served_at
        self.notes += made.notes
        self.asked += made.actions
        for name in made.consumed:
            self.starts.pop(name, None)
        for name, status in made.requests.items():
            self.requests[name] = dataclasses.replace(self.requests[name], status=status)
        for action in made.actions:
            self._do(action)
        return made

    def tick(self, at: str | datetime | None = None) -> Self:
        """Plan at this time until nothing changes any more."""
        if at is not None:
            self.now = at if isinstance(at, datetime) else utc(at)
        for _ in range(60):
            before = self._picture()
            self.step()
            if self._picture() == before and (self.wake_at is None or self.wake_at > self.now):
                return self
        raise AssertionError("the planner does not come to rest")

    def wait(self, **duration: float) -> Self:
        """Plan after this time (`hours=1`)."""
        return self.tick(self.now + timedelta(**duration))

    # What a test looks at

    def condition(self, kind: str) -> Condition:
        """A condition that is there."""
        return next(c for c in self.status.conditions if c.type == kind)

    def run(self, job: str) -> Run:
        """The entry of a run in the history."""
        return next(r for r in self.status.runs if r.id == job)

    def phases(self) -> list[tuple[str, str]]:
        """The history, newest first: name without the schedule's, phase."""
        return [(r.id.removeprefix("news-"), r.phase) for r in self.status.runs]

    def skips(self) -> dict[str, int]:
        """Skipped slots by reason."""
        return {skip.reason: skip.count for skip in self.status.skips}

    def take(self, kind: type[A]) -> list[A]:
        """What was asked for of this kind since one last looked."""
        found: list[A] = [action for action in self.asked if isinstance(action, kind)]
        self.asked = [action for action in self.asked if not isinstance(action, kind)]
        return found

    def told(self) -> list[str]:
        """Reasons of the Events since one last looked."""
        notes, self.notes = self.notes, []
        return [note.reason for note in notes]

    def _sighting(self, job: JobFacts) -> Sighting:
        pod = self.pods.get(job.uid)
        at, words = self.explained.get(pod.uid if pod else job.uid, (None, None))
        return Sighting(job, pod, job.uid in self.gone, pod is not None and pod.uid in self.gone, words, at)

    def _picture(self) -> tuple[object, ...]:
        notes, starts = len(self.notes), dict(self.starts)
        people = (dict(self.people.approvals), self.people.asking, self.pin)
        told = (dict(self.explained), self.volume, self.attempted, *people)
        return self.status, dict(self.jobs), dict(self.pods), dict(self.requests), self.verdict, notes, starts, told

    def _do(self, action: Action) -> None:  # noqa: C901 - one case an action
        match action:
            case DryRun():
                if self.answer is not None:
                    self.verdict = dataclasses.replace(self.answer, generation=action.generation)
            case CreateJob():
                self._create(action)
            case VerifyPin():
                state: Literal["Refused", "Verified"] = "Refused" if self.pin_refusal else "Verified"
                self.pin = PinState(state, action.question, self.now, self.pin_refusal)
            case CreateApproval() | MarkApproval() | DeleteApproval():
                self.people.do(action, self.now)
            case EnsureVolume():
                self._ensure_volume(action)
            case StopJob():
                self.job(action.name, stopped=action.why, deleting=True)
                if self.jobs[action.name].uid in self.pods:
                    self.pod(action.name, deleted_at=self.now)
                else:
                    self.lose(action.name)
            case Explain():
                self.explained[action.uid] = (self.now, self.events.get(action.uid))
            case DeleteJob() | Forget():
                self.pods.pop(self.jobs.pop(action.name).uid, None)
            case DeletePod():
                uid = next(job for job, pod in self.pods.items() if pod.uid == action.uid)
                self.pods[uid] = dataclasses.replace(self.pods[uid], deleted_at=self.now)
            case Deliver() if self.outcome is not None:
                attempted = Attempted(action.run, action.target, action.event, self.outcome, self.now, "so it was")
                self.attempted = (*self.attempted, attempted)
            case Adopt():
                self.requests[action.name] = dataclasses.replace(self.requests[action.name], adopted=True)

    def _ensure_volume(self, action: EnsureVolume) -> None:
        trouble, until = self.volume_trouble, self.now + timedelta(seconds=60)
        state: Literal["Problem", "Ready"] = "Problem" if trouble else "Ready"
        self.volume = VolumeState(state, action.generation, self.now, trouble, until if trouble else None)

    def _create(self, action: CreateJob) -> None:
        if self.creates is not None:
            self.starts[action.name] = self.creates
            return
        self.starts.pop(action.name, None)
        self.put_job(action)

    def put_job(self, action: CreateJob) -> None:
        """The API server has made a Job that was asked for."""
        assert action.name not in self.jobs, f"{action.name} was asked for twice"
        meta = {
            **action.manifest["metadata"],
            "uid": f"uid-{action.name}",
            "creationTimestamp": f"{self.now:%Y-%m-%dT%H:%M:%SZ}",
            "resourceVersion": "1",
        }
        self.manifests[action.name] = action.manifest
        self.jobs[action.name] = job_facts({**action.manifest, "metadata": meta})


def slot_id(text: str, attempt: int = 1) -> str:
    """The name of the Job of a slot's attempt."""
    base = f"news-{int(utc(text).timestamp())}"
    return base if attempt == 1 else f"{base}-r{attempt}"
