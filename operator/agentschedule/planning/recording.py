"""Runs recorded: what Jobs and pods show becomes entries of `status.runs`, counters and the next run's `previous`."""

from collections import defaultdict
from datetime import datetime, timedelta

from agentschedule.api.status import Previous, Run, Scheduling, Usage
from agentschedule.constants import MESSAGE_BYTES, SUMMARY_BYTES
from agentschedule.planning.actions import DeletePod, StopJob
from agentschedule.planning.auditing import tell_started
from agentschedule.planning.awaited import awaits
from agentschedule.planning.budget import used_up
from agentschedule.planning.closing import close
from agentschedule.planning.draft import ENDED_PHASES, NOTHING, Draft, base_id, is_final
from agentschedule.planning.due import MISSED, fate_of, place
from agentschedule.planning.pending import never_started
from agentschedule.planning.retrying import retry_time
from agentschedule.planning.skipping import skip_slots
from agentschedule.runs.result import MAX_TOKENS, clean
from agentschedule.runs.sighting import NEVER_STARTED, Sighting, Standing, judge

_PASSED_A_TIME = 1000
_MOST_PASSED = 50_000


def record_runs(draft: Draft) -> None:
    """Bring every run up to what is seen of it. A Job that is new here becomes an entry and moves the cursor."""
    _begin(draft)
    by_run: dict[str, list[Sighting]] = defaultdict(list)
    for seen in sorted(draft.observed.sightings, key=lambda s: (s.job.slot, s.job.attempt)):
        by_run[base_id(seen.id)].append(seen)
    for key, sightings in by_run.items():
        entry = draft.runs.get(key)
        if entry is None:
            if not _is_news(draft, sightings[-1]):
                continue
            entry = _first_entry(sightings[0])
            tell_started(draft, entry)
            if sightings[0].job.agent_run_uid is None:
                _count_passed(draft, sightings[0].job.slot)
                draft.handled(sightings[0].job.slot)
                draft.leave_queue(sightings[0].job.slot)
                draft.update(iteration=draft.status.iteration + 1)
        for seen in sightings:
            entry = _follow(draft, entry, seen, tried_again=seen is not sightings[-1])
        draft.runs[key] = entry
    _settle_lost(draft)


def stop_left_pods(draft: Draft) -> None:
    """A run whose Job was deleted is cancelled, also when the deletion left its pod running.

    Nor does a Job go on that appears anew after its attempt has ended: a request to create it, given up long ago, was
    carried out when the first one had been stopped and its name was free again.
    """
    for seen in draft.observed.sightings:
        if _came_again(draft, seen):
            draft.do(StopJob(seen.job.name, seen.job.uid, "Cancelled"))
        if (
            seen.job_gone
            and seen.pod_alive
            and seen.pod is not None
            and seen.pod.deleted_at is None
            and not seen.pod.keep
        ):
            draft.do(DeletePod(seen.pod.name, seen.pod.uid))


def _came_again(draft: Draft, seen: Sighting) -> bool:
    entry, job = draft.runs.get(base_id(seen.id)), seen.job
    if entry is None or entry.id != job.name or entry.phase not in ENDED_PHASES or entry.uid in {None, job.uid}:
        return False
    return not seen.job_gone and not job.deleting and job.finished is None


def _begin(draft: Draft) -> None:
    """A schedule seen for the first time counts from its creation."""
    schedule = draft.observed.schedule
    if draft.status.scheduling is None:
        since = schedule.when.origin() if schedule.when else schedule.created
        draft.update(scheduling=Scheduling(effective_since=since, when_hash=schedule.digest))


def _is_news(draft: Draft, seen: Sighting) -> bool:
    """Whether a Job without an entry is not recorded yet, rather than recorded and trimmed from the history."""
    if seen.job.finished is None and not judge(seen, draft.now).ended:
        return True
    if seen.job.agent_run_uid is not None:
        return any(
            request.uid == seen.job.agent_run_uid and request.status.phase not in ENDED_PHASES
            for request in draft.observed.requests
        )
    scheduling = draft.status.scheduling
    unhandled = scheduling is None or scheduling.handled_through is None or seen.job.slot > scheduling.handled_through
    return unhandled or seen.job.slot in draft.status.queued or awaits(draft, seen.id)


