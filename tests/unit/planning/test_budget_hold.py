"""What happens when the budget is used up: holds that end by themselves, skips, alerts, and new periods."""

from typing import Any

import pytest

from agentschedule.planning.actions import StopJob
from agentschedule.planning.observed import Start

from .builders import World, slot_id, utc
from .stories import account, costs, granted, hold_of, restart, resume, started, succeed

NINE, TEN = slot_id("09:00"), slot_id("10:00")
DAILY = {"period": "Day", "periodUSD": "1"}


def used_up(budget: dict[str, Any] = DAILY, result: str = costs("1"), **spec: Any) -> World:
    """The run of 09:00 has used the budget up; 10:00 finds nothing left."""
    world = succeed(World(budget=budget, **spec), "09:00", result=result).tick("10:00")
    assert started(world) == ["09:00"]
    return world


# Pause and Skip


def test_a_slot_without_money_holds_the_schedule() -> None:
    world = used_up()
    hold = hold_of(world)
    assert (world.status.phase, hold.reason, hold.since) == ("Held", "BudgetExceeded", utc("10:00"))
    assert world.condition("Suspended").reason == "BudgetExceeded"
    for words in ("of 1 USD in this day 1 are spent", "a new day begins at 2026-11-23 00:00:00 UTC", hold.id):
        assert words in hold.message
    assert world.told().count("BudgetExceeded") == 1
    assert world.skips() == {"Budget": 1}
    assert world.wake_at == utc("2026-11-23 00:00")
    world.tick("11:00").tick("12:00")
    assert (started(world), world.skips(), world.told()) == ([], {"Budget": 1}, [])


def test_the_plan_that_holds_it_already_tells_when_it_may_go_on() -> None:
    world = succeed(World(schedule="0 9,10 * * *", budget=DAILY), "09:00", result=costs("1"))
    assert world.step("10:00").wake_at == utc("2026-11-23 00:00")


def test_a_slot_without_money_is_skipped_where_the_spec_says_so() -> None:
    world = used_up({**DAILY, "onExceeded": "Skip"}).tick("11:00")
    assert (world.status.phase, world.status.hold, world.skips()) == ("Active", None, {"Budget": 2})
    assert [note.warning for note in world.notes if note.reason == "BudgetExceeded"] == [True, True]
    world.tick("2026-11-23 00:00")
    assert started(world) == ["00:00"]


@pytest.mark.parametrize("policy", ["Queue", "Forbid"])
def test_money_is_asked_for_by_whatever_starts_a_slot(policy: str) -> None:
    world = World(budget={"perRunUSD": "1", "totalUSD": "1.5"}, concurrencyPolicy=policy).tick("09:00").runs(NINE)
    world.tick("10:00").ends(NINE, result=costs("1")).tick("10:10").tick("11:00")
    assert started(world) == ["09:00"]
    assert world.skips()["Budget"] == 1
    assert world.status.queued == []


def test_a_run_is_not_replaced_by_one_that_could_not_be_paid() -> None:
    world = World(budget={"perRunUSD": "1", "totalUSD": "1.5"}, concurrencyPolicy="Replace")
    succeed(world, "09:00", result=costs("0.4")).tick("10:00").runs(TEN).tick("11:00")
    assert [(stop.name) for stop in world.take(StopJob)] == [TEN], "its own money is free when it ends"
    world = World(budget={"perRunUSD": "1", "totalUSD": "1.5"}, concurrencyPolicy="Replace")
    succeed(world, "09:00", result=costs("0.4")).tick("10:00").runs(TEN).edit(budget={"totalUSD": "0.4"}).tick("11:00")
    assert (world.take(StopJob), world.skips()) == ([], {"Budget": 1})


# How a hold ends


@pytest.mark.parametrize(
    ("edit", "at", "goes_on"),
    [
        pytest.param({"budget": {**DAILY, "periodUSD": "2"}}, "10:30", True, id="raised"),
        pytest.param({"budget": {**DAILY, "periodUSD": "1.000001"}}, "10:30", True, id="raised by a little"),
        pytest.param({"budget": {**DAILY, "perRunUSD": "0.5", "periodUSD": "1.2"}}, "10:30", False, id="not enough"),
        pytest.param({"budget": None}, "10:30", True, id="taken away"),
        pytest.param({"budget": {**DAILY, "onExceeded": "Skip"}}, "10:30", True, id="slots are to be skipped"),
        pytest.param({"input": "other"}, "10:30", False, id="another edit"),
        pytest.param({}, "2026-11-22 23:59:59", False, id="the day's last second"),
        pytest.param({}, "2026-11-23 00:00", True, id="a new day"),
    ],
)
def test_it_ends_by_itself_when_there_is_money_again(edit: dict[str, Any], at: str, goes_on: bool) -> None:
    world = used_up()
    (world.edit(**edit) if edit else world).tick(at)
    assert (world.status.hold is None, world.status.phase) == (goes_on, "Active" if goes_on else "Held")
    assert world.told().count("Resumed") == goes_on


