"""One Lease on a server that is slow, loses answers and stops, candidates for it, and people who meddle."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from agentschedule.cluster.client import Answer, Client
from agentschedule.cluster.errors import ApiError
from agentschedule.cluster.lease import Elector, LeaseTimes

Raw = dict[str, Any]

TIMES = LeaseTimes()
NAMESPACE, NAME = "system", "operator"
START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
RELEASED = {"holderIdentity": "", "leaseDurationSeconds": 1}


def now() -> float:
    return asyncio.get_running_loop().time()


class Server:
    """Holds the Lease."""

    def __init__(self) -> None:
        self.lease: Raw | None = None
        self.version = 0
        self.down = False
        self.requests: list[tuple[str, str]] = []

    def carry_out(self, method: str, path: str, body: Raw | None) -> Raw:
        self.requests.append((method, path))
        assert path == f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases" + (
            "" if method == "POST" else f"/{NAME}"
        )
        if method == "POST" and self.lease is not None:
            raise ApiError(409, "AlreadyExists", "it exists")
        if method != "POST" and self.lease is None:
            raise ApiError(404, "NotFound", "there is none")
        if method in {"POST", "PUT"}:
            assert body is not None
            self._replace(body)
        assert self.lease is not None
        return dict(self.lease)

    def _replace(self, body: Raw) -> None:
        given = body["metadata"].get("resourceVersion")
        if self.lease is not None and given != self.lease["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict", "the object has been modified")
        if self.lease is not None and body["spec"] == self.lease["spec"]:
            return  # as the API server does: no change, no new version
        self.write(body["spec"])

    def write(self, spec: Raw) -> None:
        """A new version, whoever made it."""
        self.version += 1
        self.lease = {"metadata": {"name": NAME, "resourceVersion": str(self.version)}, "spec": spec}

    @property
    def spec(self) -> Raw:
        assert self.lease is not None
        spec: Raw = self.lease["spec"]
        return spec


@dataclass
class Candidate:
    """One process, and its line to the server."""

    server: Server
    identity: str
    there: float = 0.001
    """Seconds until a request is carried out."""
    back: float = 0.001
    """Seconds until its answer is here."""
    loses: str = ""
    """`requests` or `answers`, or nothing: what is lost of everything it sends."""
    skew: timedelta = timedelta(0)
    wall_stands: bool = False
    times: LeaseTimes = TIMES
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    led: int = 0
    """How many terms it has had."""
    has_looked: bool = False
    """Whether it was ever told what the server has."""

    def __post_init__(self) -> None:
        self.running = asyncio.Event()
        self.running.set()
        self.elector = Elector(
            cast("Client", self), NAMESPACE, NAME, self.identity, self.times, clock=now, wall=self._wall
        )

    def start(self) -> None:
        self.tasks.add(asyncio.get_running_loop().create_task(self._live()))

    def kill(self) -> None:
        for task in self.tasks:
            task.cancel()

    async def stop(self) -> None:
        self.kill()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.elector.release()

    def freeze(self) -> None:
        self.running.clear()

    def thaw(self) -> None:
        self.running.set()

    def leads(self) -> bool:
        return self.elector.leads()

    async def _live(self) -> None:
        while True:
            await self.elector.acquire()
            self.led += 1
            await self.elector.hold()

    def _wall(self) -> datetime:
        return START + self.skew + timedelta(seconds=0 if self.wall_stands else now())

    async def request(self, method: str, path: str, *, body: Raw | None = None) -> Answer:
        """As the client's. A request that was sent takes effect, whatever becomes of who sent it."""
        await self.running.wait()
        if self.server.down:
            raise ApiError(0, "Unreachable", "connection refused")
        effect: asyncio.Future[Raw] = asyncio.get_running_loop().create_future()
        if self.loses != "requests":
            asyncio.get_running_loop().call_later(self.there, self._carry_out, effect, method, path, body)
        raw = await effect
        if self.loses == "answers":
            await asyncio.Event().wait()
        await asyncio.sleep(self.back)
        await self.running.wait()
        self.has_looked = True
        return Answer(raw)

    def _carry_out(self, effect: "asyncio.Future[Raw]", method: str, path: str, body: Raw | None) -> None:
        try:
            answer = self.server.carry_out(method, path, body)
        except ApiError as error:
            if not effect.done():
                effect.set_exception(error)
        else:
            if not effect.done():
                effect.set_result(answer)
