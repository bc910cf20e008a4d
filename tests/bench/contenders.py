"""Those who make Jobs, each due or sent all at once: a plain client, the operator, Kubernetes' CronJob controller."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agentschedule.runs.names import job_name
from tests.bench import bodies
from tests.bench.arrivals import Arrivals
from tests.bench.client import Raw
from tests.bench.scene import Scene, full_minute, quiet, resident, sleep_until, until

LIFTED = ("--kube-api-qps=10000", "--kube-api-burst=10000", "--concurrent-cron-job-syncs=32")
_SETTLED_EACH_SECOND = 130
"""Schedules that are created and checked in a second, at the least: so far ahead the burst is."""


@dataclass(frozen=True)
class Burst:
    """Jobs that were due at one moment: how late each was seen, in seconds, sorted. Detail is the contender's own."""

    lateness: list[float]
    detail: Raw

    @property
    def rate(self) -> float:
        """Jobs in a second, from when they were due until the last was seen."""
        return len(self.lateness) / self.last

    @property
    def last(self) -> float:
        """How late the last Job was."""
        return self.lateness[-1]


def _burst(arrivals: Arrivals, due: float, detail: Raw) -> Burst:
    return Burst(sorted(at - due for at in arrivals.times().values()), detail)


async def raw(scene: Scene, size: int, levels: Sequence[int]) -> Burst:
    """A client that only creates the same Jobs, as fast as it can: the best of several levels of concurrency."""
    tries: dict[int, Burst] = {}
    for level in levels:
        made = bodies.jobs(size, datetime.now(UTC).replace(microsecond=0))
        await scene.user.warm(level)
        with scene.arrivals() as arrivals:
            sent = await scene.user.create_all(bodies.JOBS, made, level)
            await _all(arrivals, size)
            first, last = min(one.sent for one in sent), max(one.answered for one in sent)
            tries[level] = _burst(arrivals, first, {"concurrency": level, "rate by answers": size / (last - first)})
        await scene.clear()
    best = max(tries.values(), key=lambda burst: burst.rate)
    return Burst(best.lateness, best.detail | {"rates": {level: burst.rate for level, burst in tries.items()}})


async def ours(scene: Scene, size: int) -> Burst:
    """The operator, with as many schedules due at a full minute. Counts also what is missing, double, not recorded."""
    operator = scene.operator()
    operator.start()
    due = full_minute(12 + size / _SETTLED_EACH_SECOND)
    with scene.arrivals() as arrivals:
        cron = bodies.cron(due)
        await scene.create_schedules([bodies.schedule(bodies.name(number), schedule=cron) for number in range(size)])
        await quiet(operator.pid)
        ahead = due.timestamp() - time.time()
        if ahead < 0:
            raise RuntimeError(f"the operator had not settled {size} schedules {-ahead:.1f} s after they were due")
        memory = resident(operator.pid)
        await sleep_until(due)
        await _all(arrivals, size)
        await quiet(operator.pid)
        times = arrivals.times()
        detail = {
            "settled seconds ahead": ahead,
            "resident MiB before": memory,
            "resident MiB after": resident(operator.pid),
            **await _compared(scene, due, size, list(times), len(arrivals)),
        }
        burst = _burst(arrivals, due.timestamp(), detail)
    operator.stop()
    return burst


async def cron_jobs(scene: Scene, size: int, flags: Sequence[str]) -> Burst:
    """Kubernetes' CronJob controller, with as many CronJobs due at a full minute."""
    controller = scene.plane.controllers("cronjob-controller", *flags)
    due = full_minute(15 + size / 400)
    cron = bodies.cron(due)
    with scene.arrivals() as arrivals:
        made = [bodies.cron_job(bodies.name(number), cron) for number in range(size)]
        await scene.admin.create_all(bodies.CRON_JOBS, made, 32)
        await quiet(controller.pid)
        ahead = due.timestamp() - time.time()
        await sleep_until(due)
        await _all(arrivals, size)
        burst = _burst(arrivals, due.timestamp(), {"settled seconds ahead": ahead})
    controller.kill()
    return burst


async def _all(arrivals: Arrivals, size: int) -> None:
    await until(f"{size} Jobs", lambda: len(arrivals) >= size)


async def _compared(scene: Scene, due: datetime, size: int, seen: list[str], lines: int) -> Raw:
    """What came to be against what was due: Jobs seen and Jobs there, and what the schedules' statuses say."""
    wanted = {job_name(bodies.name(number), due, 1) for number in range(size)}
    there = await scene.admin.list(bodies.JOBS)
    schedules = await scene.admin.list(bodies.SCHEDULES)
    stamp = due.strftime("%Y-%m-%dT%H:%M:%SZ")
    recorded = sum((raw.get("status") or {}).get("lastScheduleTime") == stamp for raw in schedules)
    _check_likeness(there[0], due)
    return {
        "missing": len(wanted - set(seen)) + len(wanted - {raw["metadata"]["name"] for raw in there}),
        "double": len(there) - size + lines - len(seen) + len(set(seen) - wanted),
        "not recorded": size - recorded,
    }


def _check_likeness(found: Raw, due: datetime) -> None:
    """The plain client must send what the operator sends, or the comparison is worth nothing."""
    sent = bodies.job(found["metadata"]["labels"]["agentschedule.dev/schedule"], due)
    for where in ("metadata", "spec.template.metadata"):
        mine, other = sent, found
        for part in where.split("."):
            mine, other = mine[part], other[part]
        if mine["annotations"].keys() != other["annotations"].keys():
            raise RuntimeError(f"the operator's Jobs have other annotations in {where} than those of the bench")
    env = [raw["spec"]["template"]["spec"]["containers"][0]["env"] for raw in (sent, found)]
    if env[0] != env[1]:
        raise RuntimeError("the operator's Jobs have another environment than those of the bench")