def test_it_ends_when_an_active_run_costs_less_than_was_reserved() -> None:
    world = World(maxConcurrentRuns=2, budget={"perRunUSD": "1", "totalUSD": "1.50"}).tick("09:00").tick("10:00")
    assert (world.status.phase, "1 reserved by active runs" in hold_of(world).message) == ("Held", True)
    started(world)
    world.ends(NINE, result=costs("0.5")).tick("10:30")
    assert (world.status.phase, started(world)) == ("Active", []), "10:00 was skipped, and stays so"
    assert started(world.tick("11:00")) == ["11:00"]


@pytest.mark.parametrize(
    ("seen", "slots", "skips"),
    [
        pytest.param("2026-11-23 00:00", ["00:00"], {"Budget": 1}, id="the slot at its first second runs"),
        pytest.param("2026-11-23 00:00:50", ["00:00"], {"Budget": 1}, id="also when it is seen a little later"),
        pytest.param("2026-11-23 02:30", ["02:00"], {"Budget": 1, "CatchUp": 2}, id="later ones were due since then"),
    ],
)
def test_slots_count_from_the_new_period(seen: str, slots: list[str], skips: dict[str, int]) -> None:
    world = used_up().tick(seen)
    assert (started(world), world.skips()) == (slots, skips)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda w: w.edit(budget={**DAILY, "totalUSD": "2"}), id="the total is raised"),
        pytest.param(lambda w: w.annotate(resume=hold_of(w).id), id="resumed"),
    ],
)
def test_slots_that_passed_while_it_was_held_for_the_total_are_gone_also_in_a_new_period(end: Any) -> None:
    world = used_up({**DAILY, "totalUSD": "1"}).tick("2026-11-23 00:00")
    assert world.status.phase == "Held"
    world.tick("2026-11-23 08:30")
    end(world)
    world.tick("2026-11-23 08:31")
    assert (world.status.phase, started(world), world.skips()) == ("Active", [], {"Budget": 1})
    assert started(world.tick("2026-11-23 09:00")) == ["09:00"]


def test_slots_that_passed_until_an_active_run_of_the_old_period_had_ended_are_gone() -> None:
    world = World(maxConcurrentRuns=2, budget={**DAILY, "perRunUSD": "0.6"}, schedule="0 * * * *")
    world.tick("09:00").runs(NINE).tick("10:00").tick("2026-11-23 00:00")
    assert world.status.phase == "Held", "what the old run has reserved is reserved in the new period too"
    started(world)
    world.tick("2026-11-23 01:00").tick("2026-11-23 01:30").ends(NINE, result=costs("0.1")).tick("2026-11-23 01:31")
    assert (world.status.phase, started(world), world.skips()) == ("Active", [], {"Budget": 1})


def test_a_resumed_one_starts_with_an_empty_account() -> None:
    world = used_up({**DAILY, "totalUSD": "5"})
    resume(world.tick("10:30"))
    assert (world.status.hold, account(world)) == (None, {"period": "0", "reserved": "0", "total": "1"})
    succeed(world, "11:00", result=costs("1"))
    world.tick("12:00")
    assert (world.status.phase, account(world)["total"]) == ("Held", "2")


def test_a_resumed_one_whose_total_was_used_up_counts_its_total_anew() -> None:
    world = used_up({"totalUSD": "1", "period": "Day", "periodUSD": "5"})
    assert world.wake_at is None, "no new period helps"
    resume(world.tick("10:30"))
    assert account(world) == {"period": "1", "reserved": "0", "total": "0"}
    assert str(world.status.totals.cost_usd) == "1.000000000", "what was spent since creation stays"
    assert started(world.tick("11:00")) == ["11:00"]


# Periods


@pytest.mark.parametrize(
    ("period", "zone", "last", "first"),
    [
        pytest.param("Hour", "UTC", "2026-11-22 10:59:59", "2026-11-22 11:00", id="hour"),
        pytest.param("Day", "Asia/Tokyo", "2026-11-22 14:59:59", "2026-11-22 15:00", id="day in Tokyo"),
        pytest.param("Week", "UTC", "2026-11-22 23:59:59", "2026-11-23 00:00", id="week, from Monday"),
        pytest.param("Month", "UTC", "2026-11-30 23:59:59", "2026-12-01 00:00", id="month"),
    ],
)
def test_a_new_period_begins_with_nothing_spent(period: str, zone: str, last: str, first: str) -> None:
    budget = {"period": period, "periodUSD": "1", "onExceeded": "Skip"}
    world = World(schedule="30 10 * * *", timeZone=zone, created="10:00", now="10:00", budget=budget)
    world.tick("10:00").request("now").tick().ends("news-m00000001aa", result=costs("1")).tick("10:01")
    assert account(world.tick(last))["period"] == "1"
    assert account(world.tick(first)) == {"period": "0", "reserved": "0", "total": "1"}
    assert world.status.budget is not None
    assert world.status.budget.period_start == utc(first)


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        pytest.param("2026-11-22 23:59:59", "0", id="before the period began"),
        pytest.param("2026-11-23 00:00", "0.7", id="in its first second"),
    ],
)
def test_a_run_is_booked_in_the_period_in_which_it_ended(ended: str, expected: str) -> None:
    world = World(schedule="0 9 * * *", budget={**DAILY}).tick("09:00").runs(NINE)
    world.now = utc(ended)
    world.ends(NINE, result=costs("0.7")).tick("2026-11-23 00:10")
    assert account(world) == {"period": expected, "reserved": "0", "total": "0.7"}


