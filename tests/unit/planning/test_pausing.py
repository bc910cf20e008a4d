"""Suspended by spec, paused by annotation, and what counts afterwards."""

import pytest

from agentschedule.planning.actions import CreateJob

from .builders import World, slot_id, utc

NINE, TEN = slot_id("09:00"), slot_id("10:00")


def slots(world: World) -> list[str]:
    return [f"{job.slot:%H:%M}" for job in world.take(CreateJob)]


def test_suspend_starts_nothing_and_lets_run_what_runs() -> None:
    world = World(concurrencyPolicy="Allow").tick("09:00").runs(NINE).edit(suspend=True).tick("09:30").tick("10:00")
    assert slots(world) == ["09:00"]
    assert world.run(NINE).phase == "Running"
    suspended = world.condition("Suspended")
    assert (suspended.status, suspended.reason) == ("True", "Spec")
    assert (world.condition("Ready").status, world.condition("Ready").reason) == ("True", "Suspended")
    assert (world.status.phase, world.status.next_run_time) == ("Paused", None)
    assert world.told() == ["Suspended"]

    world.edit(suspend=False).tick("11:30")
    assert (slots(world), world.skips()) == ([], {}), "what passed is gone, and was not due"
    assert world.told() == ["Resumed"]
    assert (world.condition("Suspended").status, world.status.phase) == ("False", "Active")
    assert slots(world.tick("12:00")) == ["12:00"]


def test_created_suspended() -> None:
    world = World(suspend=True).tick("08:45").tick("09:00")
    assert slots(world) == []
    assert slots(world.edit(suspend=False).tick("09:30").tick("10:00")) == ["10:00"]


def test_a_one_shot_that_passes_while_suspended_is_gone() -> None:
    world = World(schedule=None, at="2026-11-22T09:00:00Z", suspend=True).tick("08:45").tick("09:30")
    assert world.condition("Complete").status == "False"
    world.edit(suspend=False).tick("10:00")
    assert (slots(world), world.status.phase) == ([], "Complete")


def test_an_annotation_pauses_and_says_who_and_why() -> None:
    world = World().tick("08:45").annotate(paused="maintenance", paused_by="ops", paused_until="2026-11-22T10:30:00Z")
    world.tick("08:50")
    assert world.condition("Suspended").reason == "Annotation"
    assert world.condition("Suspended").message == "paused by ops until 2026-11-22 10:30:00 UTC: maintenance"
    assert world.wake_at == utc("10:30")
    assert slots(world.tick("09:00").tick("10:00").tick("10:29:59")) == []
    world.tick("10:30")
    assert (world.condition("Suspended").status, slots(world)) == ("False", [])
    assert world.told() == ["Suspended", "Resumed"]
    assert slots(world.tick("11:00")) == ["11:00"]


def test_an_annotation_taken_away_resumes() -> None:
    world = World().tick("08:45").annotate(paused="").tick("08:50")
    assert world.condition("Suspended").message == "paused until the annotation is removed"
    world.annotate(paused=None).tick("11:30")
    assert (slots(world), world.skips()) == ([], {})


@pytest.mark.parametrize(
    ("until", "back", "started", "skips"),
    [
        pytest.param("2026-11-22T10:30:00Z", "12:10", ["12:00"], {"CatchUp": 1}, id="slots after it count"),
        pytest.param("2026-11-22T12:00:00Z", "12:00", ["12:00"], {}, id="a slot at that very time is due"),
        pytest.param("2026-11-22T11:00:00Z", "12:10", ["12:00"], {"CatchUp": 1}, id="so it is when seen later"),
        pytest.param("2026-11-22T12:00:00.5Z", "12:00:01", [], {}, id="just after a slot"),
        pytest.param("2026-11-22T21:00:00+09:00", "12:00:01", ["12:00"], {}, id="in another zone"),
    ],
)
def test_slots_count_from_paused_until_also_when_nobody_looked_then(
    until: str, back: str, started: list[str], skips: dict[str, int]
) -> None:
    world = World().tick("08:45").annotate(paused="x", paused_until=until).tick("08:50").tick(back)
    assert (slots(world), world.skips()) == (started, skips)


def test_an_old_annotation_does_not_bring_back_what_passed_while_suspended() -> None:
    world = World().tick("08:40").annotate(paused="x", paused_until="2026-11-22T08:50:00Z").tick("08:45")
    world.edit(suspend=True).tick("08:47")
    assert world.condition("Suspended").reason == "Spec"
    world.tick("09:00").tick("11:00").edit(suspend=False).tick("11:30")
    assert (slots(world), world.skips()) == ([], {})


@pytest.mark.parametrize(
    "until",
    [
        pytest.param("tomorrow", id="words"),
        pytest.param("2026-11-22T09:30:00", id="no offset"),
        pytest.param("0001-01-01T00:00:00+14:00", id="before all time"),
        pytest.param("x" * 200_000, id="far too long"),
    ],
)
def test_an_unreadable_time_pauses_until_the_annotation_is_removed(until: str) -> None:
    world = World().tick("08:45").annotate(paused="x", paused_until=until).tick("08:50").tick("10:00")
    assert slots(world) == []
    assert "not an RFC 3339 time" in world.condition("Suspended").message or len(until) > 1000
    assert len(world.condition("Suspended").message) < 5_000
    assert world.told() == ["Suspended"]


def test_a_time_that_has_passed_pauses_nothing() -> None:
    world = World().tick("08:45").annotate(paused="x", paused_until="2026-11-22T08:00:00Z").tick("09:00")
    assert slots(world) == ["09:00"]
    assert world.told() == []


def test_paused_until_without_paused_pauses_nothing() -> None:
    world = World().annotate(paused_until="2026-11-23T00:00:00Z").tick("09:00")
    assert slots(world) == ["09:00"]


def test_one_pause_after_another_is_one_event() -> None:
    world = World().tick("08:45").annotate(paused="x", paused_until="2026-11-22T10:00:00Z").tick("08:50")
    world.edit(suspend=True).tick("09:30").tick("10:30")
    assert world.condition("Suspended").reason == "Spec"
    assert world.told() == ["Suspended"]
    world.edit(suspend=False).tick("11:30")
    assert (slots(world), world.told()) == ([], ["Resumed"])


def test_a_clock_set_back_while_paused_resumes_at_no_earlier_time() -> None:
    world = World().tick("08:45").tick("09:00").ends(NINE).tick("09:01").edit(suspend=True).tick("09:10")
    slots(world)
    world.edit(suspend=False).tick("08:55")
    assert slots(world.tick("09:30")) == []
    assert slots(world.tick("10:00")) == ["10:00"]
