"""The live table's lines."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

from demo.snapshot import Run, Schedule, Snapshot

_GAP = "  "
_NEAR = timedelta(hours=1)


def lines(seen: Snapshot, now: datetime, width: int, height: int) -> list[str]:
    """Both tables, each line at most `width` wide, with as many runs as fit into `height` lines, and one at least."""
    above = [*_schedules(seen, now), ""]
    shown = seen.runs[: max(1, height - len(above) - 1)]
    return [cut(line, width) for line in [*above, *_runs(shown, now)]]


def story(seen: Snapshot, width: int) -> list[str]:
    """What the runs said, in full, oldest first."""
    told: list[str] = []
    for run in reversed(seen.runs):
        told.append(f"  {run.id} ({run.phase})")
        told += textwrap.wrap(run.text or "-", width - 6, initial_indent="    ", subsequent_indent="    ")
    return told


def marks(seen: Snapshot) -> object:
    """What makes a table worth printing again, where it cannot be redrawn: all but the passing of time."""
    rows = [(s.name, s.phase, s.last, s.result, s.trouble) for s in seen.schedules]
    return rows, [(run.id, run.phase, run.attempt, run.text) for run in seen.runs]


def cut(text: str, width: int) -> str:
    """The text, cut to so many columns of a terminal."""
    if sum(map(_columns, text)) <= width:
        return text
    room, kept = width - 1, ""
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return kept + "…"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _schedules(seen: Snapshot, now: datetime) -> list[str]:
    header = ("SCHEDULE", "WHEN", "PHASE", "LAST RUN", "RESULT", "NEXT RUN")
    rows = [_schedule(schedule, now) for schedule in seen.schedules]
    troubles = [f"! {s.name}: {s.trouble}" for s in seen.schedules if s.trouble]
    return [*_aligned(header, rows), *troubles]


def _schedule(schedule: Schedule, now: datetime) -> Sequence[str]:
    last = f"{_span(now - schedule.last)} ago" if schedule.last else "-"
    return (schedule.name, schedule.when, schedule.phase, last, schedule.result, _next(schedule, now))


def _next(schedule: Schedule, now: datetime) -> str:
    if schedule.next is None or schedule.next - now > _NEAR:
        return schedule.next_local
    return f"in {_span(schedule.next - now)}" if schedule.next > now else "now"


def _runs(runs: Sequence[Run], now: datetime) -> list[str]:
    header = ("RUN", "PHASE", "TOOK", "COST", "SUMMARY")
    if not runs:
        return [_GAP.join(header), "(none yet)"]
    return _aligned(header, [_run(run, now) for run in runs])


def _run(run: Run, now: datetime) -> Sequence[str]:
    took = _span((run.ended or now) - run.started) if run.started else "-"
    phase = "Retrying" if run.retried else run.phase
    return (run.id, phase, took, f"${run.cost}" if run.cost else "-", run.text)


def _span(time: timedelta) -> str:
    seconds = max(0, int(time.total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return [
        _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]
