"""Stories that nobody thought of: schedules, people and trouble at random. A failing one prints as it was told."""

from hypothesis import given
from hypothesis import strategies as st

from .clock import simulate
from .profile import STORIES
from .promises import check_promises, check_quiet
from .steps import END, Step, stories, untouched
from .world import World


async def tell(seed: int, story: list[Step]) -> None:
    """Let it happen, then calm everything, and see that every promise was kept."""
    async with World(seed=seed) as world:
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
