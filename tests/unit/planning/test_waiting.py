"""Slots that are due and have not started when the times are edited: they are counted, whatever they waited for."""

from collections.abc import Callable

import pytest

from agentschedule.planning.observed import Start

from .builders import World, slot_id, utc

NIGHT = [{"name": "night", "action": "Defer", "hours": {"start": "09:00", "end": "12:00"}}]


def deferred() -> World:
    """One slot put off to 12:00, an older one superseded by it."""
    return World(schedule="30 * * * *", blackouts=NIGHT).tick("08:45").tick("09:30").tick("10:30")


def backlog() -> World:
    """Three slots to be made up for, while a run of before is active."""
    world = World(catchUp="All").tick("08:45").tick("09:00").runs(slot_id("09:00"))
    return world.tick("12:10")


def unanswered() -> World:
    """A slot whose Job cannot be created for a while."""
    world = World().tick("08:45")
    world.creates = Start("Deferred", until=utc("09:30"), message="the API server is away")
    world.tick("09:00").creates = None
    return world.tick("09:10")


@pytest.mark.parametrize(
    ("make", "before", "waiting"),
    [
        pytest.param(deferred, {"Blackout": 1}, 1, id="put off by a blackout"),
        pytest.param(backlog, {}, 3, id="to be made up for"),
        pytest.param(unanswered, {}, 1, id="the API server away"),
    ],
)
@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"schedule": "59 23 * * *"}, id="other times"),
        pytest.param({"schedule": "no"}, id="a refused edit"),
    ],
)
def test_an_edit_counts_what_waits(
    make: Callable[[], World], before: dict[str, int], waiting: int, spec: dict[str, str]
) -> None:
    world = make()
    assert world.skips() == before
    scheduling = world.status.scheduling
    assert scheduling is not None
    assert scheduling.waiting is not None
    assert scheduling.waiting.count == waiting
    world.edit(**spec).wait(minutes=1)
    assert world.skips() == {**before, "Requested": waiting}
    world.edit(schedule="58 23 * * *").wait(minutes=1)
    assert world.skips() == {**before, "Requested": waiting}, "once"


def test_what_starts_in_time_never_waits() -> None:
    world = World().tick("08:45")
    made = world.step("09:00")
    assert made.status.scheduling is not None
    assert made.status.scheduling.waiting is None
    world.runs(slot_id("09:00")).edit(schedule="59 23 * * *").tick("09:01")
    assert world.skips() == {}
