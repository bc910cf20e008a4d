from typing import Any

import pytest

from localcluster import network
from localcluster.report import Problem
from localcluster.settings import Network

_NETWORK = Network.parse("10.213.0.0/23")


def address(interface: str, local: str, prefix: int) -> dict[str, Any]:
    return {"ifname": interface, "addr_info": [{"family": "inet", "local": local, "prefixlen": prefix}]}


def test_the_halves_of_the_network() -> None:
    assert str(_NETWORK.pods) == "10.213.0.0/24"
    assert str(_NETWORK.services) == "10.213.1.0/24"
    assert _NETWORK.bridge == "10.213.0.1"
    assert _NETWORK.api_service == "10.213.1.1"


@pytest.mark.parametrize("text", ["", "10.213.0.0/24", "10.213.1.0/23", "fd00::/23", "ten"])
def test_another_size_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(Problem, match="AGENTSCHEDULE_CLUSTER_NETWORK"):
        Network.parse(text)


def test_the_user_may_choose_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSCHEDULE_CLUSTER_NETWORK", "10.99.4.0/23")
    assert Network.from_environment().bridge == "10.99.4.1"


@pytest.mark.parametrize(
    ("interface", "local", "prefix"), [("eth0", "10.1.2.3", 8), ("wg0", "10.213.1.9", 32), ("tun0", "10.213.0.1", 24)]
)
def test_an_address_in_use_is_found(interface: str, local: str, prefix: int) -> None:
    assert network.clash(_NETWORK, [address(interface, local, prefix)], []) == interface


def test_a_route_in_use_is_found() -> None:
    routes = [{"dst": "default", "dev": "eth0"}, {"dst": "10.213.1.0/25", "dev": "wg0"}]
    assert network.clash(_NETWORK, [], routes) == "wg0"
    assert network.clash(_NETWORK, [], [{"dst": "10.213.1.7", "dev": "wg0"}]) == "wg0"


def test_our_own_bridge_and_other_networks_are_in_nobodys_way() -> None:
    addresses = [address("asop0", "10.213.0.1", 24), address("eth0", "192.0.2.2", 24)]
    routes = [{"dst": "10.213.0.0/24", "dev": "asop0"}, {"dst": "10.212.0.0/16", "dev": "eth0"}]
    assert network.clash(_NETWORK, addresses, routes) is None
