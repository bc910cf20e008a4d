"""Short ways to tell what happens to a `World`, and to ask it what came of it."""

import json

from agentschedule.api.fields import money_text
from agentschedule.api.status import AgentScheduleStatus, Hold
from agentschedule.planning.actions import CreateJob
from agentschedule.planning.draft import base_id

from .builders import World, slot_id


def started(world: World) -> list[str]:
    """Start times of the slots for which Jobs were asked since one last looked; manual runs by their name."""
    return [
        job.name if job.trigger == "Manual" else f"{job.slot:%H:%M}" + job.name.removeprefix(base_id(job.name))
        for job in world.take(CreateJob)
    ]


def begin_and_end(world: World, slot: str, *, code: int = 0, result: str | None = None, attempt: int = 1) -> World:
    """It is time for a slot; its run starts and ends within a minute."""
    job = slot_id(slot, attempt)
    world.tick(slot).runs(job).wait(seconds=5)
    return world.ends(job, code=code, result=result).wait(seconds=5)


def fail(world: World, *slots: str, result: str | None = None) -> World:
    """The runs of these slots fail, one after another."""
    for slot in slots:
        begin_and_end(world, slot, code=1, result=result)
    return world


def succeed(world: World, *slots: str, result: str | None = None) -> World:
    """The runs of these slots succeed, one after another."""
    for slot in slots:
        begin_and_end(world, slot, result=result)
    return world


def costs(amount: object) -> str:
    """The result of an agent that reports this cost."""
    return json.dumps({"costUSD": amount})


def restart(world: World) -> World:
    """The operator is started again: what it knows comes from the API server, the status as it was written there."""
    world.status = written(world)
    world.starts.clear()
    return world


def written(world: World) -> AgentScheduleStatus:
    """The status as the API server gives it back."""
    return AgentScheduleStatus.model_validate(json.loads(json.dumps(world.status.to_json(), allow_nan=False)))


def hold_of(world: World) -> Hold:
    """The hold that is there."""
    assert world.status.hold is not None
    return world.status.hold


def resume(world: World) -> World:
    """A person resumes what is held."""
    return world.annotate(resume=hold_of(world).id).tick()


def granted(world: World) -> list[str]:
    """What the runs may cost for which Jobs were asked since one last looked, in US dollars."""
    return [money_text(job.budget) for job in world.take(CreateJob)]


def account(world: World) -> dict[str, str]:
    """The budget's account in US dollars: spent in the period, reserved, spent in all."""
    kept = world.status.budget
    assert kept is not None
    return {
        "period": money_text(kept.period_spent_usd),
        "reserved": money_text(kept.reserved_usd),
        "total": money_text(kept.total_usd),
    }