def _count_passed(draft: Draft, slot: datetime) -> None:
    """Slots that were passed over for this one, when the operator ended before it could write that down.

    Nothing is counted where they may not have been due at all: the schedule was suspended or edited since.
    """
    schedule, scheduling = draft.observed.schedule, draft.status.scheduling
    if schedule.when is None or scheduling is None or scheduling.when_hash != schedule.digest:
        return
    if draft.is_true("Suspended"):
        return
    for _ in range(_MOST_PASSED // _PASSED_A_TIME):
        passed = schedule.when.slots_between(draft.cursor(), slot - timedelta(seconds=1), _PASSED_A_TIME)
        if not passed:
            return
        skip_slots(
            draft, [(slot, fate_of(schedule, place(schedule, schedule.when, slot)) or MISSED) for slot in passed]
        )


def _first_entry(seen: Sighting) -> Run:
    job = seen.job
    return Run(
        id=job.name,
        uid=job.uid,
        scheduled_at=job.slot,
        phase="Pending",
        attempt=job.attempt,
        trigger=job.trigger if job.trigger in {"Schedule", "CatchUp", "Manual"} else "Schedule",
        budget_usd=job.budget,
        iteration=job.iteration,
        approval=job.approval,
        policies=list(job.policies) or None,
    )


def _follow(draft: Draft, entry: Run, seen: Sighting, *, tried_again: bool) -> Run:
    """One sighting applied to its run's entry. `tried_again`: the Job of a later attempt is there."""
    if seen.job.attempt < entry.attempt:
        return entry
    if seen.job.attempt > entry.attempt:
        changes = {"phase": "Pending", "reason": None, "message": None, "started_at": None, "completed_at": None}
        entry = entry.model_copy(
            update={**changes, "id": seen.id, "uid": seen.job.uid, "attempt": seen.job.attempt, "retry_at": None}
            | {"approval": seen.job.approval, "policies": list(seen.job.policies) or None}
        )
        tell_started(draft, entry)
    elif entry.phase in ENDED_PHASES:
        return entry
    standing = judge(seen, draft.now)
    draft.wake(standing.look_again)
    if not standing.ended:
        return _progress(draft, entry, seen, standing)
    standing = never_started(draft, entry, seen, standing)
    if _is_unreported(entry, seen, standing):
        entry = entry.model_copy(update={"cost_unreported": True})
    return _conclude(draft, entry, seen.job.uid, standing, tried_again=tried_again)


def _progress(draft: Draft, entry: Run, seen: Sighting, standing: Standing) -> Run:
    if standing.phase == "Pending":
        leaving = seen.job.deleting or seen.job_gone or seen.job.finished is not None
        leaving |= entry.reason == NEVER_STARTED and not seen.ever_started
        if entry.uid == seen.job.uid and (leaving or standing.reason == entry.reason):
            return entry  # the same trouble in other words (back-off times) is no news; what goes tells none any more
        if standing.reason:
            draft.note("RunWaiting", f"run {entry.id} waits: {standing.reason}: {standing.message}", warning=True)
    return entry.model_copy(
        update={
            "uid": seen.job.uid,
            "phase": standing.phase,
            "reason": standing.reason,
            "message": standing.message,
            "started_at": standing.started_at,
        }
    )


def _conclude(draft: Draft, entry: Run, uid: str | None, standing: Standing, *, tried_again: bool = False) -> Run:
    """An attempt ended: take its result, then either another attempt follows or the run is over."""
    result = standing.result
    cost = (
        None
        if result.cost is None and entry.cost_usd is None
        else (entry.cost_usd or NOTHING) + (result.cost or NOTHING)
    )
    disruptions = (entry.disruptions or 0) + standing.disrupted
    ended = entry.model_copy(
        update={
            "uid": uid,
            "phase": standing.phase,
            "reason": standing.reason,
            "message": _why_late(entry, standing) or standing.message,
            "started_at": standing.started_at or entry.started_at,
            "completed_at": standing.completed_at,
            "cost_usd": cost,
            "usage": _add_usage(entry.usage, result.usage),
            "summary": clean(result.summary, SUMMARY_BYTES) if result.summary else None,
            "alert": result.alert,
            "sleep": result.sleep,
            "output_uri": result.output_uri,
            "disruptions": disruptions or None,
        }
    )
    _hand_on(draft, ended, standing)
    if tried_again:
        return ended.model_copy(update={"retry_at": ended.completed_at})
    retry_at = retry_time(draft.observed.schedule, ended, standing)
    spent = used_up(draft, ended) if retry_at is not None else None
    if spent is not None:
        ended = ended.model_copy(update={"message": clean(f"{ended.message}; not tried again: {spent}", MESSAGE_BYTES)})
    elif retry_at is not None:
        wait = max(timedelta(0), retry_at - draft.now)
        draft.note(
            "RunRetrying",
            f"attempt {ended.attempt} of run {base_id(ended.id)} ended as {ended.phase} ({ended.message});"
            f" attempt {ended.attempt + 1} follows in {round(wait.total_seconds())} s",
            warning=True,
        )
        return ended.model_copy(update={"retry_at": retry_at})
    close(draft, ended)
    return ended


def _is_unreported(entry: Run, seen: Sighting, standing: Standing) -> bool:
    """Whether an attempt may have cost something and did not say what."""
    if standing.result.cost is not None:
        return False
    if standing.started_at or entry.started_at:
        return True
    stopped = standing.phase in {"Replaced", "Cancelled"} or standing.reason == NEVER_STARTED
    return seen.pod is None and not stopped


def _why_late(entry: Run, standing: Standing) -> str | None:
    """For a run whose time was up before its agent started, though an init container had: what the agent waited for."""
    if standing.phase != "TimedOut" or standing.started_at or entry.started_at or not entry.reason:
        return None
    return clean(f"its agent never started within its deadline: {entry.reason}: {entry.message or ''}", MESSAGE_BYTES)


def _hand_on(draft: Draft, run: Run, standing: Standing) -> None:
    """What the next run is told: the newest ended attempt, with the latest state that any reported."""
    spec = draft.observed.schedule.spec
    if spec is not None and spec.session.mode == "FullyEphemeral":
        draft.update(previous=None)
        return
    old = draft.status.previous
    state = standing.result.state if standing.result.state is not None else (old.state if old else None)
    draft.update(
        previous=Previous(
            run_id=run.id,
            phase=run.phase,
            completed_at=run.completed_at,
            summary=standing.result.summary,
            state=state,
        )
    )


def _settle_lost(draft: Draft) -> None:
    """Active runs whose Job was deleted: while nobody looked, or between two attempts."""
    for key, run in list(draft.runs.items()):
        seen = draft.sighting(run)
        if is_final(run) or (seen is not None and not (run.retry_at is not None and seen.job_gone)):
            continue
        if run.reason == NEVER_STARTED:  # its Job was deleted by us
            if run.retry_at is None:
                at = draft.now.replace(microsecond=0)
                end = Standing("Failed", ended=True, reason=run.reason, message=run.message, completed_at=at)
                draft.runs[key] = _conclude(draft, run, run.uid, end)
            continue
        if run.retry_at is not None and draft.is_starting(run.scheduled_at, run.attempt + 1):
            continue  # it is stopped by deleting that one
        unseen = "" if seen is not None else " while the operator was not looking"
        lost = run.model_copy(
            update={
                "phase": "Cancelled",
                "reason": "JobDeleted",
                "message": f"its Job was deleted{unseen}",
                "completed_at": draft.now.replace(microsecond=0),
                "retry_at": None,
                "cost_unreported": run.cost_unreported or (seen is None and run.retry_at is None) or None,
            }
        )
        draft.runs[key] = lost
        close(draft, lost)


def _add_usage(old: Usage | None, new: Usage | None) -> Usage | None:
    if old is None or new is None:
        return new or old
    return Usage(
        input_tokens=min((old.input_tokens or 0) + (new.input_tokens or 0), MAX_TOKENS),
        output_tokens=min((old.output_tokens or 0) + (new.output_tokens or 0), MAX_TOKENS),
    )
