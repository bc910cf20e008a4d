"""Templates laid over one another, and what a template may not say."""

from typing import Any

import pytest

from agentschedule.runs.merge import forbidden, overlay


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        pytest.param({"a": 1}, {}, {"a": 1}, id="nothing over it"),
        pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"c": 3, "d": 4}}, {"a": {"b": 1, "c": 3, "d": 4}}, id="maps"),
        pytest.param({"a": {"b": 1}}, {"a": None}, {}, id="null removes"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}, id="null removes deep down"),
        pytest.param({}, {"a": None}, {}, id="null of nothing"),
        pytest.param({"args": ["a", "b"]}, {"args": ["c"]}, {"args": ["c"]}, id="other lists are replaced"),
        pytest.param({"a": {"b": 1}}, {"a": [1]}, {"a": [1]}, id="another type replaces"),
        pytest.param(
            {"containers": [{"name": "agent", "image": "a", "tty": True}]},
            {"containers": [{"name": "side", "image": "s"}, {"name": "agent", "image": "b"}]},
            {"containers": [{"name": "agent", "image": "b", "tty": True}, {"name": "side", "image": "s"}]},
            id="containers by name",
        ),
        pytest.param(
            {"volumes": [{"name": "tmp", "emptyDir": {}}]},
            {"volumes": [{"name": "tmp", "secret": {"secretName": "s"}}]},
            {"volumes": [{"name": "tmp", "secret": {"secretName": "s"}}]},
            id="a volume is replaced as a whole",
        ),
        pytest.param(
            {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]},
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}, {"name": "B", "value": "2"}]},
            id="a variable, too",
        ),
        pytest.param(
            {"volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]},
            {"volumeMounts": [{"name": "tmp", "mountPath": "/tmp", "subPath": "x"}, {"name": "d", "mountPath": "/d"}]},
            {"volumeMounts": [{"name": "tmp", "mountPath": "/tmp", "subPath": "x"}, {"name": "d", "mountPath": "/d"}]},
            id="mounts by path",
        ),
        pytest.param(
            {"containers": [{"name": "agent"}]},
            {"containers": [{"image": "x"}, 5, {"name": ["y"]}]},
            {"containers": [{"name": "agent"}, {"image": "x"}, 5, {"name": ["y"]}]},
            id="what has no name stands for itself",
        ),
    ],
)
def test_overlay(base: dict[str, Any], over: dict[str, Any], merged: dict[str, Any]) -> None:
    before = repr(base), repr(over)
    assert overlay(base, over) == merged
    assert (repr(base), repr(over)) == before, "neither is changed"


def pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


def agent(**fields: Any) -> dict[str, Any]:
    return pod(containers=[{"name": "agent", **fields}])


