"""The scratch control plane does what tests need of it."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.controlplane.plane import ControlPlane


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path / "plane") as plane:
        yield plane


def _wait(what: str, look: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.2)


def test_a_user_has_no_rights_but_those_that_rbac_gives(plane: ControlPlane) -> None:
    somebody = plane.user("somebody")
    with pytest.raises(AssertionError, match="forbidden"):
        plane.kubectl("get", "pods", kubeconfig=somebody)
    plane.kubectl("create", "clusterrole", "pods", "--verb=list", "--resource=pods")
    plane.kubectl("create", "clusterrolebinding", "somebody", "--clusterrole=pods", "--user=somebody")
    _wait("the right to see pods", lambda: _allowed(plane, somebody))


def _allowed(plane: ControlPlane, kubeconfig: Path) -> bool:
    try:
        plane.kubectl("get", "pods", kubeconfig=kubeconfig)
    except AssertionError:
        return False
    return True


def test_data_outlives_the_death_of_either_server(plane: ControlPlane) -> None:
    plane.apply_crds()
    plane.kubectl("create", "configmap", "kept")
    plane.apiserver.kill()
    with pytest.raises(AssertionError):
        plane.kubectl("get", "configmap", "kept", "--request-timeout=2s")
    plane.apiserver.start()
    plane.etcd.kill()
    plane.etcd.start()
    _wait("the config map", lambda: "kept" in plane.kubectl("get", "configmaps"))
    assert "agentschedules.agentschedule.dev" in plane.kubectl("get", "crds")


def test_a_frozen_server_answers_again_when_thawed(plane: ControlPlane) -> None:
    plane.apiserver.freeze()
    with pytest.raises(AssertionError):
        plane.kubectl("get", "namespaces", "--request-timeout=1s")
    plane.apiserver.thaw()
    _wait("an answer", lambda: "default" in plane.kubectl("get", "namespaces"))


def test_the_pod_of_a_job_completes(plane: ControlPlane) -> None:
    plane.controllers("job-controller")
    plane.kwok(nodes=1)
    plane.kubectl("create", "job", "work", "--image=none")
    _wait("the Job's end", lambda: json.loads(_job(plane)).get("succeeded") == 1)


def _job(plane: ControlPlane) -> str:
    return plane.kubectl("get", "job", "work", "-o", "jsonpath={.status}")


def test_everything_ends_with_the_context(tmp_path: Path) -> None:
    with ControlPlane(tmp_path / "plane") as plane:
        started = [plane.etcd.pid, plane.apiserver.pid, plane.controllers("job-controller").pid]
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]
