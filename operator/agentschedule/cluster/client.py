"""HTTP to the API server: one keep-alive session, JSON in and out, errors as `ApiError`."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, NamedTuple, Self

import aiohttp
import orjson
from aiohttp.abc import AbstractStreamWriter

from agentschedule.cluster.credentials import Credentials
from agentschedule.cluster.errors import ApiError
from agentschedule.cluster.paths import asked_for
from agentschedule.runs.facts import version_of

MERGE_PATCH = "application/merge-patch+json"
JSON = "application/json"
_LINE_LIMIT = 16 * 1024 * 1024
_VERSION = re.compile(rb'"resourceVersion":"([0-9]+)"')
_GATHER = 0.02
_GATHER_LONGEST = 0.5
_GATHER_RATE = 200_000
"""Seconds between two reads of a watch; after one that brought much it is longer, by a second for so many bytes."""

OnRequest = Callable[[str, str, str, float], None]
"""Told of every request: its verb and resource as roles name them (`dry-run` is a create that only asks), the answer's
code (`timeout` and `unreachable` without an answer, `aborted` when we gave it up), and the seconds it took."""


class Answer(NamedTuple):
    """An answer's object as JSON text, and the warnings that came with it. Who knows the object need not read it."""

    text: bytes
    warnings: tuple[str, ...] = ()

    @property
    def version(self) -> int:
        """The object's resourceVersion, 0 where it has none. Raises `ApiError` as `read` does."""
        found = _VERSION.search(self.text)  # never within a value: quotes are escaped there
        return int(found[1]) if found is not None else version_of(self.read())

    def read(self) -> dict[str, Any]:
        """The object. Raises `ApiError` when it is none, as for no answer: nobody knows what became of the request."""
        try:
            parsed = orjson.loads(self.text)
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise ApiError(0, "Unreadable", f"the API server's answer is no object: {_beginning(self.text)}")
        return parsed


class Page(NamedTuple):
    """Objects of a list, and the resourceVersion from which to watch."""

    items: list[dict[str, Any]]
    version: str


class _Fenced(aiohttp.BytesPayload):
    """A body that is sent only while that is allowed: a request without its body is carried out by nobody."""

    def __init__(self, body: bytes, allowed: Callable[[], bool]) -> None:
        super().__init__(body)
        self._allowed = allowed
        self.held_back = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """To be called by aiohttp when everything else is ready."""
        if not self._allowed():
            self.held_back = True
            raise ConnectionAbortedError("not allowed any more")
        await super().write_with_length(writer, content_length)


def _not_allowed() -> ApiError:
    return ApiError(0, "NotLeading", "this operator does not lead any more: nothing is written")


