"""What the table shows, read from AgentSchedules as the API server gives them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ENDED = ("Succeeded", "Failed", "TimedOut", "Replaced", "Cancelled")
_NO_TIME = "0000"


@dataclass(frozen=True)
class Schedule:
    """A row of the upper table; times are as in the API."""

    name: str
    when: str
    phase: str
    last: datetime | None
    result: str
    next: datetime | None
    next_local: str
    trouble: str


@dataclass(frozen=True)
class Run:
    """A row of the lower table."""

    schedule: str
    id: str
    phase: str
    attempt: int
    retried: bool
    order: str
    started: datetime | None
    ended: datetime | None
    cost: str
    text: str

    @property
    def over(self) -> bool:
        """Whether it has ended, and no further attempt follows."""
        return self.phase in ENDED and not self.retried


@dataclass(frozen=True)
class Snapshot:
    """All schedules, and their runs, newest first."""

    schedules: tuple[Schedule, ...]
    runs: tuple[Run, ...]


def snapshot(objects: Iterable[dict[str, Any]]) -> Snapshot:
    """Read AgentSchedules."""
    given = sorted(objects, key=lambda item: str(item["metadata"]["name"]))
    runs = [_run(item["metadata"]["name"], run) for item in given for run in _status(item).get("runs") or ()]
    return Snapshot(tuple(map(_schedule, given)), tuple(sorted(runs, key=lambda run: run.order, reverse=True)))


def plain(text: str) -> str:
    """The text on one line and without control characters: what an agent says must not drive the terminal."""
    return " ".join("".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C").split())


def _schedule(item: dict[str, Any]) -> Schedule:
    status, spec = _status(item), item["spec"]
    when = (status.get("effective") or {}).get("schedule") or spec.get("schedule") or f"every {spec.get('every')}"
    zone = spec.get("timeZone", "UTC")
    return Schedule(
        name=item["metadata"]["name"],
        when=plain(when) if zone == "UTC" else f"{plain(when)} {zone}",
        phase=status.get("phase") or "-",
        last=_time(status.get("lastScheduleTime")),
        result=status.get("lastResult") or "-",
        next=_time(status.get("nextRunTime")),
        next_local=status.get("nextRunLocal") or "-",
        trouble=_trouble(status),
    )


def _trouble(status: dict[str, Any]) -> str:
    if not status.get("conditions"):
        return "no operator has looked at it yet"
    refused = [c for c in status["conditions"] if c["type"] in ("Accepted", "Ready") and c["status"] == "False"]
    return plain(refused[0].get("message") or refused[0].get("reason") or "") if refused else ""


def _run(schedule: str, run: dict[str, Any]) -> Run:
    started, ended = _time(run.get("startedAt")), _time(run.get("completedAt"))
    return Run(
        schedule=schedule,
        id=run["id"],
        phase=run["phase"],
        attempt=run.get("attempt", 1),
        retried=bool(run.get("retryAt")),
        order=run.get("startedAt") or run.get("scheduledAt") or _NO_TIME,
        started=started,
        ended=ended,
        cost=run.get("costUSD") or "",
        text=plain(run.get("summary") or run.get("message") or ""),
    )


def _status(item: dict[str, Any]) -> dict[str, Any]:
    status: dict[str, Any] = item.get("status") or {}
    return status


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
