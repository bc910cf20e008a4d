"""Queue, holds, catch-up and the number of runs, judged from outside as things happen."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from agentschedule.runs.facts import job_facts

from .life import Life

Raw = dict[str, Any]

_ON_ITS_WAY = timedelta(seconds=60)
"""A Job that was asked for before a hold was written down may be created so long after it."""


def check_created(life: Life, raw: Raw, now: datetime, beside: list[str]) -> Iterator[str]:
    """A Job is created. `beside`: scheduled Jobs of the same schedule that may be running at this moment."""
    job = job_facts(raw)
    if job.trigger == "Manual":
        return
    hold = _hold(life.status, life)
    if hold is not None and life.held_since is not None and now > life.held_since + _ON_ITS_WAY:
        yield f"Job {job.name} was created, though {life.name} is held: {hold['reason']}"
    if job.attempt > 1:
        return
    most = life.most_runs()
    if most is not None and len(life.slots_ran() - _strayed(life)) > most:
        yield f"Job {job.name} is one more than the {most} runs that {life.name} may have in all"
    if job.trigger == "CatchUp" and all(spec.get("catchUp") == "All" for spec in life.specs) and beside:
        yield f"Job {job.name} makes up for a slot while others are active: {', '.join(beside)}"


def check_status(life: Life, old: Raw) -> Iterator[str]:
    """A status was persisted; `old` is the one before it."""
    new, name = life.status, life.name
    queued = life.slots_queued()
    most = max(spec.get("maxQueuedRuns", 1) for spec in life.specs)
    if len(queued) > most:
        yield f"{name}: {len(queued)} slots are queued, {most} may be"
    if queued != sorted(set(queued)):
        yield f"{name}: the queue is out of order: {new['queued']}"
    limits = [spec.get("pauseAfterFailures", 3) for spec in life.specs]
    failures = new.get("consecutiveFailures", 0)
    if all(limits) and failures >= max(limits) and not is_held(new):
        yield f"{name}: {failures} slots in a row failed, and it is not held"
    hold = _hold(old, life)
    if hold is not None and not is_held(new):
        yield f"{name}: the hold {hold['id']} ({hold['reason']}) ended, though nobody resumed it"


def check_rest(life: Life) -> Iterator[str]:
    """Nothing is due any more and nothing runs."""
    status, queued = life.status, life.slots_queued()
    both = {slot.timestamp() for slot in queued} & life.slots_ran()
    if both:
        yield f"{life.name}: {len(both)} slots are queued that have run"
    if queued and not is_held(status) and status.get("phase") == "Active":
        yield f"{life.name}: {status['queued']} wait for ever"
    for run in life.closed.values():
        if run.get("reason") == "NeverStarted" and run["id"] not in life.strays.values():
            for end in life.ends.values():
                if end.run == run["id"] and end.started and not end.stopped:
                    yield f"{life.name}: run {run['id']} is said to have never started, but it has"


def _hold(status: Raw, life: Life) -> Raw | None:
    """The hold in a status that nothing may have ended but a person, and nobody has."""
    hold: Raw = status.get("hold") or {}
    ends_by_itself = not is_held(status) or hold["reason"] == "BudgetExceeded"
    return None if ends_by_itself or hold["id"] in life.resumed else hold


def is_held(status: Raw) -> bool:
    """Whether a status says that nothing may start."""
    hold = status.get("hold")
    return hold is not None and not (hold.get("probation") and hold["reason"] == "ConsecutiveFailures")


def _strayed(life: Life) -> set[float]:
    names = set(life.strays.values())
    return {job_facts(raw).slot.timestamp() for name, raw in life.jobs.items() if name in names}
