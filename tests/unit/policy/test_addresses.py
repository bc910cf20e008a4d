"""Hostile URLs and addresses are refused, ordinary ones are not."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentschedule.policy.addresses import Reach, refused_address, refused_url

PUBLIC = Reach()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://hooks.example.com/a?b=c#d", id="name"),
        pytest.param("https://hooks.example.com:443/", id="the port by its number"),
        pytest.param("https://93.184.215.14/", id="public IPv4"),
        pytest.param("https://[2606:4700::6810:84e5]/", id="public IPv6"),
        pytest.param("https://bücher.example/", id="international name"),
        pytest.param("https://1password.com/", id="name that begins with a digit"),
        pytest.param("https://[64:ff9b::93.184.215.14]/", id="NAT64 of a public address"),
    ],
)
def test_ordinary_urls(url: str) -> None:
    assert refused_url(url, PUBLIC) is None


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://hooks.example.com/", id="http"),
        pytest.param("ftp://hooks.example.com/", id="ftp"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("gopher://127.0.0.1:443/", id="gopher"),
        pytest.param("//hooks.example.com/", id="no scheme"),
        pytest.param("https:///path", id="no host"),
        pytest.param("https://", id="nothing"),
        pytest.param("", id="empty"),
        pytest.param("https://user@example.com/", id="user"),
        pytest.param("https://user:pass@example.com/", id="user and password"),
        pytest.param("https://:pass@example.com/", id="password"),
        pytest.param("https://@example.com/", id="empty user"),
        pytest.param("https://example.com@127.0.0.1/", id="host as user"),
        pytest.param("https://example.com\\@127.0.0.1/", id="backslash"),
        pytest.param("https://example.com/\r\nX-Evil: 1", id="CRLF"),
        pytest.param("https://example.com/\nHost: a", id="LF"),
        pytest.param("https://exa\tmple.com/", id="tab"),
        pytest.param(" https://example.com/", id="blank before"),
        pytest.param("https://example.com/\x00", id="NUL"),
        pytest.param("https://example.com:22/", id="ssh"),
        pytest.param("https://example.com:6443/", id="API server's port"),
        pytest.param("https://example.com:0/", id="port 0"),
        pytest.param("https://example.com:99999/", id="port out of range"),
        pytest.param("https://example.com:a/", id="port is a word"),
        pytest.param("https://127.0.0.1/", id="loopback"),
        pytest.param("https://127.1/", id="loopback in short"),
        pytest.param("https://2130706433/", id="decimal"),
        pytest.param("https://0x7f000001/", id="hexadecimal"),
        pytest.param("https://0x7f.0.0.1/", id="hexadecimal part"),
        pytest.param("https://0177.0.0.1/", id="octal part"),
        pytest.param("https://017700000001/", id="octal"),
        pytest.param("https://127.0.0.1./", id="dot at the end"),
        pytest.param("https://2130706433./", id="decimal, dot at the end"),
        pytest.param("https://1.2.3.4.5/", id="five numbers"),
        pytest.param("https://0/", id="zero"),
        pytest.param("https://0.0.0.0/", id="unspecified"),
        pytest.param("https://127.0.0.1/", id="wide digits"),
        pytest.param("https://①②⑦.⓪.⓪.①/", id="circled digits"),
        pytest.param("https://%31%32%37.0.0.1/", id="digits as escapes"),
        pytest.param("https://[::1]/", id="IPv6 loopback"),
        pytest.param("https://[::]/", id="IPv6 unspecified"),
        pytest.param("https://[::ffff:127.0.0.1]/", id="IPv4-mapped"),
        pytest.param("https://[::ffff:7f00:1]/", id="IPv4-mapped in hexadecimal"),
        pytest.param("https://[::127.0.0.1]/", id="IPv4-compatible"),
        pytest.param("https://[64:ff9b::127.0.0.1]/", id="NAT64"),
        pytest.param("https://[64:ff9b:1::7f00:1]/", id="local NAT64"),
        pytest.param("https://[2002:7f00:1::]/", id="6to4"),
        pytest.param("https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", id="Teredo"),
        pytest.param("https://[fe80::1%25eth0]/", id="link-local with a zone"),
        pytest.param("https://169.254.169.254/latest/meta-data/", id="metadata"),
        pytest.param("https://10.0.0.1/", id="private"),
        pytest.param("https://example.com/" + "a" * 3000, id="too long"),
    ],
)
def test_hostile_urls(url: str) -> None:
    reason = refused_url(url, PUBLIC)
    assert reason is not None
    assert "pass" not in reason.replace("password", "")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:a00:1::1",
        "2002:5db8:d70e::1",
        "2606:4700::5efe:10.0.0.1",
        "2606:4700::200:5efe:8.8.8.8",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "not an address",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert refused_address(address, 443, PUBLIC) is not None


def test_allowed_networks_and_ports() -> None:
    reach = Reach(ports=frozenset({443, 8443}), networks=(ip_network("10.1.0.0/16"), ip_network("fd12::/16")))
    assert refused_address("10.1.2.3", 8443, reach) is None
    assert refused_address("fd12::1", 443, reach) is None
    assert refused_address("10.2.0.1", 443, reach) is not None
    assert refused_address("10.1.2.3", 22, reach) is not None


def test_what_is_never_reachable_is_not_by_any_network() -> None:
    everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    reach = Reach(networks=everything, never=(ip_network("10.96.0.1/32"), ip_network("34.1.2.3/32")))
    for address in ("10.96.0.1", "34.1.2.3", "::ffff:10.96.0.1", "64:ff9b::10.96.0.1", "169.254.169.254"):
        assert refused_address(address, 443, reach) is not None, address
    assert refused_address("10.96.0.2", 443, reach) is None


def test_hosts() -> None:
    reach = Reach(hosts=("hooks.slack.com", "*.example.com"))
    assert refused_url("https://HOOKS.slack.com./services/x", reach) is None
    assert refused_url("https://a.b.example.com/", reach) is None
    for host in ("example.com", "badexample.com", "hooks.slack.com.evil.net", "slack.com", "93.184.215.14"):
        assert refused_url(f"https://{host}/", reach) is not None, host


@given(st.ip_addresses(v=4))
def test_every_form_of_an_ipv4_address_is_judged_as_it(address: IPv4Address) -> None:
    plain = refused_address(str(address), 443, PUBLIC) is None
    mapped = IPv6Address((0xFFFF << 32) + int(address))
    nat64 = IPv6Address(int(IPv6Address("64:ff9b::")) + int(address))
    assert (refused_address(str(mapped), 443, PUBLIC) is None) == plain
    assert (refused_address(str(nat64), 443, PUBLIC) is None) == plain


@given(st.ip_addresses())
def test_no_more_is_public_than_the_library_says(address: IPv4Address | IPv6Address) -> None:
    nat64 = address in ip_network("64:ff9b::/96")
    if refused_address(str(address), 443, PUBLIC) is None and not nat64:
        assert address.is_global
        assert not address.is_multicast


@given(st.text(max_size=60))
def test_any_text_is_judged(text: str) -> None:
    refused_url(text, PUBLIC)
    refused_url(f"https://{text}/", PUBLIC)
