"""Schedules read afresh where another has written their status: an operator that led before, or a person."""

import asyncio
import logging

from agentschedule.cluster.errors import ApiError
from agentschedule.engine.dispatcher import Dispatcher, Urgency
from agentschedule.engine.entries import Key
from agentschedule.engine.intake import Intake
from agentschedule.engine.ports import Cluster
from agentschedule.engine.registry import Registry

logger = logging.getLogger(__name__)

_LONGEST_WAIT = 5.0


class Rereader:
    """Reads a status and then the Jobs it speaks of, so that the Jobs are never older than the status.

    A status may be ahead of what the watch of Jobs has told. Planned together with that, its active runs would seem to
    have lost their Jobs, and ended ones would be recorded again.
    """

    def __init__(self, registry: Registry, cluster: Cluster, dispatcher: Dispatcher) -> None:
        self._registry = registry
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._under_way: set[Key] = set()

    def read(self, key: Key, intake: Intake) -> None:
        """Queue it. `intake` is given what is read."""
        if key in self._under_way:
            return
        self._under_way.add(key)
        self._submit(key, intake, 1.0)

    def _submit(self, key: Key, intake: Intake, wait: float) -> None:
        async def work() -> None:
            if await self._read(key, intake):
                self._under_way.discard(key)
            else:
                loop = asyncio.get_running_loop()
                loop.call_later(wait, self._submit, key, intake, min(wait * 2, _LONGEST_WAIT))

        self._dispatcher.submit(Urgency.CHECK, work)

    async def _read(self, key: Key, intake: Intake) -> bool:
        """Whether that is done; a schedule that is gone is left to the watch."""
        entry = self._registry.schedules.get(key)
        if entry is None:
            return True
        uid = entry.schedule.owner.uid
        try:
            raw = await self._cluster.read("agentschedules", key.namespace, key.name)
            if raw is None:
                return True
            jobs, version = await self._cluster.list_jobs(key.namespace, uid)
        except ApiError as error:
            extra = {"namespace": key.namespace, "object": key.name, "error": str(error)}
            logger.warning("a status that another has written could not be read", extra=extra)
            return False
        self._registry.list_jobs(jobs, version, key.namespace, uid)
        return intake.adopt(key, raw)
