"""The local cluster for real: up, repair after the worst, and down without a trace.

Minutes long and only for root, so it runs when asked for: ``make test-cluster``. It has a cluster of its own
in a network namespace of its own, so the developer's cluster stays as it is.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import processes
from tests.cluster.host import Host, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.environ.get("AGENTSCHEDULE_TEST_CLUSTER") != "1", reason="run by `make test-cluster`"),
]

_POD = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: web
    image: local/busybox:1
    command: [sh, -c, "echo serving; echo hello > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"]
    readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.213.1.80, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
_UNKNOWN = "--image=does-not-exist:1"
_WARM_START_SECONDS = 30


@pytest.fixture
def host() -> Iterator[Host]:
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:  # pytest's own are too deep for the kubelet
        machine = Host(Path(folder))
        try:
            yield machine
        finally:
            machine.down()
            machine.close()


def serve(host: Host, tmp_path: Path) -> None:
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(_POD)
    host.kubectl("apply", "-f", str(manifest))
    host.kubectl("wait", "--for=condition=ready", "pod/web", "--timeout=30s")


def serves(host: Host) -> bool:
    """Through its service, from within a pod: bridge, tables and containers all work."""
    answer = host.kubectl("exec", "web", "--", "wget", "-qO-", "http://10.213.1.80", check=False)
    return answer.strip() == "hello"


def test_a_cluster_that_runs_pods_and_goes_without_a_trace(host: Host, tmp_path: Path) -> None:
    before = host.traces()
    begun = time.monotonic()
    host.up()
    assert time.monotonic() - begun < _WARM_START_SECONDS
    kubeconfig = host.checkout / ".cluster/kubeconfig"
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE(kubeconfig.parent.stat().st_mode) == 0o700
    assert host.verb("status")[0] == 0

    serve(host, tmp_path)
    until(lambda: serves(host), 10, "the pod reaches itself by its service")
    assert host.kubectl("logs", "web").strip() == "serving"
    host.kubectl("run", "unknown", _UNKNOWN)
    reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}"
    until(
        lambda: host.kubectl("get", "pod", "unknown", "-o", reason) in {"ErrImagePull", "ImagePullBackOff"},
        10,
        "an unknown image is refused",
    )

    host.down()
    assert host.traces() == before
    assert host.verb("status")[0] != 0


def test_up_again_does_nothing_on_a_healthy_cluster(host: Host) -> None:
    host.up()
    records = {path: path.read_bytes() for path in host.state.records.iterdir()}
    second = host.new_checkout("second")
    assert "healthy" in host.up(second)
    assert {path: path.read_bytes() for path in host.state.records.iterdir()} == records
    assert (second / ".cluster/kubeconfig").read_text() == host.state.kubeconfig.read_text()
    host.down()
    assert not (second / ".cluster").exists()


def test_up_repairs_a_cluster_whose_processes_were_all_killed(host: Host, tmp_path: Path) -> None:
    before = host.traces()
    host.up()
    serve(host, tmp_path)
    host.kubectl("create", "configmap", "kept", "--from-literal=a=b")
    host.kill_everything()
    assert host.verb("status")[0] != 0
    host.up(host.new_checkout("second"))
    assert host.kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.a}") == "b"
    until(lambda: serves(host), 60, "the pod serves again")
    host.kill_everything()
    host.down()
    assert host.traces() == before


@pytest.mark.parametrize(
    "name",
    ["etcd", "containerd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"],
)
def test_up_starts_the_one_process_that_was_killed_or_hangs(host: Host, tmp_path: Path, name: str) -> None:
    host.up()
    serve(host, tmp_path)
    for number in (signal.SIGKILL, signal.SIGSTOP):
        record = processes.running(host.state, name)
        assert record is not None
        os.kill(record.identity.pid, number)
        assert name in host.up()
        assert host.verb("status")[0] == 0
        until(lambda: serves(host), 30, "the pod serves")


def test_up_repairs_the_network(host: Host, tmp_path: Path) -> None:
    host.up()
    serve(host, tmp_path)
    host.run("nft", "flush", "ruleset")
    host.run("ip", "link", "delete", "asop0")
    assert host.verb("status")[0] != 0
    host.up()
    until(lambda: serves(host), 60, "the pod serves again")


def test_up_goes_on_after_a_reboot(host: Host, tmp_path: Path) -> None:
    """What a reboot leaves is the state folder alone, with another boot's name in its notes."""
    host.up()
    serve(host, tmp_path)
    host.kill_everything()
    saved = tmp_path / "saved"
    shutil.copytree(host.state.root, saved, symlinks=True, ignore=shutil.ignore_patterns("kubelet"))
    host.down()
    host.state.root.parent.mkdir(exist_ok=True)
    shutil.copytree(saved, host.state.root, symlinks=True)
    noted = host.state.before
    noted.write_text(noted.read_text().replace(processes.boot_id(), "another-boot"))
    host.up()
    until(lambda: serves(host), 60, "the pod serves again")


def test_up_starts_afresh_on_damaged_data(host: Host) -> None:
    host.up()
    host.kill_everything()
    for database in host.state.etcd.glob("member/snap/db"):
        database.write_bytes(b"damaged" * 4096)
    assert "afresh" in host.up()
    assert host.verb("status")[0] == 0


@pytest.mark.parametrize("seconds", [0.3, 0.6, 1.0, 1.5, 2.5, 4.0, 6.0, 8.0])
def test_down_after_up_was_killed_leaves_nothing(host: Host, seconds: float) -> None:
    before = host.traces()
    host.kill_after(seconds, "up")
    host.down()
    assert host.traces() == before


@pytest.mark.parametrize("seconds", [0.6, 1.5, 4.0])
def test_up_goes_on_after_up_was_killed(host: Host, seconds: float) -> None:
    host.kill_after(seconds, "up")
    host.up()
    assert host.verb("status")[0] == 0


def test_down_after_down_was_killed_leaves_nothing(host: Host, tmp_path: Path) -> None:
    before = host.traces()
    host.up()
    serve(host, tmp_path)
    for seconds in (0.15, 0.25, 0.35, 0.45):
        host.kill_after(seconds, "down")
    host.down()
    assert host.traces() == before


def test_two_at_once_do_not_fight(host: Host) -> None:
    both = [host.start("up"), host.start("up")]
    for process in both:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    assert host.verb("status")[0] == 0
