"""What must hold whatever happens, checked from outside: from the fake cluster's history and what it holds."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

from agentschedule.api.fields import utc_text
from agentschedule.engine.writer import diff
from agentschedule.planning.actions import Plan
from agentschedule.planning.draft import ENDED_PHASES, base_id
from agentschedule.planning.planner import plan
from agentschedule.planning.reading import read_schedule
from agentschedule.runs.facts import job_facts, pod_facts
from agentschedule.runs.sighting import RESULT_PATIENCE

from . import limits, money
from .life import Life
from .world import FIGURES, World

HOUR = 3600


def check_promises(world: World, *, settled: bool = False) -> None:
    """Fail, with the story, if a promise is broken. `settled`: nothing runs and nothing is due any more."""
    problems = list(world.cluster.history.broken)
    problems += _moves_by_itself(world)
    for life in world.cluster.history.lives.values():
        problems += _over_counted(world, life)
        if settled:
            problems += _settled(world, life)
    if settled:
        problems += _left_running(world)
        problems += _unanswered(world)
    if problems:
        broken = "\n- ".join(problems)
        raise AssertionError(f"broken promises:\n- {broken}\n\nthe story:\n{world.story}")


async def check_quiet(world: World, *, settle: float = 2 * HOUR) -> None:
    """Let everything come to rest, see that it stays at rest whoever looks at it, and check all promises."""
    world.rest()
    await world.sleep(settle)
    check_promises(world)
    await _writes_nothing(world, "in a quiet hour", lambda: None)
    await _writes_nothing(world, "when everything is looked at again", world.wake_all)
    await _writes_nothing(world, "after a restart", lambda: world.crash(1))
    _count(world)
    check_promises(world, settled=True)


def _count(world: World) -> None:
    """Slots, for the figures: of schedules that nobody touched, so that it is known which were due."""
    for life in world.cluster.history.lives.values():
        if not life.touched and life.status and life.most_runs() is None:
            due, ran, skipped = slots_due(world, life), len(slots_ran(life)), slots_skipped(life)
            FIGURES["slots due"] += due
            FIGURES["of these run"] += ran
            FIGURES["skipped"] += skipped
            FIGURES["lost"] += max(0, due - ran - skipped - len(life.slots_queued()))


async def _writes_nothing(world: World, when: str, happens: Callable[[], None]) -> None:
    """But where a budget's period begins anew: that is written, and a hold may end by it."""
    before, periods = world.writes, _periods(world)
    world.log(f"nothing is to be written {when}")
    happens()
    await world.sleep(HOUR)
    if world.writes != before and _periods(world) == periods:
        world.cluster.history.breaks(f"{world.writes - before} requests that write {when}")


def _periods(world: World) -> list[str | None]:
    statuses = [raw.get("status") or {} for raw in world.cluster.items("agentschedules")]
    return [(status.get("budget") or {}).get("periodStart") for status in statuses]


def _moves_by_itself(world: World) -> Iterator[str]:
    """A status is a fixed point: planned again at the same moment, it stays as it is, and nothing is counted again.

    Unless the plan itself asks for that, having left something for the next pass.
    """
    if world.operator is None or not world.operator.ready:
        return
    registry, now = world.operator.intake.registry, world.clock.now()
    for key in registry.schedules:
        observed = registry.observe(key)
        if observed is not None:
            once = plan(observed, world.settings, now)
            if once.wake_at is not None and once.wake_at <= now:
                continue
            requests = tuple(replace(r, status=once.requests.get(r.name, r.status)) for r in observed.requests)
            twice = plan(replace(observed, status=once.status, requests=requests, attempted=()), world.settings, now)
            if twice.status != once.status or twice.ended or twice.skipped:
                yield f"{key.name}: planned again at the same moment the status is another: {_difference(once, twice)}"


def _difference(once: Plan, twice: Plan) -> object:
    return diff(once.status.to_json(), twice.status.to_json()) or (twice.ended, twice.skipped)


def slots_ran(life: Life) -> set[float]:
    """Slots for which a Job was created."""
    return life.slots_ran()


def slots_due(world: World, life: Life) -> int:
    """How many slots were due since the schedule was created, by the operator's clock."""
    when = read_schedule(life.raw).when
    if when is None:
        return 0
    slots = when.slots_between(when.origin(), world.clock.furthest, 100_000)
    return sum(when.start_of(slot) <= world.clock.furthest for slot in slots)