def test_a_clock_set_back_over_a_period_s_beginning_begins_none_and_forgets_nothing() -> None:
    world = World(schedule="0 9 1 1 *", budget=DAILY).tick("08:45").tick("2026-11-23 00:00:10")
    world.request("a").tick().ends("news-m00000001aa", result=costs("0.6"))
    world.tick("2026-11-23 00:00:20").tick("2026-11-22 23:58")
    assert account(world)["period"] == "0.6"
    world.request("b").tick().ends("news-m00000002aa", result=costs("0.4")).tick("2026-11-22 23:59")
    assert account(world.tick("2026-11-23 00:05"))["period"] == "1", "what was spent meanwhile counts"


def test_the_account_survives_a_restart() -> None:
    world = used_up({**DAILY, "perRunUSD": "0.5"}, costs("0.7"))
    before = account(world)
    restart(world).tick("10:30")
    assert (account(world), world.status.phase) == (before, "Held")
    assert started(world.tick("2026-11-23 00:00")) == ["00:00"]


# Alerts


@pytest.mark.parametrize(
    ("budget", "each", "alerts"),
    [
        pytest.param({"totalUSD": "1"}, "0.4", [0, 1, 0], id="80 % by default"),
        pytest.param({"totalUSD": "1", "alertAtPercent": 50}, "0.25", [0, 1, 0], id="just reached"),
        pytest.param({"totalUSD": "1", "alertAtPercent": 100}, "0.3", [0, 0, 0], id="not reached"),
        pytest.param(DAILY, "0.8", [1, 0, 0], id="in the period"),
        pytest.param({**DAILY, "totalUSD": "2"}, "0.8", [1, 1, 0], id="period and total"),
    ],
)
def test_an_alert_is_told_once_when_its_share_is_reached(budget: dict[str, Any], each: str, alerts: list[int]) -> None:
    world = World(budget={**budget, "onExceeded": "Skip"})
    told = []
    for slot in ("09:00", "10:00"):
        succeed(world, slot, result=costs(each))
        told.append(world.told().count("BudgetAlert"))
    told.append(restart(world).tick("10:30").told().count("BudgetAlert"))
    assert told == alerts


def test_the_alert_comes_again_in_a_new_period() -> None:
    world = succeed(World(budget=DAILY), "09:00", result=costs("1")).tick("10:00")
    assert world.told().count("BudgetAlert") == 1
    world.tick("2026-11-23 00:00").ends(slot_id("2026-11-23 00:00"), result=costs("0.9")).tick("2026-11-23 00:10")
    assert world.told().count("BudgetAlert") == 1


# Manual runs


def test_a_manual_run_without_money_fails_at_once_and_says_why() -> None:
    world = used_up().request("now").tick("10:30")
    status = world.requests["now"].status
    assert (status.phase, granted(world)) == ("Failed", [])
    assert (status.message or "").startswith("budget exceeded: of 1 USD in this day 1 are spent")
    assert [(note.reason, note.agent_run) for note in world.notes][-1] == ("BudgetExceeded", "now")
    assert world.tick("2026-11-23 00:00").requests["now"].status == status, "and does not start by surprise"


def test_a_manual_run_waits_where_only_reservations_stand_in_the_way() -> None:
    world = World(maxConcurrentRuns=2, budget={"perRunUSD": "1", "totalUSD": "1.5"}).tick("09:00").runs(NINE)
    started(world)
    world.request("now").tick("09:10")
    status = world.requests["now"].status
    assert (status.phase, world.status.hold) == ("Pending", None)
    assert "waits for active runs to end" in (status.message or "")
    world.ends(NINE, result=costs("0.5")).tick("09:20")
    assert granted(world) == ["1"]


def test_a_manual_run_that_waited_fails_when_the_money_is_gone() -> None:
    world = World(maxConcurrentRuns=2, budget={"perRunUSD": "1", "totalUSD": "1.5"}).tick("09:00").runs(NINE)
    world.request("now").tick("09:10").ends(NINE, result=costs("0.9")).tick("09:20")
    assert world.requests["now"].status.phase == "Failed"


def test_the_next_slot_waits_behind_one_whose_job_is_being_created() -> None:
    world = World(schedule="* * * * *", concurrencyPolicy="Allow", budget={"perRunUSD": "1", "totalUSD": "1"})
    world.tick("08:31")
    world.creates = Start("InFlight")
    assert started(world) == ["08:31"]
    world.tick("08:32")
    assert (started(world), world.skips()) == ([], {"Budget": 1})
