"""Blackouts, as the planner obeys them: what is skipped, put off, held back, and what is not."""

from datetime import timedelta
from typing import Any

import pytest

from agentschedule.planning.observed import Start

from .builders import World, slot_id, utc
from .stories import started

NINE = slot_id("09:00")


def window(start: str, end: str, action: str | None = None, name: str = "lunch") -> dict[str, Any]:
    """A blackout on each day between these times."""
    given: dict[str, Any] = {"name": name, "hours": {"start": start, "end": end}}
    return {**given, "action": action} if action else given


def skipped(world: World) -> dict[str, int]:
    """Skipped slots by reason and name of the blackout."""
    return {f"{skip.reason} {skip.name or ''}".strip(): skip.count for skip in world.status.skips}


@pytest.mark.parametrize(
    ("blackouts", "runs", "skips"),
    [
        pytest.param([window("10:00", "12:00")], ["09:00", "12:00", "13:00"], {"Blackout lunch": 2}, id="Skip"),
        pytest.param([window("10:00", "12:01")], ["09:00", "13:00"], {"Blackout lunch": 3}, id="its last minute"),
        pytest.param([window("10:01", "11:00")], ["09:00", "10:00", "11:00", "12:00", "13:00"], {}, id="between slots"),
        pytest.param(
            [window("10:00", "11:30", "Defer")],
            ["09:00", "11:00", "12:00", "13:00"],
            {"Blackout lunch": 1},
            id="Defer: the newest runs at its end",
        ),
        pytest.param(
            [window("10:00", "12:00", "Defer")],
            ["09:00", "12:00", "13:00"],
            {"Blackout lunch": 2},
            id="Defer: a slot is due just at its end",
        ),
        pytest.param(
            [window("09:30", "12:30", "Defer"), window("11:00", "11:30", name="inner")],
            ["09:00", "12:00", "13:00"],
            {"Blackout lunch": 1, "Blackout inner": 1},
            id="Skip inside Defer",
        ),
        pytest.param(
            [window("09:30", "11:30", "Defer"), window("10:45", "12:30", name="later")],
            ["09:00", "13:00"],
            {"Blackout later": 3},
            id="a deferred start within a Skip",
        ),
        pytest.param(
            [window("09:30", "10:30", "Defer", "a"), window("10:30", "11:30", "Defer", "b")],
            ["09:00", "11:00", "12:00", "13:00"],
            {"Blackout a": 1},
            id="two that touch are one",
        ),
        pytest.param(
            [window("09:30", "10:30", "Defer", "a"), window("10:40", "11:30", "Defer", "b")],
            ["09:00", "10:00", "11:00", "12:00", "13:00"],
            {},
            id="two that do not touch",
        ),
    ],
)
def test_slots_within_blackouts(blackouts: list[dict[str, Any]], runs: list[str], skips: dict[str, int]) -> None:
    world = World(blackouts=blackouts).tick("08:45").tick("09:00")
    for _ in range(49):
        for job in world.status.active:
            world.ends(job)
        world.wait(minutes=5)
    assert started(world) == runs
    assert skipped(world) == skips


def test_a_deferred_slot_starts_at_the_end_and_keeps_its_nominal_time() -> None:
    world = World(blackouts=[window("10:00", "11:30", "Defer")]).tick("09:00").ends(NINE).tick("10:00").tick("11:00")
    assert (world.wake_at, world.status.next_run_time) == (utc("11:30"), utc("11:30"))
    world.tick("11:30")
    run = world.run(slot_id("11:00"))
    assert (run.scheduled_at, run.trigger) == (utc("11:00"), "Schedule")
    assert world.condition("Ready").status == "True"


def test_a_skipped_slot_is_told_of_without_a_warning() -> None:
    world = World(blackouts=[window("09:00", "10:00")]).tick("08:45").tick("09:00")
    [note] = world.notes
    assert (note.reason, note.warning) == ("SlotSkipped", False)
    assert "blackout lunch" in note.message


