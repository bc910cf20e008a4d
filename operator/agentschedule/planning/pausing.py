"""No new runs: suspended by spec, paused by annotation, or held by the operator. What passes meanwhile is gone."""

from datetime import datetime, timedelta

from agentschedule.api.status import Condition, SkipReason
from agentschedule.planning.auditing import tell_paused, tell_resumed
from agentschedule.planning.concurrency import was_under_way
from agentschedule.planning.draft import Draft
from agentschedule.planning.due import place
from agentschedule.runs.names import utc_words

_GIVEN_UP_A_TIME = 1000
_MOST_GIVEN_UP = 50_000
_PAUSED = "the schedule was paused until after that"
_TICK = timedelta(microseconds=1)


def notice_pause(draft: Draft) -> None:
    """Decide whether anything may start. When that is so again, slots count from the moment that ended the pause."""
    schedule = draft.observed.schedule
    pause = schedule.pause
    if schedule.spec is not None and schedule.spec.suspend:
        draft.suspended = "Spec"
    elif pause is not None and (pause.until is None or pause.until > draft.now):
        draft.suspended = "Annotation"
        draft.wake(pause.until)
    was = draft.conditions.get("Suspended")
    if draft.halted():
        return
    if was is not None and was.status == "True":
        draft.note("Resumed", "runs start again; what was due meanwhile is not made up for")
        tell_resumed(draft, was)
        draft.count_from(_resumed_at(draft, was))
    elif pause is not None and pause.until is not None and pause.until <= draft.now:
        _give_up_unseen(draft, pause.until)


def give_up_due(draft: Draft) -> None:
    """Slots that were due and had not started yet when a pause or hold is seen are counted: none is lost unseen.

    People may have paused it while no operator looked: then only what was still under way was surely due before.
    """
    schedule, when = draft.observed.schedule, draft.observed.schedule.when
    if not draft.halted() or draft.is_true("Suspended") or when is None or draft.runs_left() == 0:
        return
    reason: SkipReason = "CatchUp" if draft.held() else "Requested"
    looked_at, one_comes = draft.cursor(), False
    for _ in range(_MOST_GIVEN_UP // _GIVEN_UP_A_TIME):
        slots = when.slots_between(looked_at, draft.now, _GIVEN_UP_A_TIME)
        if not slots:
            return
        due = [slot for slot in slots if not draft.is_starting(slot)]
        one_comes |= len(due) < len(slots)
        looked_at = slots[-1]
        if reason == "Requested" and draft.observed.served_at is None:
            due = [slot for slot in due if was_under_way(draft, slot, place(schedule, when, slot).start)]
        draft.skip(reason, due)
        if not one_comes:  # its Job, which is being created, moves the cursor when it is there
            draft.handled(looked_at)


def tell_pause(draft: Draft) -> None:
    """The condition `Suspended`, after everything that may have led to a hold."""
    held = draft.held()
    if held is not None:
        draft.set_condition("Suspended", True, held.reason, held.message)
    elif draft.suspended is not None:
        message = _message(draft)
        if not draft.is_true("Suspended"):
            draft.note("Suspended", message)
            tell_paused(draft, draft.conditions.get("Suspended"), message)
        draft.set_condition("Suspended", True, draft.suspended, message)
    else:
        draft.set_condition("Suspended", False, "NotSuspended", "runs start when they are due")


def _give_up_unseen(draft: Draft, until: datetime) -> None:
    """A pause that came and ended while nobody looked: nobody knows when it began, so what it may have held is told."""
    when = draft.observed.schedule.when
    slots = when.slots_between(draft.cursor(), until - _TICK, _GIVEN_UP_A_TIME) if when else []
    if slots and not any(draft.is_starting(slot) for slot in slots):
        draft.skip("Requested", slots)
        draft.handled(slots[-1])
        draft.note("SlotSkipped", f"{len(slots)} missed slots up to {utc_words(slots[-1])} are skipped: {_PAUSED}")
        if len(slots) == _GIVEN_UP_A_TIME:
            draft.wake(draft.now)


def _resumed_at(draft: Draft, was: Condition) -> datetime:
    """Slots up to this moment are gone: now, or just before the time that ended it, where nothing else held them."""
    pause = draft.observed.schedule.pause
    if was.reason == "Annotation" and pause is not None and pause.until is not None:
        return min(draft.now, pause.until - _TICK)
    began = _new_period(draft)
    if was.reason == "BudgetExceeded" and began is not None and began - _TICK > was.last_transition_time:
        return min(draft.now, began - _TICK)
    return draft.now


def _new_period(draft: Draft) -> datetime | None:
    """When the budget's period began, if that is seen just now. Of later plans something else ended the hold."""
    known, account = draft.observed.status.budget, draft.status.budget
    if known is None or account is None or account.period_start == known.period_start:
        return None
    return account.period_start


def _message(draft: Draft) -> str:
    pause = draft.observed.schedule.pause
    if draft.suspended == "Spec" or pause is None:
        return "spec.suspend is true: no new runs"
    until = f" until {utc_words(pause.until)}" if pause.until else " until the annotation is removed"
    by = f" by {pause.by}" if pause.by else ""
    reason = f": {pause.reason}" if pause.reason else ""
    problem = f" ({pause.problem})" if pause.problem else ""
    return f"paused{by}{until}{problem}{reason}"
