"""The example agent, run as it is in a container, against a server that answers with what a real cluster said."""

import copy
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agentschedule.runs.result import parse_result
from tests.kubectl import ROOT
from tests.unit.examples.api_server import NAMESPACE, RECORDED_AT, ApiServer, Raw, running

AGENT = ROOT / "examples/agents/cluster-watch/agent.py"


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    code: int
    result: Raw
    size: int
    log: str

    @property
    def summary(self) -> str:
        return str(self.result["summary"])


class Runner:
    """Starts the agent, handing on its state as the operator does."""

    def __init__(self, api: ApiServer, folder: Path) -> None:
        self.api = api
        self.context: Raw = {"version": 1, "input": "Watch.", "context": {}, "limits": {"resultBytes": 4096}}
        self._folder = folder

    def start(self, **environment: str) -> subprocess.Popen[str]:
        (self._folder / "context.json").write_text(json.dumps(self.context))
        given = {
            "PATH": os.environ["PATH"],
            "CLUSTER_WATCH_API": self.api.url,
            "AGENT_NAMESPACE": NAMESPACE,
            "PYTHONPATH": str(ROOT / "operator"),
            "AGENT_CONTEXT_FILE": str(self._folder / "context.json"),
            "AGENT_RESULT_FILE": str(self._folder / "result"),
            # It must reach the API server whatever proxy the image's environment names.
            "http_proxy": "http://127.0.0.1:9",
            **environment,
        }
        return subprocess.Popen(
            [sys.executable, AGENT],
            env={name: value for name, value in given.items() if value},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self, process: subprocess.Popen[str]) -> Outcome:
        log, _ = process.communicate(timeout=30)
        written = (self._folder / "result").read_bytes()
        outcome = Outcome(process.returncode, json.loads(written), len(written), log)
        seen = parse_result(written.decode())
        assert seen.problems == ()
        if seen.state is not None:
            self.context["previous"] = {"state": seen.state, "summary": seen.summary}
        return outcome

    def run(self, **environment: str) -> Outcome:
        return self.end(self.start(**environment))


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with running(ApiServer()) as server:
        yield server


@pytest.fixture
def runner(api: ApiServer, tmp_path: Path) -> Runner:
    return Runner(api, tmp_path)


PROBLEMS = [
    pytest.param("pod/crashing restarts: 3 times so far, last end: exit code 3", id="crash loop"),
    pytest.param("deployment/hungry restarts: 2 times so far, last end: OOMKilled, exit code 137", id="out of memory"),
    pytest.param("deployment/no-image cannot pull its image: ErrImagePull: local/no-such-image:1", id="missing image"),
    pytest.param('pod/no-secret cannot start: CreateContainerConfigError: secret "nope" not found', id="config"),
    pytest.param("pod/too-big cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu.", id="unschedulable"),
    pytest.param("job/failing failed: exit code 4", id="failed"),
    pytest.param("pod/no-volume warns: FailedMount: MountVolume.SetUp failed for volume", id="a warning only"),
]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_finds_what_a_real_cluster_suffers_from(runner: Runner, problem: str) -> None:
    outcome = runner.run()
    assert outcome.code == 0
    assert f"new   {NAMESPACE}/{problem}" in outcome.log


def test_tells_each_problem_once(runner: Runner) -> None:
    first = runner.run()
    assert first.summary.startswith("7 new: ")
    assert first.summary.endswith("; and 2 more. 7 open in all, 10 pods seen.")
    assert first.result["alert"]["severity"] == "warning"
    assert first.result["costUSD"] == "0"
    for _ in range(2):
        again = runner.run()
        assert again.summary == "Nothing new. 7 open in all, 10 pods seen."
        assert "alert" not in again.result
        assert f"known {NAMESPACE}/pod/too-big" in again.log


def test_says_only_what_is_new(runner: Runner, api: ApiServer) -> None:
    api.only("healthy", "no-secret")
    runner.run()
    api.only("healthy", "no-secret", "too-big")
    assert runner.run().summary.startswith(f"1 new: {NAMESPACE}/pod/too-big cannot be scheduled (0/1 nodes")


def test_a_pod_that_gets_well_has_recovered(runner: Runner, api: ApiServer) -> None:
    api.only("no-secret")
    runner.run()
    api.pod("no-secret")["status"] = ApiServer().pod("healthy")["status"]
    assert runner.run().summary == f"Recovered: {NAMESPACE}/pod/no-secret cannot start. Nothing is open, 1 pods seen."


def test_a_workload_that_is_gone_has_not_recovered(runner: Runner, api: ApiServer) -> None:
    api.only("healthy", "no-secret")
    runner.run()
    api.only("healthy")
    assert runner.run().summary.startswith(f"Deleted: {NAMESPACE}/pod/no-secret cannot start.")


