"""Telling people: an Event on the object and a log line, for what a person would want to know."""

import itertools
import logging
import uuid
from typing import Any, Literal

from agentschedule.cluster.errors import ApiError
from agentschedule.engine.clock import loop_time
from agentschedule.engine.dispatcher import Dispatcher, Urgency
from agentschedule.engine.ports import Cluster
from agentschedule.metrics import Metrics

logger = logging.getLogger(__name__)

MOST_WAITING = 2000
"""Events that wait to be posted; further ones are dropped: they never delay anything else."""

_BURST = 20.0
_PER_SECOND = 5.0
"""Normal Events, over all schedules: in a burst of runs, all but the first ones are dropped. The status of each
schedule and the log say the same. Warnings are not dropped for this."""


class Recorder:
    """Posts Events and writes the log line that belongs to each."""

    def __init__(self, cluster: Cluster, dispatcher: Dispatcher, metrics: Metrics) -> None:
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._metrics = metrics
        self._prefix = uuid.uuid4().hex[:10]
        self._numbers = itertools.count()
        self._allowance = _BURST
        self._refilled: float | None = None

    def log(self, regarding: dict[str, Any], reason: str, message: str, **more: object) -> None:
        """A log line only, when there is time for it: no request waits for that."""

        async def write() -> None:
            logger.info(message, extra={"reason": reason, **_where(regarding), **more})

        self._dispatcher.submit(Urgency.EVENT, write)

    def tell(self, regarding: dict[str, Any], reason: str, message: str, *, warning: bool = False) -> None:
        """`regarding` has kind, namespace, name and uid, and apiVersion where it is not ours."""
        extra = {"reason": reason, **_where(regarding)}
        logger.log(logging.WARNING if warning else logging.INFO, message, extra=extra)
        kind: Literal["Normal", "Warning"] = "Warning" if warning else "Normal"
        if self._dispatcher.waiting(Urgency.EVENT) >= MOST_WAITING or not (warning or self._may_tell()):
            self._metrics.events_dropped.labels(kind).inc()
            return
        name = f"{regarding['name'][:200]}.{self._prefix}{next(self._numbers):06x}"

        async def post() -> None:
            try:
                await self._cluster.post_event(regarding, kind, reason, message, name)
            except ApiError as error:
                logger.debug("an Event could not be posted", extra={"error": str(error)})

        self._dispatcher.submit(Urgency.EVENT, post)

    def _may_tell(self) -> bool:
        """Whether one more Normal Event may be posted by now."""
        now = loop_time()
        passed = now - self._refilled if self._refilled is not None else 0.0
        self._refilled = now
        self._allowance = min(_BURST, self._allowance + passed * _PER_SECOND)
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True


def _where(regarding: dict[str, Any]) -> dict[str, str]:
    """`name` is taken in log records."""
    return {"kind": regarding["kind"], "namespace": regarding["namespace"], "object": regarding["name"]}
