"""Between two terms of leadership: what was planned, asked for or doubted is forgotten; what is known stays."""

import contextlib
import dataclasses
from datetime import datetime

from pydantic import ValidationError

from agentschedule.api.agentrun import AgentRunStatus
from agentschedule.engine.entries import RequestEntry, ScheduleEntry
from agentschedule.engine.registry import Registry
from agentschedule.planning.history import LOCKED
from agentschedule.planning.reading import read_status, salvage_status


def take_afresh(registry: Registry, now: datetime) -> None:
    """To be called when the engine has ended. Every status is again as the API server holds it: others may write it."""
    registry.admission = registry.admission.renewed()
    for key, entry in registry.schedules.items():
        registry.schedules[key] = _schedule_afresh(entry, now)
    for key, request in registry.requests.items():
        registry.requests[key] = _request_afresh(request)


def _schedule_afresh(entry: ScheduleEntry, now: datetime) -> ScheduleEntry:
    """A new entry, so that answers and timers of the old term, should any come, concern nobody any more.

    A request to create a Job may still be carried out: its name stays taken for as long.
    """
    under_way = {name: now + LOCKED for name, start in entry.starts.items() if start.state == "InFlight"}
    held = {"status": entry.held()}
    return ScheduleEntry(
        schedule=entry.schedule,
        version=entry.version,
        acked=entry.acked,
        status=entry.status if entry.settled() else read_status(held) or salvage_status(held),
        locked=entry.locked | under_way,
    )


def _request_afresh(entry: RequestEntry) -> RequestEntry:
    status = entry.status
    if not entry.settled():
        with contextlib.suppress(ValidationError):  # it was read before, or we have written it
            status = AgentRunStatus.model_validate(entry.held())
    request = dataclasses.replace(entry.request, status=status)
    return RequestEntry(request=request, version=entry.version, acked=entry.acked, status=status)