def test_another_pod_of_the_same_deployment_is_the_same_problem(runner: Runner, api: ApiServer) -> None:
    api.only("no-image")
    runner.run()
    metadata = api.pod("no-image")["metadata"]
    metadata["name"] = metadata["name"][:-5] + "zzzzz"
    assert runner.run().summary.startswith("Nothing new.")


def test_pulling_and_backing_off_are_one_problem(runner: Runner, api: ApiServer) -> None:
    api.only("no-image")
    waiting = api.pod("no-image")["status"]["containerStatuses"][0]["state"]["waiting"]
    for reason in ("ErrImagePull", "ImagePullBackOff", "ErrImagePull"):
        waiting["reason"] = reason
        outcome = runner.run()
    assert outcome.summary.startswith("Nothing new.")


def test_of_a_job_that_was_tried_again_the_last_pod_counts(runner: Runner, api: ApiServer) -> None:
    api.only("failing")
    assert runner.run().summary.startswith(f"1 new: {NAMESPACE}/job/failing failed (exit code 4).")
    retried = copy.deepcopy(api.pod("failing"))
    retried["metadata"] |= {"name": "failing-again", "creationTimestamp": "2026-11-22T15:17:50Z"}
    retried["status"] = {"phase": "Succeeded"}
    api.objects["pods"].insert(0, retried)
    assert runner.run().summary.startswith(f"Recovered: {NAMESPACE}/job/failing failed.")


def test_a_container_that_is_not_started_again_has_failed_before_its_pod_says_so(
    runner: Runner, api: ApiServer
) -> None:
    api.only("failing")
    api.pod("failing")["status"]["phase"] = "Running"
    assert runner.run().summary.startswith(f"1 new: {NAMESPACE}/job/failing failed (exit code 4).")


def test_runs_of_an_agent_schedule_go_by_its_name(runner: Runner, api: ApiServer) -> None:
    api.only("failing")
    api.pod("failing")["metadata"]["labels"]["agentschedule.dev/schedule"] = "nightly"
    assert f"{NAMESPACE}/agentschedule/nightly failed" in runner.run().summary


def test_a_restart_counts_for_ten_minutes(runner: Runner, api: ApiServer) -> None:
    api.only("healthy")
    container = api.pod("healthy")["status"]["containerStatuses"][0]
    container["restartCount"] = 1
    container["lastState"] = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-11-22T15:10:00Z"}}
    assert "pod/healthy restarts (1 times so far, last end: exit code 1)" in runner.run().summary
    api.now += timedelta(minutes=1)
    assert runner.run().summary.startswith("Nothing new. 1 open")
    api.now += timedelta(minutes=10)
    assert runner.run().summary.startswith("Recovered: ")


def test_an_agent_that_runs_daily_hears_of_the_whole_day(runner: Runner, api: ApiServer) -> None:
    api.only("healthy")
    runner.run()
    api.add_event("Node", "n1", "Rebooted", RECORDED_AT + timedelta(hours=3))
    api.now += timedelta(hours=24)
    assert f"{NAMESPACE}/node/n1 warns: Rebooted" in runner.run().summary


