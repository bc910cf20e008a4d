"""Budgets: what a start reserves, what an ended run is charged, and what is left.

Layers: the operator's ceiling for a run, the run's own budget with all its attempts, what the schedule may spend in a
calendar period and in all. The account is in `status.budget`; what is reserved stands in the active runs' entries.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from agentschedule.api.fields import money_text
from agentschedule.api.limits import Budget
from agentschedule.api.status import BudgetStatus, Run
from agentschedule.planning.draft import NOTHING, Draft, base_id, is_final
from agentschedule.runs.names import utc_words
from agentschedule.timing import period_end, period_start


@dataclass(frozen=True, slots=True)
class Shortage:
    """Not enough is left for one more run. `until`: when a new period begins, where that helps.

    `settled`: it would not be enough either if nothing were reserved by active runs.
    `policy`: whose budget it is, where that is one for all schedules of the namespace.
    """

    message: str
    until: datetime | None
    settled: bool
    policy: str | None = None


def keep_account(draft: Draft) -> None:
    """Open the account, and begin a new period when its time has come. A clock set back begins none."""
    budget = _budget(draft)
    if budget is None:
        return
    account = draft.status.budget or BudgetStatus(total_usd=draft.status.totals.cost_usd)
    start = _period_start(draft, budget)
    if start is not None and (account.period_start is None or account.period_start < start):
        spent = NOTHING if account.period_start is None else _charged_since(draft, start)
        account = account.model_copy(update={"period_start": start, "period_spent_usd": spent})
    draft.update(budget=account)


def _charged_since(draft: Draft, start: datetime) -> Decimal:
    """What the runs in the history that ended since then were charged: a period or zone that was edited begins
    in the past."""
    ended = (run for run in draft.observed.status.runs if is_final(run) and run.completed_at is not None)
    return sum((charged(run) for run in ended if run.completed_at and run.completed_at >= start), NOTHING)


def allowance(draft: Draft, *, ignoring_reserved: bool = False) -> Decimal | Shortage:
    """What one more run may cost, in US dollars, to be reserved for it; or why there is not enough."""
    ceiling = draft.defaults.max_budget_usd
    budget, account = _budget(draft), draft.status.budget
    if budget is None or account is None:
        return ceiling
    wanted = budget.per_run_usd if budget.per_run_usd is not None else ceiling
    reserved = NOTHING if ignoring_reserved else draft.reserved()
    spent = [(budget.total_usd, account.total_usd, False), (budget.period_usd, account.period_spent_usd, True)]
    for limit, used, in_period in spent:
        if limit is None:
            continue
        left = limit - used - reserved
        if left < (budget.per_run_usd or NOTHING) or left <= 0:
            return _shortage(draft, budget, limit, used, reserved, in_period=in_period)
        wanted = min(wanted, left)
    return wanted


def pauses(draft: Draft) -> bool:
    """Whether the schedule is held when a slot finds no money, rather than that slot skipped alone."""
    budget = _budget(draft)
    return budget is not None and budget.on_exceeded == "Pause"


def settle(draft: Draft, run: Run) -> None:
    """Charge a run that has ended for good. What ended before this period began does not count in it, unless the clock
    was set back: then this period is the one that counts."""
    budget, account = _budget(draft), draft.status.budget
    charge = charged(run)
    if run.budget_usd is not None and charge > run.budget_usd:
        told, granted = money_text(charge), money_text(run.budget_usd)
        draft.note("BudgetOverrun", f"run {run.id} cost {told} USD, more than its budget of {granted}", warning=True)
    if account is None:
        return
    ended = run.completed_at or draft.now
    in_period = account.period_start is not None and (ended >= account.period_start or draft.now < account.period_start)
    after = account.model_copy(
        update={
            "total_usd": account.total_usd + charge,
            "period_spent_usd": account.period_spent_usd + (charge if in_period else NOTHING),
        }
    )
    draft.update(budget=after)
    if budget is not None:
        period = (account.period_spent_usd, after.period_spent_usd)
        texts = [
            *_alert(draft, budget.alert_at_percent, "in all", budget.total_usd, (account.total_usd, after.total_usd)),
            *_alert(draft, budget.alert_at_percent, f"in this {_word(budget)}", budget.period_usd, period),
        ]
        if texts:
            draft.occurred("BudgetAlert", run.id, message="; ".join(texts))


def charged(run: Run) -> Decimal:
    """What an ended run is charged: what it reported, and at least its budget where an attempt reported nothing."""
    reported = run.cost_usd or NOTHING
    return max(reported, run.budget_usd or NOTHING) if run.cost_unreported else reported


def used_up(draft: Draft, run: Run) -> str | None:
    """Why a run must not have another attempt: its own budget is spent."""
    budget = _budget(draft)
    if run.budget_usd is not None and run.cost_usd is not None and run.cost_usd >= run.budget_usd:
        return f"its budget of {money_text(run.budget_usd)} USD is used up"
    if budget is not None and budget.per_run_tokens is not None and _tokens(run) >= budget.per_run_tokens:
        return f"its budget of {budget.per_run_tokens} tokens is used up"
    return None


def tokens_left(draft: Draft, name: str) -> int | None:
    """How many tokens the run whose Job has this name may still use; None: any number."""
    budget = _budget(draft)
    if budget is None or budget.per_run_tokens is None:
        return None
    run = draft.runs.get(base_id(name))
    return max(0, budget.per_run_tokens - (_tokens(run) if run else 0))


def start_anew(draft: Draft) -> None:
    """A person has resumed a schedule whose budget was used up: what is used up counts from zero."""
    budget, account = _budget(draft), draft.status.budget
    if budget is None or account is None:
        return
    least = budget.per_run_usd or NOTHING
    cleared: dict[str, Decimal] = {}
    for name, limit, used in (
        ("total_usd", budget.total_usd, account.total_usd),
        ("period_spent_usd", budget.period_usd, account.period_spent_usd),
    ):
        if limit is not None and (limit - used < least or limit <= used):
            cleared[name] = NOTHING
    draft.update(budget=account.model_copy(update=cleared))


def new_period_at(draft: Draft) -> datetime | None:
    """When the next period of the budget begins."""
    budget, when = _budget(draft), draft.observed.schedule.when
    if budget is None or budget.period is None or when is None:
        return None
    return period_end(budget.period, draft.now, when.zone)


def _budget(draft: Draft) -> Budget | None:
    spec = draft.observed.schedule.spec
    return spec.budget if spec else None


def _period_start(draft: Draft, budget: Budget) -> datetime | None:
    when = draft.observed.schedule.when
    return period_start(budget.period, draft.now, when.zone) if budget.period and when else None


def _shortage(
    draft: Draft, budget: Budget, limit: Decimal, used: Decimal, reserved: Decimal, *, in_period: bool
) -> Shortage:
    where = f"this {_word(budget)}" if in_period else "all"
    need = f"a run needs {money_text(budget.per_run_usd)}" if budget.per_run_usd else "nothing is left for a run"
    held_back = f" and {money_text(reserved)} reserved by active runs" if reserved else ""
    until = new_period_at(draft) if in_period else None
    again = f"; a new {_word(budget)} begins at {utc_words(until)}" if until else ""
    return Shortage(
        f"of {money_text(limit)} USD in {where} {money_text(used)} are spent{held_back}; {need}{again}",
        until,
        settled=limit - used < (budget.per_run_usd or NOTHING) or limit <= used,
    )


def _alert(draft: Draft, percent: int, where: str, limit: Decimal | None, spent: tuple[Decimal, Decimal]) -> list[str]:
    if limit is None:
        return []
    before, after = spent
    period = draft.status.budget.period_start if draft.status.budget else None
    threshold = limit * percent / 100
    if not before < threshold <= after:
        return []
    text = f"{money_text(after)} of {money_text(limit)} USD are spent {where}: {percent} % is reached"
    draft.note("BudgetAlert", text, warning=True)
    draft.record("BudgetAlert", f"{where}/{period}/{limit}/{percent}", text)
    return [text]


def _tokens(run: Run) -> int:
    usage = run.usage
    return (usage.input_tokens or 0) + (usage.output_tokens or 0) if usage else 0


def _word(budget: Budget) -> str:
    return (budget.period or "period").lower()
