"""The tests' own way to the API server, past operator and proxy."""

import http.client
import json
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

Raw = dict[str, Any]
T = TypeVar("T")

SCHEDULES = "/apis/agentschedule.dev/v1alpha1/namespaces/{}/agentschedules"
JOBS = "/apis/batch/v1/namespaces/{}/jobs"
PODS = "/api/v1/namespaces/{}/pods"
NAMESPACES = "/api/v1/namespaces"
_MERGE_PATCH = "application/merge-patch+json"
_AT_ONCE = 8


class RefusedError(Exception):
    """The API server answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """Requests as the user of a kubeconfig, from any number of threads."""

    def __init__(self, kubeconfig: Path) -> None:
        content = json.loads(kubeconfig.read_text())
        cluster = content["clusters"][0]["cluster"]
        self.server: str = cluster["server"]
        self.token: str = content["users"][0]["user"]["token"]
        self.tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._idle: list[http.client.HTTPSConnection] = []

    def close(self) -> None:
        """Close what is open."""
        for connection in self._idle:
            connection.close()

    def get(self, path: str) -> Raw:
        """GET."""
        return self._request("GET", path)

    def items(self, path: str) -> list[Raw]:
        """The objects of a list."""
        found: list[Raw] = self.get(path)["items"]
        return found

    def create(self, path: str, body: Raw) -> Raw:
        """POST."""
        return self._request("POST", path, body)

    def patch(self, path: str, body: Raw) -> Raw:
        """A merge patch."""
        return self._request("PATCH", path, body, _MERGE_PATCH)

    def delete(self, path: str, propagation: str = "Background") -> None:
        """DELETE. One that is gone already is no error."""
        try:
            self._request("DELETE", path, {"propagationPolicy": propagation})
        except RefusedError as refused:
            if refused.status != 404:
                raise

    def _request(self, method: str, path: str, body: Raw | None = None, kind: str = "application/json") -> Raw:
        data = None if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        answer = self._answer(method, path, data, headers)
        content: Raw = json.loads(answer[1])
        if answer[0] >= 400:
            raise RefusedError(answer[0], content.get("message", ""))
        return content

    def _answer(self, method: str, path: str, data: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        """One more try where a connection was closed: the server has been started anew meanwhile."""
        while True:
            is_new = not self._idle
            connection = self._open() if is_new else self._idle.pop()
            try:
                connection.request(method, path, data, headers)
                with connection.getresponse() as answer:
                    content = answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                if is_new:
                    raise
            else:
                self._idle.append(connection)
                return answer.status, content

    def _open(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(urlsplit(self.server).netloc, context=self.tls, timeout=30)


def at_once(work: Callable[[T], object], things: Iterable[T]) -> None:
    """Do it for each, several at a time; the first error is raised."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(work, things):
            pass
