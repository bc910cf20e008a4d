"""A namespace with an operator that runs as the chart's service account, beside the chart's admission policies."""

import json
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from images import manifest
from localcluster import gobuild
from tests.kubectl import Kubectl
from tests.operator_process import OperatorProcess
from tests.resources import Place

_CLUSTER_WIDE = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ClusterRole", "ClusterRoleBinding")
_KINDS = (*_CLUSTER_WIDE, "ServiceAccount", "Role", "RoleBinding")
EVERYONE = "test-everyone"
"""A group that may do everything in the namespace, as far as roles say."""

Raw = dict[str, Any]


class Guarded:
    """The place, and people in it."""

    def __init__(self, place: Place, release: str, operator: OperatorProcess) -> None:
        self.place = place
        self.release = release
        self.operator = operator

    def attempt(
        self, user: str, *arguments: str, groups: Sequence[str] = (), manifest: Raw | None = None
    ) -> subprocess.CompletedProcess[str]:
        """kubectl as somebody, who may do everything as far as roles say."""
        who = ["--as", user, *(part for group in (EVERYONE, *groups) for part in ("--as-group", group))]
        return self.place.kubectl("-n", self.place.namespace, *arguments, *who, manifest=manifest)

    def refusal(self, user: str, *arguments: str, groups: Sequence[str] = (), manifest: Raw | None = None) -> str:
        """The same, which must be refused; returns the words."""
        done = self.attempt(user, *arguments, groups=groups, manifest=manifest)
        assert done.returncode != 0, f"{user} could: kubectl {arguments}"
        return done.stderr

    def decide(
        self, user: str, name: str, decision: str = "Approved", *, groups: Sequence[str] = (), **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Set a decision in one's own name; `more` is laid over the spec's patch."""
        body = {"spec": {"decision": decision, "decidedBy": user, "reason": f"{user} says so", **more}}
        return self.attempt(user, "patch", "agentapproval", name, "--type=merge", "-p", json.dumps(body), groups=groups)

    def create(self, user: str, schedule: Raw) -> None:
        """Create a schedule as somebody who says so in its annotation."""
        schedule["metadata"]["annotations"] = {"agentschedule.dev/created-by": user}
        done = self.attempt(user, "create", "-f", "-", manifest=schedule)
        assert done.returncode == 0, done.stderr

    def waiting(self, schedule: str) -> Raw:
        """The AgentApproval of a schedule, once one waits."""
        found: Raw = self.place.wait(f"an approval that waits for {schedule}", lambda: self._waiting(schedule))
        return found

    def _waiting(self, schedule: str) -> Raw | None:
        found = [
            one
            for one in self.place.every("agentapprovals")
            if one["spec"]["scheduleName"] == schedule
            and (one.get("status") or {}).get("phase") == "Waiting"
            and "decision" not in one["spec"]
        ]
        return found[0] if found else None

    def skips(self, schedule: str) -> dict[str, int]:
        """Skipped slots by reason."""
        return {skip["reason"]: skip["count"] for skip in self.place.status(schedule).get("skips") or ()}

    def reasons(self, schedule: str) -> dict[str, str]:
        """Events on a schedule: the newest message by reason."""
        return {event["reason"]: event["message"] for event in self.place.events_of(schedule)}


def render(release: str, namespace: str, values: Raw) -> list[Raw]:
    """The chart's documents."""
    helm = gobuild.build(gobuild.HELM) / "helm"
    done = subprocess.run(
        [helm, "template", release, manifest.CHART, "--namespace", namespace, "--values", "-"],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
    )
    return [document for document in yaml.safe_load_all(done.stdout) if document]


@contextmanager
def guarded(kubectl: Kubectl, kubeconfig: Path, policies: Sequence[Raw], **settings: str) -> Iterator[Guarded]:
    """To be used as a fixture. `policies` are specs of AgentPolicies."""
    namespace = release = f"test-{secrets.token_hex(4)}"
    release = f"{release}-agentschedule-operator"
    account = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    kubectl("create", "-f", "-", manifest=account, check=True)
    values = {"watchNamespaces": [namespace], "crds": {"enabled": False}, "rbac": {"aggregate": False}}
    documents = [one for one in render(release, namespace, values) if one["kind"] in _KINDS]
    everything = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "everyone", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": EVERYONE}],
    }
    try:
        kubectl("apply", "-f", "-", manifest=yaml.safe_dump_all([*documents, everything]), check=True)
        with tempfile.TemporaryDirectory() as folder:
            account_file = _kubeconfig(kubectl, kubeconfig, namespace, release, Path(folder))
            file = Path(folder) / "policies.yaml"
            file.write_text(yaml.safe_dump_all(_policy(f"policy-{n}", spec) for n, spec in enumerate(policies)))
            own = {
                "keys_namespace": namespace,
                "admission_policies": release,
                "admission_policies_interval": "1",
                "policies_file": str(file),
            }
            operator = OperatorProcess(account_file, Path(folder) / "log", [namespace], **{**own, **settings})
            operator.start()
            try:
                yield Guarded(Place(kubectl, namespace), release, operator)
            finally:
                operator.stop()
    finally:
        away = [one for one in documents if one["kind"] in _CLUSTER_WIDE]
        kubectl("delete", "namespace", namespace, "--wait=false")
        kubectl("delete", "--ignore-not-found", "-f", "-", manifest=yaml.safe_dump_all(away), check=True)


def _policy(name: str, spec: Raw) -> Raw:
    return {
        "apiVersion": "agentschedule.dev/v1alpha1",
        "kind": "AgentPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


def _kubeconfig(kubectl: Kubectl, admins: Path, namespace: str, account: str, folder: Path) -> Path:
    token = kubectl("-n", namespace, "create", "token", account, "--duration=2h", check=True).stdout.strip()
    config = yaml.safe_load(admins.read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