class Client:
    """Requests to one API server. `timeout` in seconds, for one request; watches have their own."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        timeout: float,
        connections: int,
        on_request: OnRequest = lambda *_: None,
    ) -> None:
        self._credentials = credentials
        self._on_request = on_request
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session."""
        tls: Any = self._credentials.tls if self._credentials.tls is not None else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections + 8, ssl=tls, keepalive_timeout=75),
            headers={"Accept": JSON, "User-Agent": "agentschedule-operator"},
            read_bufsize=256 * 1024,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | bytes | None = None,
        params: dict[str, str] | None = None,
        content_type: str = JSON,
        only_if: Callable[[], bool] | None = None,
    ) -> Answer:
        """One request. Raises `ApiError`, also for a server that cannot be reached (`status` 0) and for time-outs.

        `only_if` is asked in the last moment, with the connection made: unless it says yes, the body is not sent.
        """
        if only_if is not None and not only_if():
            raise _not_allowed()
        encoded = orjson.dumps(body) if isinstance(body, dict) else body
        fenced = _Fenced(encoded, only_if) if encoded is not None and only_if is not None else None
        verb, resource = asked_for(method, path)
        verb = "dry-run" if params is not None and "dryRun" in params else verb
        begun, code = time.perf_counter(), "aborted"
        try:
            async with self._open.request(
                method,
                self._credentials.server + path,
                data=fenced or encoded,
                params=params,
                headers={**self._credentials.headers(), "Content-Type": content_type},
                timeout=self._timeout,
            ) as response:
                content = await response.read()
                code = str(response.status)
                if response.status >= 400:
                    if response.status == 401:
                        self._credentials.doubt()
                    raise ApiError.of(response.status, _told(content), response.headers.get("Retry-After"))
                return Answer(content, tuple(_warning(w) for w in response.headers.getall("Warning", ())))
        except TimeoutError as error:
            code = "timeout"
            raise ApiError(0, "Timeout", f"no answer to {method} {path} within {self._timeout.total} s") from error
        except (aiohttp.ClientError, OSError) as error:
            code = "unreachable"
            if fenced is not None and fenced.held_back:
                code = "aborted"
                raise _not_allowed() from error
            raise ApiError(0, "Unreachable", f"the API server cannot be reached: {error}") from error
        finally:
            self._on_request(verb, resource, code, time.perf_counter() - begun)

    async def tail(self, path: str, *, params: dict[str, str], keep: int, most: int) -> tuple[bytes, bool]:
        """The last `keep` bytes of an answer that is no JSON, and whether more than those were there.

        No more than `most` bytes are read: of a longer answer it is what comes right before that. Raises `ApiError`.
        """
        verb, resource = asked_for("GET", path)
        begun, code = time.perf_counter(), "aborted"
        kept, read = bytearray(), 0
        try:
            async with self._open.get(
                self._credentials.server + path,
                params=params,
                headers={**self._credentials.headers(), "Accept": "*/*"},
                timeout=self._timeout,
            ) as response:
                code = str(response.status)
                if response.status >= 400:
                    if response.status == 401:
                        self._credentials.doubt()
                    raise ApiError.of(response.status, _told(await response.read()), None)
                async for chunk in response.content.iter_any():
                    kept += chunk
                    read += len(chunk)
                    if len(kept) > 2 * keep:
                        del kept[:-keep]
                    if read >= most:
                        response.close()
                        break
            return bytes(kept[-keep:]), read > keep
        except TimeoutError as error:
            code = "timeout"
            raise ApiError(0, "Timeout", f"no answer to GET {path} within {self._timeout.total} s") from error
        except (aiohttp.ClientError, OSError) as error:
            code = "unreachable"
            raise ApiError(0, "Unreachable", f"the API server cannot be reached: {error}") from error
        finally:
            self._on_request(verb, resource, code, time.perf_counter() - begun)

    async def pages(self, path: str, *, selector: str = "", size: int = 500) -> AsyncIterator[Page]:
        """All objects of a collection, some at a time: ten thousand at once take 200 MiB."""
        params = {"limit": str(size)} | ({"labelSelector": selector} if selector else {})
        asked: asyncio.Task[Answer] | None = asyncio.create_task(self.request("GET", path, params=params))
        try:
            while asked is not None:
                answer = (await asked).read()
                metadata = answer.get("metadata", {})
                after, asked = metadata.get("continue"), None
                if after:  # the server makes the next one ready while this one is looked at
                    asked = asyncio.create_task(self.request("GET", path, params=params | {"continue": after}))
                yield Page(answer.get("items") or [], metadata.get("resourceVersion", ""))
        finally:
            if asked is not None:
                asked.cancel()

    async def list(self, path: str, *, selector: str = "") -> Page:
        """All objects of a collection at once."""
        pages = [page async for page in self.pages(path, selector=selector)]
        return Page([raw for page in pages for raw in page.items], pages[-1].version)

    async def watch(
        self, path: str, *, selector: str, version: str, seconds: int, silence: float
    ) -> AsyncIterator[dict[str, Any]]:
        """Events of a collection after `version`, for at most `seconds`.

        Ends normally when the server closes the stream. Raises `ApiError`; 410 means that a new list is needed.
        `silence` is the longest time in seconds without any event (the server sends a bookmark each minute).
        """
        params = {
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        } | ({"labelSelector": selector} if selector else {})
        timeout = aiohttp.ClientTimeout(total=seconds + 30, sock_connect=self._timeout.total, sock_read=silence)
        tell = _once(partial(self._on_request, "watch", asked_for("GET", path)[1]))
        try:
            async with self._open.get(
                self._credentials.server + path, params=params, headers=self._credentials.headers(), timeout=timeout
            ) as response:
                tell(str(response.status))
                if response.status >= 400:
                    if response.status == 401:
                        self._credentials.doubt()
                    raise ApiError.of(response.status, _told(await response.read()), None)
                async for line in _lines(response):
                    event = orjson.loads(line)
                    if event["type"] == "ERROR":
                        status = event["object"]
                        raise ApiError(status.get("code", 500), status.get("reason", ""), status.get("message", ""))
                    yield event
        except TimeoutError as error:
            tell("timeout")
            raise ApiError(0, "Timeout", f"the watch of {path} was silent for {silence} s") from error
        except (aiohttp.ClientError, OSError) as error:
            tell("unreachable")
            raise ApiError(0, "Unreachable", f"the watch of {path} broke: {error}") from error

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the client is not open: use it as `async with Client(…)`")
        return self._session


def _once(tell: Callable[[str, float], None]) -> Callable[[str], None]:
    """`tell`, with the seconds since now, the first time that it is called only: a watch may break after its answer."""
    begun, codes = time.perf_counter(), list[str]()

    def first(code: str) -> None:
        if not codes:
            codes.append(code)
            tell(code, time.perf_counter() - begun)

    return first


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines of any length up to a bound; aiohttp's own line reader stops at its buffer's size.

    What comes shortly after something else is read together with what follows it, and the more comes the longer that
    waits: most of what an event costs is its way through the socket and TLS, if it comes alone.
    """
    buffer = bytearray()
    async for chunk in response.content.iter_any():
        buffer += chunk
        if len(buffer) > _LINE_LIMIT:
            raise ApiError(0, "TooLong", f"a watch event is longer than {_LINE_LIMIT} bytes")
        *lines, rest = buffer.split(b"\n")
        buffer = bytearray(rest)
        for line in lines:
            if line:
                yield bytes(line)
        await _gather(response, min(_GATHER + len(chunk) / _GATHER_RATE, _GATHER_LONGEST))


async def _gather(response: aiohttp.ClientResponse, seconds: float) -> None:
    """Leave in the socket what comes within so many seconds."""
    transport = response.connection.transport if response.connection is not None else None
    if transport is None or transport.is_closing():
        return
    transport.pause_reading()
    try:
        await asyncio.sleep(seconds)
    finally:
        if not transport.is_closing():
            transport.resume_reading()


def _told(content: bytes) -> dict[str, Any]:
    """What a refusal says. One that is no object is told as a message."""
    try:
        return Answer(content).read()
    except ApiError:
        return {"message": _beginning(content)}


def _beginning(text: bytes) -> str:
    return text[:500].decode(errors="replace")


def _warning(header: str) -> str:
    """The text of a Warning header: `299 - "text"`."""
    return header.split('"', 1)[-1].rsplit('"', 1)[0].replace('\\"', '"')
