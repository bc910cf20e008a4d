"""Sums up what the agents of its namespace did since the last summary: runs, failures, cost.

It reads `status.totals` of the AgentSchedules with the service account of its own pod, and keeps them in its state
(some fifty schedules fit), so that the next summary has only what is new. At your desk: `kubectl proxy`, and
WEEKLY_SUMMARY_API=http://127.0.0.1:8001.
"""

import json
import os
import ssl
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

from agentschedule.agent import Run

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT = 10
"""Seconds."""
TOLD = 5
"""So many schedules are told one by one."""

Totals = tuple[int, int, Decimal]
"""Runs, of these failed, cost in US dollars."""


def schedules(namespace: str) -> list[dict[str, Any]]:
    """The AgentSchedules of a namespace."""
    url, headers, trusted = os.environ.get("WEEKLY_SUMMARY_API"), {}, None
    if not url:
        host = os.environ["KUBERNETES_SERVICE_HOST"]
        url = f"https://{f'[{host}]' if ':' in host else host}:{os.environ['KUBERNETES_SERVICE_PORT']}"
        headers["Authorization"] = f"Bearer {(ACCOUNT / 'token').read_text().strip()}"
        trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    path = f"/apis/agentschedule.dev/v1alpha1/namespaces/{namespace}/agentschedules"
    with urllib.request.urlopen(
        urllib.request.Request(url + path, headers=headers), timeout=TIMEOUT, context=trusted
    ) as r:
        items: list[dict[str, Any]] = json.load(r)["items"]
        return items


def totals(schedule: dict[str, Any]) -> Totals:
    """What a schedule has done since it was created."""
    found = (schedule.get("status") or {}).get("totals") or {}
    return found.get("runs", 0), found.get("failed", 0), Decimal(found.get("costUSD", 0))


def since(now: Totals, before: list[Any] | None) -> Totals:
    """The difference; all of it where the schedule is new or was made anew."""
    old = (before[0], before[1], Decimal(before[2])) if before and before[0] <= now[0] else (0, 0, Decimal(0))
    return now[0] - old[0], now[1] - old[1], now[2] - old[2]


def say(done: Totals) -> str:
    """In words."""
    runs, failed, cost = done
    return f"{runs} runs, {failed} failed, ${cost:f}"


def main() -> None:
    """Tell the sum, then the schedules that failed or cost most."""
    with Run() as run:
        run.spend(0)  # no language model is called
        now = {item["metadata"]["name"]: totals(item) for item in schedules(run.namespace)}
        now.pop(run.schedule, None)
        known = run.state.get("totals", {})
        week = {name: since(found, known.get(name)) for name, found in now.items()}
        busy = sorted((name for name in week if week[name][0]), key=lambda n: (-week[n][1], -week[n][2], n))
        for name in busy:
            print(f"{name}: {say(week[name])}")
        runs, failed, costs = zip(*week.values(), strict=True) if week else ((), (), ())
        whole = sum(runs), sum(failed), sum(costs, Decimal(0))
        told = "; ".join(f"{name}: {say(week[name])}" for name in busy[:TOLD])
        run.finish(
            f"{say(whole)} in {len(busy)} schedules{f' ({told})' if told else ''}.",
            state={"totals": {name: [runs, failed, str(cost)] for name, (runs, failed, cost) in now.items()}},
        )


if __name__ == "__main__":
    main()
