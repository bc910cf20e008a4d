"""Every Job that ever was, with the time at which it was created: from the database's own history.

It is not the API server that is asked: this is exact whatever becomes of that, and also tells of Jobs that are gone.
"""

import base64
import json
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from types import TracebackType
from typing import Any, Self

_PREFIX = "/scratch/jobs/"
_SILENCE = 2.0
"""Seconds after which it is asked anew, from where it had come to: the database may have been killed."""


class History:
    """Follows the Jobs in the etcd at `url`, through its restarts, in a thread of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._revision = 0
        self._created: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._news = threading.Condition()
        self._end = threading.Event()
        self._broken: str | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._thread.join(2 * _SILENCE)

    def created(self, namespace: str) -> dict[str, list[float]]:
        """The Jobs of a namespace by name, and when each was created: the wall clock as it was seen, a bit late."""
        with self._news:
            if self._broken:
                raise AssertionError(f"the history of Jobs has a gap: {self._broken}")
            return {job: list(times) for job, times in self._created[namespace].items()}

    def wait(self, seconds: float) -> None:
        """Return when a Job was created, or after so long."""
        with self._news:
            self._news.wait(seconds)

    def catch_up(self, seconds: float = 10.0) -> None:
        """Return when everything is known that is in the database by now."""
        deadline = time.monotonic() + seconds
        newest = self._newest()
        while self._revision < newest:
            assert time.monotonic() < deadline, "the history of Jobs does not come to its end"
            time.sleep(0.02)

    def _newest(self) -> int:
        wanted = {**_everything(), "sort_order": "DESCEND", "sort_target": "MOD", "limit": 1, "keys_only": True}
        with self._ask("/v3/kv/range", wanted) as answer:
            found = json.loads(answer.read()).get("kvs") or [{"mod_revision": 0}]
        return int(found[0]["mod_revision"])

    def _follow(self) -> None:
        while not self._end.is_set():
            wanted = {"create_request": {**_everything(), "start_revision": self._revision + 1}}
            try:
                with self._ask("/v3/watch", wanted) as answer:
                    for line in answer:
                        self._take(json.loads(line))
                        if self._end.is_set():
                            return
            except (OSError, ValueError, urllib.error.URLError):
                self._end.wait(0.05)

    def _take(self, message: dict[str, Any]) -> None:
        result = message.get("result") or {}
        if "error" in message or result.get("canceled"):
            self._broken = json.dumps(message)
        now = time.time()
        with self._news:
            for event in result.get("events") or ():
                pair = event["kv"]
                self._revision = max(self._revision, int(pair["mod_revision"]))
                if event.get("type") != "DELETE" and pair["version"] == "1":
                    namespace, job = base64.b64decode(pair["key"]).decode().removeprefix(_PREFIX).split("/")
                    self._created[namespace][job].append(now)
                    self._news.notify_all()

    def _ask(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(self._url + path, json.dumps(body).encode())
        return urllib.request.urlopen(request, timeout=_SILENCE)


def _everything() -> dict[str, str]:
    """All keys below the prefix."""
    ends = (_PREFIX, _PREFIX[:-1] + chr(ord("/") + 1))
    first, beyond = (base64.b64encode(text.encode()).decode() for text in ends)
    return {"key": first, "range_end": beyond}
