"""Runs whose pod does not start: told why, in the cluster's own words, and stopped after a time.

A run has started once any container of its pod has, also an init container: its image was pulled and it had a place.
From there on `activeDeadlineSeconds` counts.
"""

import dataclasses
from datetime import datetime, timedelta

from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import Run
from agentschedule.constants import MESSAGE_BYTES
from agentschedule.planning.actions import Explain, StopJob
from agentschedule.planning.draft import Draft, base_id
from agentschedule.runs.result import clean
from agentschedule.runs.sighting import NEVER_STARTED, Sighting, Standing

DEFAULT_SECONDS: int = AgentScheduleSpec.model_fields["pending_deadline_seconds"].default
_FIRST_QUESTION = timedelta(seconds=20)
_NOT_TAKEN_UP = timedelta(seconds=80)
"""The first question about a Job that its controller has not come to yet: in a burst that is no trouble of the run."""


def stop_never_started(draft: Draft) -> None:
    """Stop the runs that did not start in time. Until then find out, ever more seldom, what keeps them from it.

    Their end is written down first: a Job that is nowhere after a restart would be one that somebody deleted.
    """
    recorded = {run.id for run in draft.observed.status.runs if run.reason == NEVER_STARTED}
    for run in draft.active():
        seen = draft.sighting(run)
        if seen is None or seen.job_gone or seen.job.deleting or seen.job.finished is not None:
            continue
        if seen.job.stopped == NEVER_STARTED:
            _stop(draft, seen)  # noted, but not done yet
        elif seen.ever_started:
            continue
        elif run.reason == NEVER_STARTED:
            if run.id in recorded and draft.observed.settled:
                _stop(draft, seen)
        elif not seen.job.suspended:
            _wait(draft, run, seen)


def never_started(draft: Draft, entry: Run, seen: Sighting, standing: Standing) -> Standing:
    """The judgement of an ended attempt; one that never started is Failed, with what kept it from that."""
    if standing.reason == NEVER_STARTED:
        message = _message(entry, seen, f"{_limit(draft)} s")
    elif standing.phase == "TimedOut" and entry.started_at is None and not seen.ever_started:
        message = _message(entry, seen, "its deadline (activeDeadlineSeconds)")
    else:
        return standing
    return dataclasses.replace(standing, phase="Failed", reason=NEVER_STARTED, message=message)


def _message(entry: Run, seen: Sighting, limit: str) -> str:
    if entry.reason == NEVER_STARTED and entry.message:
        return entry.message
    trouble = (entry.reason, entry.message or "") if entry.reason else seen.trouble
    words = f"{trouble[0]}: {trouble[1]}" if trouble else "the cluster does not say why"
    return clean(f"never started within {limit}: {words}", MESSAGE_BYTES)


def _stop(draft: Draft, seen: Sighting) -> None:
    draft.do(StopJob(seen.job.name, seen.job.uid, NEVER_STARTED))


def _wait(draft: Draft, run: Run, seen: Sighting) -> None:
    since = seen.job.started_at or seen.job.created
    if seen.job.asked_at is not None:
        since = max(since, seen.job.asked_at)  # where the operator's clock is ahead of the cluster's
    limit = _limit(draft)
    deadline = since + timedelta(seconds=limit)
    if deadline <= draft.now:
        marked = {"reason": NEVER_STARTED, "message": _message(run, seen, f"{limit} s")}
        draft.runs[base_id(run.id)] = run.model_copy(update=marked)
        return
    draft.wake(deadline)
    if seen.pod is not None and seen.pod.waiting is not None:
        return  # it says itself what it waits for
    taken_up = seen.pod is not None or seen.job.started_at is not None
    first = since + min(_FIRST_QUESTION if taken_up else _NOT_TAKEN_UP, (deadline - since) / 2)
    question = _next_question(since, first, seen.explained_at)
    if question <= draft.now:
        subject = seen.pod.uid if seen.pod is not None else seen.job.uid
        draft.do(Explain(seen.job.name, subject))
    elif question < deadline:
        draft.wake(question)


def _next_question(since: datetime, first: datetime, asked: datetime | None) -> datetime:
    """Soon at first, then after twice the time."""
    return first if asked is None or asked < first else asked + (asked - since)


def _limit(draft: Draft) -> int:
    """Seconds a run may take to start."""
    spec = draft.observed.schedule.spec
    return spec.pending_deadline_seconds if spec is not None else DEFAULT_SECONDS
