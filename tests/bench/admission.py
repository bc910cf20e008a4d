"""How long an admission request takes: at rest, and while a burst of starts is under way."""

import asyncio
import json
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

import aiohttp

from tests.bench import bodies
from tests.bench.figures import Goal, Line
from tests.bench.measure import Options, Result, say
from tests.bench.scene import Scene, full_minute, sleep_until, until
from tests.integration.admission import certificates, port_of
from tests.kubectl import ROOT

OURS, PLAIN = "operator", "a server that says yes"
_AT_REST = 400
_PAUSE = 0.02
"""Seconds between two requests in the burst: the API server asks far less often."""
_TAKEN_IN = 40
"""Schedules that are made and checked in a second, at the least."""
_LOOK = 10
"""Requests between two looks at whether the burst is over."""
_GOAL_MS = 50.0


async def admission(options: Options) -> Result:
    """The p50 and p99 of answers, beside a plain server's in the same moments."""
    taken: dict[tuple[str, str], list[list[float]]] = {}
    for number in range(options.rounds):
        async with Scene(options.place(f"admission-{number}")) as scene, _asked(scene) as ask:
            for where, when in (("at rest", _rest()), ("in a burst", _burst(scene, options.size))):
                times: dict[str, list[float]] = {OURS: [], PLAIN: []}
                async for count in when:
                    for who, values in times.items():
                        values.append(await ask(who, count))
                for who, values in times.items():
                    taken.setdefault((where, who), []).append(values)
                    p50, p99 = _ms(values)
                    say(f"admission, {where}: {who}: p50 {p50:.1f} ms, p99 {p99:.1f} ms of {len(values)}")
    result = Result()
    for where in ("at rest", "in a burst"):
        for index, name in enumerate(("p50", "p99")):
            line = Line(
                measure=f"admission request {where}: {name}",
                unit="ms",
                ours=[_ms(values)[index] for values in taken[where, OURS]],
                reference=PLAIN,
                theirs=[_ms(values)[index] for values in taken[where, PLAIN]],
                goal=Goal(bound=_GOAL_MS) if name == "p99" else None,
            )
            result.lines.append(line)
    return result


async def _rest() -> AsyncIterator[int]:
    for count in range(_AT_REST):
        yield count


async def _burst(scene: Scene, size: int) -> AsyncIterator[int]:
    due = full_minute(10 + size / _TAKEN_IN)
    cron = bodies.cron(due)
    await scene.create_schedules([bodies.schedule(bodies.name(number), schedule=cron) for number in range(size)])
    await sleep_until(due)
    count = 0
    while count % _LOOK != 0 or await _jobs(scene) < size:
        yield count
        count += 1
        await asyncio.sleep(_PAUSE)


async def _jobs(scene: Scene) -> int:
    """How many Jobs there are, in a request that costs the API server little."""
    answer = await scene.admin.get(f"{bodies.JOBS}?limit=1")
    return len(answer["items"]) + int(answer["metadata"].get("remainingItemCount", 0))


@asynccontextmanager
async def _asked(scene: Scene) -> AsyncIterator[Callable[[str, int], Any]]:
    """An operator and a plain server with certificates, and a client that has a connection to each."""
    folder = scene.folder / "tls"
    authority = certificates(folder)
    operator = scene.operator(webhook_certificates=str(folder), webhook_host="127.0.0.1", webhook_port="0")
    operator.start()
    await until("the webhook", lambda: any(line["message"] == "serving admission requests" for line in operator.log()))
    plain = _plain(folder)
    assert plain.stdout is not None
    ports = {OURS: port_of(operator), PLAIN: int(plain.stdout.readline())}
    context = ssl.create_default_context(cadata=authority.decode())
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:

            async def ask(who: str, count: int) -> float:
                body = json.dumps(_review(count))
                begun = time.perf_counter()
                async with session.post(f"https://127.0.0.1:{ports[who]}/judge", data=body) as answer:
                    given = await answer.json()
                taken = time.perf_counter() - begun
                if not given["response"]["allowed"]:
                    raise RuntimeError(f"a good schedule was refused: {given}")
                return taken

            yield ask
    finally:
        plain.kill()
        plain.wait()
        operator.stop()


def _plain(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.bench.plain_answers", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _review(count: int) -> dict[str, Any]:
    """A creation, as the API server sends it, of a schedule unlike the ones before."""
    raw = json.loads(bodies.schedule(f"asked-{count}", schedule=f"{count % 60} {count // 60 % 24} * * 1-5"))
    raw["metadata"] |= {"namespace": bodies.NAMESPACE, "uid": f"uid-{count}", "annotations": {"note": "x" * 500}}
    raw["spec"]["timeZone"] = ("Europe/Berlin", "Asia/Tokyo", "America/New_York")[count % 3]
    resource = {"group": "agentschedule.dev", "version": "v1alpha1", "resource": "agentschedules"}
    request = {
        "uid": f"review-{count}",
        "kind": {"group": "agentschedule.dev", "version": "v1alpha1", "kind": "AgentSchedule"},
        "resource": resource,
        "requestResource": resource,
        "name": raw["metadata"]["name"],
        "namespace": bodies.NAMESPACE,
        "operation": "CREATE",
        "userInfo": {"username": f"user-{count}", "groups": ["system:authenticated"]},
        "object": raw,
        "oldObject": None,
        "dryRun": True,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def _ms(seconds: list[float]) -> tuple[float, float]:
    """Median and 99th percentile, in milliseconds."""
    cuts = quantiles(seconds, n=100, method="inclusive")
    return 1000 * cuts[49], 1000 * cuts[98]
