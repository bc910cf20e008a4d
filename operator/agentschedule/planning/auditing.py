"""What of a plan is told to the audit: each act and each refusal once, under a cause that is the same after a crash."""

from collections.abc import Sequence
from datetime import datetime

from agentschedule.api.fields import money_text
from agentschedule.api.status import Condition, Run
from agentschedule.planning.draft import NOTHING, Draft, base_id
from agentschedule.runs.names import manual_job_name


def tell_spec(draft: Draft) -> None:
    """A spec was seen for the first time, and it is decided whether it can be used."""
    schedule, known = draft.observed.schedule, draft.observed.status.observed_generation
    if schedule.deleting or draft.status.observed_generation != schedule.generation or known == schedule.generation:
        return
    accepted = draft.conditions.get("Accepted")
    new = known is None
    draft.record(
        "ScheduleCreated" if new else "ScheduleUpdated",
        str(schedule.generation),
        accepted.message if accepted else "",
        reason=accepted.reason if accepted else None,
        actor=_proven(draft, schedule.created_by if new else schedule.changed_by),
    )


def tell_started(draft: Draft, run: Run) -> None:
    """A run's Job is there: that of its first attempt, or of a further one."""
    text = f"attempt {run.attempt} for {run.scheduled_at:%Y-%m-%d %H:%M:%S} UTC"
    about = {"run": run.id, "reason": run.trigger, "policy": allowed_by(draft), "actor": _asker(draft, run)}
    draft.record("RunStarted", run.uid or run.id, text, **about)


def tell_ended(draft: Draft, run: Run) -> None:
    """A run has ended for good."""
    if run.phase == "Succeeded":
        text = f"cost {money_text(run.cost_usd or NOTHING)} USD" if run.cost_usd is not None else "reported no cost"
        draft.record("RunSucceeded", run.uid or run.id, text, run=run.id, reason=run.phase)
    else:
        draft.record("RunFailed", run.uid or run.id, run.message or "", run=run.id, reason=run.phase)


def tell_refused(draft: Draft, slots: Sequence[datetime]) -> None:
    """Slots did not run since a policy's ceiling forbids the schedule as a whole."""
    accepted = draft.conditions.get("Accepted")
    cause = f"slots {slots[0].timestamp()}/{slots[-1].timestamp()}"
    draft.record(
        "RunDenied",
        cause,
        accepted.message if accepted else "",
        reason=accepted.reason if accepted else "Policy",
        policy=allowed_by(draft),
        count=len(slots),
    )


def tell_paused(draft: Draft, was: Condition | None, message: str) -> None:
    """No new runs, since people asked for that."""
    draft.record("SchedulePaused", _turn(was), message, reason=draft.suspended, actor=_suspender(draft))


def tell_resumed(draft: Draft, was: Condition) -> None:
    """Runs start again."""
    by_spec = was.reason == "Spec" and draft.observed.status.observed_generation != draft.observed.schedule.generation
    actor = _proven(draft, draft.observed.schedule.changed_by) if by_spec else None
    draft.record("ScheduleResumed", _turn(was), was.message, reason=was.reason, actor=actor)


def allowed_by(draft: Draft) -> str | None:
    """The policies that hold here."""
    return ", ".join(draft.policy.policies) or None


def _asker(draft: Draft, run: Run) -> str | None:
    """Who asked for a manual run, where an admission policy lets nobody say somebody else."""
    if run.trigger != "Manual":
        return None
    owner, authors = draft.observed.schedule.owner.name, draft.observed.protection.authors
    asked = (one for one in draft.observed.requests if manual_job_name(owner, one.uid) == base_id(run.id))
    request = next(asked, None)
    return request.created_by if request is not None and authors.covers(request.created) else None


def _turn(was: Condition | None) -> str:
    """What tells one pause of a schedule from another: when that began which it ends."""
    return was.last_transition_time.isoformat() if was is not None else ""


def _suspender(draft: Draft) -> str | None:
    """Who suspended it, where that is what the newest edit of the spec did. An annotation proves nobody."""
    edited = draft.observed.status.observed_generation != draft.observed.schedule.generation
    return _proven(draft, draft.observed.schedule.changed_by) if draft.suspended == "Spec" and edited else None


def _proven(draft: Draft, stamp: str | None) -> str | None:
    """A stamp says who, as long as the webhook is there to write it, or an admission policy that lets nobody lie."""
    guarded = draft.observed.protection.authors.covers(draft.observed.schedule.created)
    return stamp if draft.settings.stamps_are_proof or guarded else None
