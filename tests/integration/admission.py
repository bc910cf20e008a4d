"""Webhook configurations as the chart makes them, that ask an operator's process on this machine."""

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme
import yaml

from images import manifest
from localcluster import gobuild
from tests.kubectl import Kubectl
from tests.operator_process import OperatorProcess
from tests.resources import Place, Raw


def certificates(folder: Path) -> bytes:
    """A certificate for this machine, as the operator reads it; returns the authority."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tls.crt").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (folder / "tls.key").write_bytes(issued.private_key_pem.bytes())
    return authority.cert_pem.bytes()


def port_of(operator: OperatorProcess) -> int:
    """Where it answers."""
    return int([line["port"] for line in operator.log() if line["message"] == "serving admission requests"][-1])


def configurations(namespace: str, port: int, authority: bytes) -> list[Any]:
    """The chart's, for one namespace, with a URL in place of the service."""
    values = {"webhook": {"enabled": True}, "watchNamespaces": [namespace], "crds": {"enabled": False}}
    done = subprocess.run(
        [gobuild.build(gobuild.HELM) / "helm", "template", "test", manifest.CHART, "-n", namespace, "--values", "-"],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
    )
    found = [d for d in yaml.safe_load_all(done.stdout) if d and d["kind"].endswith("WebhookConfiguration")]
    for document in found:
        for webhook in document["webhooks"]:
            path = webhook["clientConfig"]["service"]["path"]
            bundle = base64.b64encode(authority).decode()
            webhook["clientConfig"] = {"url": f"https://127.0.0.1:{port}{path}", "caBundle": bundle}
    return found


@contextmanager
def asked(kubectl: Kubectl, namespace: str, port: int, authority: bytes) -> Iterator[None]:
    """The API server asks, until this ends."""
    documents = yaml.safe_dump_all(configurations(namespace, port, authority))
    try:
        kubectl("apply", "-f", "-", manifest=documents, check=True)
        yield
    finally:
        kubectl("delete", "--ignore-not-found", "-f", "-", manifest=documents)


def authors(place: Place, *users: str) -> None:
    """Let these users do anything with AgentSchedules of the namespace."""
    rules = [{"apiGroups": ["agentschedule.dev"], "resources": ["*"], "verbs": ["*"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "authors"}}
    place.apply({**role, "rules": rules})
    place.apply(
        {
            **role,
            "kind": "RoleBinding",
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "authors"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user} for user in users],
        }
    )


def apply_as(place: Place, user: str, document: Raw, *more: str) -> subprocess.CompletedProcess[str]:
    """kubectl apply by a user, whatever comes of it."""
    return place.kubectl("-n", place.namespace, "apply", "--as", user, *more, "-f", "-", manifest=document)
