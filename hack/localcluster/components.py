"""The local cluster's processes: in which order they start, and how each one says that it is well."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcluster import api, controlplane, images, network, node, packages, settings
from localcluster.gobuild import CONTAINERD, ETCD, KUBERNETES
from localcluster.paths import State
from localcluster.processes import Command, running
from localcluster.report import Problem
from localcluster.settings import Network


@dataclass(frozen=True)
class Component:
    """A process, and the question whether it works."""

    command: Command
    healthy: Callable[[], bool]

    @property
    def name(self) -> str:
        """The process's name."""
        return self.command.name


class Components:
    """All processes of one cluster."""

    def __init__(self, state: State, network: Network) -> None:
        self._state = state
        self._network = network
        self.api = api.Api(state, network)
        programs = KUBERNETES.folder
        self.etcd = Component(controlplane.etcd(state, network, ETCD.folder), self._etcd)
        self.apiserver = Component(controlplane.apiserver(state, network, programs), self.api.ready)
        self.containerd = Component(node.containerd(state, network, _cni_programs()), self._containerd)
        self.controller_manager = Component(
            controlplane.controller_manager(state, network, programs),
            functools.partial(self._tls_health, settings.CONTROLLER_MANAGER_PORT),
        )
        self.scheduler = Component(
            controlplane.scheduler(state, network, programs),
            functools.partial(self._tls_health, settings.SCHEDULER_PORT),
        )
        self.kubelet = Component(node.kubelet(state, network, programs), self._kubelet)
        self.proxy = Component(node.proxy(state, network, programs), self._proxy)

    @property
    def all(self) -> tuple[Component, ...]:
        """In the order in which they start."""
        return (self.etcd, self.containerd, self.apiserver, *self.clients)

    @property
    def clients(self) -> tuple[Component, ...]:
        """Those that ask the API server as they start."""
        return (self.controller_manager, self.scheduler, self.kubelet, self.proxy)

    @property
    def folders(self) -> list[Path]:
        """Where the processes find the programs that they call."""
        return [CONTAINERD.folder]

    def _etcd(self) -> bool:
        url = f"https://{self._network.bridge}:{settings.ETCD_PORT}/health"
        body = api.get(url, api.etcd_context(self._state))
        return body is not None and b"true" in body

    def _containerd(self) -> bool:
        return self._state.socket.exists() and images.ctr(self._state, "version", seconds=3).returncode == 0

    def _tls_health(self, port: int) -> bool:
        url = f"https://{self._network.bridge}:{port}/healthz"
        return api.get(url, api.cluster_context(self._state)) == b"ok"

    def _kubelet(self) -> bool:
        record = self._state.records / "kubelet.json"
        if not running(self._state, "kubelet"):
            return False
        url = f"http://{self._network.bridge}:{settings.KUBELET_HEALTH_PORT}/healthz"
        return api.get(url) == b"ok" and self.api.node_ready(since=record.stat().st_mtime)

    def _proxy(self) -> bool:
        url = f"http://{self._network.bridge}:{settings.PROXY_HEALTH_PORT}/healthz"
        return api.get(url) is not None and bool(network.proxy_tables())


def _cni_programs() -> Path:
    found = packages.cni_folder()
    if not found:
        raise Problem("The CNI plugins are missing: run `make cluster`, which installs them.")
    return found
