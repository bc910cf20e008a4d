"""Due slots: which one runs, which are missed or skipped, and when the next one is due."""

from datetime import datetime, timedelta

from agentschedule.api.status import Run, SkipReason, Trigger
from agentschedule.planning.actions import StopJob
from agentschedule.planning.closing import close
from agentschedule.planning.draft import Draft, base_id
from agentschedule.planning.observed import Start
from agentschedule.planning.starting import start_run
from agentschedule.runs.names import job_name
from agentschedule.timing import When

SLOTS_A_PASS = 500
"""Missed slots counted in one pass; where there are more, the next pass follows at once. Bounds the work at a time."""


def start_due(draft: Draft) -> None:
    """Deal with the slots that are due: the newest one starts, older ones were missed."""
    when = draft.observed.schedule.when
    if when is None or draft.suspended:
        return
    due = _due(draft, when)
    if due:
        following = when.next_after(due[-1])
        more = len(due) == SLOTS_A_PASS and following is not None and when.start_of(following) <= draft.now
        missed = due if more else due[:-1]
        _miss(draft, missed)
        if more:
            draft.wake(draft.now)
            return
        _start_slot(draft, when, due[-1])
    upcoming = when.next_after(due[-1] if due else draft.cursor())
    if upcoming is not None and when.start_of(upcoming) > draft.now:
        draft.wake(when.start_of(upcoming))


def _due(draft: Draft, when: When) -> list[datetime]:
    """Slots to be dealt with. Those after one that is being started wait for what becomes of it."""
    due: list[datetime] = []
    for slot in when.slots_between(draft.cursor(), draft.now, SLOTS_A_PASS):
        if when.start_of(slot) > draft.now:
            break
        due.append(slot)
        if draft.on_its_way(_name(draft, slot)) or draft.turn(_name(draft, slot)):
            break
    return due


def _name(draft: Draft, slot: datetime) -> str:
    return job_name(draft.observed.schedule.owner.name, slot, 1)


def _miss(draft: Draft, slots: list[datetime]) -> None:
    if not slots:
        return
    draft.skip("CatchUp", slots)
    draft.handled(slots[-1])
    what = (
        f"slot {_text(slots[0])} was"
        if len(slots) == 1
        else f"{len(slots)} slots from {_text(slots[0])} to {_text(slots[-1])} were"
    )
    spec = draft.observed.schedule.spec
    made_up = (
        "none is made up for (catchUp: None)"
        if spec and spec.catch_up == "None"
        else "only the newest one is made up for"
    )
    draft.note("MissSchedule", f"{what} missed; {made_up}", warning=True)


def _start_slot(draft: Draft, when: When, slot: datetime) -> None:
    """The newest due slot: skip it, leave it waiting, or start it."""
    spec = draft.observed.schedule.spec
    if spec is None or draft.on_its_way(_name(draft, slot)):
        return
    start = when.start_of(slot)
    late = draft.now - start
    if spec.starting_deadline_seconds is not None and late > timedelta(seconds=spec.starting_deadline_seconds):
        _skip(
            draft,
            slot,
            "DeadlineMissed",
            f"slot {_text(slot)} could not start within {spec.starting_deadline_seconds} s",
        )
        return
    turn = draft.turn(_name(draft, slot))
    if turn is not None:  # it waited for its turn over all schedules: how late it is then counts no more
        missed = turn.trigger == "CatchUp"
        if spec.starting_deadline_seconds is not None:
            draft.wake(start + timedelta(seconds=spec.starting_deadline_seconds + 1))
    else:
        missed = late > draft.settings.late_after and not _room_was_made(draft, start)
    if missed and spec.catch_up == "None":
        _skip(draft, slot, "CatchUp", f"slot {_text(slot)} was missed and is not made up for (catchUp: None)")
        return
    if not draft.free_places():
        _at_limit(draft, slot, start)
        return
    trigger: Trigger = "CatchUp" if missed else "Schedule"
    outcome = start_run(draft, slot=slot, attempt=1, trigger=trigger, due=start)
    if isinstance(outcome, Start):
        reason: SkipReason = "NameConflict" if outcome.state == "NameConflict" else "Rejected"
        _skip(draft, slot, reason, f"slot {_text(slot)} did not run: {outcome.message}")
    elif outcome == "There":
        draft.handled(slot)


def _room_was_made(draft: Draft, start: datetime) -> bool:
    """Whether a run was or is being stopped for the slot that starts then: it waited, nobody missed it."""
    stopping = (seen for run in draft.active() if (seen := draft.sighting(run)) is not None)
    return any(seen.job.stopped == "Replaced" for seen in stopping) or any(
        run.phase == "Replaced" and run.completed_at is not None and run.completed_at >= start
        for run in draft.runs.values()
    )


def _at_limit(draft: Draft, slot: datetime, start: datetime) -> None:
    """The concurrency limit is reached: Forbid skips the slot, Replace makes room for it."""
    spec = draft.observed.schedule.spec
    active = draft.active()
    if spec is None or spec.concurrency_policy != "Replace":
        names = ", ".join(run.id for run in active[:3])
        _skip(draft, slot, "Concurrency", f"slot {_text(slot)} is skipped: still active: {names}", "JobAlreadyActive")
        return
    limit = draft.limit() or 1
    for run in active[: max(0, draft.active_count() - limit + 1)]:
        _replace(draft, run)
    if draft.free_places():
        draft.wake(draft.now)
    elif spec.starting_deadline_seconds is not None:
        draft.wake(start + timedelta(seconds=spec.starting_deadline_seconds + 1))


def _replace(draft: Draft, run: Run) -> None:
    """Stop a run for a newer one. Between two attempts there is nothing to stop: it just ends."""
    if run.retry_at is not None:
        if draft.on_its_way(job_name(draft.observed.schedule.owner.name, run.scheduled_at, run.attempt + 1)):
            return  # it is stopped when it is there
        why = {"reason": "Replaced", "message": "stopped for a newer run"}
        ended = run.model_copy(update={"phase": "Replaced", "retry_at": None, **why})
        draft.runs[base_id(run.id)] = ended
        close(draft, ended)
        return
    seen = draft.sighting(run)
    if seen is not None and not seen.job_gone and not seen.job.deleting:
        draft.do(StopJob(seen.job.name, seen.job.uid, "Replaced"))


def _skip(draft: Draft, slot: datetime, reason: SkipReason, message: str, event: str | None = None) -> None:
    draft.skip(reason, [slot])
    draft.handled(slot)
    event = event or {"DeadlineMissed": "MissSchedule", "CatchUp": "MissSchedule", "Rejected": "FailedCreate"}.get(
        reason, reason
    )
    draft.note(event, message, warning=event != "JobAlreadyActive")


def _text(slot: datetime) -> str:
    return f"{slot:%Y-%m-%d %H:%M:%S} UTC"
