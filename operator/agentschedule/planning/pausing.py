"""No new runs: suspended by spec, paused by annotation, or held by the operator. What passes meanwhile is gone."""

from datetime import datetime, timedelta

from agentschedule.api.status import Condition, SkipReason
from agentschedule.planning.acceptance import count_from, was_waiting
from agentschedule.planning.draft import Draft
from agentschedule.planning.due import place
from agentschedule.runs.names import utc_words

_MOST_GIVEN_UP = 500
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
    if was is not None and was.status == "True" and not draft.halted():
        draft.note("Resumed", "runs start again; what was due meanwhile is not made up for")
        count_from(draft, _resumed_at(draft, was))


def tell_pause(draft: Draft) -> None:
    """The condition `Suspended`, after everything that may have led to a hold."""
    held = draft.held()
    old = draft.conditions.get("Suspended")
    if draft.halted() and (old is None or old.status != "True"):
        _give_up_due(draft, "CatchUp" if held else "Requested")
    if held is not None:
        draft.set_condition("Suspended", True, held.reason, held.message)
    elif draft.suspended is not None:
        message = _message(draft)
        if old is None or old.status != "True":
            draft.note("Suspended", message)
        draft.set_condition("Suspended", True, draft.suspended, message)
    else:
        draft.set_condition("Suspended", False, "NotSuspended", "runs start when they are due")


def _give_up_due(draft: Draft, reason: SkipReason) -> None:
    """Slots that were due and had not started yet when the pause began are counted, so that none is lost unseen.

    People may have paused it while the operator was down: then only what was still under way was due before.
    """
    schedule, when = draft.observed.schedule, draft.observed.schedule.when
    none_due = when is None or draft.runs_left() == 0
    slots = [] if none_due or when is None else when.slots_between(draft.cursor(), draft.now, _MOST_GIVEN_UP)
    if when is not None and reason == "Requested":
        slots = [slot for slot in slots if was_waiting(draft, slot, place(schedule, when, slot).start)]
    if slots:
        draft.skip(reason, slots)
        draft.handled(slots[-1])


def _resumed_at(draft: Draft, was: Condition) -> datetime:
    """Slots up to this moment are gone: now, or just before the time that ended it, where nothing else held them."""
    pause, account, known = draft.observed.schedule.pause, draft.status.budget, draft.observed.status.budget
    if was.reason == "Annotation" and pause is not None and pause.until is not None:
        return min(draft.now, pause.until - _TICK)
    if was.reason == "BudgetExceeded" and account is not None and account.period_start is not None:
        if known is not None and known.period_start == account.period_start:
            return draft.now  # the period is older: a person or an edit ended the hold
        began = account.period_start - _TICK
        return min(draft.now, began) if began > was.last_transition_time else draft.now
    return draft.now


def _message(draft: Draft) -> str:
    pause = draft.observed.schedule.pause
    if draft.suspended == "Spec" or pause is None:
        return "spec.suspend is true: no new runs"
    until = f" until {utc_words(pause.until)}" if pause.until else " until the annotation is removed"
    by = f" by {pause.by}" if pause.by else ""
    reason = f": {pause.reason}" if pause.reason else ""
    problem = f" ({pause.problem})" if pause.problem else ""
    return f"paused{by}{until}{problem}{reason}"
