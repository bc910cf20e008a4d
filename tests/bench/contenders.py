"""Those who make Jobs, each due or sent all at once: a plain client, the operator, Kubernetes' CronJob controller."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agentschedule.runs.names import job_name
from tests.bench import bodies
from tests.bench.arrivals import Arrivals
from tests.bench.client import Raw
from tests.bench.measure import say
from tests.bench.scene import Scene, comes_to_rest, cpu, full_minute, quiet, resident, sleep_until, until

CPU = "CPU ms a Job"
LIFTED = ("--kube-api-qps=10000", "--kube-api-burst=10000", "--concurrent-cron-job-syncs=32")
_RECORDED = 120.0
_WATCH_STARTS = 5.0
"""Seconds that are left at least, after all have settled, for the watch to begin."""
_SETTLED_EACH_SECOND = 90
"""Schedules that are created and checked in a second, as it is hoped for: else the burst is tried again, later."""


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


class Usage:
    """CPU of the servers and of a contender from now on: what a Job costs each of them until the last is there."""

    def __init__(self, scene: Scene, contender: int) -> None:
        self._pids = {"API server": scene.plane.apiserver.pid, "etcd": scene.plane.etcd.pid, "contender": contender}
        self._before = {who: cpu(pid) for who, pid in self._pids.items()}

    def each(self, jobs: int) -> Raw:
        """Milliseconds of CPU a Job."""
        used = {who: 1000 * (cpu(pid) - self._before[who]) / jobs for who, pid in self._pids.items()}
        return {CPU: used}


def _burst(arrivals: Arrivals, due: float, detail: Raw) -> Burst:
    return Burst(sorted(at - due for at in arrivals.times().values()), detail)


async def raw(scene: Scene, size: int, level: int) -> Burst:
    """A client that only creates the same Jobs, as fast as it can, so many at once."""
    made = bodies.jobs(size, datetime.now(UTC).replace(microsecond=0))
    await scene.user.warm(level)
    with scene.arrivals() as arrivals:
        usage = Usage(scene, os.getpid())
        sent = await scene.user.create_all(bodies.JOBS, made, level)
        await _all(arrivals, size)
        used = usage.each(size)
        first, last = min(one.sent for one in sent), max(one.answered for one in sent)
        return _burst(arrivals, first, {"at once": level, "rate by answers": size / (last - first)} | used)


async def ours(scene: Scene, size: int) -> Burst:
    """The operator, with as many schedules due at a full minute. Counts also what is missing, double, not recorded."""
    operator = scene.operator()
    operator.start()
    due = await _settled(scene, operator.pid, size)
    with scene.arrivals() as arrivals:
        memory = resident(operator.pid)
        await sleep_until(due)
        usage = Usage(scene, operator.pid)
        await _all(arrivals, size)
        used = usage.each(size)
        detail = used | {
            "resident MiB before": memory,
            "resident MiB after": resident(operator.pid),
            **await _compared(scene, due, size, list(arrivals.times()), len(arrivals)),
        }
        burst = _burst(arrivals, due.timestamp(), detail)
    operator.stop()
    return burst


async def _settled(scene: Scene, operator: int, size: int) -> datetime:
    """When they are due: so far ahead that the operator has checked all of them, also where that takes longer."""
    for patience in (1, 2, 4):
        due = full_minute(42 + patience * size / _SETTLED_EACH_SECOND)  # planned from 30 s before
        cron = bodies.cron(due)
        await scene.create_schedules([bodies.schedule(bodies.name(number), schedule=cron) for number in range(size)])
        if await comes_to_rest(operator, 2.0, due.timestamp() - time.time() - _WATCH_STARTS):
            return due
        say(f"{size:,} schedules had not settled in time, trying again with more of it")
        await scene.clear()
        await quiet(operator)
        await scene.clear()  # Jobs of schedules that were due meanwhile: they would be taken for the next ones
    raise RuntimeError(f"the operator does not settle {size} schedules in time")


async def cron_jobs(scene: Scene, size: int, flags: Sequence[str]) -> Burst:
    """Kubernetes' CronJob controller, with as many CronJobs due at a full minute."""
    controller = scene.plane.controllers("cronjob-controller", *flags)
    due = full_minute(15 + size / 400)
    cron = bodies.cron(due)
    with scene.arrivals() as arrivals:
        made = [bodies.cron_job(bodies.name(number), cron) for number in range(size)]
        await scene.admin.create_all(bodies.CRON_JOBS, made, 32)
        await quiet(controller.pid)
        if time.time() > due.timestamp():
            raise RuntimeError(f"the controller had not taken in {size} CronJobs when they were due")
        await sleep_until(due)
        usage = Usage(scene, controller.pid)
        await _all(arrivals, size)
        burst = _burst(arrivals, due.timestamp(), usage.each(size))
    controller.kill()
    return burst


async def _all(arrivals: Arrivals, size: int) -> None:
    await until(f"{size} Jobs", lambda: len(arrivals) >= size)


async def _compared(scene: Scene, due: datetime, size: int, seen: list[str], lines: int) -> Raw:
    """What came to be against what was due: Jobs seen and Jobs there, and what the schedules' statuses say."""
    wanted = {job_name(bodies.name(number), due, 1) for number in range(size)}
    recorded = await _recorded(scene, due, size)
    there = await scene.admin.list(bodies.JOBS)
    _check_likeness(there[0], due)
    return {
        "missing": len(wanted - set(seen)) + len(wanted - {raw["metadata"]["name"] for raw in there}),
        "double": len(there) - size + lines - len(seen) + len(set(seen) - wanted),
        "not recorded": size - recorded,
    }


async def _recorded(scene: Scene, due: datetime, size: int) -> int:
    """How many statuses tell of the run; as soon as all do, else after a time."""
    stamp = due.strftime("%Y-%m-%dT%H:%M:%SZ")
    recorded, deadline = 0, time.monotonic() + _RECORDED
    while recorded < size and time.monotonic() < deadline:
        await asyncio.sleep(2.0)
        schedules = await scene.admin.list(bodies.SCHEDULES)
        recorded = sum((raw.get("status") or {}).get("lastScheduleTime") == stamp for raw in schedules)
    return recorded


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
