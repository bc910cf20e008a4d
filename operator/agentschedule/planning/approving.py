"""Runs that wait for a person: asked for, watched, started when approved, given up when denied or expired.

What waits stands in `status.approval`, one run at a time; slots leave the cursor when they begin to wait. An
AgentApproval counts only if its UID is written there and its digest is that of what would run now.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from agentschedule.api.fields import utc_text
from agentschedule.api.status import AwaitedRun, RunApproval, Trigger
from agentschedule.constants import MESSAGE_BYTES
from agentschedule.planning.actions import CreateApproval, DeleteApproval, MarkApproval
from agentschedule.planning.asking import approval_manifest, expires_after, request_digest
from agentschedule.planning.draft import ENDED_PHASES, Draft, base_id
from agentschedule.planning.observed import Approval, Asking, Request, Start
from agentschedule.policy.gate import APPROVAL, Asked, Deny, RequireApproval, allowance_of, needs_approval
from agentschedule.runs.names import manual_job_name
from agentschedule.runs.result import clean

TAKES_EFFECT = timedelta(seconds=5)
"""How long after its creation an admission policy may not be enforced yet by every API server."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that is about to start. `budget` is in US dollars, `deadline` in seconds."""

    name: str
    slot: datetime
    due: datetime
    attempt: int
    trigger: Trigger
    budget: Decimal
    deadline: int
    question: Asked
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """It may start, and cost as much as was approved. `by` is None where nobody has to be asked any more."""

    by: RunApproval | None = None
    budget: Decimal | None = None


Answer = Granted | Start | Literal["Waiting"]


def follow_approval(draft: Draft) -> None:
    """What became of the run that waits: its AgentApproval is made, it is approved, or nobody wants it any more."""
    waiting = draft.status.approval
    if waiting is None:
        return
    if _is_there(draft, waiting) or _is_withdrawn(draft, waiting):
        draft.update(approval=None)
        return
    made, seen = draft.observed.asking, _seen(draft, waiting)
    if waiting.uid is None and made is not None and made.state == "Made" and _answers(made, waiting):
        waiting = waiting.model_copy(update={"uid": made.uid})
        draft.update(approval=waiting)
        _tell_requested(draft, waiting)
    if seen is None or seen.uid != waiting.uid:
        return
    if waiting.decided_at is None and seen.decision == "Approved" and draft.now < waiting.expires_at:
        draft.update(approval=waiting.model_copy(update={"decided_at": draft.now.replace(microsecond=0)}))
        _tell_decided(draft, waiting, seen)
    _mark(draft, seen, "Approved" if draft.status.approval and draft.status.approval.decided_at else "Waiting")


def drop_approvals(draft: Draft) -> None:
    """AgentApprovals that nobody needs: they stay as long as their Job does, and the last refused one till the next."""
    if not draft.observed.settled:
        return
    waiting, jobs = draft.status.approval, {seen.id for seen in draft.observed.sightings}
    touched = {action.uid for action in draft.actions() if isinstance(action, MarkApproval | DeleteApproval)}
    others = [
        seen
        for seen in draft.observed.approvals
        if seen.uid not in touched and (waiting is None or seen.name != waiting.name)
    ]
    refused = [seen for seen in others if seen.name not in jobs and seen.phase in {"Denied", "Expired"}]
    last = max(refused, key=lambda seen: (seen.created, seen.name), default=None) if waiting is None else None
    for seen in others:
        if seen.name not in jobs and seen is not last and not seen.deleting:
            draft.do(DeleteApproval(seen.name, seen.uid))


def awaits(draft: Draft, name: str) -> bool:
    """Whether this run waits to be approved, or has been and is about to start."""
    waiting = draft.status.approval
    return waiting is not None and waiting.name == name


def approval_of(draft: Draft, wanted: Wanted) -> Answer:
    """Whether a run may start as far as people have a say in that; asks them."""
    needed, waiting = needs_approval(wanted.question, draft.policy), draft.status.approval
    if needed is None:
        return Granted()
    if not _is_its_turn(draft, wanted):
        return "Waiting"
    if isinstance(needed, Deny):
        return _give_up(draft, wanted, Start("Denied", message=needed.reason))
    digest = _digest(draft, wanted, needed)
    if waiting is None:
        _ask(draft, wanted, needed, digest)
        return "Waiting"
    refusal = refused(draft, waiting)
    if refusal is not None:
        return _give_up(draft, wanted, refusal)
    return _decided(draft, wanted, needed, waiting, digest) or "Waiting"


def _is_its_turn(draft: Draft, wanted: Wanted) -> bool:
    """Whether it is known if decisions can be trusted, and no other run waits for one."""
    protection, waiting = draft.observed.protection, draft.status.approval
    if not (protection.approvals.known and protection.authors.known):
        return False
    since = protection.approvals.since
    if since is not None and draft.now < since + TAKES_EFFECT:
        draft.wake(since + TAKES_EFFECT)
        return False
    return waiting is None or waiting.name == wanted.name


