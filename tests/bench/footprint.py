"""What 10,000 schedules cost while nothing happens: memory, CPU, and the time until a new operator acts."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from agentschedule.runs.names import job_name
from tests.bench import bodies
from tests.bench.arrivals import Arrivals
from tests.bench.figures import Goal, Line
from tests.bench.measure import Options, Result, say
from tests.bench.scene import Scene, cpu, quiet, resident, sleep_until, until
from tests.operator_process import OperatorProcess

_IDLE = 60.0


async def footprint(options: Options) -> Result:
    """10,000 schedules that are due in hours, and one that is due while the operator is down."""
    size = 10 * options.size
    starts: list[float] = []
    memory: list[float] = []
    idle: list[float] = []
    async with Scene(options.place("footprint")) as scene:
        operator = scene.operator()
        operator.start()
        await scene.create_schedules(_due_in_hours(size))
        await quiet(operator.pid)
        for number in range(options.rounds):
            with scene.arrivals() as arrivals:
                starts.append(await _restart(scene, operator, arrivals, f"{bodies.PREFIX}first-{number}"))
            await quiet(operator.pid, 5.0)
            memory.append(resident(operator.pid))
            if not idle:
                idle.append(100 * await _idle(operator.pid))
            say(f"footprint, round {number + 1}: acts after {starts[-1]:.1f} s, {memory[-1]:.0f} MiB, {idle[-1]:.2f} %")
        operator.stop()
    return Result(
        lines=[
            Line(measure=f"{size:,} schedules: resident memory", unit="MiB", ours=memory, goal=Goal(bound=250)),
            Line(measure=f"{size:,} schedules, none due: CPU of a core", unit="%", ours=idle, goal=Goal(bound=0.5)),
            Line(measure=f"{size:,} schedules: from exec to the first Job", unit="s", ours=starts, goal=Goal(bound=8)),
        ]
    )


def _due_in_hours(size: int) -> list[bytes]:
    """Schedules that are due at 360 different minutes, from 6 to 12 hours ahead."""
    first = datetime.now(UTC) + timedelta(hours=6)
    moments = [first + timedelta(minutes=number % 360) for number in range(size)]
    return [
        bodies.schedule(bodies.name(number), schedule=f"{moment.minute} {moment.hour} * * *")
        for number, moment in enumerate(moments)
    ]


async def _restart(scene: Scene, operator: OperatorProcess, arrivals: Arrivals, name: str) -> float:
    """Seconds from exec until the Job of a schedule is there that was due a moment before the operator started."""
    due = (datetime.now(UTC) + timedelta(seconds=20)).replace(microsecond=0)
    await scene.create_schedules([bodies.schedule(name, at=due.strftime("%Y-%m-%dT%H:%M:%SZ"))])
    await quiet(operator.pid)
    operator.stop()
    if datetime.now(UTC) > due:
        raise RuntimeError("the operator was not stopped before the schedule was due")
    await sleep_until(due + timedelta(seconds=1))
    started = time.time()
    operator.start(wait=False)
    await until("the first Job", lambda: job_name(name, due, 1) in arrivals.times())
    return arrivals.times()[job_name(name, due, 1)] - started


async def _idle(pid: int) -> float:
    """The share of a core that a process uses."""
    began, before = time.monotonic(), cpu(pid)
    await asyncio.sleep(_IDLE)
    return (cpu(pid) - before) / (time.monotonic() - began)
