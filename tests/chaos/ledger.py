"""What became of every due slot, told from outside: by the Jobs that ever were and by the schedules' status.

The due slots are worked out here, from each schedule's interval and where its grid begins.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Raw = dict[str, Any]

_SECONDS = {"h": 3600, "m": 60, "s": 1}
_JOB = re.compile(r"(?P<schedule>.+)-(?P<slot>\d+)(?:-r\d+)?")
_ENDED = {"Succeeded", "Failed", "TimedOut", "Replaced", "Cancelled"}


@dataclass(frozen=True)
class Grid:
    """The slots of a schedule with an interval, in seconds since the epoch."""

    anchor: int
    step: int
    created: int

    @classmethod
    def of(cls, schedule: Raw) -> "Grid":
        """That of an AgentSchedule with `every`."""
        created = epoch(schedule["metadata"]["creationTimestamp"])
        step = sum(int(n) * _SECONDS[unit] for n, unit in re.findall(r"(\d+)([hms])", schedule["spec"]["every"]))
        return cls(epoch(schedule["spec"].get("startTime"), created), step, created)

    def between(self, after: float, through: float) -> range:
        """Slots after a time and up to another one."""
        after = max(after, self.created, self.anchor - 1)
        first = int((after - self.anchor) // self.step + 1) * self.step + self.anchor
        return range(first, int(through) + 1, self.step)


@dataclass
class Account:
    """What became of the slots of one schedule, or of several."""

    due: int = 0
    ran: int = 0
    skipped: int = 0
    doubles: int = 0
    lost: int = 0
    strays: int = 0
    """Slots that ran and are told as skipped, too: their Job was made late, by a request that was given up."""
    problems: list[str] = field(default_factory=list)

    def add(self, other: "Account") -> None:
        """Put another one to this."""
        self.due += other.due
        self.ran += other.ran
        self.skipped += other.skipped
        self.doubles += other.doubles
        self.lost += other.lost
        self.strays += other.strays
        self.problems += other.problems


def epoch(text: str | None, default: int = 0) -> int:
    """A time of the API in whole seconds since the epoch."""
    return int(datetime.fromisoformat(text).timestamp()) if text else default


def slot_of(job: str) -> tuple[str, int] | None:
    """Schedule and slot by a Job's name; None for a Job of no slot."""
    found = _JOB.fullmatch(job)
    return (found["schedule"], int(found["slot"])) if found else None


def account(schedule: Raw, created: Mapping[str, int], through: float, since: float = 0) -> Account:
    """What became of the slots of a schedule that rests now.

    `created`: how often a Job of each name was created. Slots after `since` and up to `through` must be dealt with.
    """
    name, status = schedule["metadata"]["name"], schedule.get("status") or {}
    own = {job: slot[1] for job in created if (slot := slot_of(job)) and slot[0] == name}
    ran, skips = set(own.values()), status.get("skips") or ()
    grid = Grid.of(schedule)
    handled = epoch((status.get("scheduling") or {}).get("handledThrough"))
    due = grid.between(since, max(handled, through))
    idle = [slot for slot in due if slot not in ran]
    skipped = sum(skip["count"] for skip in skips)
    untold = [s for s in idle if not any(epoch(skip["first"]) <= s <= epoch(skip["last"]) for skip in skips)]
    told = Account(
        due=len(due),
        ran=len(ran),
        skipped=skipped,
        doubles=sum(created[job] - 1 for job in own),
        lost=max(len(untold), len(idle) - skipped),
        strays=max(0, skipped - len(idle)),
    )
    told.problems = [f"{name}: Job {job} was created {created[job]} times" for job in own if created[job] > 1]
    told.problems += [f"{name}: a Job for {slot}, which is no slot" for slot in sorted(ran - set(due))]
    if told.lost:
        told.problems.append(
            f"{name}: {len(idle)} of {len(due)} slots did not run, {skipped} were skipped; {untold[:5]}"
        )
    told.problems += [f"{name}: {problem}" for problem in _disagreements(schedule, ran, skipped, handled)]
    return told


def _disagreements(schedule: Raw, ran: set[int], skipped: int, handled: int) -> Sequence[str]:
    """Where the status tells of other runs than there were Jobs."""
    found, status = [], schedule.get("status") or {}
    kept = schedule["spec"].get("runHistoryLimit", 10)
    runs, totals = status.get("runs") or (), status.get("totals") or {}
    told = sorted((epoch(run["scheduledAt"]) for run in runs), reverse=True)
    if told != sorted(ran, reverse=True)[: len(told)] or len(told) < min(len(ran), kept):
        found.append(f"of {len(ran)} runs the status tells {len(told)}, or others")
    open_runs = sum(run["phase"] not in _ENDED for run in runs)
    if totals.get("runs", 0) + open_runs != len(ran):
        found.append(f"{len(ran)} runs, but {totals.get('runs', 0)} have ended by totals and {open_runs} are open")
    if status.get("iteration", 0) != len(ran):
        found.append(f"{len(ran)} runs, but {status.get('iteration', 0)} iterations")
    if totals.get("skipped", 0) != skipped:
        found.append(f"{skipped} skips, but {totals.get('skipped', 0)} by totals")
    if ran and max(ran) > handled:
        found.append(f"{max(ran)} ran, but only slots up to {handled} are dealt with")
    return found
