"""Telling people: an Event on the object and a log line, for what a person would want to know."""

import itertools
import logging
import uuid
from typing import Any, Literal

from agentschedule.cluster.errors import ApiError
from agentschedule.engine.dispatcher import Dispatcher, Urgency
from agentschedule.engine.ports import Cluster

logger = logging.getLogger(__name__)


class Recorder:
    """Posts Events and writes the log line that belongs to each."""

    def __init__(self, cluster: Cluster, dispatcher: Dispatcher) -> None:
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._prefix = uuid.uuid4().hex[:10]
        self._numbers = itertools.count()

    def tell(self, regarding: dict[str, Any], reason: str, message: str, *, warning: bool = False) -> None:
        """`regarding` has kind, namespace, name and uid, and apiVersion where it is not ours."""
        where = {"kind": regarding["kind"], "namespace": regarding["namespace"], "name": regarding["name"]}
        logger.log(logging.WARNING if warning else logging.INFO, message, extra={"reason": reason, **_renamed(where)})
        kind: Literal["Normal", "Warning"] = "Warning" if warning else "Normal"
        name = f"{regarding['name'][:200]}.{self._prefix}{next(self._numbers):06x}"

        async def post() -> None:
            try:
                await self._cluster.post_event(regarding, kind, reason, message, name)
            except ApiError as error:
                logger.debug("an Event could not be posted", extra={"error": str(error)})

        self._dispatcher.submit(Urgency.EVENT, post)


def _renamed(where: dict[str, str]) -> dict[str, str]:
    """`name` is taken in log records."""
    return {"kind": where["kind"], "namespace": where["namespace"], "object": where["name"]}
