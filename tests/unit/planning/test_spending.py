"""The budget of a namespace, as one schedule's plan sees it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from agentschedule.api.fields import money_text
from agentschedule.planning.actions import CreateJob
from agentschedule.planning.observed import Others

from .builders import World, utc

DAY = utc("2026-11-22 00:00")


def a_day(limit: str, period: str = "Day") -> dict[str, Any]:
    return {"limits": {"namespaceBudget": {"period": period, "limitUSD": limit}}}


def world(*policies: dict[str, Any], budget: dict[str, Any] | None = None) -> World:
    made = World(budget=budget)
    made.policies = list(policies)
    return made.tick("08:30")


def reserved(made: World) -> list[Decimal]:
    return [action.budget for action in made.asked if isinstance(action, CreateJob)]


def skipped(made: World) -> dict[str, int]:
    return {skip.reason: skip.count for skip in made.status.skips}


def accounts(made: World) -> dict[str, tuple[datetime, str]]:
    given = made.status.namespace_spending or ()
    return {one.period: (one.period_start, money_text(one.spent_usd)) for one in given}


def phase(made: World, request: str) -> str | None:
    return made.requests[request].status.phase


def test_a_run_gets_what_is_left_of_the_namespaces_money() -> None:
    made = world(a_day("4")).tick("09:00")
    assert reserved(made) == [Decimal(4)], "less than the ceiling of 10"


@pytest.mark.parametrize(
    ("others", "gets"),
    [
        pytest.param(Others(Decimal(1), {("Day", DAY): Decimal("0.5")}), "2.5", id="spent and reserved by others"),
        pytest.param(Others(Decimal(0), {("Day", utc("2026-11-21 00:00")): Decimal(4)}), "4", id="spent yesterday"),
        pytest.param(Others(Decimal(0), {("Hour", utc("09:00")): Decimal(4)}), "4", id="another period"),
        pytest.param(Others(Decimal(4), {}), None, id="all is reserved"),
        pytest.param(Others(Decimal(0), {("Day", DAY): Decimal(5)}), None, id="more is spent"),
    ],
)
def test_what_others_have_taken_is_gone(others: Others, gets: str | None) -> None:
    made = world(a_day("4"))
    made.others = others
    made.tick("09:00")
    assert reserved(made) == ([Decimal(gets)] if gets else [])
    if gets is None:
        assert skipped(made) == {"Budget": 1}
        assert made.status.hold is None, "its own budget says nothing of a hold"
        assert "AgentPolicy p0: of 4 USD for all schedules of this namespace" in made.notes[-1].message


def test_every_period_holds_and_of_one_the_lowest() -> None:
    made = world(a_day("4"), a_day("3"), a_day("2.5", "Hour"), a_day("100", "Month")).tick("09:00")
    assert reserved(made) == [Decimal("2.5")]


def test_what_runs_cost_is_charged_to_each_period_and_begins_anew() -> None:
    made = world(a_day("3", "Hour"), a_day("3.5"), budget={"perRunUSD": "2"}).tick("09:00")
    (job,) = made.jobs
    made.tick("09:01").runs(job).tick("09:10").ends(job, result='{"costUSD": "1.5"}').tick("09:11")
    assert accounts(made) == {"Hour": (utc("09:00"), "1.5"), "Day": (DAY, "1.5")}
    made.tick("10:00")
    assert reserved(made) == [Decimal(2), Decimal(2)]
    (second,) = [name for name in made.jobs if name != job]
    made.tick("10:01").runs(second).tick("10:10").ends(second, result='{"costUSD": "1.5"}').tick("10:11")
    assert accounts(made) == {"Hour": (utc("10:00"), "1.5"), "Day": (DAY, "3")}
    made.tick("11:00")
    assert skipped(made) == {"Budget": 1}
    made.policies = []
    made.tick("11:05")
    assert made.status.namespace_spending is None


def test_a_manual_run_waits_for_what_others_have_reserved_and_fails_where_all_is_spent() -> None:
    made = world(a_day("4"))
    made.others = Others(Decimal(4), {})
    made.request("now").tick("08:40")
    assert phase(made, "now") == "Pending"
    assert made.wake_at == utc("08:40:05")
    made.others = Others(Decimal(0), {("Day", DAY): Decimal(4)})
    made.tick("08:41")
    assert phase(made, "now") == "Failed"
