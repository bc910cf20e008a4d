"""The slot that waits to be approved, and those that are due meanwhile. Retries and manual runs
wait where they start."""

from datetime import datetime

from agentschedule.api.status import SkipReason
from agentschedule.planning.awaited import give_up_awaited, refused
from agentschedule.planning.draft import Draft
from agentschedule.planning.due import Fate, due_slots, fate_of, place
from agentschedule.planning.launching import REFUSED, launch, too_late
from agentschedule.planning.skipping import skip_slot, skip_slots
from agentschedule.timing import When

_MOST_PASSED = 500
_MEANWHILE: Fate = ("AwaitingApproval", None)


def start_awaited(draft: Draft) -> None:
    """Start the slot that was approved; its starting deadline counts from the decision. Give up one that was not."""
    waiting = draft.status.approval
    if waiting is None or waiting.trigger == "Manual" or waiting.attempt > 1 or draft.on_its_way(waiting.name):
        return
    if waiting.slot in draft.observed.schedule.unwanted.slots:
        _skip(draft, "Requested", "is skipped, as the annotation skip asks", None)
        return
    refusal = refused(draft, waiting)
    if refusal is not None:
        _skip(draft, REFUSED.get(refusal.state, "Rejected"), f"did not run: {refusal.message}", None)
        return
    if draft.halted():
        return
    if waiting.decided_at is not None and not _may_start(draft, waiting.decided_at):
        return
    if launch(draft, waiting.slot, waiting.decided_at or waiting.due, waiting.trigger):
        draft.update(approval=None)


def skip_meanwhile(draft: Draft, when: When) -> None:
    """Slots that are due while a run waits to be approved do not run."""
    due = [one for one in due_slots(draft, when, _MOST_PASSED) if not draft.is_starting(one.slot)]
    skip_slots(draft, [(one.slot, fate_of(draft.observed.schedule, one) or _MEANWHILE) for one in due])
    if len(due) == _MOST_PASSED:
        draft.wake(draft.now)
        return
    upcoming = when.next_after(draft.cursor())
    if upcoming is not None and upcoming > draft.now:
        draft.wake(place(draft.observed.schedule, when, upcoming).start)


def _may_start(draft: Draft, decided: datetime) -> bool:
    """Whether a slot that was approved then has room now, and no blackout."""
    window = draft.observed.schedule.blackouts.at(draft.now)
    late = too_late(draft, decided, window)
    if late is not None:
        _skip(draft, *late)
        return False
    draft.wake_at_deadline(decided)
    if window is not None:
        draft.wake(window.end)
        return False
    return draft.free_places()


def _skip(draft: Draft, reason: SkipReason, message: str, name: str | None) -> None:
    waiting = draft.status.approval
    if waiting is not None:
        give_up_awaited(draft, waiting.name)
        skip_slot(draft, waiting.slot, reason, message, name)
