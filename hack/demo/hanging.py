"""Why the demo does not get on, in the cluster's own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from demo.cluster import NAMESPACE, OPERATOR_NAMESPACE, RELEASE, Cluster
from demo.snapshot import Snapshot, plain
from localcluster.report import Problem

_BROKEN_ON_PURPOSE = "shop"
_LINES = 15


def what_hangs(cluster: Cluster, seen: Snapshot) -> str:
    """Schedules that are refused, runs that failed, pods that wait, and the end of the operator's log."""
    parts = [
        "The runs that the demo waits for have not ended as they should.",
        *(f"- schedule {s.name}: {s.trouble}" for s in seen.schedules if s.trouble),
        *(f"- run {run.id}: {run.phase}: {run.text}" for run in seen.runs if run.phase not in ("Succeeded", "Running")),
    ]
    try:
        parts += [
            f"- pod {pod['metadata']['name']}: {reason}"
            for pod in cluster.items("pods", "-n", NAMESPACE)
            if (pod["metadata"].get("labels") or {}).get("app") != _BROKEN_ON_PURPOSE
            for reason in waiting_reasons(pod)
        ]
        parts += _operator(cluster)
    except Problem as problem:
        parts.append(f"- {problem}")
    return "\n".join(parts)


def waiting_reasons(pod: dict[str, Any]) -> Iterator[str]:
    """What keeps a pod from running."""
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield plain(f"{condition.get('reason')}: {condition.get('message')}")
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            yield plain(f"{waiting.get('reason')}: {waiting.get('message') or 'no more is said'}")


def _operator(cluster: Cluster) -> list[str]:
    pods = cluster.items("pods", "-n", OPERATOR_NAMESPACE, "-l", f"app.kubernetes.io/name={RELEASE}")
    if not pods:
        return [f"- no operator runs in {OPERATOR_NAMESPACE}: run `make install`"]
    parts = [f"- the operator's pod {pod['metadata']['name']}: {why}" for pod in pods for why in waiting_reasons(pod)]
    log = cluster.try_run("logs", "-n", OPERATOR_NAMESPACE, pods[-1]["metadata"]["name"], f"--tail={_LINES}")
    return [*parts, f"The end of the operator's log (in {OPERATOR_NAMESPACE}):", (log.stdout or log.stderr).rstrip()]
