"""Asking people for approvals: a run may start when somebody has allowed exactly that.

What waits stands in `status.approval`, one run at a time; slots leave the cursor when they begin to wait. An
AgentApproval counts only if its UID is written there and its digest is that of what would run now.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from agentschedule.api.status import AwaitedRun, RunApproval, Trigger
from agentschedule.constants import MESSAGE_BYTES
from agentschedule.planning.actions import CreateApproval, DeleteApproval
from agentschedule.planning.asking import approval_manifest, expires_after, request_digest
from agentschedule.planning.awaited import answers, doubt, give_up_awaited, refused, seen_of
from agentschedule.planning.draft import Draft
from agentschedule.planning.observed import Approval, Request, Start
from agentschedule.policy.gate import APPROVAL, Asked, Deny, RequireApproval, allowance_of, needs_approval
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
    seen = seen_of(draft, waiting)
    if seen is None:
        _have_made(draft, wanted, needed, waiting)
        return None
    asking = draft.observed.asking
    if seen.deleting or (asking is not None and asking.state == "InFlight" and answers(asking, waiting)):
        return None  # the watch may tell of it before its creation is answered
    if seen.uid != waiting.uid:
        _remove(draft, seen, f"AgentApproval {seen.name} is not the one that the operator asked for")
        return None
    void = _void(draft, waiting, seen, digest)
    if void is not None:
        _remove(draft, seen, f"{void}; it is asked for anew")
        draft.update(approval=_awaited(draft, wanted, digest, waiting.asked + 1))
        return None
    if waiting.decided_at is None or seen.decision != "Approved":
        return None
    reason = clean(seen.reason, MESSAGE_BYTES) if seen.reason else None
    by = RunApproval(name=seen.name, decided_by=seen.decided_by or "", reason=reason, decided_at=waiting.decided_at)
    return Granted(by, seen.budget)


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
    if asking is not None and answers(asking, waiting):
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


def _void(draft: Draft, waiting: AwaitedRun, seen: Approval, digest: str) -> str | None:
    """Why an AgentApproval says nothing of what would run now."""
    if not waiting.digest == seen.digest == digest:
        return "what would run, or who may approve it, was changed"
    return doubt(draft, seen)


def _remove(draft: Draft, seen: Approval, why: str) -> None:
    if not seen.deleting:
        draft.do_once(DeleteApproval(seen.name, seen.uid, why))
