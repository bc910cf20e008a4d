"""When schedules are due: cron expressions, intervals, instants, zones, jitter, blackouts. Pure: no clock, no I/O."""

from agentschedule.timing.blackouts import BlackoutEntry, Blackouts, Window
from agentschedule.timing.changes import clock_note
from agentschedule.timing.digest import when_digest
from agentschedule.timing.durations import format_duration, parse_duration
from agentschedule.timing.errors import TimingError
from agentschedule.timing.periods import Period, period_end, period_start
from agentschedule.timing.sources import read_instant
from agentschedule.timing.spacing import check_min_interval
from agentschedule.timing.when import When
from agentschedule.timing.zones import load_zone, local_text

__all__ = [
    "BlackoutEntry",
    "Blackouts",
    "Period",
    "TimingError",
    "When",
    "Window",
    "check_min_interval",
    "clock_note",
    "format_duration",
    "load_zone",
    "local_text",
    "parse_duration",
    "period_end",
    "period_start",
    "read_instant",
    "when_digest",
]
