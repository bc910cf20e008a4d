"""The chart, rendered by Helm and put before a real API server."""

import base64
import json
import re
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentschedule.api import admission
from agentschedule.delivery_settings import DeliverySettings
from images import manifest
from localcluster import gobuild
from localcluster.report import Problem
from tests.kubectl import Kubectl

RELEASE = "agentschedule-operator"
RULES = [
    (["agentschedule.dev"], ["agentschedules", "agentruns"], ["get", "list", "watch"]),
    (["agentschedule.dev"], ["agentschedules/status", "agentruns/status"], ["get", "patch"]),
    (["agentschedule.dev"], ["agentruns"], ["patch"]),
    (["agentschedule.dev"], ["agentapprovals"], ["get", "list", "watch", "create", "delete"]),
    (["agentschedule.dev"], ["agentapprovals/status"], ["patch"]),
    (["agentschedule.dev"], ["agentschedules/finalizers"], ["update"]),
    (["batch"], ["jobs"], ["get", "list", "watch", "create", "patch", "delete"]),
    ([""], ["pods"], ["get", "list", "watch", "delete"]),
    ([""], ["persistentvolumeclaims"], ["get", "create", "patch"]),
    SECRETS := ([""], ["secrets"], ["get"]),
    ([""], ["events"], ["list", "create", "patch"]),
    *(DELIVERY_RULES := [([""], ["pods/log"], ["get"])]),
]
ADMISSION_RULES = [
    (
        ["admissionregistration.k8s.io"],
        ["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
        ["get"],
    ),
]
POLICY_RULES = [
    (["agentschedule.dev"], ["agentpolicies"], ["list", "watch"]),
    ([""], ["namespaces"], ["list", "watch"]),
]
LEASE_RULES = [
    (["coordination.k8s.io"], ["leases"], ["get", "update"]),
    (["coordination.k8s.io"], ["leases"], ["create"]),
]
EVERYTHING = {
    "replicas": 3,
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
    ],
    "flowControl": {"ownLevel": True, "shares": 7},
    "image": {"repository": "registry.example/agents/operator", "digest": f"sha256:{'a' * 64}"},
    "imagePullSecrets": [{"name": "registry"}],
    "settings": {"min_interval": 1.5, "log_level": "debug", "http_port": 9090, "run_as_user": "null"},
    "commonLabels": {"team": "agents"},
    "podAnnotations": {"note": "x"},
    "podLabels": {"zone": "x"},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "extraEnv": [{"name": "AGENTSCHEDULE_LOG_FORMAT", "value": "text"}],
    "service": {"annotations": {"note": "x"}, "port": 80},
    "serviceAccount": {"annotations": {"note": "x"}},
    "networkPolicy": {"enabled": True, "metricsFrom": [{"podSelector": {}}]},
    "delivery": {"secretName": "mail", "volume": {"persistentVolumeClaim": {"claimName": "deliveries"}}},
    "webhook": {"enabled": True, "timeoutSeconds": 3},
}


@pytest.fixture(scope="module")
def helm() -> Path:
    return gobuild.build(gobuild.HELM) / "helm"


