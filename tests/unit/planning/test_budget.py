"""Budgets: what a start reserves, what an ended run is charged, and what several attempts share."""

import json
from typing import Any

import pytest

from agentschedule.planning.actions import CreateJob
from agentschedule.planning.observed import Start

from .builders import World, slot_id, utc
from .stories import account, begin_and_end, costs, granted, restart, started, succeed

NINE, TEN = slot_id("09:00"), slot_id("10:00")


def charged(budget: dict[str, Any], result: str | None = None, **spec: Any) -> World:
    """The run of 09:00 has ended and was charged."""
    return succeed(World(budget=budget, **spec), "09:00", result=result)


# What a start reserves


@pytest.mark.parametrize(
    ("budget", "reported", "expected"),
    [
        pytest.param(None, None, ["10", "10"], id="no budget: the ceiling is told"),
        pytest.param({"perRunUSD": "2.50"}, "1", ["2.5", "2.5"], id="per run"),
        pytest.param({"totalUSD": "100"}, "1", ["10", "10"], id="much is left: the ceiling"),
        pytest.param({"totalUSD": "4"}, "1", ["4", "3"], id="less is left than the ceiling"),
        pytest.param({"period": "Day", "periodUSD": "4"}, "1", ["4", "3"], id="less is left in the period"),
        pytest.param(
            {"totalUSD": "9", "period": "Day", "periodUSD": "4"}, "1", ["4", "3"], id="the smaller of both: period"
        ),
        pytest.param({"totalUSD": "3", "period": "Day", "periodUSD": "4"}, "1", ["3", "2"], id="of both: total"),
        pytest.param({"perRunUSD": "1", "totalUSD": "2"}, "1", ["1", "1"], id="exactly enough is left"),
        pytest.param({"perRunUSD": "1.50", "totalUSD": "2"}, "1", ["1.5"], id="less than a run's budget is left"),
        pytest.param({"totalUSD": "2"}, "1.999999", ["2", "0.000001"], id="any amount will do without perRunUSD"),
        pytest.param({"totalUSD": "2"}, "2", ["2"], id="nothing is left"),
        pytest.param({"totalUSD": "2"}, "7", ["2"], id="less than nothing is left"),
        pytest.param({"perRunTokens": 5}, "1", ["10", "10"], id="tokens only"),
    ],
)
def test_what_a_start_reserves(budget: dict[str, Any] | None, reported: str | None, expected: list[str]) -> None:
    world = succeed(World(budget=budget), "09:00", result=costs(reported) if reported else None)
    world.tick("10:00")
    assert granted(world) == expected


def test_a_run_is_told_what_it_may_cost_and_its_job_remembers_it() -> None:
    world = World(budget={"perRunUSD": "2.50", "perRunTokens": 5000}).tick("09:00")
    pod = world.manifests[NINE]["spec"]["template"]
    told = json.loads(pod["metadata"]["annotations"]["agentschedule.dev/context"])["limits"]
    assert (told["maxBudgetUSD"], told["maxTokens"]) == ("2.5", 5000)
    assert str(world.jobs[NINE].budget) == "2.5"
    assert account(world) == {"period": "0", "reserved": "2.5", "total": "0"}


def test_runs_under_way_are_reserved() -> None:
    world = World(schedule="0,10,20 * * * *", maxConcurrentRuns=3, budget={"perRunUSD": "1", "totalUSD": "2.50"})
    world.tick("08:45").tick("09:00").tick("09:10").tick("09:20")
    assert (granted(world), world.skips()) == (["1", "1"], {"Budget": 1})
    assert account(world) == {"period": "0", "reserved": "2", "total": "0"}


def test_a_job_on_its_way_is_reserved_for_a_manual_run_too() -> None:
    world = World(maxConcurrentRuns=3, budget={"totalUSD": "4"}).tick("08:45")
    world.creates = Start("InFlight")
    world.step("09:00")
    [asked] = world.take(CreateJob)
    world.starts[NINE] = Start("InFlight", budget=asked.budget)
    world.request("now").step("09:00:01")
    assert granted(world) == []
    status = world.requests["now"].status
    assert (status.phase, "reserved by active runs" in (status.message or "")) == ("Pending", True)


# What a run is charged


