"""What people see: phase, conditions and columns, derived from what the rules decided."""

from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import BudgetStatus, Effective, SchedulePhase
from agentschedule.planning.draft import NOTHING, Draft
from agentschedule.planning.due import next_run
from agentschedule.planning.session import PROBLEM, volume_problem
from agentschedule.timing import local_text

_READY: dict[SchedulePhase, str] = {
    "Active": "Scheduled",
    "Paused": "Suspended",
    "Held": "Held",
    "DeadLetter": "DeadLetter",
    "Complete": "Complete",
}


def summarise(draft: Draft) -> None:
    """Fill in what is derived."""
    schedule = draft.observed.schedule
    accepted = draft.conditions.get("Accepted")
    undecided = accepted is None or accepted.observed_generation != schedule.generation
    complete = draft.is_true("Complete")
    if schedule.deleting:
        pass  # it keeps the phase it had
    elif not draft.accepted:
        reason, message = (accepted.reason, accepted.message) if accepted else ("Checking", "the spec is being checked")
        if not undecided:
            draft.set_condition("Ready", False, reason, message)
            draft.update(phase="Invalid", observed_generation=schedule.generation)
    else:
        phase = _phase(draft, complete=complete)
        trouble, ignored = volume_problem(draft), schedule.unwanted.problem
        if trouble is None:
            text = "the operator is doing what the spec says" + (f"; {ignored}" if ignored else "")
            draft.set_condition("Ready", True, _READY[phase], text)
        else:
            draft.set_condition("Ready", False, PROBLEM, trouble)
        draft.update(phase=phase, observed_generation=schedule.generation)
    _next_run(draft)
    active = draft.active()
    starts = [r.scheduled_at for r in draft.runs.values() if r.trigger != "Manual"]
    newest = max(
        [*starts, *([draft.status.last_schedule_time] if draft.status.last_schedule_time else [])], default=None
    )
    draft.update(
        active=[run.id for run in active][:100],
        active_count=len(active),
        last_schedule_time=newest,
        effective=_effective(draft),
        budget=_account(draft),
        conditions=[draft.conditions[k] for k in sorted(draft.conditions)],
    )


def _phase(draft: Draft, *, complete: bool) -> SchedulePhase:
    held = draft.held()
    if held is not None:
        return "DeadLetter" if held.reason == "DeadLetter" else "Held"
    return "Complete" if complete else "Paused" if draft.suspended else "Active"


def _next_run(draft: Draft) -> None:
    when = draft.observed.schedule.when
    slot = None
    if when is not None and draft.accepted and not draft.halted() and draft.runs_left() != 0:
        slot = next_run(draft.observed.schedule, when, draft.cursor())
    draft.update(next_run_time=slot, next_run_local=local_text(slot, when.zone) if slot and when else None)


def _as_written(spec: AgentScheduleSpec | None) -> str | None:
    """What a spec says of when, where that cannot be read."""
    if spec is None:
        return None
    given = spec.schedule or "; ".join(spec.schedules or ()) or spec.every or spec.at or ""
    return given[:60] or None


def _account(draft: Draft) -> BudgetStatus | None:
    account = draft.status.budget
    reserved = sum((run.budget_usd or NOTHING for run in draft.active()), NOTHING)
    return account.model_copy(update={"reserved_usd": reserved}) if account else None


def _effective(draft: Draft) -> Effective:
    schedule = draft.observed.schedule
    spec = schedule.spec
    deadline = (spec.active_deadline_seconds if spec else None) or draft.defaults.active_deadline_seconds
    image = spec.agent.image if spec and spec.agent else None
    return Effective(
        active_deadline_seconds=deadline,
        max_concurrent_runs=draft.limit(),
        max_budget_usd=(spec.budget.per_run_usd if spec and spec.budget else None) or draft.defaults.max_budget_usd,
        schedule=schedule.when.describe() if schedule.when else _as_written(spec),
        agent=image or "(job template)",
    )
