"""What people see: phase, conditions and columns, derived from what the rules decided."""

from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import Effective
from agentschedule.planning.draft import Draft
from agentschedule.planning.session import PROBLEM, volume_problem
from agentschedule.timing import local_text


def complete_when_done(draft: Draft) -> None:
    """`Complete`: no slot is left and nothing runs."""
    when = draft.observed.schedule.when
    if when is None or not draft.accepted:
        return
    done = when.next_after(draft.cursor()) is None and draft.active_count() == 0
    old = draft.conditions.get("Complete")
    if done and (old is None or old.status != "True"):
        draft.note("Completed", "no further run is due")
    if done:
        draft.set_condition("Complete", True, "NoMoreRuns", "no further run is due")
    else:
        draft.set_condition("Complete", False, "RunsToCome", "further runs are due, or one is active")


def summarise(draft: Draft) -> None:
    """Fill in what is derived."""
    schedule = draft.observed.schedule
    accepted = draft.conditions.get("Accepted")
    undecided = accepted is None or accepted.observed_generation != schedule.generation
    complete = (c := draft.conditions.get("Complete")) is not None and c.status == "True"
    if schedule.deleting:
        pass  # it keeps the phase it had
    elif not draft.accepted:
        reason, message = (accepted.reason, accepted.message) if accepted else ("Checking", "the spec is being checked")
        if not undecided:
            draft.set_condition("Ready", False, reason, message)
            draft.update(phase="Invalid", observed_generation=schedule.generation)
    else:
        reason = "Complete" if complete else "Suspended" if draft.suspended else "Scheduled"
        trouble = volume_problem(draft)
        if trouble is None:
            draft.set_condition("Ready", True, reason, "the operator is doing what the spec says")
        else:
            draft.set_condition("Ready", False, PROBLEM, trouble)
        phase = "Complete" if complete else "Paused" if draft.suspended else "Active"
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
        conditions=[draft.conditions[k] for k in sorted(draft.conditions)],
    )


def _next_run(draft: Draft) -> None:
    when = draft.observed.schedule.when
    slot = None
    if when is not None and draft.accepted and not draft.suspended:
        slot = when.next_after(draft.cursor())
    draft.update(next_run_time=slot, next_run_local=local_text(slot, when.zone) if slot and when else None)


def _as_written(spec: AgentScheduleSpec | None) -> str | None:
    """What a spec says of when, where that cannot be read."""
    if spec is None:
        return None
    given = spec.schedule or "; ".join(spec.schedules or ()) or spec.every or spec.at or ""
    return given[:60] or None


def _effective(draft: Draft) -> Effective:
    schedule, defaults = draft.observed.schedule, draft.settings.defaults
    spec = schedule.spec
    deadline = (spec.active_deadline_seconds if spec else None) or defaults.active_deadline_seconds
    image = spec.agent.image if spec and spec.agent else None
    return Effective(
        active_deadline_seconds=deadline,
        max_concurrent_runs=draft.limit(),
        max_budget_usd=defaults.max_budget_usd,
        schedule=schedule.when.describe() if schedule.when else _as_written(spec),
        agent=image or "(job template)",
    )