POD = "spec.jobTemplate.spec.template"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        pytest.param({"metadata": {"name": "x"}}, "spec.jobTemplate.metadata.name is set by the operator", id="name"),
        pytest.param({"metadata": {"finalizers": []}}, "metadata.finalizers", id="finalizers"),
        pytest.param(
            {"metadata": {"labels": {"agentschedule.dev/schedule": "x"}}},
            "spec.jobTemplate.metadata.labels: agentschedule.dev/schedule belongs to the operator",
            id="label",
        ),
        pytest.param(
            {"metadata": {"labels": {"app.kubernetes.io/managed-by": "me"}}}, "app.kubernetes.io/managed-by", id="owner"
        ),
        pytest.param(
            {"spec": {"template": {"metadata": {"annotations": {"agentschedule.dev/context": "{}"}}}}},
            f"{POD}.metadata.annotations: agentschedule.dev/context belongs to the operator",
            id="annotation of the pod",
        ),
        pytest.param(
            {"spec": {"template": {"metadata": {"labels": {"batch.kubernetes.io/job-name": "x"}}}}},
            "batch.kubernetes.io/job-name",
            id="label of Kubernetes",
        ),
        *(
            pytest.param({"spec": {field: 1}}, f"spec.jobTemplate.spec.{field} is set by the operator", id=field)
            for field in ("parallelism", "completions", "suspend", "podFailurePolicy", "selector", "managedBy")
        ),
        pytest.param({"spec": {"backoffLimit": 1}}, "use spec.retry.limit", id="backoffLimit"),
        pytest.param({"spec": {"activeDeadlineSeconds": 1}}, "use spec.activeDeadlineSeconds", id="deadline"),
        pytest.param(
            {"spec": {"ttlSecondsAfterFinished": 1}}, "use spec.ttlSecondsAfterFinished", id="ttlSecondsAfterFinished"
        ),
        pytest.param({"spec": {"backoffLimit": None}}, "backoffLimit is set by the operator", id="not by null either"),
        pytest.param(pod(restartPolicy="Always"), f"{POD}.spec.restartPolicy", id="restartPolicy"),
        pytest.param(pod(activeDeadlineSeconds=5), f"{POD}.spec.activeDeadlineSeconds", id="pod's deadline"),
        pytest.param(agent(terminationMessagePath="/x"), "[agent].terminationMessagePath", id="result file"),
        pytest.param(agent(terminationMessagePolicy="File"), "[agent].terminationMessagePolicy", id="result policy"),
        pytest.param(agent(env=[{"name": "AGENT_RUN_ID", "value": "x"}]), "[agent].env: AGENT_RUN_ID", id="env"),
        pytest.param(
            pod(initContainers=[{"name": "i", "env": [{"name": "AGENT_X"}]}]),
            f"{POD}.spec.initContainers[i].env: AGENT_X",
            id="env of another container",
        ),
        pytest.param({"kind": "Job"}, "spec.jobTemplate.kind is not a field of a job template", id="a whole Job"),
        pytest.param(pod(containers=[{"image": "x"}]), "every container needs a name", id="container without a name"),
        pytest.param(pod(containers=[{"name": ["x"]}]), "every container needs a name", id="name that is a list"),
        # What would make no Job at all
        pytest.param({"metadata": []}, "spec.jobTemplate.metadata must be an object", id="metadata"),
        pytest.param({"metadata": {"labels": ["a"]}}, "metadata.labels must be an object", id="labels"),
        pytest.param({"spec": None}, "spec.jobTemplate.spec must be an object", id="spec"),
        pytest.param({"spec": {"template": None}}, "spec.jobTemplate.spec.template must be an object", id="template"),
        pytest.param({"spec": {"template": {"spec": []}}}, f"{POD}.spec must be an object", id="pod spec"),
        pytest.param(pod(containers=None), f"{POD}.spec.containers cannot be removed", id="containers removed"),
        pytest.param(pod(containers={}), "must be a list of containers", id="containers"),
        pytest.param(pod(containers=["agent"]), "must be a list of containers", id="container"),
        pytest.param(pod(volumes={"a": 1}), f"{POD}.spec.volumes must be a list of objects", id="volumes"),
        pytest.param(agent(env={"A": 1}), "[agent].env must be a list of objects", id="env as a map"),
        pytest.param(agent(volumeMounts=["/x"]), "[agent].volumeMounts must be a list of objects", id="mounts"),
    ],
)
def test_what_a_template_may_not_say(template: dict[str, Any], says: str) -> None:
    [problem] = forbidden(template)
    assert says in problem


@pytest.mark.parametrize(
    "template",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"metadata": {"labels": {"team": "a"}, "annotations": None}}, id="labels"),
        pytest.param({"metadata": None, "spec": {"template": {"metadata": None}}}, id="no metadata"),
        pytest.param(pod(nodeSelector={"a": "b"}, tolerations=[{"key": "gpu"}], volumes=None), id="pod"),
        pytest.param(agent(env=[{"name": "MY_AGENT_X", "value": "1"}], volumeMounts=None), id="agent"),
        pytest.param(pod(containers=[{"name": "side", "terminationMessagePath": "/x"}]), id="another's result file"),
    ],
)
def test_what_it_may_say(template: dict[str, Any]) -> None:
    assert forbidden(template) == []


def test_all_problems_are_told() -> None:
    template = {"spec": {"suspend": True, "completions": 2, "template": {"spec": {"restartPolicy": "Always"}}}}
    assert len(forbidden(template)) == 3
