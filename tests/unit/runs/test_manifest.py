"""The Job of a run, down to each default."""

import dataclasses
import json
from decimal import Decimal
from typing import Any

import pytest

from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import Previous
from agentschedule.runs.manifest import Defaults, Owner, RunRequest, job_manifest, oversized

from .builders import utc

OWNER = Owner("team", "news", "uid-of-news")
DEFAULTS = Defaults(
    active_deadline_seconds=3600, max_budget_usd=Decimal("2.50"), resources={"limits": {"memory": "1Gi"}}
)
RUN = RunRequest(
    id="news-1",
    slot=utc("09:00"),
    attempt=2,
    trigger="CatchUp",
    capabilities=("browse",),
    restricted_operations=("delete_data", "send_email"),
)


def make(owner: Owner = OWNER, run: RunRequest = RUN, defaults: Defaults = DEFAULTS, /, **spec: Any) -> dict[str, Any]:
    given = {"schedule": "0 * * * *", "agent": {"image": "agent:1"}, **spec}
    return job_manifest(owner, AgentScheduleSpec.model_validate(given), run, defaults)


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return pod


def agent_of(manifest: dict[str, Any]) -> dict[str, Any]:
    [agent] = [c for c in pod_of(manifest)["containers"] if c["name"] == "agent"]
    return dict(agent)


def env_of(manifest: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in agent_of(manifest)["env"]}


def context_of(manifest: dict[str, Any]) -> dict[str, Any]:
    text = manifest["spec"]["template"]["metadata"]["annotations"]["agentschedule.dev/context"]
    document: dict[str, Any] = json.loads(text)
    assert text == json.dumps(document, ensure_ascii=False, separators=(",", ":")), "compact"
    return document


