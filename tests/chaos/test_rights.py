"""The operator is not let in, has no rights, or may not make Jobs."""

import time
from pathlib import Path

from tests.chaos.api import JOBS
from tests.chaos.conftest import Form, binding
from tests.chaos.faults import Answer, Fault
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene
from tests.controlplane.plane import ControlPlane

_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
_QUOTAS = "/api/v1/namespaces/{}/resourcequotas"


def test_the_token_expires(scene: Scene, proxy: Proxy, form: Form, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    proxy.tokens = frozenset({"old"})
    scene.sow_kinds()
    scene.operator(scene.connect(proxy.url, token_file=token))
    scene.settle_in()
    times = form.number(1, 3)
    for number in range(times):
        done = f"{times} times: the file has another one, at once the old one gets 401" if not number else ""
        with scene.fault("token expired", done):
            token.write_text(f"new {number}")
            proxy.tokens = frozenset({f"new {number}"})
            proxy.cut_watches()
        scene.normal_again()
    scene.reckon()


def test_nobody_is_let_in_for_a_while(scene: Scene, proxy: Proxy, form: Form) -> None:
    scene.sow_kinds()
    scene.operator(scene.connect(proxy.url))
    scene.settle_in()
    seconds = form.take(3, 15)
    with scene.fault("401 to everything", f"watches cut too, for {seconds:g} s"), proxy.fault(Fault(Answer(401))):
        proxy.cut_watches()
        time.sleep(seconds)
    scene.check()


def test_rights_are_taken_away_and_given_back(scene: Scene, proxy: Proxy, form: Form, plane: ControlPlane) -> None:
    scene.sow_kinds()
    scene.operator(scene.connect(proxy.url))
    scene.settle_in()
    seconds = form.take(4, 15)
    try:
        with scene.fault("RBAC taken away", f"ClusterRoleBinding deleted and watches cut, back after {seconds:g} s"):
            scene.api.delete(f"{_BINDINGS}/agentschedule-operator")
            proxy.cut_watches()
            time.sleep(seconds)
            scene.api.create(_BINDINGS, binding())
    finally:
        plane.kubectl("apply", "-f", "-", manifest=binding())
    scene.check()


def test_rights_come_late(scene: Scene, proxy: Proxy, form: Form) -> None:
    """As they do after an installation, and after the start of an API server that has not read its roles yet."""
    seconds = form.take(5, 30)
    scene.sow_kinds()
    done = f"403 to the operator, or only to its checks of Jobs, for {seconds:g} s after its start"
    with scene.fault("rights come late", done):
        with proxy.fault(Fault(Answer(403))):
            scene.operator(scene.connect(proxy.url), wait=False)
            time.sleep(seconds / 2)
        with proxy.fault(Fault(Answer(403), path="dryRun")):
            time.sleep(seconds / 2)
    scene.check(refused=True)


def test_a_quota_on_jobs_is_exceeded(scene: Scene, form: Form) -> None:
    scene.sow_kinds()
    scene.operator()
    scene.settle_in()
    seconds = form.take(5, 40)
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    path = _QUOTAS.format(scene.namespace)
    with scene.fault("quota on Jobs exceeded", f"count/jobs.batch 0 for {seconds:g} s"):
        scene.api.create(path, quota)
        scene.wait("the quota in force", lambda: scene.api.get(f"{path}/none")["status"].get("hard"))
        before = len(scene.history.created(scene.namespace))
        time.sleep(seconds)
        assert len(scene.history.created(scene.namespace)) <= before + 2
        scene.api.delete(f"{path}/none")
    scene.check()
    assert scene.api.items(JOBS.format(scene.namespace))
