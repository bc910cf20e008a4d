"""The one place where a run's Job is asked for, whoever asks: a slot, a retry, a person."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from agentschedule.api.status import Trigger
from agentschedule.planning.actions import CreateJob
from agentschedule.planning.approving import Wanted
from agentschedule.planning.budget import tokens_left
from agentschedule.planning.draft import Draft
from agentschedule.planning.heartbeat import iteration_of
from agentschedule.planning.observed import Request, Start
from agentschedule.planning.permission import question
from agentschedule.planning.permitting import Permit, permission
from agentschedule.planning.session import volume_ready
from agentschedule.runs.manifest import RunRequest, job_base, job_manifest
from agentschedule.runs.names import job_name, manual_job_name

Outcome = Literal["Asked", "Waiting", "There"] | Start
"""Asked for now; waiting for an earlier try; its Job is there; or refused for good, with the reason."""


def forget_starts(draft: Draft) -> None:
    """Starts that wait and are wanted no more: their slot was skipped, their run withdrawn. And turns not used.

    While an edit is being checked nothing is asked for, so that says nothing of who waits. A turn is given back even
    then: others wait for the place.
    """
    for name, start in draft.observed.starts.items():
        unwanted = start.state in {"Deferred", "Queued"} and name not in draft.wanted
        if (unwanted and not draft.is_being_checked()) or (start.state == "Granted" and not draft.asked(name)):
            draft.consumed.add(name)


def start_run(
    draft: Draft,
    *,
    slot: datetime,
    attempt: int,
    trigger: Trigger,
    due: datetime,
    budget: Decimal,
    request: Request | None = None,
) -> Outcome:
    """Ask for a run's Job, unless it is there, on its way or refused. `budget` is what the attempt may cost in USD."""
    schedule = draft.observed.schedule
    name = (
        manual_job_name(schedule.owner.name, request.uid) if request else job_name(schedule.owner.name, slot, attempt)
    )
    draft.wanted.add(name)
    if any(seen.id == name for seen in draft.observed.sightings):
        return "There"
    start = draft.observed.starts.get(name)
    if start is not None and _waits(draft, start):
        return "Waiting"
    if start is not None and start.state in {"NameConflict", "Rejected"}:
        draft.consumed.add(name)
        return start
    if schedule.spec is None or not volume_ready(draft):
        return "Waiting"
    base = job_base(schedule.spec, draft.defaults)
    deadline = base["spec"]["template"]["spec"]["activeDeadlineSeconds"]
    asked = question(draft, base, request)
    permit = permission(draft, Wanted(name, slot, due, attempt, trigger, budget, deadline, asked, request))
    if not isinstance(permit, Permit):
        return permit
    if permit.approval is not None and permit.approval.decided_at is not None:
        due = max(due, permit.approval.decided_at)
    run = RunRequest(
        id=name,
        slot=slot,
        attempt=attempt,
        trigger=trigger,
        previous=draft.status.previous,
        agent_run=request.name if request else None,
        agent_run_uid=request.uid if request else None,
        budget=permit.budget,
        max_tokens=tokens_left(draft, name),
        input=request.spec.input if request else None,
        context=request.spec.context if request else None,
        iteration=iteration_of(draft, name, trigger),
        asked_at=draft.now,
        capabilities=permit.allow.capabilities,
        restricted_operations=permit.allow.restricted_operations,
        approval=permit.approval,
        policies=draft.policy.policies,
    )
    manifest = job_manifest(schedule.owner, schedule.spec, run, draft.defaults, base)
    draft.do(CreateJob(name=name, slot=slot, trigger=trigger, due=due, manifest=manifest, budget=permit.budget))
    return "Asked"


def _waits(draft: Draft, start: Start) -> bool:
    """Whether a try is under way, or the next one is to come."""
    if start.state == "Deferred" and start.until is not None and start.until > draft.now:
        draft.wake(start.until)
        return True
    return start.state in {"InFlight", "Queued"}
