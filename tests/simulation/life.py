"""What a story keeps of one schedule: what was made for it, how that ended, and what its status said."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from agentschedule.constants import ANNOTATION_PAUSED, ANNOTATION_RESUME
from agentschedule.planning.draft import ENDED_PHASES, base_id
from agentschedule.runs.facts import job_facts
from agentschedule.runs.names import parse_time

Raw = dict[str, Any]


@dataclass(frozen=True)
class PodEnd:
    """How a pod of the Job `run` ended. `stopped`: it was deleted before. `cost`: what it reported; None: nothing."""

    run: str
    started: bool
    stopped: bool
    cost: Decimal | None
    at: datetime


@dataclass
class Life:
    """One schedule, by its UID, over the whole simulation."""

    raw: Raw
    limit: int | None
    gone_at: datetime | None = None
    touched: bool = False
    """Edited, suspended, paused or held at some time: its slots cannot be counted from outside."""
    jobs: dict[str, Raw] = field(default_factory=dict)
    """Jobs that were created, by name."""
    strays: dict[str, str] = field(default_factory=dict)
    """Jobs (name by UID) created by a request carried out late or by an old leader, which nobody could prevent."""
    ghosts: set[str] = field(default_factory=set)
    """Of these, Jobs (by UID) that came when an earlier one of that name had ended and was gone."""
    again: int = 0
    """Jobs that an old leader made a second time, long after the first one was recorded and deleted."""
    cleaned: set[str] = field(default_factory=set)
    """Jobs that the operator deleted after they had ended."""
    ends: dict[str, PodEnd] = field(default_factory=dict)
    """Pods that ended or were deleted, by their UID."""
    unseen: set[str] = field(default_factory=set)
    """Pods that were gone before an operator saw how they ended, or before it lived to record it."""
    gone: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Pods that are gone: base id and attempt of their run."""
    recorded: dict[str, int] = field(default_factory=dict)
    """Ended runs in the persisted status: base id and newest attempt."""
    closed: dict[str, Raw] = field(default_factory=dict)
    """Runs that ended for good, as the persisted status had them, by base id."""
    status: Raw = field(default_factory=dict)
    specs: list[Raw] = field(default_factory=list)
    """Every spec that it ever had, in their order."""
    resumed: set[str] = field(default_factory=set)
    """Holds that somebody wanted to end."""
    anew: bool = False
    """Somebody ended a hold for the budget: what was used up counts from zero."""
    holds: int = 0
    """How often it was held."""
    held_since: datetime | None = None
    """When the persisted status first said that it is held."""

    @property
    def name(self) -> str:
        name: str = self.raw["metadata"]["name"]
        return name

    def takes(self, raw: Raw, *, deleted: bool) -> None:
        """A new state of the schedule, whoever wrote it."""
        meta, spec = raw["metadata"], raw["spec"]
        notes = meta.get("annotations") or {}
        edited = spec != self.raw["spec"] or bool(spec.get("suspend")) or ANNOTATION_PAUSED in notes
        self.touched = self.touched or edited or deleted or "hold" in (raw.get("status") or {})
        if not self.specs or self.specs[-1] != spec:
            self.specs.append(spec)
        if ANNOTATION_RESUME in notes:
            self.resumed.add(notes[ANNOTATION_RESUME])
            hold = self.status.get("hold") or {}
            self.anew = self.anew or (hold.get("id") in self.resumed and hold["reason"] == "BudgetExceeded")
        limit = None if spec.get("concurrencyPolicy") == "Allow" else spec.get("maxConcurrentRuns", 1)
        self.limit = None if limit is None or self.limit is None else max(limit, self.limit)
        self.raw, self.status = raw, raw.get("status") or {}
        for run in self.status.get("runs") or ():
            if run["phase"] in ENDED_PHASES:
                key = base_id(run["id"])
                self.recorded[key] = max(self.recorded.get(key, 0), run["attempt"])
                if "retryAt" not in run:
                    self.closed[key] = run

    def costs(self) -> dict[str, Decimal]:
        """What ended pods reported, by the pod's UID."""
        return {uid: end.cost or Decimal(0) for uid, end in self.ends.items()}

    def slots_ran(self) -> set[float]:
        """Slots for which a Job was created."""
        facts = map(job_facts, self.jobs.values())
        return {job.slot.timestamp() for job in facts if job.trigger != "Manual"}

    def slots_queued(self) -> list[datetime]:
        """Slots that wait in the persisted queue."""
        return [slot for text in self.status.get("queued") or () if (slot := parse_time(text))]

    def most_runs(self) -> int | None:
        """The most runs that any of its specs allows in all; None: one of them allows any number."""
        return most(self.specs, ("maxRuns",), ("heartbeat", "maxIterations"))


def most(specs: list[Raw], *paths: tuple[str, ...]) -> int | None:
    """The largest of what specs allow, each the least of several fields; None: one allows any number."""
    allowed = [min(_given(spec, paths), default=None) for spec in specs]
    return None if None in allowed else max(number for number in allowed if number is not None)


def _given(spec: Raw, paths: tuple[tuple[str, ...], ...]) -> Iterator[int]:
    for path in paths:
        value: Any = spec
        for key in path:
            value = (value or {}).get(key)
        if value is not None:
            yield value
