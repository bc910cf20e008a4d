"""HTTP to addresses that users give, through sockets that are made only for addresses that may be reached.

aiohttp resolves a name and asks for a socket for each address, right before it connects that socket to that address:
what is judged is what is connected to. There is no pool, no cookie and no proxy: nothing of one delivery is left for
another.
"""

import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from agentschedule.delivery.threads import look_up
from agentschedule.policy.addresses import Reach, refused_address

Family = Any
"""An entry of `getaddrinfo`: family, type, protocol, canonical name, socket address."""


class ForbiddenAddressError(PermissionError):
    """The name has led to an address that is not connected to.

    It has the same words for all addresses: which they are is nobody's business who only knows the name.
    """

    def __init__(self) -> None:
        super().__init__("the host's address is not allowed for deliveries")


class Guard:
    """Opens sessions that reach what `reach` allows. `resolver` is for tests; `tls` for certificates of one's own."""

    def __init__(
        self,
        reach: Reach,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Callable[[], AbstractResolver] | None = None,
    ) -> None:
        self.reach = reach
        self._tls = tls or ssl.create_default_context()
        self._resolver = resolver or SystemNames

    def within(self, reach: Reach) -> "Guard":
        """The same with another reach."""
        return self if reach == self.reach else Guard(reach, tls=self._tls, resolver=self._resolver)

    def session(self, seconds: float) -> aiohttp.ClientSession:
        """A session for one request, which takes at most `seconds`, names and TLS included."""
        connector = aiohttp.TCPConnector(
            ssl=self._tls,
            force_close=True,
            use_dns_cache=False,
            resolver=self._resolver(),
            socket_factory=partial(_socket, self.reach),
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"User-Agent": "agentschedule-operator", "Accept-Encoding": "identity"},
        )


class SystemNames(AbstractResolver):
    """The system's own way from a name to addresses, in deliveries' own threads."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses. Raises `OSError`."""
        found = await look_up(
            socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=int(address[1]),
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


def _socket(reach: Reach, info: Family) -> socket.socket:
    family, kind, protocol, _, address = info
    if refused_address(address[0], address[1], reach) is not None:
        raise ForbiddenAddressError
    return socket.socket(family=family, type=kind, proto=protocol)
