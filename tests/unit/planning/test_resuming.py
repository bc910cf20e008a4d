"""Resuming what is held, and the probation after that."""

from typing import Any

import pytest

from .builders import World, slot_id, utc
from .stories import costs, fail, hold_of, restart, resume, started, succeed


def held(**spec: Any) -> World:
    """Three slots in a row have failed; 11:00 is the third."""
    world = fail(World(**spec), "09:00", "10:00", "11:00")
    started(world)
    return world


def on_probation(**spec: Any) -> World:
    """Held at 11:00, resumed at 11:30."""
    world = held(**spec)
    world.now = utc("11:30")
    resume(world)
    world.told()
    return world


def test_the_id_resumes_and_the_counter_starts_from_zero() -> None:
    world = held().tick("11:30")
    told = len(world.notes)
    resume(world)
    assert (world.status.phase, world.status.consecutive_failures) == ("Active", 0)
    assert world.condition("Suspended").status == "False"
    assert [note.reason for note in world.notes[told:]] == ["Resumed"]
    assert hold_of(world).probation, "and it is on probation"


@pytest.mark.parametrize("value", ["0123456789", "x" * 5000, "true"])
def test_an_id_of_no_hold_is_answered_once_and_does_nothing(value: str) -> None:
    world = held()
    world.told()
    world.annotate(resume=value).tick("11:20").tick("11:30")
    [note] = world.notes
    assert (note.reason, note.warning) == ("ResumeIgnored", True)
    assert hold_of(world).id in note.message
    assert (world.status.phase, len(note.message) < 300) == ("Held", True)
    assert restart(world).tick("11:40").told() == ["ResumeIgnored"], "nor after a restart"
    assert resume(world).status.phase == "Active"


def test_an_id_of_a_schedule_that_is_not_held_does_nothing() -> None:
    world = World(annotations={"agentschedule.dev/resume": "0123456789"}).tick("08:45").tick("09:00")
    assert (started(world), world.told()) == (["09:00"], ["ResumeIgnored"])


def test_an_annotation_that_stays_does_not_resume_the_next_hold() -> None:
    world = on_probation()
    first = hold_of(world).id
    fail(world, "12:00")
    assert (world.status.phase, hold_of(world).id != first) == ("Held", True)
    assert world.tick("13:30").status.phase == "Held"
    assert world.told().count("ResumeIgnored") == 0, "it was dealt with"


@pytest.mark.parametrize("between", [None, "0123456789"])
def test_an_annotation_that_is_restored_does_nothing(between: str | None) -> None:
    world = on_probation()
    first = hold_of(world).id
    world.annotate(resume=between).tick("11:40")
    fail(world, "12:00").annotate(resume=first).tick("12:30")
    assert (world.status.phase, hold_of(world).probation) == ("Held", False)


def test_a_hold_that_was_resumed_is_known_after_a_restart() -> None:
    world = restart(on_probation()).tick("11:45")
    assert (world.status.phase, hold_of(world).probation, world.told()) == ("Active", True, [])
    assert fail(world, "12:00").status.phase == "Held"


# Probation


def test_on_probation_the_next_failed_slot_holds_it_again_at_once() -> None:
    world = fail(on_probation(), "12:00")
    hold = hold_of(world)
    assert (world.status.phase, hold.reason, hold.probation) == ("Held", "ConsecutiveFailures", False)
    assert hold.message.startswith("it failed again after it was resumed")
    assert world.told().count("Held") == 1


def test_a_success_ends_probation() -> None:
    world = succeed(on_probation(), "12:00")
    assert (world.status.hold, world.status.consecutive_failures) == (None, 0)
    assert fail(world, "13:00", "14:00").status.phase == "Active"
    assert fail(world, "15:00").status.phase == "Held"


def test_a_manual_run_neither_ends_probation_nor_holds_again() -> None:
    world = on_probation().request("good").tick("11:31").ends("news-m00000001aa").tick("11:32")
    assert hold_of(world).probation
    world.request("bad").tick("11:33").ends("news-m00000002aa", code=1).tick("11:34")
    assert (world.status.phase, hold_of(world).probation) == ("Active", True)


def test_a_budget_hold_keeps_the_probation() -> None:
    world = fail(World(pauseAfterFailures=1, budget={"period": "Day", "periodUSD": "1"}), "09:00")
    resume(world)  # it reported nothing, so all was charged
    world.tick("10:00")
    assert (world.status.phase, hold_of(world).reason, hold_of(world).probation) == ("Held", "BudgetExceeded", True)
    world.tick("2026-11-23 00:00")
    assert (world.status.phase, hold_of(world).reason, hold_of(world).probation) == (
        "Active",
        "ConsecutiveFailures",
        True,
    )
    world.ends(slot_id("2026-11-23 00:00"), code=1).tick("2026-11-23 00:05")
    assert hold_of(world).message.startswith("it failed again")


def test_a_success_under_a_budget_hold_ends_the_probation_and_not_the_hold() -> None:
    budget = {"perRunUSD": "0.40", "period": "Day", "periodUSD": "1"}
    world = fail(World(concurrencyPolicy="Allow", budget=budget, pauseAfterFailures=1), "09:00", result=costs("0"))
    resume(world).tick("10:00").tick("11:00").tick("12:00")
    assert (hold_of(world).reason, hold_of(world).probation) == ("BudgetExceeded", True)
    world.ends(slot_id("10:00"), result=costs("0.70")).tick("12:10")
    assert (hold_of(world).reason, hold_of(world).probation) == ("BudgetExceeded", False)
    assert world.status.phase == "Held"
