"""Series of each schedule, where an administrator wants them: written as text, some at a time.

There may be a hundred thousand, which the client library would take seconds for, and the event loop with it. They are
those of the schedules that are there: a series goes with its schedule.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

from agentschedule.engine.entries import ScheduleEntry
from agentschedule.engine.registry import Registry

_AT_A_TIME: Final = 1000

_Value = Callable[[ScheduleEntry], float | None]


def _timestamp(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment is not None else None


def _period_spent(entry: ScheduleEntry) -> float | None:
    account = entry.status.budget
    return float(account.period_spent_usd) if account is not None and account.period_start is not None else None


_PER_SCHEDULE: Final[tuple[tuple[str, str, _Value], ...]] = (
    (
        "agentschedule_schedule_last_lateness_seconds",
        "How late the newest Job of the schedule was created.",
        lambda entry: entry.lateness,
    ),
    (
        "agentschedule_schedule_last_success_timestamp_seconds",
        "When a run of the schedule last succeeded.",
        lambda entry: _timestamp(entry.status.last_successful_time),
    ),
    (
        "agentschedule_schedule_next_run_timestamp_seconds",
        "When the schedule is due next.",
        lambda entry: _timestamp(entry.status.next_run_time),
    ),
    (
        "agentschedule_schedule_active_runs",
        "Runs of the schedule that are under way.",
        lambda entry: entry.status.active_count,
    ),
    (
        "agentschedule_schedule_period_spent_usd",
        "What runs of the schedule that ended in this period of its budget are charged, in US dollars.",
        _period_spent,
    ),
    (
        "agentschedule_schedule_consecutive_failures",
        "Failed slots of the schedule in a row.",
        lambda entry: entry.status.consecutive_failures,
    ),
)
"""Name, meaning and value of each series that a schedule has; None: it has none."""


async def series_of_each(registry: Registry) -> AsyncIterator[bytes]:
    """The text exposition of all these series. Names of namespaces and schedules have nothing to be escaped."""
    entries = list(registry.schedules.items())
    for name, meaning, value in _PER_SCHEDULE:
        yield f"# HELP {name} {meaning}\n# TYPE {name} gauge\n".encode()
        for begin in range(0, len(entries), _AT_A_TIME):
            lines = (
                f'{name}{{namespace="{key.namespace}",schedule="{key.name}"}} {shown}\n'
                for key, entry in entries[begin : begin + _AT_A_TIME]
                if (shown := value(entry)) is not None
            )
            yield "".join(lines).encode()
            await asyncio.sleep(0)
