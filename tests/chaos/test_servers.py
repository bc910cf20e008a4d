"""The API server and its database die, or stand still."""

import time

from tests.chaos.conftest import Form
from tests.chaos.scene import Scene
from tests.controlplane.plane import ControlPlane


def test_api_server_killed(scene: Scene, plane: ControlPlane, form: Form) -> None:
    scene.sow_kinds()
    scene.operator()
    scene.settle_in()
    seconds = form.take(3, 20)
    with scene.fault("API server killed", f"SIGKILL, started again after {seconds:g} s"):
        plane.apiserver.kill()
        time.sleep(seconds)
        plane.apiserver.start()
    scene.check()


def test_api_server_frozen(scene: Scene, plane: ControlPlane, form: Form) -> None:
    scene.sow_kinds()
    scene.operator()
    scene.settle_in()
    seconds = form.take(10, 90)
    with scene.fault("API server frozen", f"SIGSTOP for {seconds:g} s"):
        plane.apiserver.freeze()
        time.sleep(seconds)
        plane.apiserver.thaw()
    scene.check()


def test_etcd_killed(scene: Scene, plane: ControlPlane, form: Form) -> None:
    scene.sow_kinds()
    scene.operator()
    scene.settle_in()
    seconds = form.take(3, 20)
    with scene.fault("etcd killed", f"SIGKILL, started again after {seconds:g} s"):
        plane.etcd.kill()
        time.sleep(seconds)
        plane.etcd.start()
    scene.check()
