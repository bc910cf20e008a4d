"""What lies between an operator and the cluster: requests that take time and fail."""

import asyncio
import json
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, NoReturn, TypeVar

import orjson

from agentschedule.cluster.client import Answer
from agentschedule.cluster.errors import ApiError
from agentschedule.constants import ANNOTATION_STOPPED, LABEL_SCHEDULE_UID

from .cluster import FakeCluster
from .story import shown_status

Raw = dict[str, Any]
T = TypeVar("T")

TIMEOUT = 15.0
LATEST = 60.0
"""Seconds after which no request is carried out any more: the API server's own time-out."""

FAULTS = ("lost", "unanswered", "late", "slow", "throttled", "broken", "failed")
"""What can befall a request: it never arrives; its answer is lost; it is carried out long after the client gave up; its
answer takes long; 429; 5xx without effect; 5xx although it took effect."""


@dataclass
class Faults:
    """What goes wrong, drawn from a seeded source. `rate` is the share of requests that fail, 0 to 1."""

    random: Random
    rate: float = 0.0
    down: Literal["", "refusing", "silent"] = ""
    longest_delay: float = 0.05
    """Longest time in seconds that a request or a watch event takes on its way."""
    befell: int = 0
    """Requests so far that something befell."""
    doubled: float = 0.0
    """Share of watch events that come twice."""
    lags: dict[str, float] = field(default_factory=dict)
    """Longest further time in seconds that watch events of a kind take: kinds are seen in another order than it was."""
    refuse: Callable[[str, str, str], ApiError | None] = field(default=lambda *_: None)
    """A scripted refusal, from verb, kind and name."""

    script: Callable[[str, str, str], str] = field(default=lambda *_: "")
    """A scripted fault, from verb, kind and name."""

    def delay(self) -> float:
        return self.random.uniform(0.001, self.longest_delay)

    def kind(self, verb: str, kind: str, name: str) -> str:
        """What befalls this request: nothing, or one of `FAULTS`."""
        scripted = self.script(verb, kind, name)
        if scripted:
            return scripted
        if self.random.random() >= self.rate:
            return ""
        return self.random.choice(FAULTS)


