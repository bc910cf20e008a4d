"""May this URL, may this address be connected to? Pure: names are not resolved here.

The URL is judged before, the address when it is connected to (`delivery.guard`): only that one cannot be
changed in between.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from yarl import URL

Network = IPv4Network | IPv6Network

_LONGEST_URL = 2048
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE)
_USER = re.compile(r"[^/?#]*//[^/?#]*@")
_UNWANTED = re.compile(r"[\x00-\x20\x7f\\]")

# Instance metadata and what stands beside it; never reachable, whatever the administrator allows around them.
_METADATA = tuple(
    ip_network(text) for text in ("169.254.169.254/32", "168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::/32")
)

# Not for the public internet, by IANA's special-purpose registries (RFC 6890 and its updates). The library's own
# `is_global` differs between versions of Python.
_IPV4_SPECIAL = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
_IPV6_GLOBAL = IPv6Network("2000::/3")
_IPV6_SPECIAL = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)


@dataclass(frozen=True, slots=True)
class Reach:
    """What an administrator lets user-given URLs reach. `never` (the API server) wins over `networks`.

    `hosts`: names that alone are allowed, `*.example.com` for all below; None: every name.
    """

    http: bool = False
    ports: frozenset[int] = frozenset({443})
    networks: tuple[Network, ...] = ()
    never: tuple[Network, ...] = ()
    hosts: tuple[str, ...] | None = None


def refused_url(text: str, reach: Reach) -> str | None:
    """Why this URL is not used; None: it may be. The reason shows nothing of it, for it may hold a secret."""
    if len(text) > _LONGEST_URL or _UNWANTED.search(text):
        return "the URL is too long, or has blanks, control characters or backslashes"
    if _USER.match(text):
        return "the URL must not hold a user name or password: use a header from a Secret"
    try:
        url = URL(text)
        return _refused_parts(url, url.host or "", url.port or 0, reach)
    except ValueError:
        return "the URL cannot be read"


def _refused_parts(url: URL, host: str, port: int, reach: Reach) -> str | None:
    if url.scheme not in {"http", "https"} or not host:
        return "the URL must begin with https:// and name a host"
    if url.scheme == "http" and not reach.http:
        return "the URL must begin with https://: the operator's settings do not allow http"
    if port not in reach.ports:
        return f"port {port} is not one of those that the operator's settings allow"
    return _refused_host(host, port, reach)


def refused_address(text: str, port: int, reach: Reach) -> str | None:
    """Why this address, in the form that a socket uses, is not connected to; None: it may be."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return "the address cannot be read"
    if port not in reach.ports:
        return f"port {port} is not one of those that the operator's settings allow"
    forms = _forms(address)
    if any(form in network for form in forms for network in (*_METADATA, *reach.never)):
        return "the address is not reachable for deliveries"
    if any(address in network for network in reach.networks):
        return None
    if not all(_public(form) for form in forms):
        return "the address is loopback, link-local, private or otherwise not public"
    return None


def _refused_host(host: str, port: int, reach: Reach) -> str | None:
    name = host.rstrip(".").lower()
    if reach.hosts is not None and not host_allowed(name, reach.hosts):
        return "the host is not one of those that the operator's settings or policies allow"
    try:
        ip_address(name)
    except ValueError:
        if _NUMBER.fullmatch(name.rpartition(".")[2]):
            return "the host is a number: write an address as four decimal numbers"
        return None
    return refused_address(name, port, reach)


def host_allowed(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a host's name, in small letters, is one of these, or below one that begins with `*.`."""
    return any(_matches(name, pattern.lower()) for pattern in patterns)


def _matches(name: str, pattern: str) -> bool:
    return name.endswith(pattern[1:]) and name != pattern[2:] if pattern.startswith("*.") else name == pattern


def _forms(address: IPv4Address | IPv6Address) -> tuple[IPv4Address | IPv6Address, ...]:
    """The address, and the IPv4 address that it carries."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    inner: list[IPv4Address] = []
    if address in _NAT64 or int(address) >> 32 == 0 or int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        inner.append(low)
    if address.sixtofour is not None:
        inner.append(address.sixtofour)
    if address.teredo is not None:
        inner.extend(address.teredo)
    return (address, *inner)


def _public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _IPV4_SPECIAL)
    if address in _NAT64:
        return True  # what it carries is judged beside it
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        return False
    return address in _IPV6_GLOBAL and not any(address in network for network in _IPV6_SPECIAL)
