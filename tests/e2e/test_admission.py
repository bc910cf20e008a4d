"""The admission webhook as users install it: the chart with `webhook.enabled`, asked through its service."""

import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from images import manifest
from localcluster import gobuild
from tests.kubectl import Kubectl
from tests.resources import Place, schedule

from .conftest import DEPLOYMENT, SELECTOR, SYSTEM

Install = Callable[[], None]
REFUSAL = "spec.schedule: '61' is not allowed in the minute field"


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


def answer_to_a_bad_one(work: Place) -> str:
    """What whoever applies a schedule with a minute 61 is told."""
    bad = schedule("bad", schedule="61 * * * *")
    return work.kubectl("-n", work.namespace, "apply", "-f", "-", manifest=bad).stderr


def answered(work: Place) -> None:
    """Wait until the service leads to the operators: a node learns of them some moments after they are ready."""
    deadline = time.monotonic() + 30
    while REFUSAL not in (answer := answer_to_a_bad_one(work)):
        assert "connection refused" in answer, answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.2)


def test_bad_schedules_are_refused_and_an_upgrade_keeps_the_certificate(
    guarded: tuple[Place, Place, Install],
) -> None:
    own, work, install = guarded
    install()
    answered(work)
    secret = own.get("secret", "guard-agentschedule-operator-webhook")["data"]
    for _ in range(2):
        for _ in range(4):
            assert REFUSAL in answer_to_a_bad_one(work)
        install()
        assert own.get("secret", "guard-agentschedule-operator-webhook")["data"] == secret
    work.apply(schedule("good", every="2s"))
    work.wait_run("good", "Succeeded")
    notes = work.get("agentschedule", "good")["metadata"]["annotations"]
    assert notes["agentschedule.dev/created-by"] == notes["agentschedule.dev/changed-by"]
    work("delete", "agentschedule", "good")


def test_while_operators_are_replaced_every_schedule_is_judged(guarded: tuple[Place, Place, Install]) -> None:
    own, work, install = guarded
    install()
    answered(work)
    before = {pod["metadata"]["name"] for pod in own.every("pods", SELECTOR)}
    own("rollout", "restart", "deployment", "-l", SELECTOR)
    answers: list[str] = []

    def replaced() -> bool:
        answers.append(answer_to_a_bad_one(work))
        return not before & {pod["metadata"]["name"] for pod in own.every("pods", SELECTOR)}

    own.wait("the pods are others", replaced, seconds=180)
    assert {answer for answer in answers if REFUSAL not in answer} == set()
