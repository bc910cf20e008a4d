"""The admission webhook as users install it: the chart with `webhook.enabled`, asked through its service."""

import json
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from images import manifest
from localcluster import gobuild
from tests.kubectl import Kubectl
from tests.resources import Place, schedule

from .conftest import DEPLOYMENT, SYSTEM

Install = Callable[[], None]


@pytest.fixture
def guarded(installed: Place, kubectl: Kubectl, kubeconfig: Path) -> Iterator[tuple[Place, Place, Install]]:
    """A second release for one namespace: its own, the one it guards, and what installs or upgrades it."""
    found = kubectl("-n", SYSTEM, "get", DEPLOYMENT, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    repository, _, tag = found.stdout.rpartition(":")
    helm, own = gobuild.build(gobuild.HELM) / "helm", f"test-{secrets.token_hex(4)}"
    work = f"{own}-work"
    values = {
        "image": {"repository": repository, "tag": tag},
        "watchNamespaces": [work],
        "crds": {"enabled": False},
        "rbac": {"aggregate": False},
        "webhook": {"enabled": True},
        "settings": {"min_interval": 1},
    }

    def run(*arguments: str) -> None:
        common = ("--kubeconfig", kubeconfig, "--namespace", own, "--wait", "--timeout", "120s")
        done = subprocess.run(
            [helm, *arguments, *common], input=json.dumps(values), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    for name in (own, work):
        labels = {"agentschedule.dev/test": "true"}
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        kubectl("create", "-f", "-", manifest=made, check=True)
    try:
        yield (
            Place(kubectl, own),
            Place(kubectl, work),
            lambda: run("upgrade", "--install", "guard", str(manifest.CHART), "--values", "-"),
        )
    finally:
        run("uninstall", "guard", "--ignore-not-found")
        kubectl("delete", "namespace", own, work, "--wait=false", check=True)


def test_bad_schedules_are_refused_and_an_upgrade_keeps_the_certificate(
    guarded: tuple[Place, Place, Install],
) -> None:
    own, work, install = guarded
    install()
    secret = own.get("secret", "guard-agentschedule-operator-webhook")["data"]
    for _ in range(2):
        for _ in range(4):
            bad = schedule("bad", schedule="61 * * * *")
            done = work.kubectl("-n", work.namespace, "apply", "-f", "-", manifest=bad)
            assert "spec.schedule: '61' is not allowed in the minute field" in done.stderr
        install()
        assert own.get("secret", "guard-agentschedule-operator-webhook")["data"] == secret
    work.apply(schedule("good", every="2s"))
    work.wait_run("good", "Succeeded")
    notes = work.get("agentschedule", "good")["metadata"]["annotations"]
    assert notes["agentschedule.dev/created-by"] == notes["agentschedule.dev/changed-by"]
    work("delete", "agentschedule", "good")
