"""Budgets, worked out anew from the Jobs' annotations and from what pods reported, without the operator's account."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from agentschedule.constants import ANNOTATION_BUDGET
from agentschedule.planning.draft import base_id
from agentschedule.runs.names import parse_time

from .life import Life, PodEnd

Raw = dict[str, Any]

NOTHING = Decimal(0)


def has_budget(life: Life) -> bool:
    """Whether it had a budget all its life."""
    return all(spec.get("budget") for spec in life.specs)


def check_start(life: Life, raw: Raw, now: datetime, working: set[str]) -> Iterator[str]:
    """A Job is created: with what it reserves, no limit may be exceeded by more than what runs cost beyond theirs.

    `working`: names of Jobs that have not ended. Where several specs came one after another, the largest amount counts.
    """
    name = base_id(raw["metadata"]["name"])
    if not has_budget(life) or life.strays or life.again or life.anew or name != raw["metadata"]["name"]:
        return
    for limit, since, where in _limits(life, now):
        taken = sum((_taken(life, run, since, working) for run in _runs(life) if run != name), NOTHING)
        if taken + _reserved(life, name) > limit:
            own = _reserved(life, name)
            yield f"{life.name}: {name} reserves {own} USD beside {taken}; {limit} may be spent {where}"


def check_account(life: Life, *, clock_was_set: bool) -> Iterator[str]:
    """At rest: the persisted account is what runs cost."""
    account = life.status.get("budget")
    if not has_budget(life) or account is None or life.again or life.anew:
        return
    begin = parse_time(account.get("periodStart"))
    parts: list[tuple[str, datetime | None]] = [("totalUSD", None)]
    if begin is not None and len(_periods(life)) == 1 and not clock_was_set:
        parts.append(("periodSpentUSD", begin))
    for field, since in parts:
        charges = [_charge(life, run) for run in _runs(life) if _counts(life, run, since)]
        least, most = sum((c[0] for c in charges), NOTHING), sum((c[1] for c in charges), NOTHING)
        if not least <= Decimal(account[field]) <= most:
            yield f"{life.name}: budget.{field} is {account[field]}, runs are charged {least} to {most} USD"
    if Decimal(account["reservedUSD"]) != NOTHING:
        yield f"{life.name}: {account['reservedUSD']} USD are reserved, though nothing runs"


def _limits(life: Life, now: datetime) -> Iterator[tuple[Decimal, datetime | None, str]]:
    budgets = [spec["budget"] for spec in life.specs]
    if all("totalUSD" in budget for budget in budgets):
        yield max(Decimal(budget["totalUSD"]) for budget in budgets), None, "in all"
    if len(_periods(life)) == 1 and all("periodUSD" in budget for budget in budgets):
        [(period, zone)] = _periods(life)
        start = _begin(period, now.astimezone(ZoneInfo(zone)))
        yield max(Decimal(budget["periodUSD"]) for budget in budgets), start, f"since {start:%H:%M}"


def _periods(life: Life) -> set[tuple[str, str]]:
    """The periods that its budgets ever had, with their zones. One that another one follows begins in its midst."""
    return {(spec["budget"].get("period", ""), spec.get("timeZone", "UTC")) for spec in life.specs}


def _begin(period: str, local: datetime) -> datetime:
    hour = local.replace(minute=0, second=0, microsecond=0)
    return hour if period == "Hour" else hour.replace(hour=0)


def _runs(life: Life) -> set[str]:
    return {base_id(name) for name in life.jobs}


def _taken(life: Life, run: str, since: datetime | None, working: set[str]) -> Decimal:
    """What a run takes of a budget at least, whatever the operator may know of its end by now."""
    if any(base_id(name) == run for name in working):
        return _reserved(life, run)
    if not _counts(life, run, since):
        return NOTHING
    least, _ = _charge(life, run)
    return least if run in life.closed else min(least, _reserved(life, run))


def _counts(life: Life, run: str, since: datetime | None) -> bool:
    """Whether a run that has ended did so in the period."""
    if since is None:
        return True
    ended = parse_time(life.closed.get(run, {}).get("completedAt"))
    ended = ended or max((end.at for end in _ends(life, run).values()), default=None)
    return ended is not None and ended >= since


def _charge(life: Life, run: str) -> tuple[Decimal, Decimal]:
    """The least and the most that an ended run may be charged: a range where not all of it could be seen."""
    ends = _ends(life, run)
    told = sum((end.cost or NOTHING for end in ends.values()), NOTHING)
    seen = {uid: end for uid, end in ends.items() if uid not in life.unseen}
    least = sum((end.cost or NOTHING for end in seen.values()), NOTHING)
    if any(end.started and end.cost is None for end in seen.values()):
        least = max(least, _reserved(life, run))
    stray = any(base_id(name) == run for name in life.strays.values())
    cancelled = life.closed.get(run, {}).get("phase") == "Cancelled"
    silent = any(end.started and end.cost is None for end in ends.values())
    uncertain = silent or len(seen) < len(ends) or stray or cancelled
    return (NOTHING if stray else least), (max(told, _reserved(life, run)) if uncertain else told)


def _ends(life: Life, run: str) -> dict[str, PodEnd]:
    return {uid: end for uid, end in life.ends.items() if base_id(end.run) == run}


def _reserved(life: Life, run: str) -> Decimal:
    """What its first attempt's Job says."""
    names = sorted((name for name in life.jobs if base_id(name) == run), key=len)
    return Decimal(life.jobs[names[0]]["metadata"]["annotations"].get(ANNOTATION_BUDGET, "0"))