@pytest.mark.parametrize(
    ("spec", "back", "runs", "skips"),
    [
        pytest.param({}, "11:40", ["11:00"], {"Blackout lunch": 1}, id="late after its end"),
        pytest.param({"catchUp": "None"}, "11:30:50", ["11:00"], {"Blackout lunch": 1}, id="hardly late"),
        pytest.param({"catchUp": "None"}, "11:40", [], {"Blackout lunch": 1, "CatchUp": 1}, id="not made up for"),
        pytest.param({"startingDeadlineSeconds": 900}, "11:45", ["11:00"], {"Blackout lunch": 1}, id="deadline met"),
        pytest.param(
            {"startingDeadlineSeconds": 900},
            "11:45:01",
            [],
            {"Blackout lunch": 1, "DeadlineMissed": 1},
            id="deadline passed, counted from its end",
        ),
        pytest.param({}, "12:10", ["12:00"], {"Blackout lunch": 1, "CatchUp": 1}, id="a newer one is due"),
        pytest.param({"catchUp": "All"}, "12:10", ["11:00", "12:00"], {"Blackout lunch": 1}, id="All"),
    ],
)
def test_lateness_and_deadline_count_from_the_end(
    spec: dict[str, Any], back: str, runs: list[str], skips: dict[str, int]
) -> None:
    world = World(blackouts=[window("10:00", "11:30", "Defer")], **spec).tick("09:00").ends(NINE).tick("09:30")
    started(world)
    world.tick(back)
    for job in world.status.active:
        world.ends(job)
    world.wait(seconds=1)
    assert (started(world), skipped(world)) == (runs, skips)


# Starts that would come within one


@pytest.mark.parametrize(
    ("action", "skips", "then"),
    [
        pytest.param("Skip", {"Blackout lunch": 1}, [], id="Skip"),
        pytest.param("Defer", {}, ["09:00"], id="Defer"),
    ],
)
def test_a_missed_slot_is_made_up_for_outside_only(action: str, skips: dict[str, int], then: list[str]) -> None:
    world = World(blackouts=[window("09:10", "09:40", action)]).tick("08:45").tick("09:20")
    assert (started(world), skipped(world)) == ([], skips)
    assert started(world.tick("09:40")) == then


def test_a_backlog_waits_for_the_end() -> None:
    world = World(catchUp="All", blackouts=[window("10:10", "10:40", "Defer")]).tick("08:45").tick("10:20")
    assert (started(world), world.wake_at) == ([], utc("10:40"))
    world.tick("10:40").ends(NINE).tick("10:45")
    assert (started(world), world.skips()) == (["09:00", "10:00"], {})


@pytest.mark.parametrize("action", ["Skip", "Defer"])
def test_an_attempt_waits_for_the_end_whatever_the_action(action: str) -> None:
    retry = {"limit": 1, "backoff": "10m"}
    world = World(blackouts=[window("09:05", "09:40", action)], retry=retry).tick("09:00").ends(NINE, code=1)
    world.tick("09:01").tick("09:20")
    assert (started(world), world.wake_at) == (["09:00"], utc("09:40"))
    assert started(world.tick("09:40")) == ["09:00-r2"]


def test_a_run_that_is_active_goes_on_into_one() -> None:
    world = World(blackouts=[window("09:10", "12:00")]).tick("09:00").runs(NINE).tick("10:00").ends(NINE).tick("10:30")
    assert world.run(NINE).phase == "Succeeded"


def test_a_manual_run_knows_no_blackouts() -> None:
    world = World(blackouts=[window("09:00", "12:00")]).tick("08:45").request("now").tick("09:30")
    assert started(world) == ["news-m00000001aa"]


@pytest.mark.parametrize(("action", "then"), [("Skip", []), ("Defer", ["09:00"])])
def test_a_start_that_is_tried_again_within_one(action: str, then: list[str]) -> None:
    world = World(blackouts=[window("09:01", "09:30", action)]).tick("08:45")
    world.creates = Start("Deferred", until=utc("09:01:30"))
    world.step("09:00")
    started(world)
    world.creates = None
    world.tick("09:01:30")
    assert started(world) == []
    assert started(world.tick("09:30")) == then
    assert skipped(world) == ({} if then else {"Blackout lunch": 1})


