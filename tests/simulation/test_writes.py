"""How often a run makes the operator write: it is what runs cost everybody else in the cluster."""

import pytest

from .clock import simulate
from .node import Behaviour
from .world import World


@pytest.mark.parametrize(
    ("lasts", "writes"),
    [
        pytest.param(1, 4, id="short: the Job, the status once, two Events"),
        pytest.param(30, 5, id="long: the status also while it runs"),
    ],
)
def test_a_schedule_that_runs_once(lasts: float, writes: int) -> None:
    async def story() -> None:
        async with World() as world:
            world.behaviour = Behaviour(starts=1, lasts=lasts)
            world.apply("report", {"at": "2026-11-22T10:01:00Z"})
            world.start()
            await world.sleep(59)
            before = world.writes
            await world.sleep(60)
            assert world.status("report")["phase"] == "Complete"
            assert world.writes - before == writes

    simulate(story())
