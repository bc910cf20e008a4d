"""What is called overdue is what the planner would deal with if it were asked, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from agentschedule.engine.overdue import overdue_since
from agentschedule.planning.actions import CreateJob, DryRun, EnsureVolume, Plan
from agentschedule.planning.draft import base_id
from agentschedule.planning.observed import Observed
from agentschedule.planning.planner import plan

from .clock import simulate
from .drawing import stories
from .profile import stories as examples
from .steps import Step
from .world import World

MINUTE = 60
_NEVER_WANTED = {"Requested", "Blackout"}


def dealt_with(observed: Observed, made: Plan) -> bool:
    """Whether a plan starts a slot, puts it into the queue or counts it as missed."""
    creations = [action for action in made.actions if isinstance(action, CreateJob) and action.trigger != "Manual"]
    started = any(base_id(creation.name) == creation.name for creation in creations)  # else a further attempt
    missed = any(reason not in _NEVER_WANTED for reason, _ in made.skipped)
    return started or missed or len(made.status.queued) > len(observed.status.queued)


@examples(60)
@given(seed=st.integers(0, 1000), story=stories, stops_after=st.integers(1, 40), asked_after=st.integers(1, 70))
def test_overdue_is_what_the_planner_would_deal_with(
    seed: int, story: list[Step], stops_after: int, asked_after: int
) -> None:
    """Told until the engine stands still. Then only the time passes, and what Jobs and people do is seen."""

    async def tell() -> None:
        async with World(seed=seed) as world:
            world.start()
            for step in story[:stops_after]:
                await step.happen(world)
            await world.calm()
            operator = world.start()
            await world.sleep(MINUTE)
            await operator.terms.close(0)
            await world.sleep(asked_after * MINUTE)
            registry, now = operator.intake.registry, world.clock.now()
            for key, entry in registry.schedules.items():
                observed = registry.observe(key)
                assert observed is not None
                made = plan(observed, world.settings, now)
                since = overdue_since(registry, entry, now)
                if since is not None:
                    assert since <= now
                world.log(f"{key}: overdue since {since}; {made.actions}, {made.skipped}")
                if not any(isinstance(action, DryRun | EnsureVolume) for action in made.actions):  # these come first
                    assert (since is not None) == dealt_with(observed, made), f"{entry}"

    simulate(tell())
