"""The plan while it is being made: a working copy of the status that the rules write to, one after another."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from agentschedule.api.agentrun import AgentRunStatus
from agentschedule.api.delivery import Event
from agentschedule.api.status import AgentScheduleStatus, Condition, Hold, Run, Skip, SkipReason
from agentschedule.audit.record import AuditType
from agentschedule.planning.actions import Action, CreateJob, Note, Plan, Record, Tried
from agentschedule.planning.coalescing import with_added
from agentschedule.planning.conditions import condition
from agentschedule.planning.delivering import Occurred
from agentschedule.planning.observed import Observed, PlannerSettings, Schedule, Start
from agentschedule.policy.effective import Effective, effective
from agentschedule.runs.manifest import Defaults
from agentschedule.runs.names import job_name, utc_words
from agentschedule.runs.sighting import Sighting

ENDED_PHASES = frozenset({"Succeeded", "Failed", "TimedOut", "Replaced", "Cancelled"})
FAILED_PHASES = frozenset({"Failed", "TimedOut"})
NOTHING = Decimal(0)
MOST_TOLD_SINGLY = 20
"""Slots that do not run and have an audit record each: what is told again after a crash then has the same ids. Of more,
as after a long downtime, there is one for all."""
MOST_ACTIVE = 500
"""Active runs of a schedule without a limit: what its status, an object of bounded size, can hold."""


_ATTEMPT_SUFFIX = re.compile(r"(-(?:\d+|m[0-9a-f]{10}))-r\d+$")


@lru_cache(maxsize=8192)
def base_id(run_id: str) -> str:
    """The name of a run's first Job: what all its attempts have in common."""
    return _ATTEMPT_SUFFIX.sub(r"\1", run_id)


def is_final(run: Run) -> bool:
    """Whether a run has ended for good: no attempt runs, none will follow."""
    return run.phase in ENDED_PHASES and run.retry_at is None


def cursor_of(schedule: Schedule, status: AgentScheduleStatus) -> datetime:
    """Slots up to this one are dealt with, or do not count."""
    scheduling = status.scheduling
    if scheduling is None:
        return schedule.created
    return max(scheduling.handled_through or scheduling.effective_since, scheduling.effective_since)


