"""Manual runs: what people ask for with an AgentRun, and take back by deleting it."""

from datetime import datetime

from agentschedule.api.agentrun import AgentRunStatus
from agentschedule.api.status import Run, RunPhase
from agentschedule.constants import MESSAGE_BYTES
from agentschedule.planning.actions import Adopt, StopJob
from agentschedule.planning.awaited import waiting_words
from agentschedule.planning.budget import Shortage
from agentschedule.planning.conditions import condition
from agentschedule.planning.draft import ENDED_PHASES, Draft, is_final
from agentschedule.planning.observed import Request, Start
from agentschedule.planning.spending import LOOK_AGAIN, allowance
from agentschedule.planning.starting import start_run
from agentschedule.runs.manifest import oversized
from agentschedule.runs.names import manual_job_name
from agentschedule.runs.result import clean

_EVENTS = {"Denied": "PolicyDenied", "Expired": "ApprovalExpired"}


def cancel_withdrawn(draft: Draft) -> None:
    """A run whose AgentRun was deleted is cancelled."""
    present = {request.uid for request in draft.observed.requests if not request.deleting}
    for run in draft.active():
        seen = draft.sighting(run)
        if seen is None or seen.job.agent_run_uid is None or seen.job.agent_run_uid in present:
            continue
        if not seen.job_gone and not seen.job.deleting:
            draft.do(StopJob(seen.job.name, seen.job.uid, "Cancelled"))


def start_requests(draft: Draft) -> None:
    """Start what is asked for, oldest first, also while the schedule is suspended."""
    for request in sorted(draft.observed.requests, key=lambda r: (r.created, r.name)):
        if request.deleting or request.status.phase in ENDED_PHASES:
            continue
        if not request.adopted:
            draft.do(Adopt(request.name, request.uid))
        key = manual_job_name(draft.observed.schedule.owner.name, request.uid)
        if key not in draft.runs:
            draft.requests[request.name] = _start(draft, request)


def report_requests(draft: Draft) -> None:
    """Copy each manual run's entry to its AgentRun."""
    for request in draft.observed.requests:
        run = draft.runs.get(manual_job_name(draft.observed.schedule.owner.name, request.uid))
        if run is None or request.status.phase in ENDED_PHASES:
            continue
        if request.status.run is None:
            draft.note("RunStarted", f"Job {run.id} was created", agent_run=request.name)
        draft.requests[request.name] = request_status(request, draft.now, run.phase, run.message, run)
        if is_final(run):
            warning = run.phase != "Succeeded"
            draft.note(
                f"Run{run.phase}", run.summary or run.message or run.phase, warning=warning, agent_run=request.name
            )


def request_status(
    request: Request, now: datetime, phase: RunPhase, message: str | None, run: Run | None = None
) -> AgentRunStatus:
    """The status of an AgentRun at `now`."""
    complete = condition(
        "Complete",
        status=phase in ENDED_PHASES,
        reason=phase,
        message=message or "",
        generation=request.generation,
        now=now,
        known=request.status.conditions,
    )
    text = clean(message, MESSAGE_BYTES) if message else None
    return AgentRunStatus(phase=phase, message=text, run=run, conditions=[complete])


def _start(draft: Draft, request: Request) -> AgentRunStatus:
    problem = oversized(request.spec.input, request.spec.context)
    if problem is not None:
        return _refused(draft, request, problem)
    obstacle = _obstacle(draft, request)
    if obstacle is not None:
        return _held_up(draft, request, obstacle)
    budget = allowance(draft)
    if isinstance(budget, Shortage):
        return _on_its_way(draft, request) if _has_begun(draft, request) else _short(draft, request, budget)
    outcome = start_run(
        draft, slot=request.created, attempt=1, trigger="Manual", due=request.created, budget=budget, request=request
    )
    if isinstance(outcome, Start):
        return _refused(draft, request, outcome.message, _EVENTS.get(outcome.state, "FailedCreate"))
    return _on_its_way(draft, request)


def _on_its_way(draft: Draft, request: Request) -> AgentRunStatus:
    approval = waiting_words(draft, manual_job_name(draft.observed.schedule.owner.name, request.uid))
    if approval is not None:
        return _held_up(draft, request, approval)
    return _waits(draft, request, "its Job is being created")


def _obstacle(draft: Draft, request: Request) -> str | None:
    """What a run that is asked for waits for. None: it can start, or its Job is on its way or refused already."""
    owner = draft.observed.schedule.owner
    if not draft.accepted:
        return f"waits: AgentSchedule {owner.name} is not accepted (yet); see its conditions"
    name = manual_job_name(owner.name, request.uid)
    draft.wanted.add(name)
    start = draft.observed.starts.get(name)
    if start is not None and start.state == "Queued":
        return start.message
    if start is not None and start.state not in {"Deferred", "Granted"}:
        return None
    if start is not None and start.until is not None and start.until > draft.now:
        draft.wake(start.until)
        return f"its Job could not be created yet: {start.message}"
    if not draft.free_places():
        return f"waits: {draft.active_count()} of {draft.limit()} runs are active"
    return None


def _has_begun(draft: Draft, request: Request) -> bool:
    """Whether its Job is on its way, with money set aside for it."""
    return draft.on_its_way(manual_job_name(draft.observed.schedule.owner.name, request.uid))


def _short(draft: Draft, request: Request, shortage: Shortage) -> AgentRunStatus:
    """Without money it fails, rather than start by surprise in a later period; what is only set aside is waited for."""
    if shortage.settled:
        draft.record("BudgetExceeded", request.uid, shortage.message, reason="Manual", policy=shortage.policy)
        return _refused(draft, request, f"budget exceeded: {shortage.message}", "BudgetExceeded")
    if shortage.policy is not None:
        draft.wake(draft.now + LOOK_AGAIN)
    return _held_up(draft, request, f"waits for active runs to end: {shortage.message}")


def _held_up(draft: Draft, request: Request, message: str) -> AgentRunStatus:
    """It waits, and an Event says for what."""
    if request.status.message != clean(message, MESSAGE_BYTES):
        draft.note("RunWaiting", message, agent_run=request.name)
    return _waits(draft, request, message)


def _waits(draft: Draft, request: Request, message: str) -> AgentRunStatus:
    return request_status(request, draft.now, "Pending", message)


def _refused(draft: Draft, request: Request, message: str, reason: str = "FailedCreate") -> AgentRunStatus:
    draft.note(reason, message, warning=True, agent_run=request.name)
    return request_status(request, draft.now, "Failed", message)
