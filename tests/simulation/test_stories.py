"""Stories that nobody thought of: schedules, people and trouble at random. A failing one prints as it was told."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agentschedule.delivery.outcome import Again, Delivered
from agentschedule.planning.observed import Ceilings, PlannerSettings

from .clock import simulate
from .drawing import stories, untouched
from .profile import STORIES
from .promises import check_promises, check_quiet
from .steps import END, Step
from .world import SETTINGS, World

LIMITED = replace(SETTINGS, ceilings=Ceilings(1, 1, 0.02))
"""One run at a time, one catch-up start in 50 s."""


async def tell(seed: int, story: list[Step], settings: PlannerSettings = SETTINGS) -> None:
    """Let it happen, then calm everything, and see that every promise was kept."""
    async with World(seed=seed, settings=settings) as world:
        world.receivers.answer = lambda number: Again("not now") if number % 3 == 0 else Delivered()
        world.start()
        for step in story:
            world.log(f"--- {step}")
            await step.happen(world)
            check_promises(world)
        await world.calm()
        while world.clock.now() < END:
            await world.sleep(600)
        await check_quiet(world, settle=3 * 3600)


@STORIES
@given(seed=st.integers(0, 1000), story=stories)
def test_any_story(seed: int, story: list[Step]) -> None:
    simulate(tell(seed, story))


@STORIES
@given(seed=st.integers(0, 1000), story=untouched)
def test_any_trouble(seed: int, story: list[Step]) -> None:
    """Nobody touches the schedule: every slot that was due is accounted for."""
    simulate(tell(seed, story))


@STORIES
@given(seed=st.integers(0, 1000), story=stories)
def test_any_story_at_the_ceilings(seed: int, story: list[Step]) -> None:
    simulate(tell(seed, story, LIMITED))
