"""Where deliveries may go when several have a say: the operator's settings and the policies of a namespace. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from ipaddress import ip_network

from agentschedule.policy.addresses import Network, Reach, host_allowed

Hosts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outlets:
    """What an administrator has set up for deliveries, as far as a spec is judged by it.

    `custom`: the types of custom channels that there are; None: not known here. `apprise`: the schemes that are
    allowed of that channel. `slack`: whether the settings have a workspace of their own.
    """

    enabled: bool = True
    reach: Reach = field(default_factory=Reach)
    smtp: bool = True
    log_files: bool = True
    slack: bool = True
    custom: frozenset[str] | None = None
    apprise: frozenset[str] | None = None


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks as they are written. Raises `ValueError` that names the one that is none."""
    found = []
    for text in texts:
        try:
            found.append(ip_network(text.strip()))
        except ValueError:
            raise ValueError(f"{text[:50]!r} is not a network such as 10.20.0.0/16 or fd00:1234::/48") from None
    return tuple(found)


def common_networks(given: Sequence[tuple[Network, ...]]) -> tuple[Network, ...]:
    """What lies in all of several lists of networks."""
    return reduce(_overlap, given)


def common_hosts(given: Sequence[Hosts]) -> Hosts:
    """The patterns of what all of several lists of patterns allow."""
    return reduce(_narrower, given)


def _overlap(some: tuple[Network, ...], others: tuple[Network, ...]) -> tuple[Network, ...]:
    inner = [b if _within(b, a) else a for a in some for b in others if _within(a, b) or _within(b, a)]
    return tuple(dict.fromkeys(inner))


def _within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _narrower(some: Hosts, others: Hosts) -> Hosts:
    inner = [b if _covers(a, b) else a for a in some for b in others if _covers(a, b) or _covers(b, a)]
    return tuple(dict.fromkeys(inner))


def _covers(wide: str, narrow: str) -> bool:
    """Whether one pattern allows all that another does."""
    wide, narrow = wide.lower(), narrow.lower()
    if not narrow.startswith("*."):
        return host_allowed(narrow, (wide,))
    return wide.startswith("*.") and (narrow == wide or narrow.endswith(wide[1:]))
