"""Slots that do not run: counted by reason, told of, and passed by the cursor."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from agentschedule.api.status import SkipReason
from agentschedule.planning.budget import Shortage, pauses
from agentschedule.planning.draft import Draft
from agentschedule.planning.due import Fate
from agentschedule.planning.holds import hold
from agentschedule.runs.names import utc_words

_EVENTS: dict[SkipReason, str] = {
    "DeadlineMissed": "MissSchedule",
    "CatchUp": "MissSchedule",
    "Rejected": "FailedCreate",
    "Concurrency": "JobAlreadyActive",
    "Blackout": "SlotSkipped",
    "Requested": "SlotSkipped",
    "Budget": "BudgetExceeded",
    "Policy": "PolicyDenied",
    "AwaitingApproval": "SlotSkipped",
}
_EXPECTED = {"JobAlreadyActive", "SlotSkipped"}


def skip_slot(draft: Draft, slot: datetime, reason: SkipReason, message: str, name: str | None = None) -> None:
    """One slot does not run; `message` says why, as what follows "slot …"."""
    draft.skip(reason, [slot], name, message)
    draft.handled(slot)
    event = _EVENTS.get(reason, reason)
    draft.note(event, f"slot {utc_words(slot)} {message}", warning=event not in _EXPECTED)


def skip_slots(draft: Draft, slots: Sequence[tuple[datetime, Fate]]) -> None:
    """Several slots, oldest first; those in a row with the same fate are told of together."""
    for fate, group in groupby(slots, key=lambda pair: pair[1]):
        same = [slot for slot, _ in group]
        reason, name = fate
        draft.skip(reason, same, name, _why(draft, fate))
        draft.handled(same[-1])
        event = _EVENTS.get(reason, reason)
        draft.note(event, f"{_these(same)} {_why(draft, fate)}", warning=event not in _EXPECTED)


def out_of_budget(draft: Draft, slot: datetime, shortage: Shortage) -> None:
    """Not enough money is left for a slot: it is skipped, and unless the spec says otherwise the schedule is held.

    Where the namespace's money is used up, it is skipped alone: nothing about this schedule needs a person.
    """
    if shortage.policy is not None or not pauses(draft):
        skip_slot(draft, slot, "Budget", f"is skipped: {shortage.message}")
        cause = f"slot {slot.timestamp()}"
        draft.record("BudgetExceeded", cause, shortage.message, reason="Skip", policy=shortage.policy)
        return
    draft.skip("Budget", [slot], why=shortage.message)
    draft.handled(slot)
    hold(draft, "BudgetExceeded", str(int(slot.timestamp())), f"slot {utc_words(slot)} did not run: {shortage.message}")
    draft.wake(shortage.until)


def _these(slots: list[datetime]) -> str:
    if len(slots) == 1:
        return f"slot {utc_words(slots[0])} was"
    return f"{len(slots)} slots from {utc_words(slots[0])} to {utc_words(slots[-1])} were"


def _why(draft: Draft, fate: Fate) -> str:
    reason, name = fate
    if reason == "Blackout":
        return f"skipped: blackout {name}"
    if reason == "AwaitingApproval":
        waiting = draft.status.approval
        return f"skipped: run {waiting.name if waiting else ''} waits to be approved"
    if reason == "Requested":
        return "skipped, as the annotation skip asks"
    spec = draft.observed.schedule.spec
    made_up = {
        "None": "none is made up for (catchUp: None)",
        "All": "more are not made up for (catchUpLimit)",
    }.get(spec.catch_up if spec else "", "only the newest one is made up for")
    return f"missed; {made_up}"