def template(
    helm: Path, values: dict[str, Any] | None = None, namespace: str = manifest.NAMESPACE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [helm, "template", RELEASE, manifest.CHART, "--namespace", namespace, "--values", "-"],
        input=json.dumps(values or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def rendered(helm: Path, values: dict[str, Any] | None = None, namespace: str = manifest.NAMESPACE) -> list[Any]:
    done = template(helm, values, namespace)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(documents: list[Any], kind: str) -> list[Any]:
    return [document for document in documents if document["kind"] == kind]


def one(documents: list[Any], kind: str) -> Any:
    (found,) = of_kind(documents, kind)
    return found


def rules_of(role: Any) -> list[tuple[list[str], list[str], list[str]]]:
    return [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in role["rules"]]


def settings_of(documents: list[Any]) -> Any:
    return yaml.safe_load(one(documents, "ConfigMap")["data"]["settings.yaml"])


@pytest.fixture
def restricted(kubectl: Kubectl, namespace: str) -> str:
    """A namespace that admits only pods of the `restricted` Pod Security Standard."""
    kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted", check=True)
    return namespace


def test_the_operator_may_do_exactly_this_in_all_namespaces(helm: Path) -> None:
    documents = rendered(helm)
    (role,) = [role for role in of_kind(documents, "ClusterRole") if role["metadata"]["name"] == RELEASE]
    assert rules_of(role) == RULES + POLICY_RULES + ADMISSION_RULES
    assert role["rules"][-1]["resourceNames"] == [f"{RELEASE}-approvals", f"{RELEASE}-authors"]
    binding = one(documents, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == RELEASE
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": RELEASE, "namespace": manifest.NAMESPACE},
    ]
    (lease_role,) = of_kind(documents, "Role")
    assert lease_role["metadata"]["name"] == f"{RELEASE}-leader-election"


def test_of_leases_the_operator_may_use_its_own_only(helm: Path) -> None:
    for values, name, namespace in (
        ({}, RELEASE, manifest.NAMESPACE),
        ({"settings": {"lease_name": "one", "lease_namespace": "there"}}, "one", "there"),
    ):
        documents = rendered(helm, values)
        role, binding = one(documents, "Role"), one(documents, "RoleBinding")
        assert rules_of(role) == LEASE_RULES
        assert [rule.get("resourceNames") for rule in role["rules"]] == [[name], None]
        assert [each["metadata"]["namespace"] for each in (role, binding)] == [namespace, namespace]
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": RELEASE, "namespace": manifest.NAMESPACE},
        ]


def test_without_leader_election_there_is_one_operator_at_a_time(helm: Path) -> None:
    documents = rendered(helm, {"replicas": 1, "settings": {"leader_election": False}})
    assert one(documents, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    for kind in ("Role", "RoleBinding", "PodDisruptionBudget", "FlowSchema"):
        assert not of_kind(documents, kind)


def test_with_leader_election_a_new_operator_is_ready_before_an_old_one_goes(helm: Path) -> None:
    documents = rendered(helm)
    spec = one(documents, "Deployment")["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert one(documents, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    pod = spec["template"]["spec"]
    assert {each["whenUnsatisfiable"] for each in pod["topologySpreadConstraints"]} == {"ScheduleAnyway"}
    (own,) = [each for each in pod["containers"][0]["env"] if each["name"] == "POD_NAMESPACE"]
    assert own["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.namespace"
    assert not of_kind(rendered(helm, {"replicas": 1}), "PodDisruptionBudget")


def test_requests_for_the_lease_are_on_a_level_of_their_own(helm: Path) -> None:
    schema = one(rendered(helm), "FlowSchema")
    assert schema["spec"]["priorityLevelConfiguration"]["name"] == "leader-election"
    (rule,) = schema["spec"]["rules"]
    assert rule["subjects"] == [
        {"kind": "ServiceAccount", "serviceAccount": {"name": RELEASE, "namespace": manifest.NAMESPACE}}
    ]
    assert (rule["resourceRules"][0]["resources"], rule["resourceRules"][0]["namespaces"]) == (
        ["leases"],
        [manifest.NAMESPACE],
    )
    assert not of_kind(rendered(helm, {"flowControl": {"lease": False}}), "FlowSchema")
    own = rendered(helm, {"flowControl": {"ownLevel": True, "shares": 7}})
    assert one(own, "PriorityLevelConfiguration")["spec"]["limited"]["nominalConcurrencyShares"] == 7
    assert len(of_kind(own, "FlowSchema")) == 2


def test_the_operator_may_do_exactly_this_in_the_namespaces_it_was_given(helm: Path) -> None:
    documents = rendered(
        helm,
        {
            "watchNamespaces": ["one", "two"],
            "rbac": {"aggregate": False},
            "admissionPolicies": {"create": False},
        },
    )
    roles = [role for role in of_kind(documents, "Role") if role["metadata"]["name"] == RELEASE]
    assert [role["metadata"]["namespace"] for role in roles] == ["one", "two"]
    assert [rules_of(role) for role in roles] == [RULES, RULES]
    bindings = [each["metadata"]["namespace"] for each in of_kind(documents, "RoleBinding")]
    assert sorted(bindings) == sorted(["one", "two", manifest.NAMESPACE, manifest.NAMESPACE])
    (keys,) = [role for role in of_kind(documents, "Role") if role["metadata"]["name"] == f"{RELEASE}-keys"]
    assert (keys["metadata"]["namespace"], rules_of(keys)) == (manifest.NAMESPACE, [([""], ["secrets"], ["get"])])
    for kind in ("ClusterRole", "ClusterRoleBinding", "FlowSchema", "ValidatingAdmissionPolicy"):
        assert not of_kind(documents, kind)
    assert settings_of(documents)["namespaces"] == ["one", "two"]


def test_admission_policies_are_what_the_operator_looks_for(helm: Path) -> None:
    user = f"system:serviceaccount:{manifest.NAMESPACE}:{RELEASE}"
    for namespaces in ([], ["one", "two"]):
        documents = rendered(helm, {"watchNamespaces": namespaces})
        assert settings_of(documents)["admission_policies"] == RELEASE
        found = {(d["kind"], d["metadata"]["name"]): d for d in documents}
        for policy in (admission.approvals_policy(RELEASE, user), admission.authors_policy(RELEASE)):
            name = policy["metadata"]["name"]
            for wanted in (policy, admission.binding(name, namespaces)):
                assert admission.in_force(found[wanted["kind"], name], wanted)
    (role,) = [role for role in of_kind(documents, "ClusterRole") if role["metadata"]["name"] == f"{RELEASE}-admission"]
    assert rules_of(role) == ADMISSION_RULES
    assert not of_kind(rendered(helm, {"admissionPolicies": {"create": False}}), "ValidatingAdmissionPolicy")


def test_users_with_the_built_in_roles_see_and_edit_schedules(helm: Path) -> None:
    names = {role["metadata"]["name"]: role for role in of_kind(rendered(helm), "ClusterRole")}
    resources = (["agentschedule.dev"], ["agentschedules", "agentruns"])
    approvals = (["agentschedule.dev"], ["agentapprovals"])
    assert rules_of(names[f"{RELEASE}-view"]) == [
        (["agentschedule.dev"], ["agentschedules", "agentruns", "agentapprovals"], ["get", "list", "watch"])
    ]
    assert rules_of(names[f"{RELEASE}-approver"]) == [(*approvals, ["get", "list", "watch", "patch"])]
    assert rules_of(names[f"{RELEASE}-edit"]) == [
        (*resources, ["create", "update", "patch", "delete", "deletecollection"])
    ]


def test_settings_reach_the_file_and_start_the_operator_anew(helm: Path) -> None:
    plain, changed = rendered(helm), rendered(helm, {"settings": {"min_interval": 1, "shutdown_timeout": 60.5}})
    elected = {"leader_election": True, "lease_name": RELEASE, "admission_policies": RELEASE}
    assert settings_of(plain) == elected
    assert settings_of(changed) == {**elected, "min_interval": 1, "shutdown_timeout": 60.5}
    pods = [one(documents, "Deployment")["spec"]["template"] for documents in (plain, changed)]
    checksums = [pod["metadata"]["annotations"]["checksum/settings"] for pod in pods]
    assert checksums[0] != checksums[1]
    assert [pod["spec"]["terminationGracePeriodSeconds"] for pod in pods] == [50, 81]


def test_every_value_has_its_effect(helm: Path) -> None:
    documents = rendered(helm, EVERYTHING | {"serviceMonitor": {"enabled": True, "labels": {"release": "x"}}})
    pod = one(documents, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == f"registry.example/agents/operator@sha256:{'a' * 64}"
    assert container["ports"] == [{"name": "http", "containerPort": 9090}, {"name": "webhook", "containerPort": 9443}]
    assert container["env"][1:] == EVERYTHING["extraEnv"]
    spec = {**pod, "replicas": one(documents, "Deployment")["spec"]["replicas"]}
    for name in (
        "replicas",
        "imagePullSecrets",
        "priorityClassName",
        "nodeSelector",
        "tolerations",
        "affinity",
        "topologySpreadConstraints",
    ):
        assert spec[name] == EVERYTHING[name]
    assert settings_of(documents)["run_as_user"] is None
    assert one(documents, "ServiceMonitor")["metadata"]["labels"]["release"] == "x"
    assert [each["spec"]["ports"][0]["port"] for each in of_kind(documents, "Service")] == [80, 443]
    (webhook,) = one(documents, "ValidatingWebhookConfiguration")["webhooks"]
    assert webhook["timeoutSeconds"] == 3
    assert all(document["metadata"]["labels"]["team"] == "agents" for document in documents)


def test_without_deliveries_and_pins_the_operator_reads_no_secret(helm: Path) -> None:
    documents = rendered(helm, {"delivery": {"enabled": False}, "agentPins": {"enabled": False}})
    (role,) = [role for role in of_kind(documents, "ClusterRole") if role["metadata"]["name"] == RELEASE]
    left = [rule for rule in RULES if rule not in DELIVERY_RULES and rule != SECRETS]
    assert rules_of(role) == left + POLICY_RULES + ADMISSION_RULES
    assert settings_of(documents)["delivery"] == {"enabled": False}


def test_what_deliveries_need_is_mounted_and_let_through(helm: Path) -> None:
    smtp = {"host": "mail.example.com", "sender": "agents@example.com", "port": 465, "security": "tls"}
    settings = {"delivery": {"ports": [443, 8443], "smtp": smtp}}
    documents = rendered(helm, EVERYTHING | {"settings": settings})
    pod = one(documents, "Deployment")["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert volumes["delivery"]["secret"] == {"secretName": "mail"}
    assert volumes["deliveries"]["persistentVolumeClaim"] == {"claimName": "deliveries"}
    assert (mounts["delivery"], mounts["deliveries"]) == (
        "/etc/agentschedule/delivery",
        "/var/lib/agentschedule/deliveries",
    )
    assert settings_of(documents)["delivery"] == {
        "ports": [443, 8443],
        "smtp": smtp,
        "log_directory": "/var/lib/agentschedule/deliveries",
    }
    *_, out = one(documents, "NetworkPolicy")["spec"]["egress"]
    assert [port["port"] for port in out["ports"]] == [443, 8443, 465]


def test_the_values_that_the_page_on_delivery_shows_are_taken(helm: Path) -> None:
    page = (manifest.CHART.parents[1] / "docs/delivery.md").read_text()
    (values,) = [text for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if text.startswith("delivery:")]
    settings = settings_of(rendered(helm, yaml.safe_load(values)))
    assert DeliverySettings.model_validate(settings["delivery"]).smtp is not None


def test_user_ids_are_left_to_a_platform_that_assigns_them(helm: Path) -> None:
    fixed = {"runAsUser": None, "runAsGroup": None, "fsGroup": None}
    pod = one(rendered(helm, {"podSecurityContext": fixed}), "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_crds_are_kept_and_left_out_as_asked(helm: Path) -> None:
    kept = of_kind(rendered(helm), "CustomResourceDefinition")
    assert {crd["spec"]["names"]["plural"] for crd in kept} == {
        "agentschedules",
        "agentruns",
        "agentpolicies",
        "agentapprovals",
    }
    policy = "helm.sh/resource-policy"
    assert all(crd["metadata"]["annotations"][policy] == "keep" for crd in kept)
    dropped = of_kind(rendered(helm, {"crds": {"keep": False}}), "CustomResourceDefinition")
    assert all(policy not in crd["metadata"].get("annotations", {}) for crd in dropped)
    assert not of_kind(rendered(helm, {"crds": {"enabled": False}}), "CustomResourceDefinition")


def test_the_webhook_asks_for_specs_alone_and_needs_no_right(helm: Path) -> None:
    plain, documents = rendered(helm), rendered(helm, {"webhook": {"enabled": True}})
    for kind in ("ClusterRole", "Role"):
        rights, before = ([rules_of(role) for role in of_kind(each, kind)] for each in (documents, plain))
        assert rights == before
    assert not of_kind(plain, "ValidatingWebhookConfiguration")
    secret, pod = one(documents, "Secret"), one(documents, "Deployment")["spec"]["template"]["spec"]
    assert set(secret["data"]) == {"ca.crt", "tls.crt", "tls.key"}
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "webhook"]
    assert volume["secret"]["secretName"] == secret["metadata"]["name"]
    assert settings_of(documents)["webhook_certificates"] == pod["containers"][0]["volumeMounts"][-1]["mountPath"]
    assert pod["containers"][0]["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    assert "lifecycle" not in one(plain, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    for kind, path in (("MutatingWebhookConfiguration", "/stamp"), ("ValidatingWebhookConfiguration", "/judge")):
        (webhook,) = one(documents, kind)["webhooks"]
        assert webhook["rules"] == [
            {
                "apiGroups": ["agentschedule.dev"],
                "apiVersions": ["v1alpha1"],
                "resources": ["agentschedules"],
                "operations": ["CREATE", "UPDATE"],
                "scope": "Namespaced",
            }
        ]
        assert (webhook["failurePolicy"], webhook["sideEffects"], webhook["timeoutSeconds"]) == ("Fail", "None", 5)
        assert webhook["clientConfig"]["caBundle"] == secret["data"]["ca.crt"]
        assert webhook["clientConfig"]["service"]["path"] == path
        service = webhook["clientConfig"]["service"]["name"]
        assert service in {each["metadata"]["name"] for each in of_kind(documents, "Service")}


def test_the_charts_certificate_is_for_its_service(helm: Path, tmp_path: Path) -> None:
    documents = rendered(helm, {"webhook": {"enabled": True}}, "there")
    for name, content in one(documents, "Secret")["data"].items():
        (tmp_path / name).write_bytes(base64.b64decode(content))
    host = f"{one(documents, 'Secret')['metadata']['name']}.there.svc"
    files = ("-CAfile", tmp_path / "ca.crt", tmp_path / "tls.crt")
    checks = ("-x509_strict", "-purpose", "sslserver", "-verify_hostname", host)
    done = subprocess.run(["openssl", "verify", *checks, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")


def test_cert_manager_makes_the_certificate_where_that_is_asked_for(helm: Path) -> None:
    values = {"webhook": {"enabled": True, "certManager": {"enabled": True}}, "watchNamespaces": ["one"]}
    documents = rendered(helm, values)
    assert not of_kind(documents, "Secret")
    certificate, issuer = one(documents, "Certificate"), one(documents, "Issuer")
    assert certificate["spec"]["issuerRef"] == {"kind": "Issuer", "name": issuer["metadata"]["name"]}
    configuration = one(documents, "ValidatingWebhookConfiguration")
    where = f"{manifest.NAMESPACE}/{certificate['metadata']['name']}"
    assert configuration["metadata"]["annotations"] == {"cert-manager.io/inject-ca-from": where}
    (webhook,) = configuration["webhooks"]
    assert webhook["namespaceSelector"]["matchExpressions"][0]["values"] == ["one"]
    assert "caBundle" not in webhook["clientConfig"]
    issued = {"webhook": {"enabled": True, "certManager": {"enabled": True, "issuerRef": {"name": "ours"}}}}
    assert not of_kind(rendered(helm, issued), "Issuer")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"settings": {"min_intervall": 3}}, "'/settings': additional properties 'min_intervall' not allowed"),
        ({"settings": {"min_interval": 0}}, "'/settings/min_interval': minimum: got 0, want 1"),
        ({"settings": {"log_level": "loud"}}, "'/settings/log_level': value must be one of 'debug', 'info'"),
        ({"watchNamespaces": "one"}, "'/watchNamespaces': got string, want array"),
        ({"replica": 2}, "additional properties 'replica' not allowed"),
        ({"settings": {"leader_election": False}}, "more than one operator needs settings.leader_election"),
    ],
)
def test_a_wrong_value_is_refused_and_named(helm: Path, values: dict[str, Any], message: str) -> None:
    done = template(helm, values)
    assert done.returncode != 0
    assert message in done.stderr


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_the_api_server_accepts_the_chart(
    helm: Path, kubectl: Kubectl, restricted: str, values: dict[str, Any]
) -> None:
    documents = rendered(helm, values, restricted)
    done = kubectl(
        *("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-"),
        manifest=yaml.safe_dump_all(documents),
    )
    assert done.returncode == 0, done.stderr
    # It warns of a pod that the namespace would not admit, and of fields that it does not know.
    assert "Warning" not in done.stderr


def test_the_api_server_accepts_roles_in_a_namespace(helm: Path, kubectl: Kubectl, namespace: str) -> None:
    documents = rendered(helm, {"watchNamespaces": [namespace], "crds": {"enabled": False}}, namespace)
    done = kubectl(
        *("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"),
        manifest=yaml.safe_dump_all(documents),
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("values", [{}, EVERYTHING | {"priorityClassName": ""}], ids=["default", "everything"])
def test_the_pod_is_admitted_where_only_restricted_ones_are(
    helm: Path, kubectl: Kubectl, restricted: str, values: dict[str, Any]
) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": RELEASE, "namespace": restricted}}
    kubectl("create", "-f", "-", manifest=account, check=True)
    pod_template = one(rendered(helm, values, restricted), "Deployment")["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": pod_template["spec"],
        "metadata": {**pod_template["metadata"], "name": "operator", "namespace": restricted},
    }
    done = kubectl("create", "--dry-run=server", "-f", "-", manifest=pod)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def operator_account(helm: Path, kubectl: Kubectl, namespace: str) -> str:
    """The service account of an operator that was given this one namespace."""
    values = {"watchNamespaces": [namespace], "crds": {"enabled": False}, "rbac": {"aggregate": False}}
    kinds = ("ServiceAccount", "Role", "RoleBinding")
    documents = [item for item in rendered(helm, values, namespace) if item["kind"] in kinds]
    kubectl("apply", "-f", "-", manifest=yaml.safe_dump_all(documents), check=True)
    return f"system:serviceaccount:{namespace}:{RELEASE}"


def test_rights_end_at_the_namespace(kubectl: Kubectl, namespace: str, operator_account: str) -> None:
    def may(verb: str, resource: str, where: str, *more: str) -> bool:
        done = kubectl("auth", "can-i", verb, resource, "--namespace", where, "--as", operator_account, *more)
        return done.stdout.strip() == "yes"

    assert may("create", "jobs.batch", namespace)
    assert may("patch", "agentschedules.agentschedule.dev", namespace, "--subresource=status")
    assert may("update", f"leases.coordination.k8s.io/{RELEASE}", namespace)
    assert not may("update", "leases.coordination.k8s.io/another", namespace)
    assert not may("get", f"leases.coordination.k8s.io/{RELEASE}", "default")
    assert not may("create", "jobs.batch", "default")
    assert may("get", "secrets", namespace)
    assert not may("list", "secrets", namespace)
    assert not may("get", "secrets", "default")
    assert not may("patch", "agentapprovals.agentschedule.dev", namespace)
    for resource in ("configmaps", "nodes", "namespaces", "serviceaccounts"):
        assert not may("get", resource, namespace)
    assert not may("patch", "agentschedules.agentschedule.dev", namespace)
    assert not may("create", "pods", namespace)


def test_the_install_manifest_is_what_the_chart_gives() -> None:
    assert manifest.check()


def test_a_manifest_that_differs_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "MANIFEST", tmp_path / "install.yaml")
    with pytest.raises(Problem, match="make manifests"):
        manifest.check()


def test_the_api_server_accepts_the_install_manifest(kubectl: Kubectl) -> None:
    documents = list(yaml.safe_load_all(manifest.MANIFEST.read_text()))
    assert documents[0]["kind"] == "Namespace"
    # A dry run makes no namespace for what is in it, so that everything else is tried in one that exists.
    for document in documents[1:]:
        if "namespace" in document["metadata"]:
            document["metadata"]["namespace"] = "default"
    done = kubectl(
        *("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"),
        manifest=yaml.safe_dump_all(documents),
    )
    assert done.returncode == 0, done.stderr