def _decided(draft: Draft, wanted: Wanted, needed: RequireApproval, waiting: AwaitedRun, digest: str) -> Granted | None:
    """What an approver has allowed. None: nobody has yet, or not this."""
    seen = _seen(draft, waiting)
    if seen is None:
        _have_made(draft, wanted, needed, waiting)
        return None
    if seen.deleting:
        return None
    if seen.uid != waiting.uid:
        _remove(draft, seen, f"AgentApproval {seen.name} is not the one that the operator asked for")
        return None
    void = _void(draft, waiting, seen, needed, digest)
    if void is not None:
        _remove(draft, seen, f"{void}; it is asked for anew")
        draft.update(approval=_awaited(draft, wanted, digest, waiting.asked + 1))
        return None
    if waiting.decided_at is None:
        return None
    reason = clean(seen.reason, MESSAGE_BYTES) if seen.reason else None
    by = RunApproval(name=seen.name, decided_by=seen.decided_by or "", reason=reason, decided_at=waiting.decided_at)
    return Granted(by, seen.budget)


def refused(draft: Draft, waiting: AwaitedRun) -> Start | None:
    """Why the run that waits will not start: it was denied, nobody decided in time, or nobody could be asked."""
    asking, seen = draft.observed.asking, _seen(draft, waiting)
    if asking is not None and _answers(asking, waiting) and asking.state in {"NameConflict", "Rejected"}:
        return Start("NameConflict" if asking.state == "NameConflict" else "Rejected", message=asking.message)
    if seen is not None and seen.uid == waiting.uid and seen.decision == "Denied":
        why = f": {seen.reason}" if seen.reason else ""
        return Start("Denied", message=clean(f"{seen.decided_by} denied it{why}", MESSAGE_BYTES))
    if waiting.decided_at is None and draft.now >= waiting.expires_at:
        return Start("Expired", message=f"nobody approved it until {utc_text(waiting.expires_at)}")
    if waiting.decided_at is None:
        draft.wake(waiting.expires_at)
    return None


def give_up_awaited(draft: Draft, name: str) -> None:
    """If this run waits: it will not start. Told, written on its AgentApproval, forgotten."""
    waiting = draft.status.approval
    if waiting is None or waiting.name != name:
        return
    seen, refusal = _seen(draft, waiting), refused(draft, waiting)
    if refusal is not None and refusal.state in {"Denied", "Expired"} and seen is not None:
        _mark(draft, seen, refusal.state)
    if refusal is not None and refusal.state == "Denied" and seen is not None:
        _tell_decided(draft, waiting, seen)
    if refusal is not None and refusal.state == "Expired":
        _tell_expired(draft, waiting)
    draft.update(approval=None)


def waiting_words(draft: Draft, name: str) -> str | None:
    """What a run waits for, for people. None: for no approval."""
    waiting = draft.status.approval
    if waiting is None:
        return None
    if waiting.name != name:
        return f"waits: run {waiting.name} waits to be approved, one at a time"
    return "waits to be approved" if waiting.decided_at is None else None


def _give_up(draft: Draft, wanted: Wanted, refusal: Start) -> Start:
    give_up_awaited(draft, wanted.name)
    return refusal


def _ask(draft: Draft, wanted: Wanted, needed: RequireApproval, digest: str) -> None:
    """Begin to wait. A slot is out of the cursor's way from here on."""
    waiting = _awaited(draft, wanted, digest)
    draft.update(approval=waiting)
    draft.decisions.append((APPROVAL, "requireApproval"))
    if wanted.attempt == 1 and wanted.request is None:
        draft.handled(wanted.slot)
        draft.leave_queue(wanted.slot)
    _have_made(draft, wanted, needed, waiting)


def _awaited(draft: Draft, wanted: Wanted, digest: str, asked: int = 1) -> AwaitedRun:
    spec = draft.observed.schedule.spec
    now = draft.now.replace(microsecond=0)
    return AwaitedRun(
        name=wanted.name,
        digest=digest,
        slot=wanted.slot,
        due=wanted.due,
        attempt=wanted.attempt,
        trigger=wanted.trigger,
        asked=asked,
        since=now,
        expires_at=now + expires_after(spec.policy if spec else None),
    )


def _have_made(draft: Draft, wanted: Wanted, needed: RequireApproval, waiting: AwaitedRun) -> None:
    """Have the AgentApproval created, also anew where it is gone."""
    asking, schedule = draft.observed.asking, draft.observed.schedule
    if waiting.uid is not None:
        waiting = waiting.model_copy(update={"uid": None, "decided_at": None, "asked": waiting.asked + 1})
        draft.update(approval=waiting)
    draft.wake(waiting.expires_at)
    if asking is not None and _answers(asking, waiting):
        if asking.state == "InFlight":
            return
        if asking.until is not None and asking.until > draft.now:
            draft.wake(asking.until)
            return
    if schedule.spec is None:
        return
    manifest = approval_manifest(
        schedule.owner,
        schedule.spec,
        waiting,
        needed,
        question=wanted.question,
        capabilities=allowance_of(wanted.question, draft.policy).capabilities,
        budget=wanted.budget,
        deadline=wanted.deadline,
        agent_run=wanted.request.name if wanted.request else None,
        input_text=wanted.request.spec.input if wanted.request else None,
    )
    draft.do(CreateApproval(wanted.name, waiting.asked, manifest))


