"""What `next` prints of a schedule: a head, and a table of its slots."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from agentschedule.planning.observed import Schedule
from agentschedule.preview.forecast import HORIZON, Row
from agentschedule.timing import When, format_duration, local_text
from agentschedule.timing.cronfields import uses_hash

_ALIKE = 3
"""Slots in a row that are skipped for the same reason and shown; more are summed up in one line."""


def header(schedule: Schedule, when: When, *, exact: bool, namespace: bool) -> Iterator[str]:
    """Lines on what all runs have in common. `exact`: the uid is known; `namespace`: the file names one."""
    yield f"  when: {when.describe()}"
    yield f"  zone: {when.zone.key}"
    if when.jitter:
        unknown = "" if exact else "; which delay a run gets follows from the uid, which the file does not have"
        yield f"  jitter: up to {format_duration(when.jitter)}{unknown}"
    if schedule.blackouts.entries:
        yield "  blackouts: " + ", ".join(f"{entry.name} ({entry.action})" for entry in schedule.blackouts.entries)
    spec, pause = schedule.spec, schedule.pause
    if spec is not None and not namespace and any(uses_hash(c) for c in (spec.schedule or "", *(spec.schedules or ()))):
        yield f"  note: H depends on the namespace, of which the file has none; {schedule.owner.namespace} is taken"
    if spec is not None and spec.suspend:
        yield "  note: spec.suspend is true; nothing runs while it is"
    if pause is not None:
        until = f"until {local_text(pause.until, when.zone)}" if pause.until else "while the annotation is there"
        yield f"  note: paused by annotation ({pause.reason}); nothing runs {until}"


def table(rows: Iterable[Row], when: When, count: int) -> Iterator[str]:
    """A line for each slot up to the run number `count`, and one at the end where there are fewer."""
    local = f"local time ({when.zone.key})"
    width = max(len(local), 30)
    delays = bool(when.jitter)
    yield _line("#", local, "UTC", "start" if delays else "", "", width)
    runs = alike = 0
    before: Row | None = None
    for row in rows:
        runs += row.runs
        alike = alike + 1 if before is not None and not row.runs and row.note == before.note else 0
        if alike < _ALIKE:
            number = str(runs) if row.runs else "-"
            clock = f"{row.slot.astimezone(when.zone):%a} {local_text(row.slot, when.zone)}"
            yield _line(number, clock, _utc(row.slot), row.delay, row.note, width)
        elif alike == _ALIKE:
            yield _line("-", "…", "", "", "more of these", width)
        before = row
        if runs == count:
            return
    if runs == 0:
        yield f"no run within the next {HORIZON.days // 365} years"
    else:
        yield (
            "no further run"
            if when.next_after(before.slot if before else when.created) is None
            else "no further run within the next 5 years"
        )


def _utc(t: datetime) -> str:
    return f"{t.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _line(number: str, local: str, utc: str, delay: str, note: str, width: int) -> str:
    return f"{number:>4}  {local:<{width}}  {utc:<20}  {delay:<12}  {note}".rstrip()
