"""A scratch control plane that faults are done to, and what came of them, told at the end.

`AGENTSCHEDULE_CHAOS=full` has every fault in its full length; else all but the longest have a short form.
"""

import os
import secrets
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.chaos.api import NAMESPACES, Api
from tests.chaos.figures import write
from tests.chaos.history import History
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene
from tests.controlplane.plane import ControlPlane
from tests.controlplane.process import Process
from tests.kubectl import ROOT

CONTROLLERS = "job-controller,namespace-controller,garbage-collector-controller,resourcequota-controller"
OPERATOR = "operator"


@dataclass(frozen=True)
class Form:
    """How long and how large faults are."""

    full: bool

    def take(self, short: float, full: float) -> float:
        """One of the two."""
        return full if self.full else short

    def number(self, short: int, full: int) -> int:
        """One of the two."""
        return full if self.full else short


@pytest.fixture(scope="session")
def form() -> Form:
    """Short, unless the full form is asked for."""
    return Form(os.environ.get("AGENTSCHEDULE_CHAOS") == "full")


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The control plane, with pods that seem to run, and the operator as a user with the chart's rights."""
    with ControlPlane(tmp_path_factory.mktemp("plane")) as plane_:
        plane_.apiserver.kill()
        plane_.user(OPERATOR)
        plane_.apiserver.start()
        plane_.apply_crds()
        for rights in operator_rights():
            plane_.kubectl("apply", "-f", "-", manifest=rights)
        plane_.kwok(nodes=1)
        yield plane_


@pytest.fixture(scope="session", autouse=True)
def controllers(plane: ControlPlane) -> Process:
    """Kubernetes' own controllers, as far as they matter here."""
    return plane.controllers(CONTROLLERS)


def operator_rights() -> list[dict[str, object]]:
    """The operator's ClusterRole as it is installed, and its binding to a user."""
    manifests = yaml.safe_load_all((ROOT / "manifests" / "install.yaml").read_text())
    role = next(
        m for m in manifests if m["kind"] == "ClusterRole" and m["metadata"]["name"] == "agentschedule-operator"
    )
    return [role, binding()]


def binding() -> dict[str, object]:
    """What gives the operator its rights."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "agentschedule-operator"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "agentschedule-operator",
        },
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": OPERATOR}],
    }


@pytest.fixture(scope="session")
def history(plane: ControlPlane) -> Iterator[History]:
    """Every Job that ever was."""
    with History(plane.database) as history_:
        yield history_


@pytest.fixture(scope="session")
def api(plane: ControlPlane) -> Iterator[Api]:
    """The API server, as an administrator."""
    with closing(Api(plane.kubeconfig)) as api_:
        yield api_


@pytest.fixture
def scene(plane: ControlPlane, api: Api, history: History, tmp_path: Path) -> Iterator[Scene]:
    """A namespace of the test's own. What comes of the test is told at the end of all."""
    scene_ = Scene(api, history, tmp_path, plane.user(OPERATOR), f"chaos-{secrets.token_hex(3)}")
    yield scene_
    scene_.close()
    api.delete(f"{NAMESPACES}/{scene_.namespace}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What came of a fault goes with the report of its test."""
    report = yield
    scene_ = item.funcargs.get("scene") if report.when == "call" else None
    if isinstance(scene_, Scene):
        report.user_properties.append(("chaos", scene_.figures()))
    return report


@pytest.fixture
def proxy(plane: ControlPlane) -> Iterator[Proxy]:
    """A proxy with the operator's rights."""
    with _proxy(plane) as proxy_:
        yield proxy_


@pytest.fixture
def another_proxy(plane: ControlPlane) -> Iterator[Proxy]:
    """One for another operator."""
    with _proxy(plane) as proxy_:
        yield proxy_


def _proxy(plane: ControlPlane) -> Proxy:
    operator = Api(plane.user(OPERATOR))
    return Proxy(operator.server, token=operator.token, tls=operator.tls)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures of all faults that were tried."""
    write(terminalreporter)
