"""Runs that cannot start, told and ended in the cluster's own words; and the volume that runs share."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.kubectl import Kubectl
from tests.operator_process import OperatorProcess
from tests.resources import IMAGE, Place, Raw, agent_run, in_seconds, schedule

LIMIT = 8


def run_now(place: Place, name: str, of: str) -> Raw:
    """Ask for a run and wait for its success; returns it."""
    place.apply(agent_run(name, of))
    place.wait(f"the run {name}", lambda: place.status(name, "agentrun").get("phase") == "Succeeded")
    run: Raw = place.status(name, "agentrun")["run"]
    return run


def pod(**spec: Any) -> dict[str, Any]:
    """A job template with this in its pod."""
    return {"spec": {"template": {"spec": spec}}}


@pytest.fixture
def own(kubectl: Kubectl, namespace: str, make_operator: Callable[..., OperatorProcess]) -> Place:
    """A namespace of the test's own without any rule, with an operator."""
    make_operator([namespace]).start()
    return Place(kubectl, namespace)


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        pytest.param(
            {"jobTemplate": pod(containers=[{"name": "agent", "image": "registry.example.com/no-such-agent:1"}])},
            "ErrImagePull",
            "no-such-agent",
            id="no image",
        ),
        pytest.param(
            {"jobTemplate": pod(nodeSelector={"example.com/no-such": "node"})},
            "Unschedulable",
            "nodes are available",
            id="no node",
        ),
        pytest.param(
            {
                "jobTemplate": pod(
                    containers=[
                        {
                            "name": "agent",
                            "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "missing", "key": "k"}}}],
                        }
                    ]
                )
            },
            "CreateContainerConfigError",
            'secret "missing" not found',
            id="no secret",
        ),
        pytest.param(
            {
                "jobTemplate": pod(
                    volumes=[{"name": "missing", "secret": {"secretName": "missing"}}],
                    containers=[{"name": "agent", "volumeMounts": [{"name": "missing", "mountPath": "/missing"}]}],
                )
            },
            "FailedMount",
            'secret "missing" not found',
            id="no secret to mount",
        ),
        pytest.param(
            {
                "jobTemplate": pod(
                    containers=[
                        {"name": "agent", "securityContext": {"privileged": True, "allowPrivilegeEscalation": True}}
                    ]
                )
            },
            "FailedCreate",
            "violates PodSecurity",
            id="Pod Security",
        ),
    ],
)
def test_a_run_that_cannot_start_ends_in_the_clusters_words(
    place: Place, request: pytest.FixtureRequest, spec: dict[str, Any], reason: str, words: str
) -> None:
    name = "stuck-" + request.node.callspec.id.replace(" ", "-").lower()
    place.apply(schedule(name, at=in_seconds(2), pendingDeadlineSeconds=LIMIT, **spec))
    place.wait("the reason", lambda: place.newest_run(name).get("reason") == reason)
    assert words in place.newest_run(name)["message"]
    run = place.wait_run(name, "Failed")
    assert run["reason"] == "NeverStarted"
    assert run["message"].startswith(f"never started within {LIMIT} s: {reason}: ")
    assert words in run["message"]
    assert "startedAt" not in run
    assert {"RunWaiting", "RunFailed"} <= {event["reason"] for event in place.events_of(name)}
    place.wait("its Job and pod gone", lambda: not place.jobs_of(name) and not place.pods_of(name))


def test_a_quota_is_told_and_a_further_attempt_runs_when_there_is_room(own: Place) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    own.apply(quota)
    retry = {"limit": 1, "backoff": "5s"}
    own.apply(schedule("squeezed", at=in_seconds(2), pendingDeadlineSeconds=LIMIT, retry=retry))
    own.wait("the reason", lambda: own.newest_run("squeezed").get("reason") == "FailedCreate")
    assert "exceeded quota: none" in own.newest_run("squeezed")["message"]
    own.wait("the next attempt's time", lambda: own.newest_run("squeezed").get("retryAt"))
    run = own.newest_run("squeezed")
    assert (run["phase"], run["reason"]) == ("Failed", "NeverStarted")
    assert "exceeded quota: none" in run["message"]
    own("delete", "resourcequota", "none")
    assert own.wait_run("squeezed", "Succeeded")["attempt"] == 2


def test_an_init_container_that_runs_is_a_start(place: Place) -> None:
    limits = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    first = {"name": "first", "image": IMAGE, "command": ["sleep", "8"], "securityContext": limits}
    place.apply(
        schedule("patient", at=in_seconds(2), pendingDeadlineSeconds=5, jobTemplate=pod(initContainers=[first]))
    )
    assert place.wait_run("patient", "Succeeded")["summary"] == "done"


def test_a_command_that_does_not_exist_is_told_in_the_runtimes_words(place: Place) -> None:
    place.apply(schedule("no-command", ["/no/such/command"], at=in_seconds(2)))
    run = place.wait_run("no-command", "Failed")
    assert "/no/such/command" in run["message"]
    assert "summary" not in run