def test_a_warning_that_goes_on_is_told_once_and_is_over_when_it_stops(runner: Runner, api: ApiServer) -> None:
    api.only("healthy")
    event = api.add_event("Service", "web", "Unhealthy", RECORDED_AT)
    assert runner.run().summary.startswith(f"1 new: {NAMESPACE}/service/web warns: Unhealthy (Unhealthy happened).")
    for _ in range(3):
        api.now += timedelta(minutes=8)
        event["lastTimestamp"] = (api.now - timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert runner.run().summary.startswith("Nothing new. 1 open")
    api.now += timedelta(minutes=11)
    assert runner.run().summary.startswith("Recovered: ")


def test_old_warnings_that_happen_again_are_not_new(runner: Runner, api: ApiServer) -> None:
    api.only("healthy")
    api.add_event("Service", "web", "Unhealthy", RECORDED_AT - timedelta(hours=2))
    runner.run()
    api.objects["events"][0]["lastTimestamp"] = api.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    api.now += timedelta(seconds=20)
    assert runner.run().summary.startswith("Nothing new.")


def test_warnings_about_pods_that_are_gone_are_not_told(runner: Runner, api: ApiServer) -> None:
    api.only("healthy")
    api.add_event("Pod", "long-gone", "BackOff", RECORDED_AT)
    assert runner.run().summary.startswith("Nothing new.")


def test_events_of_the_newer_kind_have_their_times_elsewhere(runner: Runner, api: ApiServer) -> None:
    api.only("healthy")
    newer = {"lastTimestamp": None, "firstTimestamp": None, "eventTime": "2026-11-22T15:17:50.123456Z"}
    api.add_event("Service", "web", "Odd", RECORDED_AT - timedelta(hours=1), **newer)
    assert "service/web warns: Odd" in runner.run().summary


def test_reads_long_lists_page_by_page(runner: Runner, api: ApiServer) -> None:
    api.only("healthy")
    api.objects["pods"] = [renamed(api.pod("healthy"), f"healthy-{i}") for i in range(1201)]
    assert runner.run().summary.endswith("1201 pods seen.")
    assert sum("/pods?" in target for target in api.asked) == 3


def renamed(pod: Raw, name: str) -> Raw:
    return {**pod, "metadata": {**pod["metadata"], "name": name}}


def test_result_and_memory_stay_small_however_much_is_wrong(runner: Runner, api: ApiServer) -> None:
    api.only("no-secret")
    names = [f"no-secret-{'é' * 60}-{i:04}" for i in range(700)]
    api.objects["pods"] = [renamed(api.pod("no-secret"), name) for name in names]
    first = runner.run()
    assert first.size <= 4096
    assert len(json.dumps(first.result["state"], ensure_ascii=False).encode()) <= 2048
    assert first.result["state"]["more"] + len(first.result["state"]["open"]) == 700
    again = runner.run()
    assert again.summary == "Nothing new. 700 open in all, 700 pods seen."


def test_the_limit_comes_from_the_context(runner: Runner) -> None:
    runner.context["limits"]["resultBytes"] = 1200
    outcome = runner.run()
    assert outcome.size <= 1200
    assert outcome.summary.endswith("…")


def test_looks_where_its_context_says(runner: Runner, api: ApiServer) -> None:
    runner.context["context"] = {"namespaces": ["*"]}
    assert runner.run().code == 0
    assert all("/namespaces/" not in target for target in api.asked)
    runner.context["context"] = {"namespaces": ["a b", NAMESPACE]}
    api.asked.clear()
    assert runner.run().code == 0
    assert [target.partition("?")[0] for target in api.asked[1:3]] == [
        "/api/v1/namespaces/a%20b/pods",
        "/api/v1/namespaces/a%20b/events",
    ]


FAILURES: list[Any] = [
    pytest.param(
        {"events": 403}, {}, "events in namespace shop-recorded: HTTP 403 (the service account needs", id="403"
    ),
    pytest.param({"pods": 500}, {}, "pods in namespace shop-recorded: HTTP 500.", id="500"),
    pytest.param({}, {"pods": b"<html>"}, "pods in namespace shop-recorded: Expecting value", id="no JSON"),
]


@pytest.mark.parametrize(("refused", "answers", "words"), FAILURES)
def test_fails_with_words_that_help(
    runner: Runner, api: ApiServer, refused: dict[str, int], answers: dict[str, bytes], words: str
) -> None:
    api.refused, api.answers = refused, answers
    outcome = runner.run()
    assert outcome.code == 1
    assert outcome.summary.startswith(f"Cannot read {words}")
    # Without a state of its own, the last one stays for the next run.
    assert "state" not in outcome.result


def test_fails_when_nothing_answers(runner: Runner) -> None:
    outcome = runner.run(CLUSTER_WATCH_API="http://127.0.0.1:9")
    assert outcome.code == 1
    assert "Connection refused" in outcome.summary


def test_fails_without_a_service_account(runner: Runner) -> None:
    outcome = runner.run(CLUSTER_WATCH_API="")
    assert outcome.code == 1
    assert outcome.summary == "No service-account token is mounted: set agent.serviceAccountName."


def test_refuses_a_context_it_does_not_understand(runner: Runner) -> None:
    runner.context["context"] = {"namespaces": "shop"}
    outcome = runner.run()
    assert outcome.code == 1
    assert outcome.summary.startswith("context.namespaces must be a list")


@pytest.mark.parametrize(
    "state",
    [{"time": 1}, {"time": "soon", "open": [], "more": 0}, {"time": "2026-11-22T15:00:00", "open": 7}, {}],
)
def test_a_state_of_another_agent_is_as_good_as_none(runner: Runner, state: object) -> None:
    runner.context["previous"] = {"state": state}
    assert runner.run().summary.startswith("7 new")


def test_stopped_at_the_deadline_it_leaves_a_result(runner: Runner, api: ApiServer) -> None:
    api.silent = True
    process = runner.start()
    assert api.reached.wait(20)
    process.send_signal(signal.SIGTERM)
    outcome = runner.end(process)
    assert outcome.code == 143
    assert outcome.summary == "Stopped before it had finished, by its deadline or from outside."
    assert "state" not in outcome.result