@pytest.mark.parametrize(
    ("result", "total"),
    [
        pytest.param(costs("0.42"), "0.42", id="what it reports"),
        pytest.param(costs(0.42), "0.42", id="a number"),
        pytest.param(costs("0"), "0", id="nothing, and says so"),
        pytest.param(costs("3"), "3", id="more than its budget"),
        pytest.param(None, "2.5", id="no result: the reservation"),
        pytest.param("all well", "2.5", id="text only: the reservation"),
        pytest.param(costs("-1"), "2.5", id="negative: the reservation"),
        pytest.param(costs("1e30"), "2.5", id="huge: the reservation"),
        pytest.param(costs("NaN"), "2.5", id="not a number: the reservation"),
        pytest.param('{"costUSD": Infinity}', "2.5", id="infinite: the reservation"),
        pytest.param(costs(None), "2.5", id="null: the reservation"),
        pytest.param(costs(True), "2.5", id="true: the reservation"),
    ],
)
def test_what_an_ended_run_is_charged(result: str | None, total: str) -> None:
    world = charged({"perRunUSD": "2.50", "period": "Day", "periodUSD": "50"}, result)
    assert account(world) == {"period": total, "reserved": "0", "total": total}
    assert ("BudgetOverrun" in world.told()) == (total == "3")


@pytest.mark.parametrize(
    ("end", "total"),
    [
        pytest.param(lambda w: w.lose(NINE), "0", id="before it started"),
        pytest.param(lambda w: w.runs(NINE).tick("09:01").ends(NINE, code=143).lose(NINE), "2", id="silent"),
        pytest.param(
            lambda w: w.runs(NINE).tick("09:01").ends(NINE, code=143, result=costs("0.30")).lose(NINE),
            "0.3",
            id="with its last words",
        ),
    ],
)
@pytest.mark.parametrize("stopped", [None, "Replaced", "Cancelled"])
def test_runs_that_were_stopped(end: Any, total: str, stopped: str | None) -> None:
    world = World(budget={"perRunUSD": "2", "totalUSD": "9"}).tick("09:00")
    world.pod(NINE, phase="Pending").job(NINE, deleting=True, stopped=stopped)
    end(world)
    world.pod(NINE, deleted_at=utc("09:00")).tick("09:02")
    assert world.run(NINE).phase == (stopped or "Cancelled")
    assert account(world) == {"period": "0", "reserved": "0", "total": total}


def test_a_job_that_was_lost_unseen_is_charged_its_reservation() -> None:
    world = World(budget={"perRunUSD": "2", "totalUSD": "9"}).tick("09:00")
    world.jobs.clear()
    restart(world).tick("09:30")
    assert world.run(NINE).phase == "Cancelled"
    assert account(world)["total"] == "2"


def test_a_run_that_never_started_costs_nothing() -> None:
    world = World(budget={"perRunUSD": "2", "totalUSD": "9"}, pendingDeadlineSeconds=60).tick("09:00")
    world.pod(NINE, waiting=("ErrImagePull", "no such image")).tick("09:00:30").tick("09:01:30").tick("09:02")
    world.lose(NINE).tick("09:03")
    assert (world.run(NINE).phase, world.run(NINE).reason) == ("Failed", "NeverStarted")
    assert account(world) == {"period": "0", "reserved": "0", "total": "0"}


def test_a_manual_run_is_charged_too() -> None:
    world = World(budget={"perRunUSD": "2", "totalUSD": "9"}).tick("08:45").request("now").tick("08:46")
    assert account(world)["reserved"] == "2"
    world.ends("news-m00000001aa", result=costs("0.5")).tick("08:50")
    assert account(world) == {"period": "0", "reserved": "0", "total": "0.5"}


def test_a_run_is_charged_once_though_its_entry_is_trimmed_and_its_job_stays() -> None:
    kept = {"runHistoryLimit": 1, "successfulJobsHistoryLimit": 9}
    world = charged({"perRunUSD": "2", "totalUSD": "9"}, costs("0.5"), **kept)
    succeed(world, "10:00", "11:00", result=costs("0.5"))
    assert (len(world.status.runs), len(world.jobs)) == (1, 3)
    restart(world).tick("11:30")
    assert account(world)["total"] == "1.5"


def test_a_budget_that_comes_later_counts_what_was_spent_before_in_its_total() -> None:
    world = succeed(World(), "09:00", result=costs("0.5"))
    assert world.status.budget is None
    world.edit(budget={"totalUSD": "1", "period": "Day", "periodUSD": "3"}).tick("09:30")
    assert account(world) == {"period": "0", "reserved": "0", "total": "0.5"}


