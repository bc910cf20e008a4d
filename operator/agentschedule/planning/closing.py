"""A run's end: the one place where an ended run is counted and told of, whatever ended it."""

from agentschedule.api.fields import money_text
from agentschedule.api.status import Run
from agentschedule.planning.auditing import tell_ended
from agentschedule.planning.budget import settle
from agentschedule.planning.draft import FAILED_PHASES, NOTHING, Draft
from agentschedule.planning.holds import count_result
from agentschedule.planning.spending import charge
from agentschedule.planning.telling import notify_end
from agentschedule.runs.result import clean


def close(draft: Draft, run: Run) -> None:
    """A run ended for good: counters, last results, Event, the budget's account, failures in a row."""
    draft.ended.append(run)
    status = draft.status
    failed = run.phase in FAILED_PHASES
    totals = status.totals
    draft.update(
        totals=totals.model_copy(
            update={
                "runs": totals.runs + 1,
                "succeeded": totals.succeeded + (run.phase == "Succeeded"),
                "failed": totals.failed + failed,
                "cost_usd": totals.cost_usd + (run.cost_usd or NOTHING),
            }
        ),
        last_result=run.phase,
    )
    if run.phase == "Succeeded":
        draft.update(last_successful_time=run.completed_at)
    elif failed:
        draft.update(last_failure_time=run.completed_at)
    _tell_end(draft, run)
    tell_ended(draft, run)
    notify_end(draft, run)
    settle(draft, run)
    charge(draft, run)
    if run.trigger != "Manual":
        count_result(draft, run)


def _tell_end(draft: Draft, run: Run) -> None:
    if run.phase == "Succeeded":
        cost = f", cost {money_text(run.cost_usd)} USD" if run.cost_usd is not None else ""
        summary = f": {clean(run.summary, 256)}" if run.summary else ""
        draft.note("SawCompletedJob", f"run {run.id} succeeded{cost}{summary}")
        return
    reason = {"Failed": "RunFailed", "TimedOut": "RunTimedOut", "Cancelled": "RunCancelled"}.get(
        run.phase, "RunReplaced"
    )
    draft.note(reason, f"run {run.id} ended as {run.phase}: {run.message}", warning=run.phase in FAILED_PHASES)
