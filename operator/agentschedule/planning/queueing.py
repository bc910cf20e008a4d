"""The queue: slots that wait for a free place, in `status.queued`. The cursor has passed them, so they stand there."""

from datetime import datetime

from agentschedule.planning.draft import Draft
from agentschedule.planning.due import fate_of, place
from agentschedule.planning.launching import Refusal, launch, too_late
from agentschedule.planning.skipping import skip_slot
from agentschedule.runs.names import utc_words
from agentschedule.timing import Window

MAX_QUEUED = 1
_ROOM = 20
"""What `status.queued` holds, with slots whose Job is on its way."""


def enqueue(draft: Draft, slot: datetime) -> bool:
    """A due slot finds no free place: it waits, unless the queue is full. False: that is decided a little later."""
    spec = draft.observed.schedule.spec
    most = (spec.max_queued_runs if spec else None) or MAX_QUEUED
    if len(waiting(draft)) >= most:
        skip_slot(draft, slot, "QueueFull", f"is skipped: {most} runs wait already (maxQueuedRuns)")
        return True
    if len(draft.status.queued) >= _ROOM:
        return False
    draft.update(queued=[*draft.status.queued, slot])
    draft.handled(slot)
    draft.note("RunQueued", f"slot {utc_words(slot)} waits: {draft.active_count()} of {draft.limit()} runs are active")
    return True


def start_queued(draft: Draft) -> None:
    """Start what waits, oldest first, as far as there are free places."""
    for slot in draft.status.queued:
        if draft.halted() or not _leaves(draft, slot):
            return
        draft.leave_queue(slot)


def waiting(draft: Draft) -> list[datetime]:
    """Slots in the queue whose Job is not on its way."""
    return [slot for slot in draft.status.queued if not draft.is_starting(slot)]


def _leaves(draft: Draft, slot: datetime) -> bool:
    """Whether the oldest slot leaves the queue: it is skipped, or its Job is there."""
    schedule, when = draft.observed.schedule, draft.observed.schedule.when
    if draft.is_starting(slot):
        return False
    start = place(schedule, when, slot).start if when is not None else slot
    window = schedule.blackouts.at(draft.now)
    refusal = _refusal(draft, slot, start, window)
    if refusal is not None:
        skip_slot(draft, slot, *refusal)
        return True
    draft.wake_at_deadline(start)
    if window is not None:
        draft.wake(window.end)
        return False
    if not draft.free_places():
        return False
    return launch(draft, slot, start, "Schedule")


def _refusal(draft: Draft, slot: datetime, start: datetime, window: Window | None) -> Refusal | None:
    """Why a slot that waits will not run after all."""
    if slot in draft.observed.schedule.unwanted.slots:
        return "Requested", "is skipped, as the annotation skip asks", None
    if draft.all_runs_made():
        return "Requested", "is skipped: as many runs as are allowed have been made (maxRuns, maxIterations)", None
    if _gives_way(draft):
        return "Concurrency", "is skipped: a newer slot is due, which would replace it at once", None
    return too_late(draft, start, window)


def _gives_way(draft: Draft) -> bool:
    """Whether what is left of a queue is too old: its schedule has the policy Replace now, and a newer slot is due."""
    schedule, when = draft.observed.schedule, draft.observed.schedule.when
    if schedule.spec is None or schedule.spec.concurrency_policy != "Replace" or when is None:
        return False
    slot = when.next_after(draft.cursor())
    if slot is None or draft.runs_left() == 0 or draft.active_count() + 1 < (draft.limit() or 1):
        return False
    newer = place(schedule, when, slot)
    return newer.start <= draft.now and fate_of(schedule, newer) is None
