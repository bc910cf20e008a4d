"""The example agents in real containers: each schedule of examples/, in a namespace of the test's own."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from demo.cluster import tool
from tests.kubectl import ROOT
from tests.resources import Place, Raw, agent_run, say, schedule

IMAGE = "local/agents:dev"
ENDED = ("Succeeded", "Failed", "TimedOut", "Replaced", "Cancelled")
Example = Callable[..., None]


@pytest.fixture(scope="session")
def image(installed: Place) -> None:
    """The image of the example agents is in the cluster."""
    tool("localcluster", "load-image", tool("images", "build-agent", ROOT / "examples/agents"))


@pytest.fixture
def example(image: None, place: Place) -> Example:
    """Applies a file of examples/. Its schedules are suspended and run when asked to, unless `spec` is given."""

    def apply(file: str, **spec: Any) -> None:
        for found in yaml.safe_load_all((ROOT / "examples" / file).read_text()):
            found["metadata"]["namespace"] = place.namespace
            for subject in found.get("subjects", ()):
                subject["namespace"] = place.namespace
            if found["kind"] == "AgentSchedule":
                found["spec"] |= spec or {"suspend": True}
            place.apply(found)

    return apply


def run_now(place: Place, name: str, number: int = 1) -> Raw:
    """Run a schedule, and return the run when it has ended."""
    request = f"{name}-{number}"
    place.apply(agent_run(request, name))
    place.wait(f"the end of {request}", lambda: place.status(request, "agentrun").get("phase") in ENDED)
    run: Raw = place.status(request, "agentrun")["run"]
    return run


def run_until(place: Place, name: str, words: str) -> Raw:
    """Run a schedule again until it says these words: a Service follows its pods with some delay."""
    told = []
    for number in range(2, 10):
        run = run_now(place, name, number)
        if words in run.get("summary", ""):
            return run
        told.append(run.get("summary"))
    raise AssertionError(f"{name} never said {words}, but {told}")


def test_competitor_monitor(example: Example, place: Place) -> None:
    example("60-competitor-monitor.yaml")
    place("rollout", "status", "deployment/market", "--timeout=60s")
    first = run_until(place, "competitor-monitor", "Blue kettle: new, 25.50; Red kettle: new, 21.99")
    assert first["phase"] == "Succeeded"
    assert first["alert"] == {"severity": "warning", "message": "We are undercut: Blue kettle 25.50 (ours 26.00)"}
    assert first["costUSD"] == "0"

    changed = json.dumps({"products": [{"name": "Red kettle", "price": "20.50"}]})
    place("patch", "configmap", "market", "--type=merge", "-p", json.dumps({"data": {"prices.json": changed}}))
    place("rollout", "restart", "deployment/market")
    place("rollout", "status", "deployment/market", "--timeout=60s")
    place.wait("the old market gone", lambda: len(place.every("pods", "app=market")) == 1)
    place("delete", "agentruns", "--all")
    run = run_until(place, "competitor-monitor", "Red kettle: 21.99 → 20.50")
    assert run["summary"] == "Blue kettle: no longer sold; Red kettle: 21.99 → 20.50. Below ours: Red kettle."


def test_weekly_summary(example: Example, place: Place) -> None:
    example("70-weekly-summary.yaml")
    place.apply(schedule("news", say("done", "0.25"), schedule="0 0 1 1 *"))
    run_now(place, "news")
    place.wait("its totals", lambda: place.status("news").get("totals", {}).get("runs") == 1)
    first = run_now(place, "weekly-summary", 1)
    assert first["summary"] == "1 runs, 0 failed, $0.25 in 1 schedules (news: 1 runs, 0 failed, $0.25)."
    assert run_now(place, "weekly-summary", 2)["summary"].startswith("0 runs, 0 failed, $0")


def test_heartbeat_monitor(example: Example, place: Place) -> None:
    example("60-competitor-monitor.yaml")
    place("rollout", "status", "deployment/market", "--timeout=60s")
    example("80-heartbeat-monitor.yaml", every="3s", heartbeat={"maxIterations": 3})
    place.wait("three iterations", lambda: place.status("heartbeat-monitor").get("phase") == "Complete")
    last = place.wait_run("heartbeat-monitor", "Succeeded", 3)
    assert last["summary"].startswith("Final report: ")
    assert " of 3 checks well, slowest " in last["summary"]
    assert place.status("heartbeat-monitor")["iteration"] == 3


def test_health_alert_and_recovery(example: Example, place: Place) -> None:
    example("10-broken-shop.yaml")
    example("90-health-alert.yaml")
    down = run_now(place, "health-alert")
    assert down["phase"] == "Succeeded"
    assert down["alert"]["severity"] == "warning"
    assert down["alert"]["message"].startswith("Down: ")
    place("set", "image", "deployment/shop", f"web={IMAGE}")
    place("rollout", "status", "deployment/shop", "--timeout=60s")
    well = run_until(place, "health-alert", "Recovered after ")
    assert well["alert"]["severity"] == "info"
    assert run_now(place, "health-alert", 20)["summary"] == "Well."


def test_flaky_import_goes_on_where_it_failed(example: Example, place: Place) -> None:
    example("40-flaky-import.yaml", every="3s")
    run = place.wait_run("flaky-import", "Succeeded")
    assert (run["attempt"], run["summary"]) == (2, "Imported pages 7 to 10, after 1 to 6 in the attempt before.")


STUCK = """
import time
from agentschedule.agent import Run
with Run() as run:
    run.spend("0.02", input_tokens=7)
    run.state = {"page": 6}
    try:
        time.sleep(600)
    finally:
        run.spend("0.01")
        print("cleaned up")
"""


def test_the_deadline_leaves_what_was_spent(image: None, place: Place) -> None:
    stuck = schedule("stuck", every="1h", suspend=True, activeDeadlineSeconds=15)
    stuck["spec"]["agent"] = {"image": IMAGE, "imagePullPolicy": "IfNotPresent", "args": ["-c", STUCK]}
    place.apply(stuck)
    run = run_now(place, "stuck")
    assert run["phase"] == "TimedOut"
    assert run["summary"] == "Stopped before it had finished, by its deadline or from outside."
    assert (run["costUSD"], run["usage"]["inputTokens"]) == ("0.03", 7)
    assert place.status("stuck")["previous"]["state"] == {"page": 6}


def test_out_of_memory_leaves_what_was_spent(image: None, place: Place) -> None:
    greedy = schedule("greedy", every="1h", suspend=True)
    program = STUCK.replace("time.sleep(600)", "kept = [b'x' * 10_000_000 for _ in range(1000)]")
    greedy["spec"]["agent"] = {"image": IMAGE, "imagePullPolicy": "IfNotPresent", "args": ["-c", program]}
    greedy["spec"]["agent"]["resources"] = {"limits": {"memory": "64Mi"}}
    place.apply(greedy)
    run = run_now(place, "greedy")
    assert (run["phase"], run["reason"]) == ("Failed", "OOMKilled")
    assert run["costUSD"] == "0.02"
    previous = place.wait("what is handed on", lambda: place.status("greedy").get("previous"))
    assert previous["state"] == {"page": 6}
