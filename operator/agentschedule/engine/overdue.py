"""Slots that are overdue: due and wanted, and neither started nor skipped.

It is found out when somebody asks, from what is known and the wall clock alone: an engine that stands still, or has
lost sight of a schedule, says nothing of it itself. What the planner has looked at and had wait does not count: for
earlier runs of its schedule to end, for the end of a blackout, for its turn at the ceilings.
"""

from collections.abc import Iterable
from datetime import datetime
from heapq import nsmallest
from operator import itemgetter

from agentschedule.engine.entries import ScheduleEntry
from agentschedule.engine.registry import Registry
from agentschedule.planning.draft import cursor_of
from agentschedule.planning.due import Due, fate_of, place
from agentschedule.planning.observed import Schedule, Start
from agentschedule.runs.names import job_name

_MOST_SLOTS = 100
"""Slots of a schedule that will not run, looked at to find one that will."""
_MOST_SCHEDULES = 1000
"""Schedules of which it is worked out exactly. Of more than that, the ones that are due for longest are looked at."""
_IN_LINE = frozenset({"Queued", "Granted"})


class Suspects:
    """Schedules that may have an overdue slot, by what is known at once; few, as long as all is well."""

    def __init__(self, registry: Registry, now: datetime) -> None:
        self._registry = registry
        self._now = now
        self._due: list[tuple[datetime, ScheduleEntry]] = []
        self._unknown: list[ScheduleEntry] = []

    def look_at(self, entry: ScheduleEntry) -> None:
        """Keep a schedule in mind, if there is reason to. To be called for each of many."""
        due = entry.status.next_run_time
        if due is None:
            # No next run is written while a spec is being checked, and for a new schedule.
            if entry.status.scheduling is None or entry.status.observed_generation != entry.schedule.generation:
                self._unknown.append(entry)
        elif due <= self._now and not self._is_explained(entry, due):
            self._due.append((due, entry))

    def oldest(self) -> float:
        """Seconds since the oldest overdue slot was to start; 0 when there is none."""
        found = self._now
        for entry in self._unknown[:_MOST_SCHEDULES]:
            found = min(found, overdue_since(self._registry, entry, self._now) or found)
        for due, entry in nsmallest(_MOST_SCHEDULES, self._due, key=itemgetter(0)):
            if due >= found:
                break
            found = min(found, overdue_since(self._registry, entry, self._now) or found)
        return (self._now - found).total_seconds()

    def _is_explained(self, entry: ScheduleEntry, due: datetime) -> bool:
        """Whether nothing can be overdue, as far as that is to be had cheaply. `due` is put off by jitter at most."""
        when = entry.schedule.when
        latest = due + when.jitter if when is not None else due
        if entry.wake_at is not None and self._now < min(entry.wake_at, latest):
            return True
        return _has_job(self._registry, entry, due) or _is_put_off(entry, latest, entry.starts.values())


def overdue_since(registry: Registry, entry: ScheduleEntry, now: datetime) -> datetime | None:
    """When the oldest overdue slot of a schedule was to start; None if there is none."""
    due = _first_wanted(entry, now)
    if due is None or due.start > now or _has_job(registry, entry, due.slot):
        return None
    start = entry.starts.get(job_name(entry.schedule.owner.name, due.slot, 1))
    return None if _is_put_off(entry, due.start, (start,) if start is not None else ()) else due.start


def _has_job(registry: Registry, entry: ScheduleEntry, slot: datetime) -> bool:
    """Whether the Job of a slot, or a later one's, is there: it may not have been recorded yet."""
    jobs = registry.jobs_of(entry.schedule.owner.uid)
    return any(job.slot >= slot and job.agent_run_uid is None for job in jobs)


def _is_put_off(entry: ScheduleEntry, start: datetime, starts: Iterable[Start]) -> bool:
    """Whether the planner has looked at a slot since it was due, and had it wait."""
    if entry.doubted or entry.served_at is None or entry.served_at < start:
        return False
    has_volume = entry.volume is None or entry.volume.state == "Ready"
    return has_volume and all(one.state in _IN_LINE for one in starts)


def _first_wanted(entry: ScheduleEntry, now: datetime) -> Due | None:
    """The oldest slot after the cursor that is due and will not be skipped whatever happens."""
    schedule, status = entry.schedule, entry.status
    when, scheduling = schedule.when, status.scheduling
    if when is None or schedule.problem is not None or status.phase not in {None, "Active"}:
        return None
    if _is_halted(schedule, now) or _is_used_up(entry):
        return None
    if scheduling is not None and scheduling.when_hash != schedule.digest:
        return None  # an edit counts from when it is seen
    slot = when.next_after(cursor_of(schedule, status) if scheduling is not None else when.origin())
    for _ in range(_MOST_SLOTS):
        if slot is None or slot > now:
            return None
        due = place(schedule, when, slot)
        if fate_of(schedule, due) is None:
            return due
        slot = when.next_after(slot)
    return None


def _is_halted(schedule: Schedule, now: datetime) -> bool:
    """Whether people have stopped it, though that may not be in its status yet."""
    pause, spec = schedule.pause, schedule.spec
    paused = pause is not None and (pause.until is None or pause.until > now)
    return schedule.deleting or paused or (spec is not None and spec.suspend)


def _is_used_up(entry: ScheduleEntry) -> bool:
    most = entry.schedule.spec.most_runs() if entry.schedule.spec is not None else None
    return most is not None and entry.status.iteration + entry.status.slots_waiting() >= most
