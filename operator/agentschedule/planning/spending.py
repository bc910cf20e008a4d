"""The budget of a namespace: what all its schedules together may spend in a calendar period, in UTC.

Each schedule's status holds what it has spent itself in the periods that policies limit; the sum over the others is
given. What active runs may cost is reserved, theirs and those of the others.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from agentschedule.api.fields import money_text
from agentschedule.api.status import AgentScheduleStatus, NamespaceSpending, Run
from agentschedule.planning.budget import Shortage, charged
from agentschedule.planning.budget import allowance as own_allowance
from agentschedule.planning.draft import NOTHING, Draft, is_final
from agentschedule.policy.effective import Bound, Spendable
from agentschedule.runs.names import utc_words
from agentschedule.timing import Period, period_end, period_start

LOOK_AGAIN: Final = timedelta(seconds=5)
"""How soon a run that waits for what others have reserved looks again."""
_UTC = ZoneInfo("UTC")


def began(period: Period, now: datetime) -> datetime:
    """When the period began in which `now` lies."""
    if period == "Hour":
        return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return period_start(period, now, _UTC)


def spent_by(status: AgentScheduleStatus, period: Period, start: datetime) -> Decimal:
    """What a schedule has spent in the period that began at `start`.

    Where nothing was charged to an account yet, the runs of the history count. A clock set back begins no period.
    """
    account = next((one for one in status.namespace_spending or () if one.period == period), None)
    if account is not None:
        return account.spent_usd if account.period_start >= start else NOTHING
    ended = (run for run in status.runs if is_final(run) and run.completed_at is not None and run.completed_at >= start)
    return sum((charged(run) for run in ended), NOTHING)


def allowance(draft: Draft, *, ignoring_reserved: bool = False) -> Decimal | Shortage:
    """What one more run may cost by the schedule's own budget and those of its namespace; or why too little is left.

    `ignoring_reserved`: as if no run of this schedule were active.
    """
    wanted = own_allowance(draft, ignoring_reserved=ignoring_reserved)
    if not draft.policy.budgets or isinstance(wanted, Shortage):
        return wanted
    spec = draft.observed.schedule.spec
    least = (spec.budget.per_run_usd if spec and spec.budget else None) or NOTHING
    reserved = NOTHING if ignoring_reserved else draft.reserved()
    others = draft.observed.others
    for budget in draft.policy.budgets:
        start = began(budget.value.period, draft.now)
        spent = spent_by(draft.status, budget.value.period, start)
        held = reserved
        if others is not None:
            spent += others.spent.get((budget.value.period, start), NOTHING)
            held += others.reserved
        left = budget.value.limit - spent - held
        if left < least or left <= 0:
            return _shortage(draft, budget, spent, held, least)
        wanted = min(wanted, left)
    return wanted


def charge(draft: Draft, run: Run) -> None:
    """A run has ended for good: what it is charged counts in the period in which it ended."""
    if not draft.policy.budgets:
        return
    accounts = {one.period: one for one in draft.status.namespace_spending or ()}
    for budget in draft.policy.budgets:
        period = budget.value.period
        start = began(period, draft.now)
        known = accounts.get(period)
        if (run.completed_at or draft.now) < start and (known is None or known.period_start <= start):
            continue
        spent = spent_by(draft.status, period, start) + charged(run)
        begun = known.period_start if known is not None and known.period_start > start else start
        accounts[period] = NamespaceSpending(period=period, period_start=begun, spent_usd=spent)
    draft.update(namespace_spending=list(accounts.values()) or None)


def close_accounts(draft: Draft) -> None:
    """No policy limits that period any more: its account is closed."""
    accounts = draft.status.namespace_spending
    if accounts is None:
        return
    limited = {budget.value.period for budget in draft.policy.budgets}
    kept = [one for one in accounts if one.period in limited]
    if len(kept) < len(accounts):
        draft.update(namespace_spending=kept or None)


def _shortage(draft: Draft, budget: Bound[Spendable], spent: Decimal, held: Decimal, least: Decimal) -> Shortage:
    period, limit = budget.value.period, budget.value.limit
    until = period_end(period, draft.now, _UTC)
    need = f"a run needs {money_text(least)}" if least else "nothing is left for a run"
    reserved = f" and {money_text(held)} reserved by active runs" if held else ""
    return Shortage(
        f"{budget.by}: of {money_text(limit)} USD for all schedules of this namespace in this {period.lower()}"
        f" {money_text(spent)} are spent{reserved}; {need}; a new {period.lower()} begins at {utc_words(until)}",
        until,
        settled=limit - spent < least or limit <= spent,
        policy=budget.by,
    )
