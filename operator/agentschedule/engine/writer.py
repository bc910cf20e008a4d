"""Status written to the API server: coalesced, as the difference from what it holds, again and again until it holds."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentschedule.cluster.errors import ApiError
from agentschedule.engine.clock import loop_time
from agentschedule.engine.dispatcher import Dispatcher, Urgency
from agentschedule.engine.entries import Key, RequestEntry, ScheduleEntry
from agentschedule.engine.packing import packed
from agentschedule.engine.ports import Cluster
from agentschedule.engine.registry import Registry
from agentschedule.runs.facts import version_of

logger = logging.getLogger(__name__)

_LONGEST_WAIT = 60.0
_MOST_FAILURES = 8
"""Counted no further: the wait is at its longest."""

_MOST_SENT = 4

_GATHER = 3.0
"""Seconds for which mere progress of a run waits for more of it: that its Job is there and that its pod runs become one
write as a rule, and a short run is written once."""


@dataclass(slots=True)
class _Ticket:
    """The writing of one object's status: at most one is under way."""

    last: float = -1e9
    queued: bool = False
    failures: int = 0
    longest: float = _LONGEST_WAIT
    """Seconds between two tries at most."""
    timer: asyncio.TimerHandle | None = None
    calm: bool = False
    """What waits for the timer is nothing but progress."""


class StatusWriter:
    """Writes status of AgentSchedules and AgentRuns. `interval` is the least time in seconds between two writes."""

    def __init__(
        self,
        registry: Registry,
        cluster: Cluster,
        dispatcher: Dispatcher,
        *,
        interval: float,
        on_writing: Callable[[Key], None],
        on_written: Callable[[str, Key], None],
        on_read: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._registry = registry
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._interval = interval
        self._on_writing = on_writing
        self._on_written = on_written
        self._on_read = on_read
        self._hurried = False
        self._tickets: dict[tuple[str, Key], _Ticket] = {}

    def changed(self, kind: str, key: Key, *, calm: bool = False) -> None:
        """A status may differ from what the API server holds: see to it. `calm`: by nothing but a run's progress."""
        ticket = self._tickets.setdefault((kind, key), _Ticket())
        if ticket.timer is not None and ticket.calm and not calm:
            ticket.timer.cancel()
        elif ticket.queued:
            ticket.calm = ticket.calm and calm
            return
        ticket.queued, ticket.calm = True, calm
        loop = asyncio.get_running_loop()
        wait = self._due(ticket, calm, loop.time()) - loop.time()
        if wait > 0:
            ticket.timer = loop.call_later(wait, self._submit, kind, key)
        else:
            self._submit(kind, key)

    def _due(self, ticket: _Ticket, calm: bool, now: float) -> float:
        """When a status may be written."""
        if ticket.failures:
            return ticket.last + min(2.0**ticket.failures / 2, ticket.longest)
        if self._hurried:
            return now
        if calm and self._interval:
            return max(now + _GATHER, ticket.last + self._interval)
        return ticket.last + self._interval

    def hurry(self) -> None:
        """The operator ends: nothing waits for its interval any more."""
        self._hurried = True
        for (kind, key), ticket in list(self._tickets.items()):
            if ticket.timer is not None:
                ticket.timer.cancel()
                self._submit(kind, key)

    def forget(self, kind: str, key: Key) -> None:
        """The object is gone."""
        self._tickets.pop((kind, key), None)

    def _submit(self, kind: str, key: Key) -> None:
        ticket = self._tickets.get((kind, key))
        if ticket is not None:
            ticket.timer = None

        async def work() -> None:
            await self._write(kind, key)

        self._dispatcher.submit(Urgency.STATUS, work)

    def _entry(self, kind: str, key: Key) -> ScheduleEntry | RequestEntry | None:
        return self._registry.schedules.get(key) if kind == "agentschedules" else self._registry.requests.get(key)

    async def _write(self, kind: str, key: Key) -> None:
        ticket, entry = self._tickets.get((kind, key)), self._entry(kind, key)
        if ticket is None or entry is None:
            self.forget(kind, key)
            return
        ticket.queued = False
        ticket.last = loop_time()
        if isinstance(entry, ScheduleEntry) and entry.doubted:
            return  # planned anew, and written if need be, when it has been read afresh
        difference = diff(entry.held(), entry.wanted(), free=False)
        if not difference:  # a write whose answer was lost had been taken: the watch said so
            ticket.failures = 0
            self._on_written(kind, key)
            return
        uid = entry.schedule.owner.uid if isinstance(entry, ScheduleEntry) else entry.request.uid
        # The version fences: a difference from what is not held any more (by an operator that led before, or carried
        # out late) would mix two statuses, move the cursor back or take counters back.
        version = entry.version
        body = {"metadata": {"uid": uid, "resourceVersion": str(version)}, "status": difference}
        ticket.queued = ticket.calm = True
        if kind == "agentschedules":
            self._on_writing(key)
        entry.sent = (*entry.sent, entry.wanted())[-_MOST_SENT:]
        try:
            raw = await self._cluster.patch(kind, key.namespace, key.name, body, "status")
        except ApiError as error:
            if error.status == 409 and entry.version == version:
                await self._read(kind, key)
            self._failed(kind, key, ticket, error)
            return
        ticket.queued = False
        entry.sent = ()
        if version_of(raw) >= entry.version:
            entry.acked, entry.version = packed(raw.get("status") or {}), version_of(raw)
        stuck = diff(entry.held(), entry.wanted(), free=False) == difference
        ticket.failures, ticket.longest = min(ticket.failures + 1, _MOST_FAILURES) if stuck else 0, _LONGEST_WAIT
        if not entry.settled():  # it has changed again meanwhile
            self.changed(kind, key, calm=ticket.calm)
        self._on_written(kind, key)

    async def _read(self, kind: str, key: Key) -> None:
        """A conflict: the object was changed, and the watch has not told of it yet."""
        try:
            raw = await self._cluster.read(kind, key.namespace, key.name)
        except ApiError:
            return  # the next try meets the conflict again
        if raw is not None:
            self._on_read(kind, raw)

    def _failed(self, kind: str, key: Key, ticket: _Ticket, error: ApiError) -> None:
        """Try again later; an object that is gone is left to the watch."""
        ticket.queued = False
        if error.status == 404:
            return
        if ticket.longest != error.longest_wait:  # another trouble, such as a server that is back and reads its roles
            ticket.failures, ticket.longest = 0, error.longest_wait
        ticket.failures = min(ticket.failures + 1, _MOST_FAILURES)
        log = logger.error if error.status in {400, 422} else logger.info if error.status == 409 else logger.warning
        log(
            "a status could not be written",
            extra={"kind": kind, "namespace": key.namespace, "object": key.name, "error": str(error)},
        )
        self.changed(kind, key)


def diff(old: dict[str, Any], new: dict[str, Any], *, free: bool = True) -> dict[str, Any]:
    """The JSON merge patch (RFC 7396) that makes `new` of `old`.

    `free`: nothing says of which types the values are. Else the resource's schema does, all but that of `state`, and
    `==` is enough, which takes true for 1.
    """
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(old[key], dict):
            inner = diff(old[key], value, free=free or key == "state")
            if inner:
                patch[key] = inner
        elif value != old[key] or (free and not _same(value, old[key])):
            patch[key] = value
    return patch


def _same(one: object, other: object) -> bool:
    """Whether two values are the same JSON: 1 and 1.0 are, 1 and true are not."""
    if one != other:
        return False
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    return True
