"""Ceilings of policies and settings: what lies above one is refused, also when the policy came after the schedule."""

from dataclasses import replace

from agentschedule.api.fields import money_text
from agentschedule.planning.deliverable import undeliverable
from agentschedule.planning.draft import Draft
from agentschedule.planning.observed import Problem
from agentschedule.policy.effective import SETTINGS
from agentschedule.timing import TimingError, check_min_interval


def above_ceilings(draft: Draft, *, accepted: bool) -> Problem | None:
    """The first of a schedule's values that is not allowed in its namespace.

    Of one that was accepted the slots are looked at again only where a policy says how close they may be.
    """
    looks = not accepted or draft.policy.min_interval.by != SETTINGS
    return (
        _quota(draft) or _deadline(draft) or _budget(draft) or _delivery(draft) or (_interval(draft) if looks else None)
    )


def _quota(draft: Draft) -> Problem | None:
    most, place = draft.policy.max_schedules, draft.observed.place
    if most is None or place is None or place <= most.value:
        return None
    text = f"{most.by} allows {most.value} AgentSchedules in this namespace, and there are older ones"
    return Problem("QuotaExceeded", text)


def _deadline(draft: Draft) -> Problem | None:
    spec, most = draft.observed.schedule.spec, draft.policy.max_active_deadline_seconds
    deadline = spec.active_deadline_seconds if spec else None
    if deadline is None or deadline <= most.value:
        return None
    text = f"spec.activeDeadlineSeconds is {deadline}; {_who(most.by)} at most {most.value}"
    return Problem("DeadlineTooLong", text)


def _budget(draft: Draft) -> Problem | None:
    spec, most = draft.observed.schedule.spec, draft.policy.max_budget_per_run_usd
    wanted = spec.budget.per_run_usd if spec and spec.budget else None
    if wanted is None or wanted <= most.value:
        return None
    text = f"spec.budget.perRunUSD is {money_text(wanted)}; {_who(most.by)} at most {money_text(most.value)}"
    return Problem("BudgetTooHigh", text)


def _delivery(draft: Draft) -> Problem | None:
    """A target that nothing can be delivered to, as settings and policies stand."""
    spec = draft.observed.schedule.spec
    if spec is None or not spec.delivery:
        return None
    outlets = draft.settings.outlets
    return undeliverable(spec.delivery, replace(outlets, reach=draft.policy.reach(outlets.reach)))


def _interval(draft: Draft) -> Problem | None:
    when = draft.observed.schedule.when
    if when is None:
        return None
    try:
        check_min_interval(when, draft.policy.min_interval.value, draft.now)
    except TimingError as error:
        by = draft.policy.min_interval.by
        return Problem("TooFrequent", str(error) if by == SETTINGS else f"{error} ({by})")
    return None


def _who(by: str) -> str:
    return "the operator allows" if by == SETTINGS else f"{by} allows"
