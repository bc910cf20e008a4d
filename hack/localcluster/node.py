"""Configuration and command lines of containerd, the kubelet and kube-proxy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from localcluster import settings
from localcluster.gobuild import CONTAINERD
from localcluster.paths import State
from localcluster.processes import Command
from localcluster.settings import Network

# What a pull's error ends in; nothing answers there, so it fails at once and asks nobody outside.
_NO_REGISTRY = "http://127.0.0.1:1/the-local-cluster-pulls-no-image-load-it-first"
_CONTAINERD = """\
version = 3
root = "{root}"
state = "{state}"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
[grpc]
  address = "{socket}"
[ttrpc]
  address = "{socket}.ttrpc"
[plugins."io.containerd.shim.v1.manager"]
  socket_dir = "{run}/s"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "{pause}"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "{registries}"
[plugins."io.containerd.cri.v1.runtime"]
  # A profile loaded into the kernel would outlive the cluster.
  disable_apparmor = true
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["{cni_programs}"]
    conf_dir = "{cni}"
    use_internal_loopback = true
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    runtime_path = "{shim}"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
      Root = "{run}/runc"
"""


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"


def _pod_network(state: State, network: Network) -> dict[str, Any]:
    ipam = {
        "type": "host-local",
        "dataDir": str(state.root / "cni"),
        "ranges": [[{"subnet": str(network.pods), "gateway": network.bridge}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    # Hairpin: a pod reaches itself through its own service.
    bridge = {"type": "bridge", "bridge": settings.BRIDGE, "isGateway": True, "hairpinMode": True, "ipam": ipam}
    return {"cniVersion": "1.0.0", "name": settings.POD_NETWORK_NAME, "plugins": [bridge]}


def containerd(state: State, network: Network, cni_programs: Path) -> Command:
    """Runs containers from images that were imported; no registry is ever asked."""
    cni, registries = state.config / "cni", state.config / "registries"
    text = _CONTAINERD.format(
        root=state.containerd,
        state=state.run / "containerd",
        run=state.run,
        socket=state.socket,
        pause=settings.PAUSE_IMAGE,
        registries=registries,
        cni_programs=cni_programs,
        cni=cni,
        shim=CONTAINERD.folder / "containerd-shim-runc-v2",
    )
    config = state.config / "containerd.toml"
    files = (
        (config, text),
        (cni / "10-pods.conflist", _json(_pod_network(state, network))),
        (registries / "_default/hosts.toml", f'server = "{_NO_REGISTRY}"\noverride_path = true\n'),
    )
    argv = (str(CONTAINERD.folder / "containerd"), "--config", str(config))
    return Command("containerd", argv, configuration=files)


def _kubelet_config(state: State, network: Network) -> dict[str, Any]:
    pki = state.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": network.bridge,
        "port": settings.KUBELET_PORT,
        "readOnlyPort": 0,
        "healthzBindAddress": network.bridge,
        "healthzPort": settings.KUBELET_HEALTH_PORT,
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{state.socket}",
        "podLogsDir": str(state.root / "pods"),
        "volumePluginDir": str(state.kubelet / "volume-plugins"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{state.cgroup}",
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "resolvConf": "",
        "clusterDomain": "cluster.local",
        # Nothing answers there: without an address, every pod would get a warning event about it.
        "clusterDNS": [network.bridge],
        "localStorageCapacityIsolation": False,
        # A developer's disk may well be full, and an image that is collected cannot be pulled again.
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
        "shutdownGracePeriod": "0s",
    }


def kubelet(state: State, network: Network, programs: Path) -> Command:
    """The node's agent."""
    config = state.config / "kubelet.json"
    argv = (
        str(programs / "kubelet"),
        f"--config={config}",
        f"--kubeconfig={state.pki / 'kubelet.kubeconfig'}",
        f"--root-dir={state.kubelet}",
        f"--cert-dir={state.pki}",
        f"--hostname-override={settings.NODE_NAME}",
        f"--node-ip={network.bridge}",
        "--v=1",
    )
    content = _json(_kubelet_config(state, network))
    return Command("kubelet", argv, (state.pki / "kubelet.crt",), ((config, content),))


def _proxy_config(state: State, network: Network) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(state.pki / "proxy.kubeconfig")},
        "hostnameOverride": settings.NODE_NAME,
        "mode": "nftables",
        "clusterCIDR": str(network.pods),
        "bindAddress": network.bridge,
        "healthzBindAddress": f"{network.bridge}:{settings.PROXY_HEALTH_PORT}",
        "metricsBindAddress": f"{network.bridge}:{settings.PROXY_METRICS_PORT}",
        "nodePortAddresses": ["primary"],
        # Pods share a bridge: without this, an answer would go straight to its pod, from an address it does not know.
        "nftables": {"masqueradeAll": True},
        # The machine's limits on connections are not ours to change.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def proxy(state: State, network: Network, programs: Path) -> Command:
    """Services' addresses, by nftables."""
    config = state.config / "kube-proxy.json"
    argv = (str(programs / "kube-proxy"), f"--config={config}", "--v=1")
    content = _json(_proxy_config(state, network))
    return Command("kube-proxy", argv, (state.pki / "proxy.crt",), ((config, content),))
