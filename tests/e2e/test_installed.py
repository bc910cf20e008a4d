"""What a user does and sees after `make install`."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentschedule.audit.record import AuditRecord
from tests.e2e.conftest import SELECTOR
from tests.kubectl import Kubectl
from tests.resources import Place, agent_run, say, schedule

ACCOUNT = "system:serviceaccount:agentschedule-system:agentschedule-operator"


def test_three_kinds_of_schedules_side_by_side(place: Place) -> None:
    """A one-shot five seconds ahead, an interval and a cron, with mistakes beside them that harm nobody."""
    soon = (datetime.now(UTC) + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    place.apply(schedule("typo", every="1h", timeZone="Europe/Berln"))
    place.apply(schedule("once", say("one-shot", "0.50"), at=soon))
    place.apply(schedule("often", say("interval", "0.01"), every="5s"))
    place.apply(schedule("minutely", say("cron", "0.10"), schedule="* * * * *", timeZone="Asia/Tokyo"))
    once = place.wait_run("once", "Succeeded")
    assert (once["summary"], once["costUSD"], once["scheduledAt"]) == ("one-shot", "0.5", soon)
    assert place.wait_run("often", "Succeeded", 2)["summary"] == "interval"
    place.wait("the cron's run", lambda: place.newest_run("minutely").get("phase") == "Succeeded", seconds=90)
    assert place.newest_run("minutely")["scheduledAt"].endswith(":00Z")

    table = {line.split()[0]: line for line in place("get", "agentschedules").splitlines()}
    assert "JST" in table["minutely"]
    assert "Succeeded" in table["minutely"]
    assert "Complete" in table["once"]
    assert "0.5 " in table["once"]
    assert "Invalid" in table["typo"]
    story = place("describe", "agentschedule", "once")
    for reason in ("SawCompletedJob", "Completed"):
        assert reason in story
    assert "did you mean 'Europe/Berlin'" in place("describe", "agentschedule", "typo")
    lateness = [
        datetime.fromisoformat(job["metadata"]["creationTimestamp"])
        - datetime.fromisoformat(job["metadata"]["annotations"]["agentschedule.dev/scheduled-at"])
        for job in place.every("jobs")
    ]
    assert all(timedelta(0) <= late < timedelta(seconds=30) for late in lateness)


def test_logs_of_a_run_are_read_with_kubectl(place: Place) -> None:
    place.apply(schedule("talking", ["sh", "-c", "echo thinking aloud"], schedule="0 0 1 1 *"))
    place.apply(agent_run("say-it", "talking"))
    place.wait("its end", lambda: place.status("say-it", "agentrun").get("phase") == "Succeeded")
    run = place.status("say-it", "agentrun")["run"]["id"]
    assert place("logs", f"job/{run}").strip() == "thinking aloud"


def test_an_agent_pod_is_restricted_by_default(place: Place) -> None:
    script = (
        "id -u; id -g; touch /x 2>/dev/null && echo writable || echo read-only; touch /tmp/x && echo tmp;"
        "ls /var/run/secrets 2>/dev/null | wc -l; grep -c '^CapEff:.*[1-9a-f]' /proc/self/status"
    )
    place.apply(schedule("inside", ["sh", "-c", script], schedule="0 0 1 1 *"))
    place.apply(agent_run("look", "inside"))
    place.wait("its end", lambda: place.status("look", "agentrun").get("run", {}).get("completedAt"))
    run = place.status("look", "agentrun")["run"]["id"]
    assert place("logs", f"job/{run}").split() == ["65532", "65532", "read-only", "tmp", "0", "0"]


def test_a_quota_that_lets_no_pod_start_is_told(place: Place) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    place.apply(quota)
    place.apply(schedule("squeezed", schedule="0 0 1 1 *", pendingDeadlineSeconds=10))
    place.apply(agent_run("now", "squeezed"))
    place.wait("its end", lambda: place.status("now", "agentrun").get("phase") == "Failed")
    run = place.status("now", "agentrun")["run"]
    assert run["reason"] == "NeverStarted"
    assert "exceeded quota: none" in run["message"]


def test_the_volume_of_a_session_is_made_and_goes_when_told_so(place: Place) -> None:
    storage = {"size": "1Gi", "storageClassName": "no-such-class", "retention": "Delete"}
    place.apply(schedule("shared", schedule="0 0 1 1 *", session={"mode": "SharedPersistent", "storage": storage}))
    place.wait("its claim", lambda: place.get("persistentvolumeclaim", "shared-session"))
    place("delete", "agentschedule", "shared")
    place.wait("the claim gone", lambda: not place.get("persistentvolumeclaim", "shared-session"))


def test_a_deleted_schedule_takes_its_jobs_with_it(place: Place) -> None:
    place.apply(schedule("gone", every="2s"))
    place.wait_run("gone", "Succeeded")
    place("delete", "agentschedule", "gone")
    place.wait("its Jobs and pods gone", lambda: not place.jobs_of("gone") and not place.pods_of("gone"))


def test_the_operator_killed_at_work_goes_on(place: Place, installed: Place) -> None:
    keep: dict[str, Any] = {"runHistoryLimit": 100, "successfulJobsHistoryLimit": 100}
    place.apply(schedule("steady", every="2s", concurrencyPolicy="Allow", **keep))
    place.wait_run("steady", "Succeeded")
    for _ in range(2):
        installed("delete", "pod", "-l", SELECTOR, "--force", "--grace-period=0")
        time.sleep(3)
    before = len(place.jobs_of("steady"))
    place.wait("new runs", lambda: len(place.jobs_of("steady")) > before + 1)
    place("patch", "agentschedule", "steady", "--type=merge", "-p", json.dumps({"spec": {"suspend": True}}))
    place.wait(
        "quiet", lambda: place.status("steady")["phase"] == "Paused" and not place.status("steady")["activeCount"]
    )
    status = place.status("steady")
    slots = [job["metadata"]["annotations"]["agentschedule.dev/scheduled-at"] for job in place.jobs_of("steady")]
    created = datetime.fromisoformat(place.get("agentschedule", "steady")["metadata"]["creationTimestamp"])
    handled = datetime.fromisoformat(status["scheduling"]["handledThrough"])
    skipped = sum(skip["count"] for skip in status.get("skips", ()))
    assert len(set(slots)) == len(slots)
    assert len(slots) + skipped == (handled - created).total_seconds() / 2
    assert {run["scheduledAt"] for run in status["runs"]} == set(slots)


@pytest.mark.parametrize(
    ("verb", "resource", "allowed"),
    [
        pytest.param("create", "jobs.batch", "yes", id="makes Jobs"),
        pytest.param("patch", "agentschedules.agentschedule.dev/status", "yes", id="writes status"),
        pytest.param("list", "events", "yes", id="reads what keeps runs from starting"),
        pytest.param("create", "persistentvolumeclaims", "yes", id="makes volumes of sessions"),
        pytest.param("delete", "persistentvolumeclaims", "no", id="deletes no volume"),
        pytest.param("get", "secrets", "yes", id="reads Secrets that deliveries name"),
        pytest.param("list", "secrets", "no", id="lists no Secrets"),
        pytest.param("watch", "secrets", "no", id="watches no Secrets"),
        pytest.param("get", "pods/log", "yes", id="reads agents' logs"),
        pytest.param("list", "configmaps", "no", id="reads no ConfigMap"),
        pytest.param("create", "pods", "no", id="makes no pod itself"),
        pytest.param("create", "pods/exec", "no", id="enters no pod"),
        pytest.param("update", "agentschedules.agentschedule.dev", "no", id="changes no spec"),
        pytest.param("create", "agentruns.agentschedule.dev", "no", id="asks for no run"),
        pytest.param("get", "nodes", "no", id="sees no node"),
        pytest.param("escalate", "clusterroles.rbac.authorization.k8s.io", "no", id="gives itself nothing"),
    ],
)
def test_rights_of_the_operator(installed: Place, kubectl: Kubectl, verb: str, resource: str, allowed: str) -> None:
    kind, _, part = resource.partition("/")
    subresource = (f"--subresource={part}",) if part else ()
    answer = kubectl("auth", "can-i", verb, kind, *subresource, f"--as={ACCOUNT}", "--all-namespaces")
    assert answer.stdout.strip() == allowed


def test_the_log_is_one_json_object_a_line(place: Place, installed: Place) -> None:
    place.apply(schedule("logged", every="2s"))
    run = place.wait_run("logged", "Succeeded")
    lines = [json.loads(line) for line in installed("logs", "-l", SELECTOR, "--tail=-1").splitlines()]
    mine = [line for line in lines if line.get("namespace") == place.namespace and line.get("object") == "logged"]
    assert any(line["reason"] == "SuccessfulCreate" and run["id"] in line["message"] for line in mine)
    audit = [line for line in lines if line["logger"] == "agentschedule.audit"]  # on a stream of its own
    assert run["id"] in {AuditRecord.model_validate(line).run for line in audit}
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines if line not in audit)
