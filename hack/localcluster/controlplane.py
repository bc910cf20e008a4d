"""Command lines of etcd, kube-apiserver, kube-controller-manager and kube-scheduler."""

from __future__ import annotations

from pathlib import Path

from localcluster import settings
from localcluster.paths import State
from localcluster.processes import Command
from localcluster.settings import Network


def _flags(values: dict[str, str | Path | int]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


def _tls(state: State, name: str, prefix: str = "") -> dict[str, str | Path | int]:
    return {
        f"{prefix}cert-file": state.pki / f"{name}.crt",
        f"{prefix}key-file": state.pki / f"{name}.key",
    }


def etcd(state: State, network: Network, programs: Path) -> Command:
    """Where the cluster's data lies. Its files outlive the machine's crash only by luck: it does not sync them."""
    client = f"https://{network.bridge}:{settings.ETCD_PORT}"
    peer = f"https://{network.bridge}:{settings.ETCD_PEER_PORT}"
    authority = state.pki / "etcd-ca.crt"
    flags = {
        "name": "local",
        "data-dir": state.etcd,
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"local={peer}",
        "trusted-ca-file": authority,
        "peer-trusted-ca-file": authority,
        **_tls(state, "etcd"),
        **_tls(state, "etcd", "peer-"),
    }
    switches = ("--client-cert-auth", "--peer-client-cert-auth", "--unsafe-no-fsync")
    return Command("etcd", (str(programs / "etcd"), *_flags(flags), *switches), (state.pki / "etcd.crt",))


def apiserver(state: State, network: Network, programs: Path) -> Command:
    """It listens on the bridge, so that pods reach it at the address that it advertises."""
    pki = state.pki
    flags = {
        "bind-address": network.bridge,
        "advertise-address": network.bridge,
        "secure-port": settings.API_PORT,
        **_tls(state, "apiserver", "tls-"),
    }
    flags["tls-private-key-file"] = flags.pop("tls-key-file")
    flags |= {
        "client-ca-file": pki / "ca.crt",
        "requestheader-client-ca-file": pki / "aggregator-ca.crt",
        "token-auth-file": pki / "tokens.csv",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "etcd-servers": f"https://{network.bridge}:{settings.ETCD_PORT}",
        "etcd-cafile": pki / "etcd-ca.crt",
        "etcd-certfile": pki / "apiserver-etcd.crt",
        "etcd-keyfile": pki / "apiserver-etcd.key",
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-client-certificate": pki / "apiserver-kubelet.crt",
        "kubelet-client-key": pki / "apiserver-kubelet.key",
        "kubelet-preferred-address-types": "InternalIP",
        "service-cluster-ip-range": str(network.services),
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": pki / "service-accounts.pub",
        "service-account-signing-key-file": pki / "service-accounts.key",
        "shutdown-delay-duration": "0s",
        "v": 1,
    }
    argv = (str(programs / "kube-apiserver"), *_flags(flags))
    return Command("kube-apiserver", argv, (pki / "apiserver.crt", pki / "tokens.csv"))


def controller_manager(state: State, network: Network, programs: Path) -> Command:
    """Every controller, each with a service account of its own."""
    pki = state.pki
    kubeconfig = pki / "controller-manager.kubeconfig"
    flags: dict[str, str | Path | int] = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": network.bridge,
        "secure-port": settings.CONTROLLER_MANAGER_PORT,
        "tls-cert-file": pki / "controller-manager.crt",
        "tls-private-key-file": pki / "controller-manager.key",
        "root-ca-file": pki / "ca.crt",
        "service-account-private-key-file": pki / "service-accounts.key",
        "use-service-account-credentials": "true",
        "leader-elect": "false",
        "flex-volume-plugin-dir": state.kubelet / "volume-plugins",
        "v": 1,
    }
    argv = (str(programs / "kube-controller-manager"), *_flags(flags))
    return Command("kube-controller-manager", argv, (pki / "controller-manager.crt",))


def scheduler(state: State, network: Network, programs: Path) -> Command:
    """The default scheduler."""
    pki = state.pki
    kubeconfig = pki / "scheduler.kubeconfig"
    flags: dict[str, str | Path | int] = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": network.bridge,
        "secure-port": settings.SCHEDULER_PORT,
        "tls-cert-file": pki / "scheduler.crt",
        "tls-private-key-file": pki / "scheduler.key",
        "leader-elect": "false",
        "v": 1,
    }
    return Command("kube-scheduler", (str(programs / "kube-scheduler"), *_flags(flags)), (pki / "scheduler.crt",))