# Several attempts


def tried_twice(result: str | None, **budget: Any) -> World:
    """The first attempt at 09:00 has failed with this result; the second is due within a minute."""
    world = World(budget=budget, retry={"limit": 2, "backoff": "30s"})
    begin_and_end(world, "09:00", code=1, result=result)
    started(world)
    return world


@pytest.mark.parametrize(
    ("result", "left"),
    [
        pytest.param(costs("0.5"), "1.5", id="what the first has left"),
        pytest.param(costs("0"), "2", id="all, where it cost nothing"),
        pytest.param(None, "2", id="all, where it did not say"),
    ],
)
def test_the_next_attempt_may_cost_what_is_left(result: str | None, left: str) -> None:
    world = tried_twice(result, perRunUSD="2", totalUSD="9")
    assert account(world)["reserved"] == "2", "set aside until the run has ended for good"
    assert granted(world.wait(seconds=31)) == [left]
    assert account(world) == {"period": "0", "reserved": "2", "total": "0"}


def test_an_attempt_of_a_run_whose_job_says_no_budget_may_cost_what_the_ceiling_leaves() -> None:
    world = World(retry={"limit": 1, "backoff": "30s"}).tick("08:45")
    world.step("09:00")
    world.job(NINE, budget=None).ends(NINE, code=1, result=costs("0.5")).tick("09:00:05")
    assert world.run(NINE).budget_usd is None
    granted(world)
    assert granted(world.tick("09:01")) == ["9.5"]


@pytest.mark.parametrize(
    ("first", "second", "total"),
    [
        pytest.param(costs("0.5"), costs("0.7"), "1.2", id="the sum"),
        pytest.param(None, costs("0.7"), "2", id="the first said nothing: at least its budget"),
        pytest.param(costs("0.5"), None, "2", id="the second said nothing"),
        pytest.param(None, None, "2", id="neither did"),
        pytest.param(None, costs("2.5"), "2.5", id="more than its budget"),
    ],
)
def test_a_run_is_charged_for_all_its_attempts_together(first: str | None, second: str | None, total: str) -> None:
    world = tried_twice(first, perRunUSD="2", totalUSD="9").wait(seconds=31)
    world.runs(slot_id("09:00", 2)).ends(slot_id("09:00", 2), result=second).tick("09:05")
    assert account(world) == {"period": "0", "reserved": "0", "total": total}


@pytest.mark.parametrize("cost", ["2", "2.01"])
def test_there_is_no_further_attempt_when_the_budget_is_used_up(cost: str) -> None:
    world = tried_twice(costs(cost), perRunUSD="2", totalUSD="9").wait(minutes=5)
    assert started(world) == []
    assert (world.run(NINE).phase, world.run(NINE).retry_at) == ("Failed", None)
    assert "its budget of 2 USD is used up" in (world.run(NINE).message or "")
    assert world.status.consecutive_failures == 1


@pytest.mark.parametrize(
    ("tokens", "left"),
    [
        pytest.param({"inputTokens": 30, "outputTokens": 20}, 50, id="both count"),
        pytest.param({"inputTokens": 30}, 70, id="input only"),
        pytest.param(None, 100, id="none reported"),
        pytest.param({"inputTokens": 60, "outputTokens": 40}, None, id="used up"),
    ],
)
def test_attempts_share_their_tokens(tokens: dict[str, int] | None, left: int | None) -> None:
    world = tried_twice(json.dumps({"usage": tokens}), perRunTokens=100).wait(seconds=31)
    assert (started(world) == []) == (left is None)
    if left is None:
        assert "its budget of 100 tokens is used up" in (world.run(NINE).message or "")
        return
    pod = world.manifests[slot_id("09:00", 2)]["spec"]["template"]
    assert json.loads(pod["metadata"]["annotations"]["agentschedule.dev/context"])["limits"]["maxTokens"] == left


def test_attempts_whose_money_is_reserved_run_while_the_schedule_is_held_for_its_budget() -> None:
    retry = {"backoff": "2h", "maxBackoff": "2h"}
    world = World(maxConcurrentRuns=2, budget={"perRunUSD": "2", "totalUSD": "3"}, retry=retry)
    begin_and_end(world, "09:00", code=1, result=costs("0.5")).tick("10:00")
    assert (world.status.phase, world.skips()) == ("Held", {"Budget": 1})
    started(world)
    assert started(world.tick("11:30")) == ["09:00-r2"]
