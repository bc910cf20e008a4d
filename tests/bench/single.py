"""One schedule due each second: how much later than a plain client's create its Job comes."""

import asyncio
import time
from datetime import UTC, datetime
from statistics import median

from agentschedule.runs.names import job_name
from tests.bench import bodies
from tests.bench.figures import Goal, Line, percentile
from tests.bench.measure import Options, Result, say
from tests.bench.scene import Scene, until

_NAME = f"{bodies.PREFIX}single"
_PLAIN = f"{bodies.PREFIX}plain"
_PHASE = 0.5


async def single(options: Options) -> Result:
    """100 slots in all, over all rounds. In the middle between two slots the plain client creates the same Job."""
    slots = max(5, options.size // 10 // options.rounds)
    ours: list[list[float]] = []
    plain: list[list[float]] = []
    answers: list[list[float]] = []
    for number in range(options.rounds):
        async with Scene(options.place(f"single-{number}")) as scene:
            mine, other, answered = await _round(scene, slots)
        ours.append(mine)
        plain.append(other)
        answers.append(answered)
        say(
            f"single, round {number + 1}: {1000 * median(mine):.1f} ms late; plain create {1000 * median(other):.1f} ms"
        )
    everyone = [value for values in ours for value in values]
    line = Line(
        measure="one schedule due: its Job's lateness",
        unit="ms",
        ours=[1000 * median(values) for values in ours],
        reference="plain create",
        theirs=[1000 * median(values) for values in plain],
        relation="difference",
        goal=Goal(bound=20),
        detail={
            "slots": len(everyone),
            "median ms of all slots": 1000 * median(everyone),
            "99th percentile ms": 1000 * percentile(everyone, 0.99),
            "plain create until answered ms": [1000 * median(values) for values in answers],
        },
    )
    return Result(lines=[line])


async def _round(scene: Scene, slots: int) -> tuple[list[float], list[float], list[float]]:
    """Lateness of the schedule's Jobs; the same of the plain client's, from when they were sent; and their answers'."""
    operator = scene.operator(min_interval="1")
    operator.start()
    with scene.arrivals() as arrivals:
        await scene.create_schedules([bodies.schedule(_NAME, every="1s", concurrencyPolicy="Allow")])
        await until("the first Jobs", lambda: len(arrivals) >= 5)
        await scene.user.warm(1)
        sent: dict[str, float] = {}
        answered = []
        for _ in range(slots):
            now = time.time()
            moment = int(now) + _PHASE + (1 if now % 1 >= _PHASE - 0.05 else 0)
            slot = datetime.fromtimestamp(int(moment), UTC)
            body = bodies.encoded(bodies.job(_PLAIN, slot))
            await asyncio.sleep(moment - time.time())
            one = await scene.user.create(bodies.JOBS, body)
            sent[job_name(_PLAIN, slot, 1)] = one.sent
            answered.append(one.answered - one.sent)
        await until("the plain client's Jobs", lambda: sent.keys() <= arrivals.times().keys())
        times = arrivals.times()
    operator.stop()
    mine = [at - int(name.rpartition("-")[2]) for name, at in times.items() if name.startswith(_NAME)]
    return mine[-slots:], [times[name] - at for name, at in sent.items()], answered
