"""Leader election by a `coordination.k8s.io/v1` Lease: at most one operator leads at a time.

Who holds the Lease leads for `renew_deadline` from the moment at which it sent its last renewal that was answered. The
others wait for `duration` from the moment at which they saw the last change of the Lease. All of this is reckoned by
each one's own monotonic clock; the times in the Lease are for people. Every write names the version that it replaces.
"""

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from agentschedule.cluster.client import Client
from agentschedule.cluster.errors import ApiError
from agentschedule.cluster.leadership import Prepare, Written
from agentschedule.cluster.paths import collection, item

logger = logging.getLogger(__name__)

Raw = dict[str, Any]

_KIND = "leases"
_NEVER = -math.inf
_LONGEST = 3600
"""No Lease is waited for longer than so many seconds without a change, whatever it says."""

_RELEASED = 1
"""`leaseDurationSeconds` of a Lease that was given back, as other Kubernetes components leave it. An empty holder alone
does not say so: a person may have emptied it, while its holder still leads."""

_TO_RELEASE = 2.0
_WRITTEN = "agentschedule.dev/written"
"""Annotation of a Lease that was given back: what its holder wrote last."""
_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"


def steady_time() -> float:
    """Seconds of a clock that is never set and, where the system has one, goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """In seconds. `duration` is to be longer than `renew_deadline` by more than clocks drift apart in that time."""

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 1.0


class Elector:
    """One candidate. `identity` is to be of this process alone; `client` to be used by nobody else."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        times: LeaseTimes,
        *,
        clock: Callable[[], float] = steady_time,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._times = times
        self._clock = clock
        self._wall = wall
        self._leads_until = _NEVER
        self._gave_up = self._fails = False
        self._lease: Raw | None = None
        """As it was last read or written; None when it is to be read."""
        self._version: str | None = None
        """That of the last Lease seen: "" of one that is not there, None before the first look."""
        self._taken_until = self._written_until = _NEVER
        """Until then another may lead, as far as can be seen, and until then it may write."""
        self._prepare: Prepare = lambda _: None
        self._prepared: str | None = None
        """The version of the Lease for which that was called."""
        self.holder = ""
        """The identity of whoever holds it, as last seen."""

    def leads(self) -> bool:
        """Whether this candidate leads at this moment. Nobody else does then."""
        return self._clock() < self._leads_until and not self._gave_up

    async def acquire(self, prepare: Prepare) -> None:
        """Try until it leads."""
        self._prepare = prepare
        while True:
            await self._try()
            if self.leads():
                logger.info("leading", extra={"identity": self._identity})
                return
            left = self._taken_until - self._clock()
            await asyncio.sleep(min(self._times.retry_period, left) if left > 0 else self._times.retry_period)

    async def hold(self) -> None:
        """Renew it until that fails for too long, or somebody else has it."""
        while self.leads():
            await asyncio.sleep(min(self._times.retry_period, self._leads_until - self._clock()))
            if self.leads():
                await self._try()
        logger.warning("not leading any more", extra={"identity": self._identity, "holder": self.holder})

    async def release(self, written: Written | None = None) -> None:
        """Give it back, so that others need not wait; whatever keeps that from succeeding, it will run out."""
        held, self._gave_up = self.leads(), True
        if not held:
            return
        try:
            async with asyncio.timeout(_TO_RELEASE):
                while not await self._give_back(written):
                    pass
        except (ApiError, TimeoutError) as error:
            logger.warning("the Lease could not be given back and will run out", extra={"error": str(error)})
        else:
            logger.info("the Lease is given back", extra={"identity": self._identity})

    # One try

    async def _try(self) -> None:
        """Get it or keep it. A renewal is one request. After a conflict comes one more look: has another taken it?"""
        try:
            for _ in range(2):
                lease = self._lease or await self._look()
                self._have_prepared(lease)
                if not self._may_take():
                    self._lease = None
                    break
                if await self._take(lease):
                    break
            self._fails = False
        except ApiError as error:
            self._lease = None
            level = logging.DEBUG if self._fails else logging.WARNING  # once, not each second
            logger.log(level, "the Lease cannot be read or renewed", extra={"error": str(error)})
            self._fails = True

    def _may_take(self) -> bool:
        """Whether nobody else can lead. What is ours by a request whose answer was lost, is ours."""
        return self.leads() or self.holder == self._identity or self._taken_until <= self._clock()

    def _have_prepared(self, lease: Raw) -> None:
        """Once for each Lease that another wrote. With other times than ours it is not known when that one stops."""
        early = self._written_until <= self._clock()
        if self._prepared != self._version and not self.leads() and (early or self._may_take()):
            self._prepared = self._version
            self._prepare(_written(lease) if self._taken_until == _NEVER else None)

    async def _look(self) -> Raw:
        try:
            lease = await self._request("GET", item(_KIND, self._namespace, self._name))
        except ApiError as error:
            if error.status != 404:
                raise
            lease = {"metadata": {"name": self._name, "namespace": self._namespace}}
        self._observe(lease)
        return lease

    def _observe(self, lease: Raw) -> None:
        """A change that another made begins a new wait. A Lease that is gone has changed: its holder may not know."""
        spec, version = lease.get("spec") or {}, lease["metadata"].get("resourceVersion", "")
        holder = spec.get("holderIdentity") or ""
        if holder not in {"", self._identity}:
            self._leads_until = _NEVER
        if holder not in {"", self.holder, self._identity}:
            logger.info("following", extra={"holder": holder})
        self.holder = holder
        if version == self._version:
            return
        untouched = self._version is None and not version
        self._version = version
        lasts = spec.get("leaseDurationSeconds") or 0
        free = untouched or (not holder and lasts == _RELEASED)
        wait = min(max(lasts, self._times.duration), _LONGEST)
        writes = self._times.renew_deadline if lasts == math.ceil(self._times.duration) else wait
        self._taken_until, self._written_until = (
            (_NEVER, _NEVER) if free else (self._clock() + wait, self._clock() + writes)
        )

    async def _take(self, lease: Raw) -> bool:
        """Write that it is ours. False: it was changed or removed meanwhile."""
        spec, now = lease.get("spec") or {}, self._stamp(lease)
        ours = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": math.ceil(self._times.duration),
            "renewTime": now,
        }
        if spec.get("holderIdentity") != self._identity:
            transitions = (spec.get("leaseTransitions") or 0) + 1 if _exists(lease) else 0
            ours |= {"acquireTime": now, "leaseTransitions": transitions}
        sent = self._clock()
        if not await self._write(lease, {**spec, **ours}, written=None):
            return False
        self._leads_until = sent + self._times.renew_deadline
        return True

    async def _give_back(self, written: Written | None) -> bool:
        """Whether it is nobody's now. It may have been changed meanwhile, by a late request of our own."""
        lease = self._lease or await self._look()
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity") != self._identity:
            return True
        nobody = {"holderIdentity": "", "leaseDurationSeconds": _RELEASED, "renewTime": self._stamp(lease)}
        return await self._write(lease, {**spec, **nobody}, written)

    async def _write(self, lease: Raw, spec: Raw, written: Written | None) -> bool:
        """Replace exactly this version, or make it where there is none. Until that is answered, nothing is known."""
        self._lease = None
        exists = _exists(lease)
        path = item(_KIND, self._namespace, self._name) if exists else collection(_KIND, self._namespace)
        notes = {name: text for name, text in (_notes(lease)).items() if name != _WRITTEN}
        notes |= {_WRITTEN: json.dumps(written)} if written is not None else {}
        meta = {**lease["metadata"], "annotations": notes}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}
        try:
            answer = await self._request("PUT" if exists else "POST", path, body)
        except ApiError as error:
            if error.status == 409 or (error.status == 404 and exists):
                return False
            raise
        self._observe(answer)
        self._lease = answer
        return True

    async def _request(self, method: str, path: str, body: Raw | None = None) -> Raw:
        """None outlasts a third of the deadline, so that there is time for two more, nor the deadline itself."""
        patience = self._times.renew_deadline / 3
        if self.leads():
            patience = min(patience, self._leads_until - self._clock())
        try:
            async with asyncio.timeout(patience):
                return (await self._client.request(method, path, body=body)).read()
        except TimeoutError as error:
            raise ApiError(0, "Timeout", f"no answer to {method} {path} within {patience:.1f} s") from error

    def _stamp(self, lease: Raw) -> str:
        """Now, for people to read, as Kubernetes writes it; never what the Lease says already: a write that changes
        nothing is not seen."""
        now = self._wall()
        text = f"{now:{_STAMP}}"
        said = (lease.get("spec") or {}).get("renewTime")
        return text if text != said else f"{now + timedelta(microseconds=1):{_STAMP}}"


def _exists(lease: Raw) -> bool:
    """Whether the API server has it."""
    return "resourceVersion" in lease["metadata"]


def _notes(lease: Raw) -> dict[str, str]:
    return lease["metadata"].get("annotations") or {}


def _written(lease: Raw) -> Written | None:
    """What the Lease says of it; None where it says nothing that can be read."""
    try:
        said = json.loads(_notes(lease).get(_WRITTEN, ""))
    except ValueError:
        return None
    return said if isinstance(said, dict) and all(isinstance(version, int) for version in said.values()) else None