def test_the_job() -> None:
    job = make()
    labels = {
        "app.kubernetes.io/managed-by": "agentschedule-operator",
        "agentschedule.dev/schedule": "news",
        "agentschedule.dev/schedule-uid": "uid-of-news",
    }
    notes = {
        "agentschedule.dev/scheduled-at": "2026-11-22T09:00:00Z",
        "agentschedule.dev/trigger": "CatchUp",
        "agentschedule.dev/attempt": "2",
        "agentschedule.dev/budget-usd": "2.5",
    }
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert job["metadata"] == {
        "name": "news-1",
        "namespace": "team",
        "labels": labels,
        "annotations": notes,
        "ownerReferences": [
            {
                "apiVersion": "agentschedule.dev/v1alpha1",
                "kind": "AgentSchedule",
                "name": "news",
                "uid": "uid-of-news",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    assert {key: value for key, value in job["spec"].items() if key != "template"} == {
        "backoffLimit": 0,
        "activeDeadlineSeconds": 3600 + 1200,
    }
    metadata = job["spec"]["template"]["metadata"]
    assert metadata["labels"] == labels
    assert metadata["annotations"].items() >= notes.items()


def test_the_pod() -> None:
    assert {key: value for key, value in pod_of(make()).items() if key not in {"containers", "volumes"}} == {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": 3600,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    assert pod_of(make())["volumes"] == [
        {"name": "tmp", "emptyDir": {}},
        {
            "name": "agentschedule",
            "downwardAPI": {
                "items": [
                    {
                        "path": "context.json",
                        "fieldRef": {"fieldPath": "metadata.annotations['agentschedule.dev/context']"},
                    }
                ]
            },
        },
    ]


def test_the_container() -> None:
    agent = agent_of(make())
    del agent["env"]
    assert agent == {
        "name": "agent",
        "image": "agent:1",
        "resources": {"limits": {"memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "agentschedule", "mountPath": "/var/run/agentschedule", "readOnly": True},
        ],
    }


def test_the_environment() -> None:
    assert env_of(make(activeDeadlineSeconds=600, agent={"image": "a", "name": "Reporter"})) == {
        "AGENT_RUN_ID": "news-1",
        "AGENT_SCHEDULE": "news",
        "AGENT_NAMESPACE": "team",
        "AGENT_NAME": "Reporter",
        "AGENT_SCHEDULED_AT": "2026-11-22T09:00:00Z",
        "AGENT_ATTEMPT": "2",
        "AGENT_TRIGGER": "CatchUp",
        "AGENT_MAX_BUDGET_USD": "2.5",
        "AGENT_DEADLINE_SECONDS": "600",
        "AGENT_CONTEXT_FILE": "/var/run/agentschedule/context.json",
        "AGENT_RESULT_FILE": "/dev/termination-log",
    }
    assert env_of(make())["AGENT_NAME"] == "news"


def test_what_agent_says() -> None:
    job = make(
        agent={
            "image": "a",
            "imagePullPolicy": "Always",
            "imagePullSecrets": [{"name": "pull"}],
            "command": ["python"],
            "args": ["-m", "x"],
            "env": [
                {"name": "A", "value": "1"},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            ],
            "envFrom": [{"configMapRef": {"name": "c"}}],
            "resources": {"requests": {"cpu": 1}},
            "serviceAccountName": "robot",
        }
    )
    agent, pod = agent_of(job), pod_of(job)
    assert (agent["imagePullPolicy"], agent["command"], agent["args"]) == ("Always", ["python"], ["-m", "x"])
    assert agent["env"][:2] == [
        {"name": "A", "value": "1"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ]
    assert agent["envFrom"] == [{"configMapRef": {"name": "c"}}]
    assert agent["resources"] == {"requests": {"cpu": 1}}
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("robot", True)


def test_a_platform_may_assign_user_and_group() -> None:
    pod = pod_of(make(OWNER, RUN, dataclasses.replace(DEFAULTS, run_as_user=None, run_as_group=None)))
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


@pytest.mark.parametrize(("given", "pod", "job"), [(None, 3600, 4800), (60, 60, 1260)])
def test_deadlines(given: int | None, pod: int, job: int) -> None:
    made = make(activeDeadlineSeconds=given)
    assert (pod_of(made)["activeDeadlineSeconds"], made["spec"]["activeDeadlineSeconds"]) == (pod, job)
    assert context_of(made)["limits"]["deadlineSeconds"] == pod


def test_the_queue_is_carried_to_the_job() -> None:
    job = make(dataclasses.replace(OWNER, queue="gpu"))
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpu"
    assert "kueue.x-k8s.io/queue-name" not in job["spec"]["template"]["metadata"]["labels"]


def test_a_manual_run_names_its_agent_run() -> None:
    job = make(OWNER, dataclasses.replace(RUN, trigger="Manual", agent_run="now", agent_run_uid="u"))
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert metadata["annotations"]["agentschedule.dev/agent-run"] == "now"
        assert metadata["annotations"]["agentschedule.dev/agent-run-uid"] == "u"


def test_the_context() -> None:
    state = {"lastPrice": "19.99 €"}
    previous = Previous(run_id="news-0", phase="Failed", completed_at=utc("08:10"), summary="half", state=state)
    job = make(OWNER, dataclasses.replace(RUN, previous=previous), input="Grüße", context={"a": [1, None]})
    assert context_of(job) == {
        "version": 1,
        "run": {
            "id": "news-1",
            "schedule": "news",
            "namespace": "team",
            "agent": "news",
            "scheduledAt": "2026-11-22T09:00:00Z",
            "attempt": 2,
            "trigger": "CatchUp",
        },
        "input": "Grüße",
        "context": {"a": [1, None]},
        "limits": {"maxBudgetUSD": "2.5", "deadlineSeconds": 3600, "resultBytes": 4096},
        "previous": {
            "runId": "news-0",
            "phase": "Failed",
            "completedAt": "2026-11-22T08:10:00Z",
            "summary": "half",
            "state": state,
        },
        "background": True,
        "restrictedOperations": ["delete_data", "send_email"],
        "capabilities": ["browse"],
    }


@pytest.mark.parametrize(
    ("run", "input_text", "context"),
    [
        pytest.param({}, "daily", {"a": 1}, id="the schedule's"),
        pytest.param({"input": "", "context": {}}, "", {}, id="empty ones of the run's own"),
        pytest.param({"input": "now"}, "now", {"a": 1}, id="input only"),
    ],
)
def test_input_and_context_of_a_run(run: dict[str, Any], input_text: str, context: dict[str, Any]) -> None:
    document = context_of(make(OWNER, dataclasses.replace(RUN, **run), input="daily", context={"a": 1}))
    assert (document["input"], document["context"]) == (input_text, context)


def test_no_previous_run_and_none_in_a_fully_ephemeral_session() -> None:
    assert "previous" not in context_of(make())
    run = dataclasses.replace(RUN, previous=Previous(run_id="x", phase="Succeeded"))
    assert "previous" in context_of(make(OWNER, run))
    assert "previous" not in context_of(make(OWNER, run, session={"mode": "FullyEphemeral"}))


def test_a_budget_of_the_runs_own() -> None:
    job = make(OWNER, dataclasses.replace(RUN, budget=Decimal("0.125"), max_tokens=5000))
    limits = {"maxBudgetUSD": "0.125", "deadlineSeconds": 3600, "resultBytes": 4096, "maxTokens": 5000}
    assert context_of(job)["limits"] == limits
    assert env_of(job)["AGENT_MAX_BUDGET_USD"] == "0.125"
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert metadata["annotations"]["agentschedule.dev/budget-usd"] == "0.125"
    nothing = make(OWNER, dataclasses.replace(RUN, budget=Decimal(0)))
    assert env_of(nothing)["AGENT_MAX_BUDGET_USD"] == "0"


@pytest.mark.parametrize(
    ("iteration", "heartbeat", "told"),
    [
        pytest.param(7, {"maxIterations": 100}, {"iteration": 7, "maxIterations": 100}, id="limited"),
        pytest.param(7, {}, {"iteration": 7}, id="without a limit"),
        pytest.param(7, None, None, id="no heartbeat"),
        pytest.param(None, {}, None, id="not counted"),
    ],
)
def test_the_heartbeat(iteration: int | None, heartbeat: dict[str, int] | None, told: dict[str, int] | None) -> None:
    job = make(OWNER, dataclasses.replace(RUN, iteration=iteration), heartbeat=heartbeat)
    assert context_of(job).get("heartbeat") == told
    noted = job["metadata"]["annotations"].get("agentschedule.dev/iteration")
    assert noted == (None if iteration is None else str(iteration))


def test_a_shared_session_brings_its_volume() -> None:
    session = {"mode": "SharedPersistent", "storage": {"size": "1Gi"}}
    job = make(session=session)
    assert {"name": "session", "persistentVolumeClaim": {"claimName": "news-session"}} in pod_of(job)["volumes"]
    assert {"name": "session", "mountPath": "/var/lib/agentschedule/session"} in agent_of(job)["volumeMounts"]
    assert env_of(job)["AGENT_SESSION_DIR"] == "/var/lib/agentschedule/session"
    assert pod_of(job)["securityContext"]["fsGroup"] == 65532
    for other in (make(), make(session={"mode": "FullyEphemeral"})):
        assert "AGENT_SESSION_DIR" not in env_of(other)
        assert [volume["name"] for volume in pod_of(other)["volumes"]] == ["tmp", "agentschedule"]


def test_other_containers_may_mount_the_session_too() -> None:
    mount = {"name": "session", "mountPath": "/seed"}
    template = {"spec": {"template": {"spec": {"initContainers": [{"name": "seed", "volumeMounts": [mount]}]}}}}
    job = make(session={"mode": "SharedPersistent", "storage": {"size": "1Gi"}}, jobTemplate=template)
    assert pod_of(job)["initContainers"][0]["volumeMounts"] == [mount]


def test_a_template_is_laid_over() -> None:
    template = {
        "metadata": {"labels": {"team": "a"}, "annotations": {"note": "x"}},
        "spec": {
            "template": {
                "metadata": {"labels": {"tier": "b"}},
                "spec": {
                    "nodeSelector": {"disk": "ssd"},
                    "securityContext": {"runAsUser": 1000, "fsGroup": None},
                    "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "data", "emptyDir": {}}],
                    "containers": [
                        {
                            "name": "agent",
                            "tty": True,
                            "env": [{"name": "A", "value": "over"}, {"name": "B", "value": "new"}],
                            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                            "securityContext": {"readOnlyRootFilesystem": False},
                        },
                        {"name": "side", "image": "side:1"},
                    ],
                },
            }
        },
    }
    job = make(agent={"image": "agent:1", "env": [{"name": "A", "value": "base"}]}, jobTemplate=template)
    assert job["metadata"]["labels"]["team"] == "a"
    assert job["metadata"]["annotations"]["note"] == "x"
    assert job["metadata"]["labels"]["agentschedule.dev/schedule"] == "news"
    assert job["spec"]["template"]["metadata"]["labels"]["tier"] == "b"
    pod, agent = pod_of(job), agent_of(job)
    assert pod["nodeSelector"] == {"disk": "ssd"}
    assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsNonRoot"]) == (1000, True)
    assert "fsGroup" not in pod["securityContext"]
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp", "data", "agentschedule"]
    assert pod["volumes"][0]["emptyDir"] == {"sizeLimit": "1Gi"}
    assert [c["name"] for c in pod["containers"]] == ["agent", "side"]
    assert (agent["image"], agent["tty"]) == ("agent:1", True)
    assert agent["securityContext"]["readOnlyRootFilesystem"] is False
    assert agent["securityContext"]["allowPrivilegeEscalation"] is False
    assert [mount["mountPath"] for mount in agent["volumeMounts"]] == ["/tmp", "/data", "/var/run/agentschedule"]
    assert [(e["name"], e["value"]) for e in agent["env"][:3]] == [
        ("A", "over"),
        ("B", "new"),
        ("AGENT_RUN_ID", "news-1"),
    ]


def test_the_operators_own_win_over_any_template() -> None:
    over = {
        "metadata": {"labels": {"agentschedule.dev/schedule": "x"}, "name": "x"},
        "spec": {
            "backoffLimit": 6,
            "activeDeadlineSeconds": 1,
            "template": {
                "spec": {
                    "volumes": [{"name": "agentschedule", "hostPath": {"path": "/"}}],
                    "containers": [
                        {
                            "name": "agent",
                            "terminationMessagePath": "/x",
                            "volumeMounts": [{"name": "tmp", "mountPath": "/var/run/agentschedule"}],
                        }
                    ],
                }
            },
        },
    }
    job = make(jobTemplate=over)
    assert (job["metadata"]["name"], job["metadata"]["labels"]["agentschedule.dev/schedule"]) == ("news-1", "news")
    assert (job["spec"]["backoffLimit"], job["spec"]["activeDeadlineSeconds"]) == (0, 4800)
    assert agent_of(job)["terminationMessagePath"] == "/dev/termination-log"
    assert agent_of(job)["volumeMounts"][-1]["name"] == "agentschedule"
    assert len(agent_of(job)["volumeMounts"]) == 2
    assert "downwardAPI" in pod_of(job)["volumes"][-1]


def test_lists_and_defaults_may_be_removed() -> None:
    template = {
        "spec": {"template": {"spec": {"volumes": None, "containers": [{"name": "agent", "volumeMounts": None}]}}}
    }
    job = make(jobTemplate=template)
    assert [volume["name"] for volume in pod_of(job)["volumes"]] == ["agentschedule"]
    assert [mount["name"] for mount in agent_of(job)["volumeMounts"]] == ["agentschedule"]


def test_the_spec_is_left_as_it_was() -> None:
    template = {"spec": {"template": {"spec": {"containers": [{"name": "agent", "image": "t"}, {"name": "s"}]}}}}
    spec = AgentScheduleSpec.model_validate({"schedule": "@daily", "jobTemplate": template})
    before = json.dumps(spec.to_json())
    first = job_manifest(OWNER, spec, RUN, DEFAULTS)
    second = job_manifest(OWNER, spec, RUN, DEFAULTS)
    assert json.dumps(spec.to_json()) == before
    assert first == second
    assert agent_of(first)["image"] == "t"
    assert len(env_of(first)) == len(agent_of(first)["env"]) == 11


@pytest.mark.parametrize(
    ("input_text", "context", "says"),
    [
        pytest.param(None, None, None, id="nothing"),
        pytest.param("x" * 16384, None, None, id="input just fits"),
        pytest.param("x" * 16385, None, "spec.input", id="input"),
        pytest.param("€" * 5461 + "x", None, None, id="input in bytes just fits"),
        pytest.param("€" * 5461 + "xx", None, "spec.input", id="input in bytes"),
        pytest.param(None, {"a": "x" * 16376}, None, id="context just fits"),
        pytest.param(None, {"a": "x" * 16377}, "16385 bytes", id="context"),
        pytest.param(None, {"a": "€" * 5459}, "16385 bytes", id="context in bytes"),
        pytest.param(None, {"a": "\n" * 8189}, "16386 bytes", id="context as JSON"),
    ],
)
def test_sizes(input_text: str | None, context: dict[str, Any] | None, says: str | None) -> None:
    problem = oversized(input_text, context)
    assert (problem is None) == (says is None)
    assert (says or "") in (problem or "")
