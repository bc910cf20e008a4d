"""Audit records on their way out: gathered while there is more important work, written before a status says the same.

What a status says is not told again after a crash; so its records are written first. What was told and not written to
the status is told again, with the same ids.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from agentschedule.audit.record import LOGGER, AuditRecord, AuditType, record_id
from agentschedule.engine.entries import Key
from agentschedule.metrics import Metrics
from agentschedule.planning.actions import Record
from agentschedule.planning.observed import Schedule

logger = logging.getLogger(__name__)
_stream = logging.getLogger(LOGGER)

_MOST: Final = 100_000
"""Records that wait: some tens of MiB."""
_SLICE: Final = 100
_EVERY: Final = 0.1
_LONGEST: Final = 1024


class Auditor:
    """Takes records and writes them. `busy` tells whether everything else should wait for starts."""

    def __init__(self, metrics: Metrics, clock: Callable[[], datetime], most: int = _MOST) -> None:
        self.metrics = metrics
        self._clock = clock
        self._most = most
        self._waiting: OrderedDict[Key, list[tuple[Schedule, Record, datetime]]] = OrderedDict()
        self._number = 0
        self._news = asyncio.Event()
        self.busy: Callable[[], bool] = lambda: False

    def take(self, schedule: Schedule, records: Iterable[Record]) -> None:
        """What a plan tells."""
        key, now = Key(schedule.owner.namespace, schedule.owner.name), self._clock()
        for record in records:
            if self._number >= self._most:
                self._drop(record)
                continue
            self._waiting.setdefault(key, []).append((schedule, record, now))
            self._number += 1
            self._news.set()

    def record(self, schedule: Schedule, kind: AuditType, cause: str, message: str, *, run: str | None = None) -> None:
        """What the engine tells itself."""
        self.take(schedule, [Record(kind, cause, message, run=run)])

    def write(self, record: AuditRecord) -> None:
        """Write a record of what is no known schedule's, at once."""
        _stream.info(record.model_dump_json(by_alias=True, exclude_none=True))
        self.metrics.audited(record.type)

    def flush(self, key: Key) -> None:
        """Write what waits of a schedule: its status is about to say the same."""
        for schedule, record, at in self._waiting.pop(key, ()):
            self._number -= 1
            self.write(_made(schedule, record, at))

    def flush_all(self) -> None:
        """Write everything."""
        while self._waiting:
            self.flush(next(iter(self._waiting)))

    async def run(self) -> None:
        """Write what waits, some at a time, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(_EVERY)
            while self._waiting and (not self.busy() or self._number > self._most // 2):
                before = self._number
                while self._waiting and before - self._number < _SLICE:
                    self.flush(next(iter(self._waiting)))
                await asyncio.sleep(0)
            if self._waiting:
                self._news.set()

    def _drop(self, record: Record) -> None:
        if self.metrics.audit_dropped_one() == 1:
            logger.error("audit records are dropped: more wait than can be kept", extra={"type": record.type})


def _made(schedule: Schedule, record: Record, at: datetime) -> AuditRecord:
    return AuditRecord(
        id=record_id(record.type, schedule.owner.uid, record.cause),
        time=at,
        type=record.type,
        namespace=schedule.owner.namespace,
        schedule=schedule.owner.name,
        schedule_uid=schedule.owner.uid,
        generation=schedule.generation,
        run=record.run,
        actor=record.actor,
        policy=record.policy,
        reason=record.reason,
        message=record.message[:_LONGEST],
        count=record.count,
    )
