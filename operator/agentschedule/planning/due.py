"""Due slots: when each is to start, and which of them will never run whatever happens."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from agentschedule.api.status import SkipReason, Waiting
from agentschedule.planning.draft import Draft
from agentschedule.planning.observed import Schedule
from agentschedule.timing import When, Window

_MOST_LOOKED_AT = 1000
"""Slots looked at to find the next one that will run: years of a daily one within a blackout."""
_TICK = timedelta(microseconds=1)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Due:
    """A slot whose time has come. `start` is the slot, or the end of the blackout that deferred it, and its jitter.

    `superseded`: a newer slot is deferred to the same end, or due there. It starts nothing; `start` is the newer slot.
    """

    slot: datetime
    start: datetime
    window: Window | None = None
    superseded: bool = False

    @property
    def deferred(self) -> bool:
        """Whether a blackout has put it off to its end."""
        return self.window is not None and self.window.action == "Defer" and self.window.end is not None


Fate = tuple[SkipReason, str | None]
"""Why a slot does not run, with the name of the blackout."""
MISSED: Fate = ("CatchUp", None)


def fate_of(schedule: Schedule, due: Due) -> Fate | None:
    """Why a slot never runs: people do not want it, or a blackout covers it."""
    if due.slot in schedule.unwanted.slots:
        return "Requested", None
    never = due.superseded or not due.deferred
    return ("Blackout", due.window.name) if due.window is not None and never else None


def place(schedule: Schedule, when: When, slot: datetime) -> Due:
    """A slot with its start, and the blackout in which the slot or its start lies."""
    start = when.start_of(slot)
    window = schedule.blackouts.at(slot) or (schedule.blackouts.at(start) if start > slot else None)
    due = Due(slot, start, window)
    if window is None or window.end is None or not due.deferred:
        return due
    newer = _superseding(schedule, when, slot, window.end)
    if newer is not None:
        return Due(slot, newer, window, superseded=True)
    following = when.next_after(window.end)
    deferred = window.end + (start - slot)
    return Due(slot, deferred if following is None else min(deferred, following - _MILLISECOND), window)


def _superseding(schedule: Schedule, when: When, slot: datetime, end: datetime) -> datetime | None:
    """The next slot after a deferred one that runs at the same end instead of it: of one blackout the newest does."""
    newer = when.next_after(slot)
    for _ in range(_MOST_LOOKED_AT):
        if newer is None or newer > end:
            return None
        window = schedule.blackouts.at(newer)
        if newer not in schedule.unwanted.slots and (window is None or window.action == "Defer"):
            return newer
        newer = when.next_after(newer)
    return None


def due_slots(draft: Draft, when: When, most: int) -> list[Due]:
    """Slots to be dealt with, oldest first. Those after one that is being started wait for what becomes of it."""
    schedule, due = draft.observed.schedule, list[Due]()
    for slot in when.slots_between(draft.cursor(), draft.now, most):
        found = place(schedule, when, slot)
        if found.start > draft.now:
            draft.wake(found.start)
            break
        due.append(found)
        if draft.is_starting(slot) or draft.turn(draft.job_of(slot)):
            break
    return due


def note_waiting(draft: Draft) -> None:
    """Write down which slots are due and have not started, for an edit that may come."""
    schedule, scheduling = draft.observed.schedule, draft.status.scheduling
    if scheduling is None or schedule.when is None:
        return
    slots: list[datetime] = []
    if not draft.halted() and draft.runs_left() != 0:
        due = schedule.when.slots_between(draft.cursor(), draft.now, _MOST_LOOKED_AT)
        slots = [slot for slot in due if not draft.is_starting(slot)]
    waiting = Waiting(count=len(slots), first=slots[0], last=slots[-1]) if slots else None
    if waiting != scheduling.waiting:
        draft.update(scheduling=scheduling.model_copy(update={"waiting": waiting}))


def next_run(schedule: Schedule, when: When, after: datetime) -> datetime | None:
    """When the next slot after this one starts that is neither unwanted nor skipped for a blackout; without jitter."""
    slot = when.next_after(after)
    for _ in range(_MOST_LOOKED_AT):
        if slot is None:
            return None
        window = schedule.blackouts.at(slot)
        if slot not in schedule.unwanted.slots:
            if window is None:
                return slot
            if window.action == "Defer" and window.end is not None:
                return window.end
        if window is not None and window.end is None:
            return None
        slot = when.next_after(slot if window is None or window.end is None else max(slot, window.end - _TICK))
    return None
