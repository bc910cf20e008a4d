"""The bridge, the pods' interfaces and kube-proxy's tables."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from pathlib import Path
from typing import Any

from localcluster.processes import program
from localcluster.report import Problem
from localcluster.settings import BRIDGE, DEFAULT_NETWORK, NETWORK_VARIABLE, Network

_TABLES = ("ip", "ip6")
_TABLE = "kube-proxy"


def _run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    found = program(name)
    if not found:
        return subprocess.CompletedProcess([name], 127, "", f"{name} is not installed")
    return subprocess.run([found, *arguments], capture_output=True, text=True, check=False)


def _ip(*arguments: str) -> None:
    done = _run("ip", *arguments)
    if done.returncode:
        raise Problem(f"`ip {' '.join(arguments)}` failed: {done.stderr.strip()}.")


def _ip_json(*arguments: str) -> list[dict[str, Any]]:
    done = _run("ip", "-json", *arguments)
    return [entry for entry in json.loads(done.stdout or "[]") if entry] if done.returncode == 0 else []


def bridge_owner() -> str | None:
    """The state folder that the bridge was made for; empty where the bridge says none, None without a bridge."""
    # Not by /sys, which shows the network namespace that it was mounted in.
    links = _ip_json("link", "show", "dev", BRIDGE)
    return str(links[0].get("ifalias", "")) if links else None


def clash(network: Network, addresses: list[dict[str, Any]], routes: list[dict[str, Any]]) -> str | None:
    """The interface whose addresses or routes overlap ours."""
    for interface in addresses:
        for address in interface.get("addr_info", []):
            if address.get("family") == "inet" and interface["ifname"] != BRIDGE:
                taken = ipaddress.ip_interface(f"{address['local']}/{address['prefixlen']}").network
                if network.whole.overlaps(taken):
                    return str(interface["ifname"])
    for route in routes:
        if route.get("dev") == BRIDGE or route["dst"] == "default":
            continue
        if network.whole.overlaps(ipaddress.ip_network(route["dst"], strict=False)):
            return str(route.get("dev", "a route"))
    return None


def require_free(network: Network) -> None:
    """Refuse to take addresses that the machine uses otherwise."""
    taken = clash(network, _ip_json("address"), _ip_json("-4", "route"))
    if taken:
        raise Problem(
            f"The local cluster's addresses {network.whole} are in use by {taken} on this machine: "
            f"set {NETWORK_VARIABLE} to a free /23 (the default is {DEFAULT_NETWORK})."
        )


def ensure_bridge(network: Network, owner: Path) -> None:
    """Have the bridge with its address, up, and with its owner written on it."""
    if bridge_owner() is None:
        _ip("link", "add", BRIDGE, "type", "bridge")
    _ip("link", "set", BRIDGE, "alias", str(owner))
    _ip("address", "replace", f"{network.bridge}/{network.pods.prefixlen}", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")


def bridge_is_up(network: Network) -> bool:
    """Whether the bridge has its address and is up."""
    return any(
        "UP" in interface.get("flags", [])
        and any(address.get("local") == network.bridge for address in interface.get("addr_info", []))
        for interface in _ip_json("address", "show", "dev", BRIDGE)
    )


def remove_bridge() -> None:
    """Remove the bridge and the pods' interfaces on it (each one's other end goes with it)."""
    if bridge_owner() is None:
        return
    for port in _ip_json("link", "show", "master", BRIDGE):
        _run("ip", "link", "delete", port["ifname"])
    _ip("link", "delete", BRIDGE)


def proxy_tables() -> list[str]:
    """The address families in which a kube-proxy has its table."""
    done = _run("nft", "list", "tables")
    lines = done.stdout.splitlines()
    return [family for family in _TABLES if f"table {family} {_TABLE}" in lines]


def remove_proxy_tables() -> None:
    """Remove kube-proxy's tables."""
    for family in proxy_tables():
        _run("nft", "delete", "table", family, _TABLE)
