"""Further attempts after a failed one."""

import hashlib
from datetime import datetime, timedelta

from agentschedule.api.status import Run
from agentschedule.constants import MESSAGE_BYTES
from agentschedule.planning.closing import close
from agentschedule.planning.draft import NOTHING, Draft, base_id
from agentschedule.planning.observed import Schedule, Start
from agentschedule.planning.starting import start_run
from agentschedule.runs.result import clean
from agentschedule.runs.sighting import Standing
from agentschedule.timing import parse_duration

MAX_DISRUPTIONS = 5
_SPREAD = 0.1


def retry_time(schedule: Schedule, run: Run, standing: Standing) -> datetime | None:
    """When the next attempt of an ended one starts; None: there is none. Its budget is not asked for here."""
    retry = schedule.spec.retry if schedule.spec else None
    if retry is None or schedule.deleting or run.trigger == "Manual" or run.phase not in {"Failed", "TimedOut"}:
        return None
    disruptions = run.disruptions or 0
    failures = run.attempt - min(disruptions, MAX_DISRUPTIONS)
    uncounted = standing.disrupted and disruptions <= MAX_DISRUPTIONS
    if not uncounted:
        if run.phase not in retry.retry_on or failures > retry.limit:
            return None
        if standing.exit_code in (retry.non_retryable_exit_codes or ()):
            return None
    first = parse_duration(retry.backoff, "spec.retry.backoff")
    longest = parse_duration(retry.max_backoff, "spec.retry.maxBackoff")
    wait = min(first * 2 ** max(0, failures - 1), longest)
    ended = run.completed_at or run.scheduled_at
    return ended + timedelta(seconds=round(wait.total_seconds() * (1 - _SPREAD * _fraction(schedule.owner.uid, run))))


def _edited_away(draft: Draft, run: Run) -> str | None:
    """Why an attempt that was promised does not follow: people have edited `retry` while the run waited for it."""
    spec = draft.observed.schedule.spec
    retry = spec.retry if spec else None
    failures = run.attempt - min(run.disruptions or 0, MAX_DISRUPTIONS)
    if retry is None:
        return "not tried again: spec.retry was removed"
    return f"not tried again: spec.retry.limit is {retry.limit} now" if failures > retry.limit else None


def start_retries(draft: Draft) -> None:
    """Attempts whose wait is over. While the schedule is halted none starts, nor within a blackout.

    A hold for the budget holds none back: theirs was set aside when the run began.
    """
    held = draft.held()
    if draft.suspended or (held is not None and held.reason != "BudgetExceeded"):
        return
    blackout = draft.observed.schedule.blackouts.at(draft.now)
    for run in draft.active():
        if run.retry_at is None:
            continue
        edited = _edited_away(draft, run)
        if edited is not None and not draft.is_starting(run.scheduled_at, run.attempt + 1):
            _give_up(draft, run, edited)
            continue
        due = run.retry_at if blackout is None else blackout.end
        if due is None or due > draft.now:
            draft.wake(due)
            continue
        attempt = run.attempt + 1
        most = run.budget_usd if run.budget_usd is not None else draft.defaults.max_budget_usd
        left = max(NOTHING, most - (run.cost_usd or NOTHING))
        outcome = start_run(
            draft, slot=run.scheduled_at, attempt=attempt, trigger=run.trigger, due=run.retry_at, budget=left
        )
        if isinstance(outcome, Start):
            what = "is not allowed" if outcome.state in {"Denied", "Expired"} else "could not be created"
            _give_up(draft, run, f"attempt {attempt} {what}: {outcome.message}")


def _give_up(draft: Draft, run: Run, why: str) -> None:
    """The next attempt's Job is refused for good: the run ends as its last attempt did."""
    message = clean("; ".join(part for part in (run.message, why) if part), MESSAGE_BYTES)
    ended = run.model_copy(update={"retry_at": None, "message": message})
    draft.runs[base_id(run.id)] = ended
    close(draft, ended)


def _fraction(uid: str, run: Run) -> float:
    """A repeatable number from 0 to 1, from (uid, slot, attempt)."""
    digest = hashlib.sha256(f"{uid}/{base_id(run.id)}/{run.attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
