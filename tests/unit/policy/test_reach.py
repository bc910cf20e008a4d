"""Where deliveries may go, by settings and policies together."""

import pytest

from agentschedule.policy.addresses import Reach, host_allowed
from agentschedule.policy.effective import Bound
from agentschedule.policy.reach import common_hosts, common_networks, networks
from tests.unit.policy.test_effective import policy, put_together

SETTINGS = Reach(ports=frozenset({443, 8443}), networks=networks(["10.0.0.0/8"]), hosts=("*.example.com",))


def test_without_a_word_in_policies_the_settings_hold() -> None:
    assert put_together(policy("a")).reach(SETTINGS) == SETTINGS


def test_a_policy_stands_in_place_of_the_settings() -> None:
    found = put_together(policy("a", delivery={"allowedHosts": ["slack.com"], "privateNetworks": ["192.168.7.0/24"]}))
    reach = found.reach(SETTINGS)
    assert reach.hosts == ("slack.com",)
    assert reach.networks == networks(["192.168.7.0/24"])
    assert reach.ports == SETTINGS.ports


def test_of_several_what_all_allow() -> None:
    found = put_together(
        policy("a", delivery={"allowedHosts": ["*.example.com", "slack.com"], "privateNetworks": ["10.0.0.0/8"]}),
        policy("b", delivery={"allowedHosts": ["hooks.example.com", "*.a.example.com", "other.org"]}),
        policy("c", delivery={"privateNetworks": ["10.20.0.0/16", "192.168.0.0/16"]}),
    )
    assert found.delivery_hosts == Bound(("hooks.example.com", "*.a.example.com"), "AgentPolicy a, AgentPolicy b")
    assert found.delivery_networks == Bound(networks(["10.20.0.0/16"]), "AgentPolicy a, AgentPolicy c")


def test_an_empty_list_allows_none() -> None:
    reach = put_together(policy("a", delivery={"allowedHosts": [], "privateNetworks": []})).reach(SETTINGS)
    assert reach.hosts == ()
    assert reach.networks == ()


HOSTS = ("a.com", "x.a.com", "y.x.a.com", "b.com", "x.b.com")


@pytest.mark.parametrize("some", [("*.a.com",), ("a.com", "*.x.a.com"), ("*.a.com", "b.com"), ()])
@pytest.mark.parametrize("others", [("*.a.com",), ("x.a.com",), ("*.x.a.com", "*.b.com"), ("A.com", "b.com"), ()])
def test_common_hosts_are_those_that_both_allow(some: tuple[str, ...], others: tuple[str, ...]) -> None:
    both = common_hosts([some, others])
    for host in HOSTS:
        assert host_allowed(host, both) == (host_allowed(host, some) and host_allowed(host, others)), host


def test_networks_of_both_versions() -> None:
    some, others = networks(["10.0.0.0/8", "fd00::/8"]), networks(["10.1.0.0/16", "10.2.0.0/16", "fd00:1::/32"])
    assert common_networks([some, others]) == others
    assert common_networks([others, some]) == others
    with pytest.raises(ValueError, match=r"'10\.0\.0\.1/8' is not a network"):
        networks(["10.0.0.1/8"])
