"""A local picture of a collection: list, then watch, for ever, through every way in which watches break."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from typing import Any

from agentschedule.cluster.client import Client
from agentschedule.cluster.errors import ApiError
from agentschedule.runs.facts import version_number

logger = logging.getLogger(__name__)

_WATCH_SECONDS = 290
_SILENCE = 75.0
_LEAST_WAIT, _LONGEST_WAIT = 0.2, 5.0
_SOUND = 10.0
"""Seconds that a watch lasts when nothing is wrong: after such a one the waits begin anew."""
_LEAST_WATCH = 1.0
"""Seconds between two watches, should a server end each at once."""

_AT_ONCE = 20
"""Objects of a list that are looked at before others have their turn."""

OnEvent = Callable[[str | None, dict[str, Any]], None]
OnListed = Callable[[Collection[str], int], None]


class Reflector:
    """Keeps a picture of a collection up to date.

    `on_event` is given each object that is listed (with None), then each change. `on_listed` is given the UIDs of all
    that were listed and the list's version: what is not among them and is not newer is gone, also when its deletion
    fell into a gap between two watches.
    `on_restart` is told each time that the watch begins anew, and why: `ended` (the server ends each after some
    minutes), `expired` (410), `timeout` (no answer, or long silence), `unreachable` (the connection broke), `refused`.
    """

    def __init__(
        self,
        client: Client,
        path: str,
        *,
        selector: str,
        on_listed: OnListed,
        on_event: OnEvent,
        on_restart: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._path = path
        self._selector = selector
        self._on_listed = on_listed
        self._on_event = on_event
        self._on_restart = on_restart
        self._version = ""
        self._wait = 0.0
        self._asked = self._listed = 0
        """How often `renew` was called, and that count when the last list began."""
        self._round: asyncio.Timeout | None = None
        self.synced = asyncio.Event()

    @property
    def version(self) -> int:
        """Up to which version everything is known."""
        return version_number(self._version)

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None) as self._round:
                    await self._go_round()

    async def renew(self) -> None:
        """List now, whatever it is at: a watch may have fallen silent without a word. Returns when that is done."""
        self._asked += 1
        if self._round is not None and not self._round.expired():
            self._round.reschedule(asyncio.get_running_loop().time())
        while self._listed != self._asked:
            self.synced.clear()
            await self.synced.wait()

    async def _go_round(self) -> None:
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            if not self._version or self._listed != self._asked:
                await self._list()
            begun = clock()
            await self._watch()
            self._wait = 0.0
            self._on_restart("ended")
            await asyncio.sleep(max(0.0, begun + _LEAST_WATCH - clock()))
        except ApiError as error:
            self._on_restart(_why(error))
            before = 0.0 if clock() - begun >= _SOUND else self._wait
            self._wait = min(max(_LEAST_WAIT, before * 2), _LONGEST_WAIT)
            self._recover(error)
            await asyncio.sleep(self._wait)

    async def _list(self) -> None:
        asked = self._asked
        present: set[str] = set()
        version = ""
        async for page in self._client.pages(self._path, selector=self._selector):
            version = page.version
            for number, raw in enumerate(page.items):
                self._on_event(None, raw)
                present.add(raw["metadata"]["uid"])
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)  # the next page is on its way
        self._on_listed(present, version_number(version))
        self._version, self._listed = version, asked
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

    def _recover(self, error: ApiError) -> None:
        """Decide whether a list comes first: after 410, and after an error that nobody knows."""
        if error.status != 0:
            self._version = ""
        if error.status == 410:
            logger.info("watch expired, listing again", extra={"path": self._path})
            return
        log = logger.warning if self._wait > 1 else logger.info
        log("watch broke", extra={"path": self._path, "error": str(error), "retry_in": self._wait})


def _why(error: ApiError) -> str:
    if error.status != 0:
        return "expired" if error.status == 410 else "refused"
    return "timeout" if error.reason == "Timeout" else "unreachable"
