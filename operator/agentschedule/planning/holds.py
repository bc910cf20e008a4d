"""Holds: the operator stops a schedule, until a person resumes it or what held it is over."""

import hashlib

from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import Hold, HoldReason, Run
from agentschedule.audit.record import AuditType
from agentschedule.constants import ANNOTATION_RESUME, MESSAGE_BYTES
from agentschedule.planning.budget import Shortage, allowance, pauses, start_anew
from agentschedule.planning.draft import FAILED_PHASES, Draft, base_id
from agentschedule.runs.result import clean

_WEIGHT: dict[HoldReason, int] = {"BudgetExceeded": 0, "ConsecutiveFailures": 1, "DeadLetter": 2}
"""What a person must look at stands above what ends by itself."""

_EVENTS: dict[HoldReason, AuditType] = {
    "BudgetExceeded": "BudgetExceeded",
    "ConsecutiveFailures": "Held",
    "DeadLetter": "DeadLettered",
}


def count_result(draft: Draft, run: Run) -> None:
    """A scheduled run has ended for good: failures in a row hold the schedule, a success ends its probation."""
    if run.phase == "Succeeded":
        draft.update(consecutive_failures=0, hold=_trusted(draft.status.hold))
        return
    if run.phase not in FAILED_PHASES:
        return
    failures = draft.status.consecutive_failures + 1
    draft.update(consecutive_failures=failures)
    spec = draft.observed.schedule.spec
    if spec is None:
        return
    last = f"run {run.id} ended as {run.phase}: {run.message}"
    on_probation = draft.status.hold is not None and draft.status.hold.probation
    if _dead_letters(spec):
        hold(draft, "DeadLetter", base_id(run.id), f"{last}; create an AgentRun to run it again", run)
    elif spec.pause_after_failures and (on_probation or failures >= spec.pause_after_failures):
        how_many = "it failed again after it was resumed" if on_probation else f"{failures} slots in a row failed"
        hold(draft, "ConsecutiveFailures", base_id(run.id), f"{how_many}; the last one: {last}", run)


def hold(draft: Draft, reason: HoldReason, cause: str, message: str, run: Run | None = None) -> None:
    """Hold the schedule because of `cause`, from which the id is made: a `run`, or a slot. The weightier reason
    stays."""
    held = draft.held()
    if held is not None and _WEIGHT[held.reason] >= _WEIGHT[reason]:
        return
    digest = hashlib.sha256(f"{draft.observed.schedule.owner.uid}/{reason}/{cause}".encode()).hexdigest()[:10]
    on_probation = draft.status.hold is not None and draft.status.hold.probation and reason == "BudgetExceeded"
    advice = f"; to go on, set the annotation {ANNOTATION_RESUME}={digest}"
    text = clean(message, MESSAGE_BYTES - len(advice)) + advice
    since = draft.now.replace(microsecond=0)
    draft.update(hold=Hold(id=digest, reason=reason, message=text, since=since, probation=on_probation))
    event = _EVENTS[reason]
    draft.note(event, text, warning=True)
    draft.record(event, digest, message, reason=reason)
    draft.occurred("DeadLettered" if reason == "DeadLetter" else "Held", run.id if run else digest, message=text)


def notice_resume(draft: Draft) -> None:
    """The annotation `resume` ends the hold that it names. Any other value does nothing, and is answered once."""
    wanted, scheduling = draft.observed.schedule.resume, draft.status.scheduling
    if wanted is None or scheduling is None or scheduling.answered_resume == wanted:
        return
    draft.update(scheduling=scheduling.model_copy(update={"answered_resume": wanted}))
    held = draft.held()
    if held is None or held.id != wanted:
        present = f"the present one is {held.id}" if held else "nothing is held"
        draft.note("ResumeIgnored", f"{ANNOTATION_RESUME}={wanted[:64]} names no present hold: {present}", warning=True)
        return
    if held.reason == "BudgetExceeded":
        start_anew(draft)
    draft.update(hold=_lifted(held), consecutive_failures=0)


def end_budget_hold(draft: Draft) -> None:
    """A hold for the budget ends by itself: in a new period, or when the budget was raised or a run cost less."""
    held = draft.held()
    if held is None or held.reason != "BudgetExceeded":
        return
    left = allowance(draft)
    if not isinstance(left, Shortage) or not pauses(draft):
        draft.update(hold=_lifted(held))
    else:
        draft.wake(left.until)


def _lifted(held: Hold) -> Hold | None:
    """What is left of a hold that has ended: after failures, or where it came during one, the probation."""
    if held.reason != "ConsecutiveFailures" and not held.probation:
        return None
    return held.model_copy(update={"reason": "ConsecutiveFailures", "probation": True})


def _trusted(hold: Hold | None) -> Hold | None:
    """What is left of a hold after a success: no probation. What is held for the budget stays held."""
    if hold is None or not hold.probation:
        return hold
    return hold.model_copy(update={"probation": False}) if hold.reason == "BudgetExceeded" else None


def _dead_letters(spec: AgentScheduleSpec) -> bool:
    given = spec.retry.on_exhausted if spec.retry else None
    return (given or ("DeadLetter" if spec.at else "Continue")) == "DeadLetter"
