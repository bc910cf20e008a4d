"""The annotation `skip`: slots that people do not want to run."""

from typing import Any

import pytest

from agentschedule.planning.observed import Start

from .builders import World, slot_id, utc
from .stories import fail, restart, started

NINE, TEN = slot_id("09:00"), slot_id("10:00")


def day(skip: str, **spec: Any) -> World:
    """Three hours, in which each run ends at once."""
    world = World(annotations={"agentschedule.dev/skip": skip}, **spec).tick("08:45")
    for slot in ("09:00", "10:00", "11:00"):
        world.tick(slot)
        for job in world.status.active:
            world.ends(job)
        world.wait(seconds=5)
    return world


@pytest.mark.parametrize(
    ("skip", "runs"),
    [
        pytest.param("2026-11-22T10:00:00Z", ["09:00", "11:00"], id="one"),
        pytest.param("2026-11-22T09:00:00Z,2026-11-22T11:00:00Z", ["10:00"], id="two"),
        pytest.param(" 2026-11-22T09:00:00Z , 2026-11-22T11:00:00Z , ", ["10:00"], id="spaces and a comma too many"),
        pytest.param("2026-11-22T19:00:00+09:00", ["09:00", "11:00"], id="with an offset"),
        pytest.param("2026-11-22T10:00:00.000Z", ["09:00", "11:00"], id="with a fraction of nothing"),
        pytest.param("2026-11-22T10:00:01Z", ["09:00", "10:00", "11:00"], id="not quite a slot"),
        pytest.param("2026-11-22T10:30:00Z", ["09:00", "10:00", "11:00"], id="no slot at all"),
        pytest.param("2026-11-21T10:00:00Z", ["09:00", "10:00", "11:00"], id="long past"),
        pytest.param("", ["09:00", "10:00", "11:00"], id="empty"),
    ],
)
def test_exactly_these_do_not_run(skip: str, runs: list[str]) -> None:
    world = day(skip)
    assert started(world) == runs
    assert world.skips() == ({"Requested": 3 - len(runs)} if len(runs) < 3 else {})
    assert "skip" not in world.condition("Ready").message


@pytest.mark.parametrize(
    ("skip", "named", "runs"),
    [
        pytest.param("tomorrow", "tomorrow", ["09:00", "10:00", "11:00"], id="words"),
        pytest.param("2026-11-22T10:00:00", "2026-11-22T10:00:00", ["09:00", "10:00", "11:00"], id="no offset"),
        pytest.param("10:00, 2026-11-22T10:00:00Z", "10:00", ["09:00", "11:00"], id="the rest is obeyed"),
        pytest.param("a, b, c, d, e", "a, b, c", ["09:00", "10:00", "11:00"], id="three are named"),
        pytest.param("x" * 200_000, "xxxx", ["09:00", "10:00", "11:00"], id="far too long"),
    ],
)
def test_what_cannot_be_read_is_told_and_ignored(skip: str, named: str, runs: list[str]) -> None:
    world = day(skip)
    assert started(world) == runs
    ready = world.condition("Ready")
    assert (ready.status, len(ready.message) < 300) == ("True", True)
    assert f"agentschedule.dev/skip: {named}" in ready.message
    assert "is ignored" in ready.message
    world.annotate(skip=None).tick("11:30")
    assert "skip" not in world.condition("Ready").message


def test_it_is_told_without_a_warning_and_once() -> None:
    world = World(annotations={"agentschedule.dev/skip": "2026-11-22T09:00:00Z"}).tick("08:45").tick("09:00")
    [note] = world.notes
    assert (note.reason, note.warning) == ("SlotSkipped", False)
    assert restart(world).tick("09:01").told() == ["SlotSkipped"]
    assert world.skips() == {"Requested": 1}


@pytest.mark.parametrize(
    ("skip", "shown"),
    [
        pytest.param("2026-11-22T09:00:00Z", "10:00", id="the one after it"),
        pytest.param("2026-11-22T09:00:00Z,2026-11-22T10:00:00Z", "11:00", id="after both"),
        pytest.param("2026-11-22T10:00:00Z", "09:00", id="a later one"),
    ],
)
def test_the_next_run_is_shown(skip: str, shown: str) -> None:
    world = World(annotations={"agentschedule.dev/skip": skip}).tick("08:45")
    assert world.status.next_run_time == utc(shown)


def test_a_one_shot_that_is_not_wanted_is_complete() -> None:
    world = World(schedule=None, at="2026-11-22T09:00:00Z").tick("08:45").annotate(skip="2026-11-22T09:00:00Z")
    world.tick("09:00").tick("09:01")
    assert (started(world), world.status.phase, world.skips()) == ([], "Complete", {"Requested": 1})


@pytest.mark.parametrize(
    ("catch_up", "runs", "skips"),
    [
        pytest.param("Latest", ["09:00"], {"Requested": 1}, id="Latest: the newest that is wanted"),
        pytest.param("All", ["09:00"], {"Requested": 1}, id="All"),
        pytest.param("None", [], {"Requested": 1, "CatchUp": 1}, id="None"),
    ],
)
def test_a_missed_slot_that_is_not_wanted(catch_up: str, runs: list[str], skips: dict[str, int]) -> None:
    world = World(catchUp=catch_up).tick("08:45").annotate(skip="2026-11-22T10:00:00Z").tick("10:20")
    for job in world.status.active:
        world.ends(job)
    world.tick("10:25")
    assert (started(world), world.skips()) == (runs, skips)


def test_one_that_waits_for_room_is_skipped() -> None:
    world = World(concurrencyPolicy="Replace").tick("09:00").runs(NINE).tick("10:00")
    world.annotate(skip="2026-11-22T10:00:00Z").tick("10:00:10")
    world.ends(NINE, code=143).lose(NINE).tick("10:01")
    assert (started(world), world.skips()) == (["09:00"], {"Requested": 1})


def test_one_that_has_begun_goes_on_with_its_attempts() -> None:
    world = fail(World(retry={"limit": 1, "backoff": "30s"}), "09:00").annotate(skip="2026-11-22T09:00:00Z")
    world.wait(seconds=40)
    assert (started(world), world.skips()) == (["09:00", "09:00-r2"], {})


def test_one_whose_job_is_being_created_runs() -> None:
    world = World().tick("08:45")
    world.creates = Start("InFlight")
    world.step("09:00")
    world.annotate(skip="2026-11-22T09:00:00Z").step("09:00:01")
    assert world.skips() == {}


def test_it_is_no_edit_of_when() -> None:
    world = World().tick("08:45").annotate(skip="2026-11-22T09:00:00Z").tick("10:20")
    assert (started(world), world.skips()) == (["10:00"], {"Requested": 1}), "10:00 was missed and is made up for"


def test_a_blackout_puts_off_the_newest_that_is_wanted() -> None:
    lunch = {"name": "lunch", "action": "Defer", "hours": {"start": "08:50", "end": "11:30"}}
    world = World(blackouts=[lunch]).tick("08:45").annotate(skip="2026-11-22T11:00:00Z").tick("11:30")
    assert (started(world), world.skips()) == (["10:00"], {"Blackout": 1, "Requested": 1})


def test_manual_runs_and_unwanted_slots_of_the_same_second_have_nothing_to_do_with_each_other() -> None:
    world = World(annotations={"agentschedule.dev/skip": "2026-11-22T09:00:00Z"}).tick("08:45")
    world.request("now", created="09:00").tick("09:00")
    assert (started(world), world.skips()) == (["news-m00000001aa"], {"Requested": 1})
    assert world.status.iteration == 0
