"""An operator of this checkout as a process, beside none that is installed in the cluster."""

import fcntl
import itertools
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kubectl import Kubectl
from tests.operator_process import OperatorProcess
from tests.resources import Place

INSTALLED = ("-n", "agentschedule-system", "deployment/agentschedule-operator")


BINDINGS = [
    f"validatingadmissionpolicybinding/agentschedule-operator-{name}" for name in ("approvals", "authors")
]  # where they are in force, nobody but the installed operator makes AgentApprovals


@pytest.fixture(scope="package", autouse=True)
def alone(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[None]:
    """An operator that is installed in the cluster rests while the tests of this folder run theirs.

    Where several processes share the tests, the first puts it to rest and the last wakes it.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent
    at_work, resting = folder / "at-work", folder / "resting.json"
    with _alone_in(folder):
        if not at_work.exists():
            resting.write_text(json.dumps(_put_to_rest(kubectl)))
        with at_work.open("a") as file:
            file.write("+")
    yield
    with _alone_in(folder):
        at_work.write_text(at_work.read_text()[1:])
        if not at_work.read_text():
            at_work.unlink()
            _wake(kubectl, json.loads(resting.read_text()))


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _put_to_rest(kubectl: Kubectl) -> dict[str, Any]:
    """What is needed to wake it; nothing where none is at work."""
    namespace, name = INSTALLED[:2], INSTALLED[2]
    found = kubectl(*namespace, "get", name, "-o", "jsonpath={.spec.replicas}")
    if found.returncode != 0 or found.stdout == "0":
        return {}
    kubectl(*namespace, "scale", name, "--replicas=0", check=True)
    selector = "app.kubernetes.io/name=agentschedule-operator"
    kubectl(*namespace, "wait", "pod", "-l", selector, "--for=delete", "--timeout=60s", check=True)
    bindings = [json.loads(kubectl("get", one, "-o", "json", check=True).stdout) for one in BINDINGS]
    kubectl("delete", *BINDINGS, check=True)
    return {"replicas": found.stdout, "bindings": bindings}


def _wake(kubectl: Kubectl, resting: dict[str, Any]) -> None:
    if not resting:
        return
    for binding in resting["bindings"]:
        own = {"name", "labels", "annotations"}
        binding["metadata"] = {key: value for key, value in binding["metadata"].items() if key in own}
        kubectl("create", "-f", "-", manifest=binding, check=True)
    kubectl(*INSTALLED[:2], "scale", INSTALLED[2], f"--replicas={resting['replicas']}", check=True)


@pytest.fixture(scope="module")
def shared(
    alone: None, kubectl: Kubectl, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Place, OperatorProcess]]:
    """A namespace with an operator for all tests of a module."""
    name = f"test-{secrets.token_hex(4)}"
    labels = {"agentschedule.dev/test": "true", "pod-security.kubernetes.io/enforce": "restricted"}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    kubectl("create", "-f", "-", manifest=manifest, check=True)
    operator = OperatorProcess(kubeconfig, tmp_path_factory.mktemp("operator") / "log", [name, f"{name}-too"])
    operator.start()
    yield Place(kubectl, name), operator
    operator.stop()
    kubectl("delete", "namespace", name, "--wait=false", check=True)


@pytest.fixture
def place(shared: tuple[Place, OperatorProcess]) -> Place:
    """The shared namespace, with an operator at work."""
    return shared[0]


@pytest.fixture
def make_operator(alone: None, kubeconfig: Path, tmp_path: Path) -> Iterator[Callable[..., OperatorProcess]]:
    """Makes operators that the test starts and kills itself; what is left is killed at the end."""
    made: list[OperatorProcess] = []
    numbers = itertools.count()

    def make(namespaces: list[str], **settings: str) -> OperatorProcess:
        made.append(OperatorProcess(kubeconfig, tmp_path / f"log-{next(numbers)}", namespaces, **settings))
        return made[-1]

    yield make
    for operator in made:
        operator.kill()
