"""An aiohttp client of the bench's own. It sends bodies that were made before the clock runs."""

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

Raw = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"
_PAGE = 1000
_CLEARINGS = 10


@dataclass(frozen=True)
class Access:
    """How a kubeconfig of the scratch control plane reaches its server."""

    server: str
    authority: str
    token: str

    @classmethod
    def of(cls, kubeconfig: Path) -> Self:
        """Read it; those of the scratch control plane are JSON."""
        content = json.loads(kubeconfig.read_text())
        cluster = content["clusters"][0]["cluster"]
        return cls(cluster["server"], cluster["certificate-authority"], content["users"][0]["user"]["token"])


@dataclass(frozen=True)
class Sent:
    """One request: when it was sent and when it was answered, in seconds of the wall clock."""

    sent: float
    answered: float


class Api:
    """Requests of one user. Whatever is not answered with success is an error: nothing is tried again."""

    def __init__(self, kubeconfig: Path) -> None:
        access = Access.of(kubeconfig)
        self._server = access.server
        self._tls = ssl.create_default_context(cafile=access.authority)
        self._headers = {"Authorization": f"Bearer {access.token}", "Accept": "application/json"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, ssl=self._tls, keepalive_timeout=75)
        self._session = aiohttp.ClientSession(connector=connector, headers=self._headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json"
    ) -> bytes:
        """One request; its answer's body."""
        if self._session is None:
            raise RuntimeError("the client is not open")
        headers = {"Content-Type": content_type}
        async with self._session.request(method, URL(self._server + path), data=body, headers=headers) as response:
            content = await response.read()
            if response.status >= 300:
                raise RuntimeError(f"{method} {path}: {response.status} {content[:500].decode(errors='replace')}")
            return content

    async def get(self, path: str) -> Raw:
        """An object or a collection."""
        found: Raw = json.loads(await self.send("GET", path))
        return found

    async def create(self, path: str, body: bytes) -> Sent:
        """Create one object."""
        sent = time.time()
        await self.send("POST", path, body)
        return Sent(sent, time.time())

    async def create_all(self, path: str, bodies: Sequence[bytes], concurrency: int) -> list[Sent]:
        """Create all, so many at once, as fast as it goes."""
        left = iter(bodies)
        done: list[Sent] = []

        async def worker() -> None:
            for body in left:
                done.append(await self.create(path, body))  # noqa: PERF401 - one after the other is the point

        await asyncio.gather(*(worker() for _ in range(concurrency)))
        return done

    async def patch_all(self, requests: Iterable[tuple[str, bytes]], concurrency: int) -> None:
        """Merge patches, each a path and a body, so many at once."""
        left = iter(requests)

        async def worker() -> None:
            for path, body in left:
                await self.send("PATCH", path, body, MERGE_PATCH)

        await asyncio.gather(*(worker() for _ in range(concurrency)))

    async def list(self, path: str) -> list[Raw]:
        """All objects of a collection."""
        items: list[Raw] = []
        after = ""
        while True:
            answer = await self.get(f"{path}?limit={_PAGE}{after}")
            items += answer["items"]
            token = answer["metadata"].get("continue")
            if not token:
                return items
            after = f"&continue={token}"

    async def clear(self, path: str) -> None:
        """Delete a whole collection and wait until it is empty.

        The API server gives up a request after a minute, and has then deleted a part of so many.
        """
        for _ in range(_CLEARINGS):
            with contextlib.suppress(aiohttp.ServerDisconnectedError, RuntimeError):
                await self.send("DELETE", f"{path}?propagationPolicy=Background")
                break
        for _ in range(600):
            if not (await self.get(f"{path}?limit=1"))["items"]:
                return
            await asyncio.sleep(0.2)
        raise RuntimeError(f"{path} does not become empty")

    async def warm(self, connections: int) -> None:
        """Open so many connections, so that none has to be opened while the clock runs."""
        await asyncio.gather(*(self.send("GET", "/version") for _ in range(connections)))