class Draft:
    """A plan in the making.

    `runs` maps a run's base id to its entry. `status` holds the rest; rules replace it by copies.
    """

    def __init__(self, observed: Observed, settings: PlannerSettings, now: datetime) -> None:
        self.observed = observed
        self.settings = settings
        self.now = now
        self.policy = observed.policy or effective((), "", {}, settings.policy_ceilings())
        self.defaults = _defaults(settings, self.policy)
        self.status: AgentScheduleStatus = observed.status
        self.runs: dict[str, Run] = {base_id(run.id): run for run in observed.status.runs}
        self.conditions: dict[str, Condition] = {c.type: c for c in observed.status.conditions}
        self.requests: dict[str, AgentRunStatus] = {}
        self.suspended: Literal["Spec", "Annotation"] | None = None
        self.accepted = False
        self.disallowed = False
        """Whether a ceiling of a policy forbids a spec that could be used otherwise."""
        self.notes: list[Note] = []
        self.consumed: set[str] = set()
        self.wanted: set[str] = set()
        self.ended: list[Run] = []
        self.skipped: list[tuple[str, int]] = []
        self.records: list[Record] = []
        self.decisions: list[tuple[str, str]] = []
        self.happened: list[Occurred] = []
        self.tried: list[Tried] = []
        self._actions: list[Action] = []
        self._wakes: list[datetime] = []
        self._sightings = {(base_id(s.id), s.job.attempt): s for s in observed.sightings}

    # What the rules ask

    def sighting(self, run: Run) -> Sighting | None:
        """The Job and pod of a run's current attempt."""
        return self._sightings.get((base_id(run.id), run.attempt))

    def active(self) -> list[Run]:
        """Runs that have not ended for good, oldest first."""
        return sorted((r for r in self.runs.values() if not is_final(r)), key=lambda r: (r.scheduled_at, r.id))

    def active_count(self) -> int:
        """Active runs, and those whose Job is being created."""
        active = {base_id(run.id) for run in self.active()}
        active |= {base_id(name) for name, start in self.observed.starts.items() if start.state == "InFlight"}
        active |= {base_id(action.name) for action in self._actions if isinstance(action, CreateJob)}
        return len(active)

    def on_its_way(self, name: str) -> bool:
        """Whether this Job is being created."""
        start = self.observed.starts.get(name)
        return self.asked(name) or (start is not None and start.state == "InFlight")

    def is_starting(self, slot: datetime, attempt: int = 1) -> bool:
        """Whether the Job of this slot's attempt is being created."""
        return self.on_its_way(self.job_of(slot, attempt))

    def job_of(self, slot: datetime, attempt: int = 1) -> str:
        """Name of the Job of this slot's attempt."""
        return job_name(self.observed.schedule.owner.name, slot, attempt)

    def is_true(self, kind: str) -> bool:
        """Whether a condition holds, as far as it is decided by now."""
        known = self.conditions.get(kind)
        return known is not None and known.status == "True"

    def turn(self, name: str) -> Start | None:
        """The start of this Job, where it waits for its turn over all schedules, or that turn has come."""
        start = self.observed.starts.get(name)
        return start if start is not None and start.state in {"Queued", "Granted"} else None

    def asked(self, name: str) -> bool:
        """Whether this plan asks for this Job."""
        return any(isinstance(action, CreateJob) and action.name == name for action in self._actions)

    def reserved(self) -> Decimal:
        """What the active runs, and those whose Job is being created, may cost in US dollars."""
        amounts = {base_id(run.id): run.budget_usd or NOTHING for run in self.active()}
        for name, start in self.observed.starts.items():
            if start.state == "InFlight":
                amounts.setdefault(base_id(name), start.budget or NOTHING)
        for action in self._actions:
            if isinstance(action, CreateJob):
                amounts.setdefault(base_id(action.name), action.budget)
        return sum(amounts.values(), NOTHING)

    def is_being_checked(self) -> bool:
        """Whether the API server has yet to say what it makes of this generation."""
        known, schedule = self.conditions.get("Accepted"), self.observed.schedule
        return not schedule.deleting and (known is None or known.observed_generation != schedule.generation)

    def halted(self) -> bool:
        """Whether nothing may start but what people ask for: suspended, paused or held."""
        return self.suspended is not None or self.held() is not None

    def held(self) -> Hold | None:
        """The hold that is on. After failures one stays while the schedule is on probation, and holds nothing."""
        hold = self.status.hold
        lifted = hold is not None and hold.probation and hold.reason == "ConsecutiveFailures"
        return None if lifted else hold

    def free_places(self) -> bool:
        """Whether one more run may start now."""
        return self.active_count() < (self.limit() or MOST_ACTIVE)

    def cursor(self) -> datetime:
        """Slots up to this one are dealt with, or do not count."""
        return cursor_of(self.observed.schedule, self.status)

    def limit(self) -> int | None:
        """How many runs may be active at once; None: no limit but `MOST_ACTIVE`."""
        spec = self.observed.schedule.spec
        if spec is None or spec.concurrency_policy == "Allow":
            return None
        return spec.max_concurrent_runs or 1

    def runs_left(self) -> int | None:
        """How many scheduled runs may still start, beside those in the queue; None: any number."""
        most = self._most_runs()
        return None if most is None else max(0, most - self.status.iteration - self.status.slots_waiting())

    def all_runs_made(self) -> bool:
        """Whether there were as many scheduled runs as there may be."""
        most = self._most_runs()
        return most is not None and self.status.iteration >= most

    def is_fresh(self, start: datetime) -> bool:
        """Whether a run that should have started then is not late yet, or not by much."""
        return self.now - start <= self.settings.late_after

    def past_deadline(self, start: datetime) -> bool:
        """Whether it is too late for a run that should have started then."""
        spec = self.observed.schedule.spec
        seconds = spec.starting_deadline_seconds if spec else None
        return seconds is not None and self.now - start > timedelta(seconds=seconds)

    def _most_runs(self) -> int | None:
        spec = self.observed.schedule.spec
        return spec.most_runs() if spec else None

    # What the rules say

    def do(self, action: Action) -> None:
        """Ask for an action."""
        self._actions.append(action)

    def actions(self) -> Sequence[Action]:
        """What was asked for so far."""
        return self._actions

    def do_once(self, action: Action) -> None:
        """Ask for an action, unless that was asked for already."""
        if action not in self._actions:
            self._actions.append(action)

    def wake(self, at: datetime | None) -> None:
        """Look again at that time."""
        if at is not None:
            self._wakes.append(at)

    def wake_at_deadline(self, start: datetime) -> None:
        """Look again when it is too late for a run that should have started then."""
        spec = self.observed.schedule.spec
        if spec is not None and spec.starting_deadline_seconds is not None:
            self.wake(start + timedelta(seconds=spec.starting_deadline_seconds + 1))

    def note(self, reason: str, message: str, *, warning: bool = False, agent_run: str | None = None) -> None:
        """Tell people."""
        self.notes.append(Note(reason, message, warning=warning, agent_run=agent_run))

    def record(self, kind: AuditType, cause: str, message: str = "", **more: Any) -> None:
        """Tell the audit; `more` as in `Record`."""
        self.records.append(Record(kind, cause, message, **more))

    def occurred(self, event: Event, run: str, *, summary: str = "", message: str = "") -> None:
        """Something that targets of spec.delivery may want to hear of. `run`: its id, or of what else it is."""
        spec = self.observed.schedule.spec
        if spec is not None and spec.delivery:
            self.happened.append(Occurred(event, run, self.now.replace(microsecond=0), summary, message))

    def update(self, **changes: object) -> None:
        """Change fields of the status."""
        self.status = self.status.model_copy(update=changes)

    def set_condition(self, kind: str, status: bool, reason: str, message: str) -> None:
        """Set a condition; its transition time changes only with its status."""
        self.conditions[kind] = condition(
            kind,
            status=status,
            reason=reason,
            message=message,
            generation=self.observed.schedule.generation,
            now=self.now,
            known=self.conditions.values(),
        )

    def skip(self, reason: SkipReason, slots: list[datetime], name: str | None = None, why: str = "") -> None:
        """Count slots that do not run, by reason and name of the blackout."""
        if not slots:
            return
        tell_each = len(slots) <= MOST_TOLD_SINGLY
        for slot in slots if tell_each else ():
            self._tell_skip(Skip(reason=reason, name=name, count=1, first=slot, last=slot), why)
        added = Skip(reason=reason, name=name, count=len(slots), first=slots[0], last=slots[-1])
        self.count_skip(added, why, tell=not tell_each)

    def _tell_skip(self, skip: Skip, why: str) -> None:
        if skip.reason == "Policy":
            return  # told where it is decided
        # Not its reason: after a crash the same slot may be skipped for another one.
        cause = f"{skip.first.timestamp()}/{skip.last.timestamp()}"
        until = f" to {utc_words(skip.last)}" if skip.last > skip.first else ""
        text = f"{utc_words(skip.first)}{until} {why}".strip()
        self.record("RunSkipped", cause, text, reason=skip.reason, count=skip.count)

    def count_skip(self, added: Skip, why: str = "", *, tell: bool = True) -> None:
        """Add to what is counted of slots that do not run."""
        if tell:
            self._tell_skip(added, why)
        self.skipped.append((added.reason, added.count))
        totals = self.status.totals
        totals = totals.model_copy(update={"skipped": totals.skipped + added.count})
        self.update(skips=with_added(self.status.skips, added), totals=totals)

    def handled(self, slot: datetime) -> None:
        """Move the cursor: this slot and all before it are dealt with."""
        scheduling = self.status.scheduling
        if scheduling is not None and (scheduling.handled_through is None or scheduling.handled_through < slot):
            self.update(scheduling=scheduling.model_copy(update={"handled_through": slot}))

    def count_from(self, moment: datetime) -> None:
        """Slots up to this moment are gone."""
        scheduling = self.status.scheduling
        if scheduling is not None:
            since = max(scheduling.effective_since, moment.replace(microsecond=0))
            self.update(scheduling=scheduling.model_copy(update={"effective_since": since}))

    def leave_queue(self, slot: datetime) -> None:
        """A slot waits no longer: its Job is there."""
        if slot in self.status.queued:
            self.update(queued=[other for other in self.status.queued if other != slot])

    def finish(self) -> Plan:
        """The plan, done."""
        return Plan(
            status=self.status,
            actions=tuple(self._actions),
            notes=tuple(self.notes),
            requests=self.requests,
            wake_at=min(self._wakes, default=None),
            consumed=frozenset(self.consumed),
            ended=tuple(self.ended),
            skipped=tuple(self.skipped),
            records=tuple(self.records),
            decisions=tuple(self.decisions),
            tried=tuple(self.tried),
            served_at=self.now if self.accepted else self.observed.served_at,
        )


def _defaults(settings: PlannerSettings, policy: Effective) -> Defaults:
    """What a Job gets that its schedule does not name: never more than a policy's ceilings."""
    if not policy.policies:
        return settings.defaults
    deadline = min(settings.defaults.active_deadline_seconds, policy.max_active_deadline_seconds.value)
    return replace(
        settings.defaults, active_deadline_seconds=deadline, max_budget_usd=policy.max_budget_per_run_usd.value
    )