@pytest.mark.parametrize(("action", "then"), [("Skip", []), ("Defer", ["09:00"])])
def test_a_jittered_start_that_falls_into_one(action: str, then: list[str]) -> None:
    plain = World(jitter="30m").tick("08:45").wake_at
    assert plain is not None
    assert plain > utc("09:01"), "else this test says nothing"
    blackout = window("09:01", "09:45", action)
    world = World(jitter="30m", blackouts=[blackout]).tick("08:45").tick(plain).tick("09:45").tick("09:59")
    assert started(world) == then
    assert skipped(world) == ({} if then else {"Blackout lunch": 1})


def test_of_slots_whose_starts_are_put_off_together_the_newest_runs() -> None:
    times: dict[str, Any] = {
        "schedule": "0,30 * * * *",
        "startTime": "2026-11-22T09:00:00Z",
        "endTime": "2026-11-22T10:00:00Z",
    }
    world = World(**times, jitter="20m", blackouts=[window("09:01", "10:15", "Defer")]).tick("08:45")
    assert started(world.tick("09:01").tick("09:25")) == [], "the start of 09:00 lies within, else this says nothing"
    world.tick("10:15").tick("10:35")
    assert (started(world), skipped(world)) == (["10:00"], {"Blackout lunch": 2})


def test_a_start_that_is_put_off_comes_before_the_next_slot_whatever_its_jitter() -> None:
    free = World(schedule="0,30 * * * *", jitter="20m", created="09:31", now="09:31").tick().wake_at
    assert free is not None
    assert free > utc("10:05"), "else this test says nothing"
    world = World(schedule="0,30 * * * *", jitter="20m", blackouts=[window("09:50", "10:25", "Defer")], created="09:31")
    assert started(world.tick("09:31").tick(utc("10:30") - timedelta(milliseconds=1))) == ["10:00"]


def test_a_slot_waits_for_room_into_a_blackout() -> None:
    world = World(concurrencyPolicy="Replace", blackouts=[window("10:01", "10:30")]).tick("09:00").runs(NINE)
    world.tick("10:00").tick("10:02")
    assert skipped(world) == {"Blackout lunch": 1}


# What is shown


@pytest.mark.parametrize(
    ("blackouts", "expected"),
    [
        pytest.param([window("09:00", "11:30")], "12:00", id="after what is skipped"),
        pytest.param([window("08:50", "11:30", "Defer")], "11:30", id="the end of what is put off"),
        pytest.param([window("08:50", "11:00", "Defer")], "11:00", id="a slot just at its end"),
        pytest.param([window("09:00", "09:01")], "10:00", id="one slot only"),
        pytest.param([{"name": "over", "from": "2026-11-22T09:00:00Z"}], None, id="one that never ends"),
    ],
)
def test_the_next_run_is_shown(blackouts: list[dict[str, Any]], expected: str | None) -> None:
    world = World(blackouts=blackouts).tick("08:45")
    assert world.status.next_run_time == (utc(expected) if expected else None)


def test_what_a_look_finds_within_a_blackout_that_never_ends_is_counted() -> None:
    endless = {"name": "over", "action": "Defer", "from": "2026-11-22T09:30:00Z"}
    world = World(blackouts=[endless]).tick("09:00").ends(NINE).tick("10:00").tick("11:00")
    assert (started(world), skipped(world)) == (["09:00"], {"Blackout over": 2})


def test_many_blackouts_are_counted_together_when_the_status_has_no_room() -> None:
    blackouts = [window(f"{9 + n:02}:00", f"{9 + n:02}:30", name=f"b{n}") for n in range(12)]
    world = World(blackouts=blackouts).tick("08:45")
    for hour in range(9, 21):
        world.tick(f"{hour:02}:00")
    assert len(world.status.skips) <= 10
    assert sum(skip.count for skip in world.status.skips) == world.status.totals.skipped == 12
    assert {skip.reason for skip in world.status.skips} == {"Blackout"}


def test_a_blackout_that_is_edited_away_counts_from_then() -> None:
    world = World(blackouts=[window("09:00", "12:30", "Defer")]).tick("08:45").tick("11:10")
    world.edit(blackouts=None).tick("11:20")
    assert started(world) == []
    assert started(world.tick("12:00")) == ["12:00"]