class Connection:
    """One operator's requests (the `Cluster` of the engine).

    When the operator is killed, nothing gets through but what was on its way late. When it is frozen, what was sent
    takes effect, answers wait for it, and nothing new is sent until it goes on.
    """

    def __init__(self, cluster: FakeCluster, faults: Faults, log: Callable[..., None], operator: int = 1) -> None:
        self.cluster = cluster
        self.operator = operator
        self.faults = faults
        self.calls = 0
        self.writes = 0
        self.dead = False
        self.stale = False
        """Whether it was frozen and goes on with an old picture."""
        self.may_write: Callable[[], bool] | None = None
        """The fence: asked before each write. None: there is none."""
        self.versions: dict[str, int] = {}
        """The newest version of each kind that was written and answered."""
        self.unanswered_at = -1e9
        """When a request was last given up that may have been carried out, or may be later."""
        self._running = asyncio.Event()
        self._running.set()
        self.on_call: Callable[[int, Literal["before", "after"]], None] = lambda *_: None
        self._log = log

    @property
    def frozen(self) -> bool:
        return not self._running.is_set()

    def freeze(self) -> None:
        self._running.clear()

    def thaw(self) -> None:
        self.stale = self.may_write is None
        self._running.set()

    async def warm(self, connections: int) -> None:
        """Connections cost nothing here."""

    async def create_job(self, namespace: str, manifest: Raw | bytes) -> Answer:
        manifest = json.loads(manifest) if isinstance(manifest, bytes) else manifest
        name = manifest["metadata"]["name"]
        raw = await self._request("create", "jobs", name, lambda: self.cluster.create_job(manifest))
        return Answer(orjson.dumps(raw))

    async def dry_run_job(self, manifest: Raw) -> Answer:
        return await self._request(
            "dry-run", "jobs", manifest["metadata"]["name"], lambda: Answer(orjson.dumps(manifest))
        )

    async def create_approval(self, namespace: str, manifest: Raw) -> Raw:
        kind, name = "agentapprovals", manifest["metadata"]["name"]
        return await self._request("create", kind, name, lambda: self.cluster.add(kind, manifest))

    async def create_claim(self, manifest: Raw) -> Raw:
        kind, name = "persistentvolumeclaims", manifest["metadata"]["name"]
        return await self._request("create", kind, name, lambda: self.cluster.add(kind, manifest))

    async def read(self, kind: str, namespace: str, name: str) -> Raw | None:
        return await self._request("read", kind, name, lambda: self.cluster.get(kind, namespace, name))

    async def list_jobs(self, namespace: str, schedule_uid: str) -> tuple[list[Raw], int]:
        items, version = await self.list("jobs")
        return [raw for raw in items if raw["metadata"]["labels"][LABEL_SCHEDULE_UID] == schedule_uid], version

    async def delete(
        self, kind: str, namespace: str, name: str, uid: str, propagation: Literal["Background", "Foreground"]
    ) -> bool:
        def effect() -> None:
            raw = self.cluster.get(kind, namespace, name)
            if kind == "jobs" and propagation == "Background" and raw is not None and raw["metadata"]["uid"] == uid:
                self.cluster.history.job_deleted(raw)
            self.cluster.delete(kind, namespace, name, uid, propagation)

        return await self._unless_gone("delete", kind, name, effect)

    async def stop_job(self, namespace: str, name: str, uid: str, why: str) -> bool:
        note = {"metadata": {"uid": uid, "annotations": {ANNOTATION_STOPPED: why}}}
        if not await self._unless_gone(
            "annotate", "jobs", name, lambda: self.cluster.patch("jobs", namespace, name, note)
        ):
            return False
        return await self.delete("jobs", namespace, name, uid, "Foreground")

    async def patch(self, kind: str, namespace: str, name: str, body: Raw, subresource: str = "") -> Raw:
        verb = f"patch {subresource}".strip()
        said = shown_status(body.get("status") or {})
        return await self._request(
            verb,
            kind,
            name,
            lambda: self.cluster.patch(kind, namespace, name, body, subresource),
            f": {said}" if said else "",
        )

    async def events_on(self, namespace: str, uid: str) -> list[Raw]:
        return await self._request("read", "events", uid, lambda: list(self.cluster.warnings.get(uid, ())))

    async def post_event(
        self, regarding: Raw, event_type: Literal["Normal", "Warning"], reason: str, message: str, name: str
    ) -> None:
        await self._request(
            "event", "events", name, lambda: self.cluster.post_event(regarding, event_type, reason, message)
        )

    async def list(self, kind: str) -> tuple[list[Raw], int]:
        """All objects of a kind, with the version to watch from."""

        def effect() -> tuple[list[Raw], int]:
            return [raw for raw in self.cluster.items(kind) if selected(kind, raw)], self.cluster.version

        return await self._request("list", kind, "", effect)

    async def renew(self, method: str, path: str, *, body: Raw | None = None) -> Answer:
        """A request for the Lease: no fence, and not counted among the others."""
        await self.survive()
        if self.faults.down:
            await asyncio.sleep(TIMEOUT if self.faults.down == "silent" else self.faults.delay())
            await self.survive()
            raise ApiError(0, "Unreachable", "the API server cannot be reached")
        await asyncio.sleep(self.faults.delay())
        if self.dead:
            await self.survive()
        answer = self.cluster.lease.carry_out(method, path, body)
        await asyncio.sleep(self.faults.delay())
        await self.survive()
        return Answer(orjson.dumps(answer))

    async def _unless_gone(self, verb: str, kind: str, name: str, effect: Callable[[], object]) -> bool:
        try:
            await self._request(verb, kind, name, effect)
        except ApiError as error:
            if error.status in {404, 409}:
                return False
            raise
        return True

    async def _request(self, verb: str, kind: str, name: str, effect: Callable[[], T], says: str = "") -> T:
        """One request: on its way, carried out, answered; each step can be the last one."""
        await self.survive()
        self.calls += 1
        number = self.calls
        self.writes += verb not in {"read", "list", "dry-run"}
        self.on_call(number, "before")
        await self.survive()
        if self.may_write is not None and verb not in {"read", "list", "dry-run"} and not self.may_write():
            raise ApiError(0, "NotLeading", "this operator does not lead any more")
        fault = self.faults.kind(verb, kind, name)
        self.faults.befell += bool(fault or self.faults.down)
        if self.faults.down or fault or verb not in {"event", "list"}:
            self._log(
                f"operator {self.operator}: {verb} {kind} {name}{says}{_shown(fault or self.faults.down)}", call=True
            )
        if self.faults.down == "refusing":
            await asyncio.sleep(self.faults.delay())
            await self.survive()
            raise ApiError(0, "Unreachable", "the API server cannot be reached: connection refused")
        if fault == "late" and not self.faults.down:
            wait = self.faults.random.uniform(1, LATEST)
            asyncio.get_running_loop().call_later(wait, self._carry_out_late, f"{verb} {kind} {name}", effect)
        if self.faults.down == "silent" or fault in {"lost", "late"}:
            await self._time_out()
        await self._travel(None if fault else effect)
        self._refuse(fault, verb, kind, name)
        with self.cluster.history.strayed(stale=True) if self.stale else nullcontext():
            answer = effect()
        if isinstance(answer, dict) and verb != "read":
            self.versions[kind] = max(self.versions.get(kind, 0), int(answer["metadata"]["resourceVersion"]))
        self.on_call(number, "after")
        await self.survive()
        if fault == "unanswered":
            await self._time_out()
        if fault == "failed":
            self._does_not_know()
            raise ApiError(504, "Timeout", "the request took too long")
        await asyncio.sleep(self.faults.random.uniform(1, TIMEOUT - 1) if fault == "slow" else self.faults.delay())
        await self.survive()
        return answer

    async def _travel(self, effect: Callable[[], object] | None) -> None:
        """On its way to the server. Whoever gives a request up then does not keep it from being carried out."""
        try:
            await asyncio.sleep(self.faults.delay())
        except asyncio.CancelledError:
            self._does_not_know()
            if effect is not None and not self.dead:
                with suppress(ApiError):
                    effect()
            raise
        if self.dead:
            await self.survive()

    def _carry_out_late(self, what: str, effect: Callable[[], object]) -> None:
        """Whoever asked for it has given up, or is dead by now."""
        if self.faults.down:
            return
        self._log(f"operator {self.operator}: {what} is carried out late")
        try:
            with self.cluster.history.strayed(stale=self.stale):
                effect()
        except ApiError as error:
            self._log(f"it is refused: {error}")

    def _refuse(self, fault: str, verb: str, kind: str, name: str) -> None:
        if fault == "throttled":
            raise ApiError(429, "TooManyRequests", "slow down", retry_after=float(self.faults.random.randint(1, 5)))
        if fault == "broken":
            raise ApiError(self.faults.random.choice((500, 503)), "InternalError", "etcd has no leader")
        error = self.faults.refuse(verb, kind, name)
        if error is not None:
            raise error

    def _does_not_know(self) -> None:
        self.unanswered_at = asyncio.get_running_loop().time()

    async def _time_out(self) -> NoReturn:
        await asyncio.sleep(TIMEOUT)
        self._does_not_know()
        await self.survive()
        raise ApiError(0, "Timeout", f"no answer within {TIMEOUT} s")

    async def survive(self) -> None:
        """A frozen operator waits here until it goes on, a killed one for ever, until its tasks are swept away."""
        await self._running.wait()
        if self.dead:
            await asyncio.Event().wait()


def _shown(trouble: str) -> str:
    return f" -> {trouble}" if trouble else ""


def selected(kind: str, raw: Raw) -> bool:
    """Jobs and pods are listed and watched by label."""
    return kind not in {"jobs", "pods"} or LABEL_SCHEDULE_UID in raw["metadata"]["labels"]
