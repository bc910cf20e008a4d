"""The run that waits to be approved: what is seen of its approval, why it will not start, and what people are told."""

from agentschedule.api.fields import utc_text
from agentschedule.api.status import AwaitedRun
from agentschedule.constants import MESSAGE_BYTES
from agentschedule.planning.actions import MarkApproval
from agentschedule.planning.draft import Draft
from agentschedule.planning.observed import Approval, Asking, Start
from agentschedule.runs.names import manual_job_name
from agentschedule.runs.result import clean


def awaits(draft: Draft, name: str) -> bool:
    """Whether this run waits to be approved, or has been and is about to start."""
    waiting = draft.status.approval
    return waiting is not None and waiting.name == name


def waiting_words(draft: Draft, name: str) -> str | None:
    """What a run waits for, for people. None: for no approval."""
    waiting = draft.status.approval
    if waiting is None:
        return None
    if waiting.name != name:
        return f"waits: run {waiting.name} waits to be approved, one at a time"
    return "waits to be approved" if waiting.decided_at is None else None


def refused(draft: Draft, waiting: AwaitedRun) -> Start | None:
    """Why the run that waits will not start: it was denied, nobody decided in time, or nobody could be asked."""
    asking, seen = draft.observed.asking, seen_of(draft, waiting)
    if asking is not None and answers(asking, waiting) and asking.state in {"NameConflict", "Rejected"}:
        return Start("NameConflict" if asking.state == "NameConflict" else "Rejected", message=asking.message)
    if seen is not None and seen.uid == waiting.uid and seen.decision == "Denied" and doubt(draft, seen) is None:
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
    seen, refusal = seen_of(draft, waiting), refused(draft, waiting)
    if refusal is not None and refusal.state in {"Denied", "Expired"} and seen is not None:
        mark(draft, seen, refusal.state)
    if refusal is not None and refusal.state == "Denied" and seen is not None:
        tell_decided(draft, waiting, seen)
    if refusal is not None and refusal.state == "Expired":
        tell_expired(draft, waiting)
    draft.update(approval=None)


def doubt(draft: Draft, seen: Approval) -> str | None:
    """Why a decision, or the approval itself, proves nothing, as far as one can tell after admission was asked."""
    if not seen.owned or not draft.observed.protection.approvals.covers(seen.created):
        return "it is older than the admission policy that protects it"
    by, policy = seen.decided_by, draft.policy
    if seen.decision is None:
        return None
    if by is None or (by in _authors(draft, seen) and not policy.author_may_approve):
        return "its decision is not one that an approver may make"
    for bound in policy.approvers:
        if not any(one.kind == "Group" or one.name == by for one in bound.value):
            return f"{by} is not one of the approvers"
    return None


def _authors(draft: Draft, seen: Approval) -> set[str | None]:
    """Who has written what would run, as far as that is known."""
    schedule = draft.observed.schedule
    name = schedule.owner.name
    askers = {one.created_by for one in draft.observed.requests if manual_job_name(name, one.uid) == seen.name}
    return {*(schedule.authors or ()), *askers}


def seen_of(draft: Draft, waiting: AwaitedRun) -> Approval | None:
    """Its AgentApproval, or one of that name."""
    return next((seen for seen in draft.observed.approvals if seen.name == waiting.name), None)


def answers(asking: Asking, waiting: AwaitedRun) -> bool:
    """Whether this is what became of the present try to ask."""
    return (asking.name, asking.number) == (waiting.name, waiting.asked)


def mark(draft: Draft, seen: Approval, phase: str) -> None:
    """Have the phase written, if it is another."""
    if seen.phase != phase and not seen.deleting:
        draft.do(MarkApproval(seen.name, seen.uid, phase))


# What people are told, one place an event. Of an approval that became void the executor tells, when it is deleted.


def tell_requested(draft: Draft, waiting: AwaitedRun) -> None:
    """People are asked."""
    namespace, until = draft.observed.schedule.owner.namespace, utc_text(waiting.expires_at)
    how = f"see kubectl -n {namespace} describe agentapproval {waiting.name}"
    text = f"run {waiting.name} waits until {until} to be approved: {how}"
    draft.note("ApprovalRequested", text)
    draft.record("ApprovalRequested", _cause(waiting), text, run=waiting.name)
    draft.occurred("ApprovalRequested", waiting.name, message=text)


def tell_decided(draft: Draft, waiting: AwaitedRun, seen: Approval) -> None:
    """Somebody has decided."""
    granted = seen.decision == "Approved"
    text = f"{seen.decided_by} {'approved' if granted else 'denied'} run {waiting.name}"
    text = clean(f"{text}: {seen.reason}" if seen.reason else text, MESSAGE_BYTES)
    draft.note("ApprovalGranted" if granted else "ApprovalDenied", text, warning=not granted)
    about = {"run": waiting.name, "reason": seen.decision, "actor": seen.decided_by}
    draft.record("ApprovalDecided", _cause(waiting), text, **about)


def tell_expired(draft: Draft, waiting: AwaitedRun) -> None:
    """Nobody has, in time."""
    text = f"nobody approved run {waiting.name} until {utc_text(waiting.expires_at)}"
    draft.note("ApprovalExpired", text, warning=True)
    draft.record("ApprovalExpired", _cause(waiting), text, run=waiting.name)


def _cause(waiting: AwaitedRun) -> str:
    """What tells this asking from another of the same run."""
    return waiting.uid or f"{waiting.name}/{waiting.asked}"
