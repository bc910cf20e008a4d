"""What a delivery tells, made from a schedule's status as it is when it is sent."""

from dataclasses import replace

from agentschedule.api.delivery import Delivery
from agentschedule.api.fields import money_text
from agentschedule.api.status import Run
from agentschedule.constants import SUMMARY_BYTES
from agentschedule.delivery.notice import Notice, delivery_key
from agentschedule.engine.entries import ScheduleEntry
from agentschedule.runs.result import clean, parse_result

_ABOUT_SCHEDULES = frozenset({"DeadLettered", "Held", "BudgetAlert", "ApprovalRequested"})
"""Events whose own message counts, rather than what the run's entry says."""


def notice_of(entry: ScheduleEntry, delivery: Delivery, result: str | None = None) -> Notice:
    """The notice of one entry of the outbox. Of a run that the status does not tell of any more, little is known.

    `result` is what the run's agent left, where that is still known: the status has its summary in short only.
    """
    owner, status, spec = entry.schedule.owner, entry.status, entry.schedule.spec
    run = next((run for run in status.runs if run.id == delivery.run), None)
    agent = spec.agent if spec is not None else None
    notice = Notice(
        key=delivery_key(owner.uid, delivery.run, delivery.target, delivery.event),
        event=delivery.event,
        at=delivery.at,
        namespace=owner.namespace,
        schedule=owner.name,
        agent=(agent.name if agent is not None else None) or owner.name,
        next_run_at=status.next_run_time,
        suppressed=delivery.suppressed or 0,
        message=_message(delivery, run),
        reason=_reason(entry, delivery, run),
    )
    if run is None:
        return notice
    notice = _with_run(notice, run)
    whole = parse_result(result).summary
    if whole is None or run.summary != clean(whole, SUMMARY_BYTES):
        return notice
    return replace(notice, summary=whole)


def _message(delivery: Delivery, run: Run | None) -> str:
    if delivery.message is not None or run is None:
        return delivery.message or ""
    return run.message or ""


def _reason(entry: ScheduleEntry, delivery: Delivery, run: Run | None) -> str:
    hold = entry.status.hold
    if delivery.event in _ABOUT_SCHEDULES:
        held = hold is not None and hold.message == delivery.message
        return hold.reason if held and hold is not None else ""
    return (run.reason if run is not None else None) or ""


def _with_run(notice: Notice, run: Run) -> Notice:
    return replace(
        notice,
        run=run.id,
        phase=run.phase,
        trigger=run.trigger,
        attempt=run.attempt,
        scheduled_at=run.scheduled_at,
        started_at=run.started_at,
        completed_at=run.completed_at,
        cost_usd=money_text(run.cost_usd) if run.cost_usd is not None else "",
        summary=run.summary or "",
        alert_severity=run.alert.severity if run.alert is not None else "",
        alert_message=run.alert.message if run.alert is not None else "",
        output_uri=run.output_uri or "",
    )