def _unaccounted(world: World, life: Life) -> str:
    """Which slots, for the reader: those that did not run and lie in no range of skipped ones."""
    when = read_schedule(life.raw).when
    if when is None:
        return ""
    ran = slots_ran(life)
    skipped = [(skip["first"], skip["last"]) for skip in life.status.get("skips") or ()]
    slots = when.slots_between(when.origin(), world.clock.furthest, 1000)
    missing = [s for s in slots if s.timestamp() not in ran and not any(a <= utc_text(s) <= b for a, b in skipped)]
    return f"; of {', '.join(f'{slot:%H:%M:%S}' for slot in missing[:5])} there is no trace" if missing else ""


def slots_skipped(life: Life) -> int:
    """How many slots the persisted status counts as skipped."""
    return sum(skip["count"] for skip in life.status.get("skips") or ())


def _over_counted(world: World, life: Life) -> Iterator[str]:
    if life.touched or not life.status:
        return
    ran, skipped, due = len(slots_ran(life)), slots_skipped(life), slots_due(world, life)
    if ran + skipped > due + len(life.strays):
        yield f"{life.name}: {ran} slots ran and {skipped} were skipped, but only {due} were due"


def _untold(life: Life) -> Iterator[str]:
    """Deliveries that still wait."""
    waiting = [entry for entry in life.status.get("deliveries") or () if entry["phase"] == "Pending"]
    if waiting:
        yield f"{life.name}: nobody has been told {waiting}"


def _settled(world: World, life: Life) -> Iterator[str]:
    """Nothing lost: every due slot, every run, every result."""
    status, name = life.status, life.name
    if life.raw["metadata"]["uid"] not in world.cluster.by_uid["agentschedules"]:
        return
    if not status or status.get("phase") == "Invalid":
        return
    ran, skipped, due = len(slots_ran(life)), slots_skipped(life), slots_due(world, life)
    queued, most = len(life.slots_queued()), life.most_runs()
    least = 0 if most is not None and ran >= most else due
    if not life.touched and not least <= ran + skipped + queued <= due + len(life.strays):
        text = f"{name}: {due} slots were due, {ran} ran, {skipped} were skipped, {queued} are queued"
        yield f"{text}{_unaccounted(world, life)}"
    yield from limits.check_rest(life)
    yield from _untold(life)
    totals = status["totals"]
    if totals["skipped"] != skipped:
        yield f"{name}: totals say {totals['skipped']} skipped, skips {skipped}"
    if status["iteration"] != ran:
        yield f"{name}: {ran} slots ran, the status counts {status['iteration']}"
    runs = len({base_id(job) for job in life.jobs})
    open_runs = [run for run in status["runs"] if run["phase"] not in ENDED_PHASES or "retryAt" in run]
    if not runs <= totals["runs"] + len(open_runs) <= runs + life.again:
        yield f"{name}: {runs} runs were made, totals say {totals['runs']} and {len(open_runs)} are open"
    if [run["id"] for run in open_runs if run["phase"] not in ENDED_PHASES]:
        yield f"{name}: {open_runs} are said to be active"
    if world.clock.ahead < RESULT_PATIENCE / 2:
        yield from _costs(life, Decimal(totals["costUSD"]) + sum(Decimal(r.get("costUSD", 0)) for r in open_runs))
        if not open_runs:
            yield from money.check_account(life, clock_was_set=world.clock.was_set)


def _costs(life: Life, told: Decimal) -> Iterator[str]:
    """Each pod's result tells a cost, so a lost result shows in the sum."""
    costs = life.costs()
    most = sum(costs.values())
    least = sum(cost for uid, cost in costs.items() if uid not in life.unseen)
    if not least <= told <= most:
        yield f"{life.name}: pods reported {least} to {most} USD, the status has {told}"


def _left_running(world: World) -> Iterator[str]:
    """Nothing runs for a schedule that is gone."""
    schedules = world.cluster.by_uid["agentschedules"]
    for raw in world.cluster.items("jobs"):
        if job_facts(raw).schedule_uid not in {"", *schedules}:
            yield f"Job {raw['metadata']['name']} is left of a deleted schedule"
    for raw in world.cluster.items("pods"):
        pod = pod_facts(raw)
        if not pod.ended or pod.schedule_uid not in schedules:
            yield f"pod {pod.name} is left ({pod.phase})"


def _unanswered(world: World) -> Iterator[str]:
    """Every AgentRun of a usable schedule came to an end."""
    for raw in world.cluster.items("agentruns"):
        namespace = raw["metadata"]["namespace"]
        schedule = world.cluster.get("agentschedules", namespace, raw["spec"]["scheduleName"])
        phase = (raw.get("status") or {}).get("phase")
        if schedule is not None and (schedule.get("status") or {}).get("phase") != "Invalid":
            if phase not in ENDED_PHASES:
                yield f"AgentRun {raw['metadata']['name']} is still {phase}"
        elif phase not in {*ENDED_PHASES, "Pending"}:
            yield f"AgentRun {raw['metadata']['name']} of no usable schedule is {phase}"