def _digest(draft: Draft, wanted: Wanted, needed: RequireApproval) -> str:
    spec, request = draft.observed.schedule.spec, wanted.request
    return request_digest(
        spec,
        needed,
        allowance_of(wanted.question, draft.policy),
        deadline=wanted.deadline,
        images=wanted.question.images,
        request=request.spec if request else None,
    )


def _void(draft: Draft, waiting: AwaitedRun, seen: Approval, needed: RequireApproval, digest: str) -> str | None:
    """Why an AgentApproval says nothing of what would run now."""
    if not waiting.digest == seen.digest == digest:
        return "what would run, or who may approve it, was changed"
    if not seen.owned or not draft.observed.protection.approvals.covers(seen.created):
        return "it is older than the admission policy that protects it"
    by = seen.decided_by
    if seen.decision is None:
        return None
    if by is None or (by in needed.authors and not needed.author_may_approve):
        return "its decision is not one that an approver may make"
    for bound in needed.approvers:
        if not any(one.kind == "Group" or one.name == by for one in bound.value):
            return f"{by} is not one of the approvers"
    return None


def _is_there(draft: Draft, waiting: AwaitedRun) -> bool:
    """Whether its Job was made."""
    run = draft.runs.get(base_id(waiting.name))
    return (run is not None and run.attempt >= waiting.attempt) or any(
        seen.id == waiting.name for seen in draft.observed.sightings
    )


def _is_withdrawn(draft: Draft, waiting: AwaitedRun) -> bool:
    """Whether whoever asked for it does so no more: the AgentRun is gone, or no further attempt follows."""
    if waiting.trigger == "Manual":
        owner = draft.observed.schedule.owner.name
        return not any(
            manual_job_name(owner, request.uid) == waiting.name
            for request in draft.observed.requests
            if not request.deleting and request.status.phase not in ENDED_PHASES
        )
    if waiting.attempt == 1:
        return False
    run = draft.runs.get(base_id(waiting.name))
    return run is None or run.retry_at is None or run.attempt + 1 != waiting.attempt


def _answers(asking: Asking, waiting: AwaitedRun) -> bool:
    """Whether this is what became of the present try to ask."""
    return (asking.name, asking.number) == (waiting.name, waiting.asked)


def _seen(draft: Draft, waiting: AwaitedRun) -> Approval | None:
    return next((seen for seen in draft.observed.approvals if seen.name == waiting.name), None)


def _remove(draft: Draft, seen: Approval, why: str) -> None:
    if not seen.deleting:
        draft.do_once(DeleteApproval(seen.name, seen.uid, why))


def _mark(draft: Draft, seen: Approval, phase: str) -> None:
    if seen.phase != phase and not seen.deleting:
        draft.do(MarkApproval(seen.name, seen.uid, phase))


# What people are told, one place an event. Of an approval that became void the executor tells, when it is deleted.


def _tell_requested(draft: Draft, waiting: AwaitedRun) -> None:
    namespace, until = draft.observed.schedule.owner.namespace, utc_text(waiting.expires_at)
    how = f"see kubectl -n {namespace} describe agentapproval {waiting.name}"
    text = f"run {waiting.name} waits until {until} to be approved: {how}"
    draft.note("ApprovalRequested", text)
    draft.record("ApprovalRequested", _cause(waiting), text, run=waiting.name)
    draft.occurred("ApprovalRequested", waiting.name, message=text)


def _tell_decided(draft: Draft, waiting: AwaitedRun, seen: Approval) -> None:
    granted = seen.decision == "Approved"
    text = f"{seen.decided_by} {'approved' if granted else 'denied'} run {waiting.name}"
    text = clean(f"{text}: {seen.reason}" if seen.reason else text, MESSAGE_BYTES)
    draft.note("ApprovalGranted" if granted else "ApprovalDenied", text, warning=not granted)
    draft.record(
        "ApprovalDecided", _cause(waiting), text, run=waiting.name, reason=seen.decision, actor=seen.decided_by
    )


def _tell_expired(draft: Draft, waiting: AwaitedRun) -> None:
    text = f"nobody approved run {waiting.name} until {utc_text(waiting.expires_at)}"
    draft.note("ApprovalExpired", text, warning=True)
    draft.record("ApprovalExpired", _cause(waiting), text, run=waiting.name)


def _cause(waiting: AwaitedRun) -> str:
    """What tells this asking from another of the same run."""
    return waiting.uid or f"{waiting.name}/{waiting.asked}"
