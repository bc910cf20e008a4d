"""Candidates for a Lease: lines to its server that are slow and lose, processes that freeze, clocks that are set."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from agentschedule.cluster.client import Answer, Client
from agentschedule.cluster.errors import ApiError
from agentschedule.cluster.leadership import Written
from agentschedule.cluster.lease import Elector, LeaseTimes
from tests.simulation.lease import NAME, NAMESPACE, Server

Raw = dict[str, Any]

TIMES = LeaseTimes()
START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
RELEASED = {"holderIdentity": "", "leaseDurationSeconds": 1}


def now() -> float:
    return asyncio.get_running_loop().time()


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
    prepared: list[Written | None] = field(default_factory=list)
    """What it was told that others had written, each time that it was to prepare for leading."""
    prepared_at: float = -1.0
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

    async def stop(self, written: Written | None = None) -> None:
        self.kill()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.elector.release(written)

    def freeze(self) -> None:
        self.running.clear()

    def thaw(self) -> None:
        self.running.set()

    def leads(self) -> bool:
        return self.elector.leads()

    async def _live(self) -> None:
        while True:
            await self.elector.acquire(self._prepare)
            self.led += 1
            await self.elector.hold()

    def _prepare(self, written: Written | None) -> None:
        self.prepared.append(written)
        self.prepared_at = now()

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
        return Answer(json.dumps(raw).encode())

    def _carry_out(self, effect: "asyncio.Future[Raw]", method: str, path: str, body: Raw | None) -> None:
        try:
            answer = self.server.carry_out(method, path, body)
        except ApiError as error:
            if not effect.done():
                effect.set_exception(error)
        else:
            if not effect.done():
                effect.set_result(answer)
