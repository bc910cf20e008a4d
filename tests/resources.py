"""AgentSchedules and AgentRuns for tests on a cluster, and waiting for what becomes of them."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.kubectl import Kubectl

IMAGE = "local/busybox:1"
PATIENCE = 60.0
SLEEP = ["sh", "-c", "trap 'exit 0' TERM; sleep 300 & wait"]
"""Command of an agent that runs until it is stopped."""

Raw = dict[str, Any]


def say(summary: str, cost: str = "0.02") -> list[str]:
    """Command of an agent that reports this and ends."""
    result = json.dumps({"summary": summary, "costUSD": cost})
    return ["sh", "-c", f"echo '{result}' > $AGENT_RESULT_FILE"]


def schedule(name: str, command: list[str] | None = None, **spec: Any) -> Raw:
    """An AgentSchedule; `spec` is laid over a spec with an image only."""
    agent = {"image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": command or say("done")}
    return {
        "apiVersion": "agentschedule.dev/v1alpha1",
        "kind": "AgentSchedule",
        "metadata": {"name": name},
        "spec": {"agent": agent, **spec},
    }


def agent_run(name: str, schedule_name: str, **spec: Any) -> Raw:
    """An AgentRun."""
    return {
        "apiVersion": "agentschedule.dev/v1alpha1",
        "kind": "AgentRun",
        "metadata": {"name": name},
        "spec": {"scheduleName": schedule_name, **spec},
    }


def in_seconds(seconds: float) -> str:
    """A time so far ahead, as the API writes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Place:
    """One namespace of a cluster, with what tests do there."""

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        self.kubectl = kubectl
        self.namespace = namespace

    def apply(self, manifest: Raw) -> None:
        """kubectl apply; must be accepted."""
        self("apply", "-f", "-", manifest=manifest)

    def __call__(self, *args: str, manifest: Raw | None = None) -> str:
        """kubectl in the namespace; must succeed."""
        return self.kubectl("-n", self.namespace, *args, manifest=manifest, check=True).stdout

    def get(self, kind: str, name: str) -> Raw:
        """An object; empty when it is not there."""
        done = self.kubectl("-n", self.namespace, "get", kind, name, "-o", "json")
        found: Raw = json.loads(done.stdout) if done.returncode == 0 else {}
        return found

    def status(self, name: str, kind: str = "agentschedule") -> Raw:
        """Its status; empty when there is none."""
        found: Raw = self.get(kind, name).get("status") or {}
        return found

    def every(self, kind: str, selector: str = "") -> list[Raw]:
        """All objects of a kind."""
        items: list[Raw] = json.loads(self("get", kind, "-l", selector, "-o", "json"))["items"]
        return items

    def jobs_of(self, name: str) -> list[Raw]:
        """Jobs of a schedule."""
        return self.every("jobs", f"agentschedule.dev/schedule={name}")

    def pods_of(self, name: str) -> list[Raw]:
        """Pods of a schedule."""
        return self.every("pods", f"agentschedule.dev/schedule={name}")

    def events_of(self, name: str) -> list[Raw]:
        """Events on an object of this name."""
        items: list[Raw] = json.loads(
            self("get", "events", "-o", "json", f"--field-selector=involvedObject.name={name}")
        )["items"]
        return items

    def wait(self, what: str, look: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Look until it is there; fails with what was waited for."""
        deadline = time.monotonic() + seconds
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > deadline:
                objects = self("get", "agentschedules,agentruns,jobs,pods")
                raise AssertionError(f"waited {seconds} s in vain for: {what}\n{objects}")
            time.sleep(0.2)

    def wait_run(self, name: str, phase: str, number: int = 1) -> Raw:
        """Wait for the schedule's status to hold so many runs of a phase; returns the newest of them."""

        def look() -> list[Raw]:
            runs = [run for run in self.status(name).get("runs", ()) if run["phase"] == phase]
            return runs if len(runs) >= number else []

        newest: Raw = self.wait(f"{number} runs of {name} in phase {phase}", look)[0]
        return newest

    def newest_run(self, name: str) -> Raw:
        """The newest run of a schedule; empty when there is none."""
        newest: Raw = next(iter(self.status(name).get("runs", ())), {})
        return newest

    def condition(self, name: str, kind: str) -> Raw:
        """One condition of a schedule; empty when it is not there."""
        conditions = self.status(name).get("conditions", ())
        return next((c for c in conditions if c["type"] == kind), {})
