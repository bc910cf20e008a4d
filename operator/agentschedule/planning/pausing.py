"""Suspended by spec, or paused by annotation: no new runs, and what passes meanwhile is gone."""

from datetime import datetime, timedelta

from agentschedule.api.status import Condition
from agentschedule.planning.acceptance import count_from
from agentschedule.planning.draft import Draft


def notice_pause(draft: Draft) -> None:
    """Decide `Suspended`. On resuming, slots count from that moment, or from `paused-until` where that was earlier."""
    schedule = draft.observed.schedule
    pause = schedule.pause
    paused = pause is not None and (pause.until is None or pause.until > draft.now)
    if schedule.spec is not None and schedule.spec.suspend:
        draft.suspended = "Spec"
    elif paused:
        draft.suspended = "Annotation"
    old = draft.conditions.get("Suspended")
    was = old is not None and old.status == "True"
    if draft.suspended is not None:
        message = _message(draft)
        if not was:
            draft.note("Suspended", message)
        draft.set_condition("Suspended", True, draft.suspended, message)
        if draft.suspended == "Annotation" and pause is not None:
            draft.wake(pause.until)
        return
    if was:
        draft.note("Resumed", "runs start again; what was due meanwhile is not made up for")
        count_from(draft, _resumed_at(draft, old))
    draft.set_condition("Suspended", False, "NotSuspended", "runs start when they are due")


def _resumed_at(draft: Draft, was: Condition | None) -> datetime:
    """Slots up to this moment are gone: now, or just before `paused-until` where nothing but that held them."""
    pause = draft.observed.schedule.pause
    if was is None or was.reason != "Annotation" or pause is None or pause.until is None:
        return draft.now
    return min(draft.now, pause.until - timedelta(microseconds=1))


def _message(draft: Draft) -> str:
    pause = draft.observed.schedule.pause
    if draft.suspended == "Spec" or pause is None:
        return "spec.suspend is true: no new runs"
    until = f" until {pause.until:%Y-%m-%d %H:%M:%S} UTC" if pause.until else " until the annotation is removed"
    by = f" by {pause.by}" if pause.by else ""
    reason = f": {pause.reason}" if pause.reason else ""
    problem = f" ({pause.problem})" if pause.problem else ""
    return f"paused{by}{until}{problem}{reason}"
