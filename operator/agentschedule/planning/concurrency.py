"""What a due slot does at the concurrency limit: it is skipped, makes room for itself, or waits."""

from datetime import datetime

from agentschedule.api.status import Run
from agentschedule.planning.actions import StopJob
from agentschedule.planning.budget import Shortage
from agentschedule.planning.closing import close
from agentschedule.planning.draft import Draft, base_id
from agentschedule.planning.due import Due
from agentschedule.planning.queueing import enqueue
from agentschedule.planning.skipping import out_of_budget, skip_slot
from agentschedule.planning.spending import allowance


def at_limit(draft: Draft, due: Due) -> bool:
    """Forbid skips the slot, Queue has it wait in the queue, Replace makes room for it. True: it is dealt with."""
    spec = draft.observed.schedule.spec
    if spec is not None and spec.concurrency_policy == "Queue":
        return enqueue(draft, due.slot)
    if draft.free_places():
        return False  # what was queued under another policy starts first
    if spec is not None and spec.concurrency_policy == "Replace":
        return _make_room(draft, due)
    names = ", ".join(run.id for run in draft.active()[:3])
    skip_slot(draft, due.slot, "Concurrency", f"is skipped: still active: {names}")
    return True


def room_was_made(draft: Draft, start: datetime) -> bool:
    """Whether a run was or is being stopped for the slot that starts then: it waited, nobody missed it."""
    stopping = (seen for run in draft.active() if (seen := draft.sighting(run)) is not None)
    return any(seen.job.stopped == "Replaced" for seen in stopping) or any(
        run.phase == "Replaced" and run.completed_at is not None and run.completed_at >= start
        for run in draft.runs.values()
    )


def was_under_way(draft: Draft, slot: datetime, start: datetime) -> bool:
    """Whether a slot that the cursor has not passed was about to start, or waited for something.

    It did if it was due when the due slots were looked at last. Of others nobody knows what was wanted at their time.
    """
    served = draft.observed.served_at
    return (served is not None and slot <= served) or draft.is_fresh(start) or room_was_made(draft, start)


def _make_room(draft: Draft, due: Due) -> bool:
    """Stop the oldest runs, unless there would be no money for the new one even then."""
    left = allowance(draft, ignoring_reserved=True)
    if isinstance(left, Shortage):
        out_of_budget(draft, due.slot, left)
        return True
    limit = draft.limit() or 1
    for run in draft.active()[: max(0, draft.active_count() - limit + 1)]:
        _replace(draft, run)
    if draft.free_places():
        draft.wake(draft.now)
    return False


def _replace(draft: Draft, run: Run) -> None:
    """Stop a run for a newer one. Between two attempts there is nothing to stop: it just ends."""
    if run.retry_at is not None:
        if draft.is_starting(run.scheduled_at, run.attempt + 1):
            return  # it is stopped when it is there
        why = {"reason": "Replaced", "message": "stopped for a newer run"}
        ended = run.model_copy(update={"phase": "Replaced", "retry_at": None, **why})
        draft.runs[base_id(run.id)] = ended
        close(draft, ended)
        return
    seen = draft.sighting(run)
    if seen is not None and not seen.job_gone and not seen.job.deleting:
        draft.do(StopJob(seen.job.name, seen.job.uid, "Replaced"))
