"""How the cost of a slot grows with the number of schedules: the engine over a cluster that costs nothing.

As a program it measures one size, in a process of its own, and prints what it found as JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import orjson

from agentschedule.api.fields import utc_text
from agentschedule.cluster.client import Answer
from agentschedule.engine.engine import Engine
from agentschedule.engine.entries import Key
from agentschedule.engine.intake import Intake
from agentschedule.engine.registry import Registry
from agentschedule.metrics import Metrics
from agentschedule.planning.observed import DEFAULT_SETTINGS
from tests.bench import bodies
from tests.bench.figures import Goal, Line
from tests.bench.measure import Options, Result, say

Raw = dict[str, Any]

_STEPS = (1, 10, 50)


async def growth(options: Options) -> Result:
    """CPU for each slot at 1,000, 10,000 and 50,000 schedules that are all due in one second."""
    sizes = [step * options.size for step in _STEPS]
    found: dict[int, list[Raw]] = {size: [] for size in sizes}
    for number in range(options.rounds):
        for size in sizes:
            argv = [sys.executable, "-m", "tests.bench.growth", str(size)]
            done = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
            output, _ = await done.communicate()
            found[size].append(json.loads(output))
            one = found[size][-1]
            say(
                f"growth, round {number + 1}: {size:,} schedules: {one['slot']:.0f} µs a slot, {one['rate']:.0f} Jobs/s"
            )
    costs = {size: [one["slot"] for one in each] for size, each in found.items()}
    lines = [
        Line(
            measure=f"{size:,} schedules due at once, API server free: CPU a slot",
            unit="µs",
            ours=costs[size],
            reference=f"at {sizes[0]:,}" if size > sizes[0] else "",
            theirs=costs[sizes[0]] if size > sizes[0] else [],
            relation="ratio" if size > sizes[0] else "",
            goal=Goal(bound=1.2) if size > sizes[0] else None,
        )
        for size in sizes
    ]
    rates = [max(median(one["rate"] for one in found[size]) for size in sizes)]
    lines.append(Line(measure="Jobs that one leader can create, API server free", unit="a second", ours=rates))
    return Result(lines=lines)


class _Free:
    """A cluster that answers at once and keeps no more than its answers need. Jobs made come back as events."""

    def __init__(self) -> None:
        self.version = 1
        self.jobs = 0
        self.last_job = 0.0
        self.statuses: dict[str, Raw] = {}
        self.uids: dict[str, str] = {}
        self.engine: Engine | None = None

    def add(self, raw: Raw) -> Raw:
        """A schedule as the API server would list it."""
        self.version += 1
        name = raw["metadata"]["name"]
        self.uids[name] = str(uuid.uuid4())
        self.statuses[name] = {}
        stamp = utc_text(datetime.now(UTC))
        given = {"namespace": bodies.NAMESPACE, "uid": self.uids[name], "generation": 1, "creationTimestamp": stamp}
        return {**raw, "metadata": {**raw["metadata"], **given, "resourceVersion": str(self.version)}}

    async def warm(self, connections: int) -> None:
        return

    async def create_job(self, namespace: str, manifest: Raw | bytes) -> Answer:
        self.version += 1
        manifest = json.loads(manifest) if isinstance(manifest, bytes) else manifest
        self.jobs += 1
        self.last_job = time.process_time()
        given = {"uid": str(uuid.uuid4()), "creationTimestamp": utc_text(datetime.now(UTC)), "generation": 1}
        made = {**manifest, "metadata": {**manifest["metadata"], **given, "resourceVersion": str(self.version)}}
        if self.engine is not None:
            asyncio.get_running_loop().call_soon(self.engine.intake.observe_job, "ADDED", made)
        return Answer(orjson.dumps(made))

    async def dry_run_job(self, manifest: Raw) -> Answer:
        return Answer(orjson.dumps(manifest))

    async def patch(self, kind: str, namespace: str, name: str, body: Raw, subresource: str = "") -> Raw:
        self.version += 1
        self.statuses[name] = status = _merged(self.statuses[name], body["status"])
        return {"metadata": {"uid": self.uids[name], "resourceVersion": str(self.version)}, "status": status}

    async def post_event(self, *_: object) -> None:
        return

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody was to ask for {name}")


def _merged(old: Raw, change: Raw) -> Raw:
    merged = {**old, **{k: _merged(old.get(k) or {}, v) if isinstance(v, dict) else v for k, v in change.items()}}
    return {key: value for key, value in merged.items() if value is not None}


async def _measure(size: int) -> Raw:
    """So many schedules are learnt and settled; then the clock is set just before their slot, so that they are planned
    ahead, and then to it, where it stands still.

    So nothing is counted that comes with time and not with a slot, such as looking for what keeps pods from starting.
    """
    now = datetime.now(UTC)
    cluster = _Free()
    intake = Intake(Registry(DEFAULT_SETTINGS.ceilings, lambda: now), DEFAULT_SETTINGS)
    intake.listener = engine = Engine(cluster, intake, Metrics(), clock=lambda: now)
    cluster.engine = engine
    due = (now + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    cron = bodies.cron(due)
    raws = [json.loads(bodies.schedule(bodies.name(number), schedule=cron)) for number in range(size)]
    learnt = time.process_time()
    for raw in raws:
        intake.observe_schedule(None, cluster.add(raw))
    intake.registry.recall_left_pods()
    running = asyncio.create_task(engine.run())
    await _until(lambda: all("nextRunTime" in status for status in cluster.statuses.values()))
    learnt = time.process_time() - learnt
    entries = intake.registry.schedules
    now, began = due - timedelta(seconds=1), time.process_time()
    engine.wake(Key(bodies.NAMESPACE, bodies.name(0)))
    await _until(lambda: all(entry.ahead is not None for entry in entries.values()))
    ahead = time.process_time() - began
    now, began = due, time.process_time()
    engine.wake(Key(bodies.NAMESPACE, bodies.name(0)))
    stamp = utc_text(due)
    await _until(lambda: cluster.jobs >= size)
    await _until(lambda: all(status.get("lastScheduleTime") == stamp for status in cluster.statuses.values()))
    used = time.process_time() - began
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return {
        "jobs": cluster.jobs,
        "slot": 1e6 * (ahead + used) / size,
        "rate": size / (cluster.last_job - began),
        "learning a schedule": 1e6 * learnt / size,
    }


async def _until(look: Any) -> None:
    """Rarely looked, so that looking costs next to nothing."""
    deadline = time.monotonic() + 600
    while not look():
        if time.monotonic() > deadline:
            raise RuntimeError("the engine does not get there")
        await asyncio.sleep(0.25)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_measure(int(sys.argv[1])))))
