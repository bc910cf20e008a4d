"""Due slots: which one starts, which were missed or are skipped, and why."""

from collections.abc import Sequence
from itertools import takewhile

from agentschedule.planning.auditing import tell_refused
from agentschedule.planning.awaiting import skip_meanwhile
from agentschedule.planning.concurrency import at_limit, room_was_made
from agentschedule.planning.draft import Draft
from agentschedule.planning.due import MISSED, Due, Fate, due_slots, fate_of, place
from agentschedule.planning.launching import Refusal, launch, too_late
from agentschedule.planning.queueing import waiting
from agentschedule.planning.skipping import skip_slot, skip_slots

SLOTS_A_PASS = 500
"""Missed slots counted in one pass; where there are more, the next pass follows at once. Bounds the work at a time."""
MOST_CAUGHT_UP = 100
CATCH_UP_LIMIT = 10
_NOT_MADE_UP: Refusal = ("CatchUp", "was missed and is not made up for (catchUp: None)", None)


def start_due(draft: Draft) -> None:
    """Deal with the slots that are due: the first one that may run starts, those before it are skipped."""
    when = draft.observed.schedule.when
    if when is None or draft.halted() or draft.runs_left() == 0:
        return
    if draft.status.approval is not None:
        skip_meanwhile(draft, when)
        return
    due = due_slots(draft, when, SLOTS_A_PASS + MOST_CAUGHT_UP)
    fates = _fates(draft, due)
    lost = [(d.slot, fate) for d, fate in takewhile(lambda pair: pair[1] is not None, zip(due, fates, strict=True))]
    first = len(lost)
    skip_slots(draft, [(slot, fate) for slot, fate in lost if fate is not None])
    if len(due) == SLOTS_A_PASS + MOST_CAUGHT_UP:
        draft.wake(draft.now)
        return
    if first < len(due):
        is_dealt_with = _start(draft, due[first], newest=first == len(due) - 1)
        if is_dealt_with and first + 1 < len(due):
            draft.wake(draft.now)
    if first >= len(due) - 1:
        upcoming = when.next_after(due[-1].slot if due else draft.cursor())
        if upcoming is not None and upcoming > draft.now:
            draft.wake(place(draft.observed.schedule, when, upcoming).start)


def skip_disallowed(draft: Draft) -> None:
    """Count the slots that are due while a ceiling keeps the whole schedule from running; its condition says why."""
    when = draft.observed.schedule.when
    if when is None or draft.halted() or draft.runs_left() == 0:
        return
    due = due_slots(draft, when, SLOTS_A_PASS)
    waiting = [one.slot for one in due if not draft.is_starting(one.slot)]
    if waiting:
        draft.skip("Policy", waiting)
        tell_refused(draft, waiting)
        draft.handled(waiting[-1])
    if len(due) == SLOTS_A_PASS:
        draft.wake(draft.now)
        return
    upcoming = when.next_after(draft.cursor())
    if upcoming is not None and upcoming > draft.now:
        draft.wake(place(draft.observed.schedule, when, upcoming).start)


def _fates(draft: Draft, due: Sequence[Due]) -> list[Fate | None]:
    """What becomes of each due slot, before anybody asks whether there is room or money for it."""
    fates = [_own_fate(draft, one) for one in due]
    for n in _missed(draft, due, [n for n, fate in enumerate(fates) if fate is None]):
        fates[n] = MISSED
    return fates


def _own_fate(draft: Draft, due: Due) -> Fate | None:
    """Unwanted, or within a blackout."""
    if draft.is_starting(due.slot):
        return None
    return fate_of(draft.observed.schedule, due)


def _missed(draft: Draft, due: Sequence[Due], left: Sequence[int]) -> Sequence[int]:
    """Which of these slots are not made up for."""
    spec = draft.observed.schedule.spec
    if spec is None or not left:
        return ()
    if len(due) == SLOTS_A_PASS + MOST_CAUGHT_UP:  # there may be more, so these are not the newest
        return [n for n in left if n < SLOTS_A_PASS]
    if spec.catch_up != "All":
        return left[:-1]
    limit = spec.catch_up_limit or CATCH_UP_LIMIT
    backlog = left if _is_late(draft, due[left[-1]]) else left[:-1]
    return backlog[: max(0, len(backlog) - limit)]


def _is_late(draft: Draft, due: Due) -> bool:
    """Whether it was missed: nothing could start it in time. One that waited for its turn or for room was not."""
    turn = draft.turn(draft.job_of(due.slot))
    if turn is not None:
        return turn.trigger == "CatchUp"
    return not draft.is_fresh(due.start) and not room_was_made(draft, due.start)


def _start(draft: Draft, due: Due, *, newest: bool) -> bool:
    """Start a slot, leave it waiting, or skip it for want of time, room or money. True: it is dealt with."""
    schedule, spec = draft.observed.schedule, draft.observed.schedule.spec
    if spec is None or draft.is_starting(due.slot):
        return False
    late = _is_late(draft, due)
    window = schedule.blackouts.at(draft.now)
    refusal = too_late(draft, due.start, window) or (_NOT_MADE_UP if late and spec.catch_up == "None" else None)
    if refusal is not None:
        skip_slot(draft, due.slot, *refusal)
        return True
    if window is not None:
        draft.wake(window.end)
        return False
    draft.wake_at_deadline(due.start)
    catching_up = late or not newest
    if catching_up and spec.catch_up == "All":
        if draft.active_count() > 0:
            return False
    elif waiting(draft) or not draft.free_places():
        return at_limit(draft, due)
    return launch(draft, due.slot, due.start, "CatchUp" if catching_up else "Schedule")
