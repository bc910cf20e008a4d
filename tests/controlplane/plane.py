"""A control plane for tests: etcd and kube-apiserver on the loopback, up in seconds, with no node.

Each is a process of its own that tests may kill, freeze and start again; data, ports and users stay.
"""

import itertools
import json
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from localcluster.gobuild import ETCD, KUBERNETES, KWOK, build
from tests.controlplane.process import Process, free_port
from tests.controlplane.users import Users
from tests.kubectl import ROOT

_COMPONENTS = ("system:kube-controller-manager", "system:kube-scheduler")


class ControlPlane:
    """One control plane with its files in `folder`. Leaving it as a context ends everything it started."""

    def __init__(self, folder: Path, *, fsync: bool = False, apiserver_flags: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._programs = build(KUBERNETES)
        self._others: list[Process] = []
        self._numbers = itertools.count(1)
        port = free_port()
        self.server = f"https://127.0.0.1:{port}"
        self._users = Users(folder, self.server)
        self.kubeconfig = self._users.add("admin", ["system:masters"])
        for name in _COMPONENTS:
            self._users.add(name)
        self._tls = ssl.create_default_context(cafile=self._users.certificate)
        self.database = f"http://127.0.0.1:{free_port()}"
        self.etcd = self._etcd(self.database, fsync)
        self.apiserver = self._apiserver(self.database, port, apiserver_flags)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start etcd and the API server and wait until both are ready; when that fails, neither is left."""
        try:
            self.etcd.start()
            self.apiserver.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything, the last started first. By SIGKILL: nobody needs the data."""
        for process in (*reversed(self._others), self.apiserver, self.etcd):
            process.kill()

    def user(self, name: str, groups: Sequence[str] = ()) -> Path:
        """The kubeconfig of a user, who has no rights but those that RBAC gives.

        The roles `admin`, `edit` and `view` are empty: the controller that fills them is not started.
        The API server reads tokens as it starts: for a user that is new while it runs it is started again.
        """
        if not self._users.known(name):
            self._users.add(name, groups)
            if self.apiserver.running:
                self.apiserver.kill()
                self.apiserver.start()
        return self._users.kubeconfig(name)

    def controllers(self, names: str, *flags: str) -> Process:
        """A kube-controller-manager with the controllers of these names, separated by commas, and further flags."""
        argv = [
            *(f"{self._programs}/kube-controller-manager", f"--controllers={names}", "--leader-elect=false"),
            *(f"--kubeconfig={self._users.kubeconfig('system:kube-controller-manager')}", "--secure-port=0"),
            *("--use-service-account-credentials=true", *flags),
        ]
        return self._start("controllers", argv)

    def kwok(self, nodes: int = 1, *, runs: float = 0.0) -> Process:
        """Nodes that only seem to be; each pod of a Job runs there for so many seconds. And a scheduler for them."""
        kubeconfig = self._users.kubeconfig("system:kube-scheduler")
        flags = (f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0")
        self._start("scheduler", [f"{self._programs}/kube-scheduler", *flags])
        stages = self._folder / "kwok.yaml"
        template = Path(__file__).with_name("kwok.yaml").read_text()
        stages.write_text(template.replace("MILLISECONDS", str(round(runs * 1000))))
        flags = (f"--kubeconfig={self.kubeconfig}", "--manage-all-nodes", f"--config={stages}")
        kwok = self._start("kwok", [f"{build(KWOK)}/kwok", *flags])
        for number in range(nodes):
            node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"kwok-{number}"}}
            self.kubectl("create", "-f", "-", manifest=node)
        self.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "nodes", "--all")
        return kwok

    def apply_crds(self) -> None:
        """The CRDs of this checkout, ready for use."""
        crds = str(ROOT / "crds")
        self.kubectl("apply", "--server-side", "-f", crds)
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", crds)

    def kubectl(self, *args: str, manifest: Any = None, kubeconfig: Path | None = None) -> str:
        """kubectl, as the administrator unless told otherwise; `manifest` is its standard input. It must succeed."""
        done = subprocess.run(
            [Path(sys.executable).with_name("kubectl"), *args],
            input=None if manifest is None else json.dumps(manifest),
            env={**os.environ, "KUBECONFIG": str(kubeconfig or self.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"kubectl {' '.join(args)}: {done.stderr}")
        return done.stdout

    def _start(self, name: str, argv: Sequence[str]) -> Process:
        process = Process(argv, self._folder / f"{name}-{next(self._numbers)}.log")
        self._others.append(process)
        process.start()
        return process

    def _etcd(self, url: str, fsync: bool) -> Process:
        peers = f"http://127.0.0.1:{free_port()}"
        argv = [
            *(f"{build(ETCD)}/etcd", "--name=scratch", f"--data-dir={self._folder / 'etcd'}"),
            *(f"--listen-client-urls={url}", f"--advertise-client-urls={url}", f"--listen-peer-urls={peers}"),
            *(f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=scratch={peers}"),
            *(() if fsync else ("--unsafe-no-fsync",)),
        ]
        return Process(argv, self._folder / "etcd.log", lambda: _answers(f"{url}/health", None))

    def _apiserver(self, database: str, port: int, flags: Sequence[str]) -> Process:
        users = self._users
        argv = [
            *(f"{self._programs}/kube-apiserver", f"--etcd-servers={database}", "--etcd-prefix=/scratch"),
            *("--bind-address=127.0.0.1", f"--secure-port={port}", "--endpoint-reconciler-type=none"),
            *(f"--tls-cert-file={users.certificate}", f"--tls-private-key-file={users.key}"),
            *(f"--token-auth-file={users.tokens}", "--authorization-mode=RBAC", "--allow-privileged=true"),
            *("--service-account-issuer=https://scratch.local", f"--service-account-key-file={users.certificate}"),
            *(f"--service-account-signing-key-file={users.key}", "--service-cluster-ip-range=10.0.0.0/24"),
            # Both rest upon controllers that nobody starts here: a service account in each namespace, taints taken off.
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
            *("--shutdown-delay-duration=0s", *flags),
        ]
        ready = f"{self.server}/readyz"
        return Process(argv, self._folder / "apiserver.log", lambda: _answers(ready, self._tls))


def _answers(url: str, tls: ssl.SSLContext | None) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
