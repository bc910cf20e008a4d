"""Whether the spec can be used, and since when it counts."""

from agentschedule.api.status import Skip
from agentschedule.planning.actions import DryRun
from agentschedule.planning.ceilings import above_ceilings
from agentschedule.planning.concurrency import was_under_way
from agentschedule.planning.draft import Draft
from agentschedule.planning.observed import Problem, Verdict
from agentschedule.runs.manifest import RunRequest, job_manifest

REJECTED = "JobRejected"


def accept(draft: Draft) -> None:
    """Decide `Accepted`: what we can check ourselves, then the API server's dry run, once a generation."""
    schedule = draft.observed.schedule
    known = draft.conditions.get("Accepted")
    accepted = known is not None and known.observed_generation == schedule.generation and known.status == "True"
    disallowed = None if schedule.problem else above_ceilings(draft, accepted=accepted)
    draft.disallowed = disallowed is not None
    problem = schedule.problem or disallowed
    if accepted and problem is None:
        draft.accepted = True
        return
    if problem is not None:
        _refuse(draft, problem)
        return
    verdict = draft.observed.verdict
    if verdict is None or verdict.generation != schedule.generation:
        _ask(draft)
    elif verdict.problem is not None:
        _refuse(draft, Problem(REJECTED, f"the API server refuses the Job: {verdict.problem}"))
    else:
        _take(draft, verdict, was_refused=known is not None and known.status == "False")


def notice_edit(draft: Draft) -> None:
    """A change of the fields that say when takes effect from the moment it is seen: edits never run the past."""
    scheduling = draft.status.scheduling
    if scheduling is not None and scheduling.when_hash != draft.observed.schedule.digest:
        draft.update(scheduling=scheduling.model_copy(update={"when_hash": draft.observed.schedule.digest}))
        _count_waiting(draft)
        draft.count_from(draft.now)


def _count_waiting(draft: Draft) -> None:
    """Slots that were due as the spec stood before the edit, and had not started yet, are counted."""
    counted = draft.cursor()
    waiting = draft.status.scheduling.waiting if draft.status.scheduling else None
    if waiting is not None and waiting.first > counted:
        draft.count_skip(Skip(reason="Requested", count=waiting.count, first=waiting.first, last=waiting.last))
        counted = waiting.last
    slot, when = draft.status.next_run_time, draft.observed.schedule.when
    if slot is None or not counted < slot <= draft.now:
        return
    if draft.is_starting(slot):
        return
    if was_under_way(draft, slot, when.start_of(slot) if when is not None else slot):
        draft.skip("Requested", [slot])


def _ask(draft: Draft) -> None:
    schedule = draft.observed.schedule
    if schedule.spec is None:
        return
    # The longest names and the largest previous summary are no matter to the API server's checks of the pod.
    run = RunRequest(id=f"{schedule.owner.name}-dry-run", slot=schedule.created, attempt=1, trigger="Schedule")
    draft.do(DryRun(schedule.generation, job_manifest(schedule.owner, schedule.spec, run, draft.defaults)))


def _refuse(draft: Draft, problem: Problem) -> None:
    old = draft.conditions.get("Accepted")
    draft.set_condition("Accepted", False, problem.reason, problem.message)
    new = draft.conditions["Accepted"]
    known = old is not None and (old.status, old.reason) == (new.status, new.reason)
    # Within one generation the same trouble in other words (figures of a quota, dates) is no news.
    if old is None or not known or (old.observed_generation != new.observed_generation and old.message != new.message):
        draft.note(problem.reason, new.message, warning=True)


def _take(draft: Draft, verdict: Verdict, *, was_refused: bool) -> None:
    draft.accepted = True
    if verdict.warnings:
        text = "accepted, with the API server's warnings: " + "; ".join(verdict.warnings)
        draft.set_condition("Accepted", True, "AcceptedWithWarnings", text)
        draft.note("AcceptedWithWarnings", text, warning=True)
    else:
        draft.set_condition("Accepted", True, "Accepted", "the spec can be used")
    if was_refused:
        draft.note("Accepted", "the spec can be used now")
        draft.count_from(draft.now)
