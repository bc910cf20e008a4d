"""What a watch event costs the operator: others change its Jobs again and again, in ways that do not matter to it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from tests.bench import bodies
from tests.bench.figures import Goal, Line
from tests.bench.measure import Options, Result, say
from tests.bench.scene import Scene, cpu, quiet, until

_JOBS = 50
_IDLE = 10.0


async def events(options: Options) -> Result:
    """CPU for each MODIFIED event of a Job, without what the operator uses anyway."""
    each = max(2, options.size // 5)
    cost: list[float] = []
    async with Scene(options.place("events")) as scene:
        operator = scene.operator()
        operator.start()
        with scene.arrivals() as arrivals:
            due = (datetime.now(UTC) + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
            await scene.create_schedules([bodies.schedule(bodies.name(number), at=due) for number in range(_JOBS)])
            await until("the Jobs", lambda: len(arrivals) >= _JOBS)
        paths = [f"{bodies.JOBS}/{raw['metadata']['name']}" for raw in await scene.admin.list(bodies.JOBS)]
        await quiet(operator.pid, 5.0)
        before = cpu(operator.pid)
        await asyncio.sleep(_IDLE)
        idle = (cpu(operator.pid) - before) / _IDLE
        for number in range(options.rounds):
            changes = [(path, _change(f"{number}-{turn}")) for turn in range(each) for path in paths]
            began, before = time.monotonic(), cpu(operator.pid)
            await scene.admin.patch_all(changes, 16)
            await asyncio.sleep(2.0)
            used = cpu(operator.pid) - before - idle * (time.monotonic() - began)
            cost.append(1e6 * used / len(changes))
            say(f"events, round {number + 1}: {cost[-1]:.0f} µs")
        operator.stop()
    measure = "a watch event of a Job's change: CPU"
    detail = {"events a round": each * _JOBS, "idle share of a core": idle}
    return Result(lines=[Line(measure=measure, unit="µs", ours=cost, goal=Goal(bound=60), detail=detail)])


def _change(value: str) -> bytes:
    return bodies.encoded({"metadata": {"annotations": {"example.com/seen": value}}})