@pytest.fixture
def volume(kubectl: Kubectl, namespace: str) -> Iterator[str]:
    """A volume on the node for the session of the schedule `memory`."""
    name = f"test-{secrets.token_hex(4)}"
    manifest: Raw = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": namespace, "name": "memory-session"},
            "hostPath": {"path": f"/tmp/agentschedule-{name}", "type": "DirectoryOrCreate"},
        },
    }
    kubectl("create", "-f", "-", manifest=manifest, check=True)
    yield name
    kubectl("delete", "persistentvolume", name, "--wait=false", check=True)


def test_runs_share_a_volume_that_outlives_their_schedule(own: Place, volume: str) -> None:
    # A volume of the host's own is root's, whatever fsGroup says; others are not.
    opened = {
        "name": "open",
        "image": IMAGE,
        "command": ["chmod", "0777", "/session"],
        "securityContext": {"runAsUser": 0, "runAsNonRoot": False},
        "volumeMounts": [{"name": "session", "mountPath": "/session"}],
    }
    script = 'cd "$AGENT_SESSION_DIR" && cat seen > $AGENT_RESULT_FILE; printf %s "$AGENT_RUN_ID " >> seen'
    manifest = schedule(
        "memory",
        ["sh", "-c", script],
        schedule="0 0 1 1 *",
        session={"mode": "SharedPersistent", "storage": {"size": "1Gi", "storageClassName": ""}},
        jobTemplate=pod(initContainers=[opened]),
    )
    own.apply(manifest)
    runs: list[str] = []
    for name in ("first", "second"):
        run = run_now(own, name, "memory")
        assert run.get("summary", "").split() == runs
        runs.append(run["id"])
    claim = own.get("persistentvolumeclaim", "memory-session")
    assert claim["spec"]["volumeName"] == volume
    assert "ownerReferences" not in claim["metadata"]

    own("delete", "agentschedule", "memory")
    own.wait("its Jobs gone", lambda: not own.jobs_of("memory"))
    own.apply(manifest)
    assert run_now(own, "third", "memory")["summary"].split() == runs
    uid = own.get("agentschedule", "memory")["metadata"]["uid"]
    notes = own.get("persistentvolumeclaim", "memory-session")["metadata"]["annotations"]
    assert notes["agentschedule.dev/schedule-uid"] == uid


def test_a_volume_that_is_to_be_deleted_goes_with_its_schedule(own: Place) -> None:
    storage = {"size": "1Gi", "storageClassName": "no-such-class", "retention": "Delete"}
    session = {"mode": "SharedPersistent", "storage": storage}
    own.apply(schedule("brief", at=in_seconds(2), pendingDeadlineSeconds=LIMIT, session=session))
    claim = own.wait("the claim", lambda: own.get("persistentvolumeclaim", "brief-session"))
    assert [owner["name"] for owner in claim["metadata"]["ownerReferences"]] == ["brief"]
    run = own.wait_run("brief", "Failed")
    assert run["reason"] == "NeverStarted"
    assert "PersistentVolumeClaim" in run["message"]
    own("delete", "agentschedule", "brief")
    own.wait("the claim gone", lambda: not own.get("persistentvolumeclaim", "brief-session"))


def test_a_claim_of_somebody_elses_is_left_alone_and_said_so(own: Place) -> None:
    claim: Raw = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "taken-session"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    own.apply(claim)
    session = {"mode": "SharedPersistent", "storage": {"size": "1Gi"}}
    own.apply(schedule("taken", schedule="0 0 1 1 *", session=session))
    own.wait("the condition", lambda: own.condition("taken", "Ready").get("reason") == "SessionVolume")
    assert own.condition("taken", "Ready")["status"] == "False"
    own.wait("the Event", lambda: "SessionVolume" in {event["reason"] for event in own.events_of("taken")})
    own("delete", "persistentvolumeclaim", "taken-session")
    own.wait("the repair", lambda: own.condition("taken", "Ready").get("status") == "True")


def test_a_heartbeat_counts(place: Place) -> None:
    script = "sed 's/.*\"heartbeat\":{\\([^}]*\\)}.*/\\1/' $AGENT_CONTEXT_FILE > $AGENT_RESULT_FILE"
    place.apply(schedule("beating", ["sh", "-c", script], every="3s", heartbeat={"maxIterations": 1000}))
    place.wait_run("beating", "Succeeded", 2)
    runs = [run for run in reversed(place.status("beating")["runs"]) if run["phase"] == "Succeeded"]
    assert [run["iteration"] for run in runs] == list(range(1, len(runs) + 1))
    assert [run["summary"] for run in runs[:2]] == [f'"iteration":{n},"maxIterations":1000' for n in (1, 2)]
    place("delete", "agentschedule", "beating")
