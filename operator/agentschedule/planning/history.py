"""What is kept: entries of the run history, and ended Jobs. A Job goes only after its run is recorded."""

from datetime import datetime, timedelta

from agentschedule.api.status import Run
from agentschedule.planning.actions import DeleteJob, Forget
from agentschedule.planning.draft import Draft, base_id, is_final
from agentschedule.planning.telling import awaited
from agentschedule.runs.facts import JobFacts
from agentschedule.runs.sighting import Sighting

DEFAULT_RUNS = 10

LOCKED = timedelta(seconds=90)
"""How long a Job is kept at least after a request to create it that nobody answered: its name is the lock of its slot,
and the request may be carried out for as long as the API server's own time-out (60 s)."""


def trim_runs(draft: Draft) -> None:
    """Keep the newest ended runs, as many as the history limit says, every active one, and those of which somebody is
    still to be told. Newest first."""
    spec = draft.observed.schedule.spec
    limit = spec.run_history_limit if spec else DEFAULT_RUNS
    newest_first = sorted(draft.runs.values(), key=lambda r: (r.scheduled_at, r.id), reverse=True)
    ended = [run.id for run in newest_first if is_final(run)]
    kept = {*ended[:limit], *awaited(draft.status)}
    draft.update(runs=[run for run in newest_first if not is_final(run) or run.id in kept])


def forget_deleted(draft: Draft) -> None:
    """What was remembered of deleted Jobs is dropped once their runs are recorded."""
    if not draft.observed.settled:
        return
    recorded = {base_id(run.id): run for run in draft.observed.status.runs}
    for seen in draft.observed.sightings:
        if not seen.job_gone or seen.pod_alive:
            continue
        run = recorded.get(base_id(seen.id))
        if run is None and base_id(seen.id) in draft.runs:
            continue  # recorded just now: the API server does not hold it yet
        if run is None or seen.job.attempt < run.attempt or is_final(run):
            draft.do(Forget(seen.job.name, seen.job.uid))


def delete_jobs(draft: Draft) -> None:
    """Delete ended Jobs beyond the limits or past their time to live, once the API server holds their record, and all
    who hear of them have been told: their logs may be read again."""
    observed = draft.observed
    spec = observed.schedule.spec
    if spec is None or not observed.settled:
        return
    recorded = {base_id(run.id): run for run in observed.status.runs}
    ended: dict[bool, list[Sighting]] = {True: [], False: []}
    for seen in sorted(observed.sightings, key=lambda s: (s.job.slot, s.job.attempt), reverse=True):
        job = seen.job
        if job.finished is None or seen.job_gone or job.deleting or job.keep:
            continue
        if _is_recorded(draft, job, recorded.get(base_id(job.name))):
            ended[job.finished == "Complete"].append(seen)
    surplus = ended[True][spec.successful_jobs_history_limit :] + ended[False][spec.failed_jobs_history_limit :]
    surplus += _expired(draft, ended[True] + ended[False], spec.ttl_seconds_after_finished)
    told_of = awaited(observed.status) | awaited(draft.status)
    for job in {seen.job.uid: seen.job for seen in surplus}.values():
        if job.name in told_of:
            continue
        locked_until = _locked_until(draft, job)
        if locked_until <= draft.now:
            draft.do(DeleteJob(job.name, job.uid))
        else:
            draft.wake(locked_until)


def _locked_until(draft: Draft, job: JobFacts) -> datetime:
    """Until when a Job's name must stay taken. Of slots that were due before this operator began to act, another may
    have asked for the Job, and have died before that was answered."""
    observed = draft.observed
    until = observed.locked.get(job.name, draft.now)
    if observed.began is not None and job.slot <= observed.began:
        until = max(until, observed.began + LOCKED)
    return until


def _is_recorded(draft: Draft, job: JobFacts, run: Run | None) -> bool:
    """Whether the status that the API server holds, with this entry of its run, tells how this ended Job's attempt
    ended."""
    status = draft.observed.status
    if run is not None:
        return job.attempt < run.attempt or is_final(run)
    if base_id(job.name) in draft.runs:
        return False  # recorded just now
    handled = status.scheduling.handled_through if status.scheduling else None
    passed = handled is not None and job.slot <= handled and job.slot not in status.queued
    if status.approval is not None and status.approval.name == job.name:
        return False  # it was approved, and is not recorded yet
    return job.agent_run_uid is not None or passed


def _expired(draft: Draft, ended: list[Sighting], ttl: int | None) -> list[Sighting]:
    if ttl is None:
        return []
    expired = []
    for seen in ended:
        goes = (seen.job.finished_at or seen.job.created) + timedelta(seconds=ttl)
        if goes <= draft.now:
            expired.append(seen)
        else:
            draft.wake(goes)
    return expired
