"""What became of AgentApprovals: made, decided on, wanted by nobody any more."""

from agentschedule.api.status import AwaitedRun
from agentschedule.planning.actions import DeleteApproval, MarkApproval
from agentschedule.planning.awaited import answers, doubt, mark, seen_of, tell_decided, tell_requested
from agentschedule.planning.draft import ENDED_PHASES, Draft, base_id
from agentschedule.planning.observed import Approval
from agentschedule.runs.names import manual_job_name


def follow_approval(draft: Draft) -> None:
    """What became of the run that waits: its AgentApproval is made, it is approved, or nobody wants it any more."""
    waiting = draft.status.approval
    if waiting is None:
        return
    if _is_there(draft, waiting) or _is_withdrawn(draft, waiting):
        draft.update(approval=None)
        return
    made, seen = draft.observed.asking, seen_of(draft, waiting)
    if waiting.uid is None and made is not None and made.state == "Made" and answers(made, waiting):
        waiting = waiting.model_copy(update={"uid": made.uid})
        draft.update(approval=waiting)
        tell_requested(draft, waiting)
    if seen is None or seen.uid != waiting.uid:
        return
    if seen.decision is None:
        mark(draft, seen, "Waiting")
        return
    believed = seen.decision == "Approved" and doubt(draft, seen) is None
    if waiting.decided_at is None and believed and draft.now < waiting.expires_at:
        waiting = waiting.model_copy(update={"decided_at": draft.now.replace(microsecond=0)})
        draft.update(approval=waiting)
        tell_decided(draft, waiting, seen)
    if waiting.decided_at is not None and believed:
        mark(draft, seen, "Approved")


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
    refused = [seen for seen in others if seen.name not in jobs and _is_refused(seen)]
    last = max(refused, key=lambda seen: (seen.created, seen.name), default=None) if waiting is None else None
    for seen in others:
        if seen.name not in jobs and seen is not last and not seen.deleting:
            why = "the operator did not ask for it" if seen.phase is None else ""
            draft.do(DeleteApproval(seen.name, seen.uid, why))


def _is_refused(seen: Approval) -> bool:
    return seen.decision == "Denied" or seen.phase in {"Denied", "Expired"}


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
