"""A local picture of a collection: list, then watch, for ever, through every way in which watches break."""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any

from agentschedule.cluster.client import Client
from agentschedule.cluster.errors import ApiError
from agentschedule.runs.facts import version_number

logger = logging.getLogger(__name__)

_WATCH_SECONDS = 290
_SILENCE = 75.0
_SOUND = 10.0
"""Seconds that a watch lasts when nothing is wrong; the next one begins at once. After others there is a wait."""
_LEAST_WAIT, _LONGEST_WAIT = 0.2, 5.0

OnEvent = Callable[[str, dict[str, Any]], None]
OnList = Callable[[Collection[dict[str, Any]], int], None]


class Reflector:
    """Keeps a picture of a collection up to date.

    `on_list` is given all objects and the list's version after each list: what it does not contain and is not newer
    is gone, also when its deletion fell into a gap between two watches. `on_event` is given each change after that.
    `on_restart` is told each time that the watch begins anew, and why: `ended` (the server ends each after some
    minutes), `expired` (410), `timeout` (no answer, or long silence), `unreachable` (the connection broke), `refused`.
    """

    def __init__(
        self,
        client: Client,
        path: str,
        *,
        selector: str,
        on_list: OnList,
        on_event: OnEvent,
        on_restart: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._path = path
        self._selector = selector
        self._on_list = on_list
        self._on_event = on_event
        self._on_restart = on_restart
        self._version = ""
        self.synced = asyncio.Event()

    async def run(self) -> None:
        """List and watch until cancelled."""
        loop, wait = asyncio.get_running_loop(), 0.0
        while True:
            began = loop.time()
            error: ApiError | None = None
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except ApiError as trouble:
                error = trouble
            self._on_restart("ended" if error is None else _why(error))
            wait = 0.0 if loop.time() - began >= _SOUND else min(max(_LEAST_WAIT, wait * 2), _LONGEST_WAIT)
            if error is not None:
                self._recover(error, wait)
            await asyncio.sleep(wait)

    async def _list(self) -> None:
        items, self._version = await self._client.list(self._path, selector=self._selector)
        self._on_list(items, version_number(self._version))
        self.synced.set()

    async def _watch(self) -> None:
        events = self._client.watch(
            self._path, selector=self._selector, version=self._version, seconds=_WATCH_SECONDS, silence=_SILENCE
        )
        async for event in events:
            raw = event["object"]
            self._version = raw["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                self._on_event(event["type"], raw)

    def _recover(self, error: ApiError, wait: float) -> None:
        """Decide whether a list comes first: after 410, and after an error that nobody knows."""
        if error.status != 0:
            self._version = ""
        if error.status == 410:
            logger.info("watch expired, listing again", extra={"path": self._path})
            return
        log = logger.warning if wait > 1 else logger.info
        log("watch broke", extra={"path": self._path, "error": str(error), "retry_in": wait})


def _why(error: ApiError) -> str:
    if error.status != 0:
        return "expired" if error.status == 410 else "refused"
    return "timeout" if error.reason == "Timeout" else "unreachable"
