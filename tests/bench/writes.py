"""API writes for a run, from when it is due until its end is recorded, as the API server's audit log has them."""

import asyncio
import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from tests.bench import bodies
from tests.bench.figures import Goal, Line
from tests.bench.measure import Options, Result, say
from tests.bench.scene import Scene, quiet, sleep_until
from tests.operator_process import OperatorProcess

_WRITES = {"create", "update", "patch"}
_DELETES = {"delete", "deletecollection"}
_FAST = ("--kube-api-qps=1000", "--kube-api-burst=1000")


async def writes(options: Options) -> Result:
    """For a run by itself, and for each of 500 that are due at once. Jobs and their pods really complete (kwok)."""
    burst = options.size // 2
    alone: list[Counter[str]] = []
    together: list[Counter[str]] = []
    place = options.place("writes")
    log = place / "audit.log"
    async with Scene(place, apiserver_flags=_audited(place, log)) as scene:
        scene.plane.controllers("job-controller", *_FAST)
        scene.plane.kwok()
        operator = scene.operator()
        operator.start()
        for number in range(options.rounds):
            alone.append(await _round(scene, operator, log, f"{number}-one", 1))
            together.append(await _round(scene, operator, log, f"{number}-of-many", burst))
            say(f"writes, round {number + 1}: {_total(alone[-1])} alone, {_total(together[-1]) / burst:.2f} in a burst")
        operator.stop()
    return Result(
        lines=[
            _line("a run by itself: API writes", alone, 1, 4),
            _line(f"a run among {burst}: API writes", together, burst, 3),
        ]
    )


def _line(measure: str, counts: list[Counter[str]], runs: int, bound: int) -> Line:
    ours = [_total(count) / runs for count in counts]
    detail = {"each run": [{what: number / runs for what, number in count.items()} for count in counts]}
    return Line(measure=measure, unit="", ours=ours, goal=Goal(bound=bound), detail=detail)


def _total(counts: Counter[str]) -> int:
    """Writes that are not deletions: those clean up what earlier runs left."""
    return sum(number for what, number in counts.items() if what.split()[0] in _WRITES)


async def _round(scene: Scene, operator: OperatorProcess, log: Path, label: str, runs: int) -> Counter[str]:
    """Requests by verb and resource, from the slot of so many schedules until all have recorded their runs."""
    due = (datetime.now(UTC) + timedelta(seconds=38 + runs / 40)).replace(microsecond=0)  # planned from 30 s before
    at = due.strftime("%Y-%m-%dT%H:%M:%SZ")
    names = {f"{bodies.PREFIX}{label}-{number:05}" for number in range(runs)}
    await scene.create_schedules([bodies.schedule(name, at=at) for name in sorted(names)])
    await quiet(operator.pid)
    if datetime.now(UTC) > due:
        raise RuntimeError(f"the operator had not settled {runs} schedules when they were due")
    with log.open() as audit:
        audit.seek(0, os.SEEK_END)
        await sleep_until(due)
        await _recorded(scene, names)
        await quiet(operator.pid, 5.0)
        return counted(audit.read().splitlines(), scene.user_name)


async def _recorded(scene: Scene, names: set[str]) -> None:
    """Wait until each of the schedules has a run that succeeded."""
    for _ in range(150):
        await asyncio.sleep(2)
        schedules = await scene.admin.list(bodies.SCHEDULES)
        runs = {raw["metadata"]["name"]: (raw.get("status") or {}).get("runs") or [{}] for raw in schedules}
        if all(runs[name][0].get("phase") == "Succeeded" for name in names):
            return
    raise RuntimeError("not every run was recorded")


def counted(lines: list[str], user: str) -> Counter[str]:
    """Requests of a user in an audit log; refused ones too, for they cost as much. Dry runs are questions."""
    counts: Counter[str] = Counter()
    for line in lines:
        event = json.loads(line)
        what = event.get("objectRef") or {}
        asked = event["verb"] not in _WRITES | _DELETES or "dryRun=" in event["requestURI"]
        if event["user"]["username"] != user or asked:
            continue
        counts["/".join(filter(None, (f"{event['verb']} {what.get('resource')}", what.get("subresource"))))] += 1
    return counts


def _audited(folder: Path, log: Path) -> tuple[str, ...]:
    """The API server's flags for an audit log of who asked for what."""
    policy = folder / "audit.yaml"
    folder.mkdir(parents=True)
    rules = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": [{"level": "Metadata"}],
    }
    policy.write_text(yaml.safe_dump(rules))
    return f"--audit-policy-file={policy}", f"--audit-log-path={log}"
