"""When Jobs come to be, as a watch shows it: a process of its own, the same for everyone who makes Jobs.

As a program it watches with the kubeconfig, and writes a line for each Job to the file: the time (seconds of the wall
clock) and the name. It asks for Protobuf, which costs the API server least, and does not read events: it looks for
the name in their bytes.
"""

import http.client
import re
import ssl
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from tests.bench.bodies import JOBS, PREFIX
from tests.bench.client import Access
from tests.controlplane.process import Process

_READY = "ready\n"
_NAME = re.compile(rb"\n([\x01-\x7f])(" + PREFIX.encode() + rb"[a-z0-9-]+)")


class Arrivals:
    """The watch, from its start to the end of the context."""

    def __init__(self, kubeconfig: Path, file: Path) -> None:
        self._file = file
        self._file.write_text("")
        self._read = 0
        self._lines = 0
        argv = [sys.executable, "-m", "tests.bench.arrivals", str(kubeconfig), str(file)]
        self._process = Process(argv, file.with_suffix(".log"), lambda: self._file.read_text().startswith(_READY))

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()

    def __len__(self) -> int:
        """How many Jobs were told of; cheap enough to be asked again and again."""
        with self._file.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        self._read += len(new)
        self._lines += new.count(b"\n")
        return self._lines - 1

    def times(self) -> dict[str, float]:
        """When each Job was first seen, by name."""
        times: dict[str, float] = {}
        for line in self._file.read_text().splitlines()[1:]:
            at, name = line.split()
            times.setdefault(name, float(at))
        return times


def names(frame: bytes) -> list[str]:
    """The name in an ADDED event of a Protobuf watch; none for other events."""
    if not frame.startswith(b"\n\x05ADDED"):
        return []
    found = _NAME.search(frame)
    return [found[2][: found[1][0]].decode()] if found else []


def _watch(kubeconfig: Path, file: Path) -> None:
    access = Access.of(kubeconfig)
    seen: set[str] = set()
    response = _opened(access)
    with file.open("a") as output:
        output.write(_READY)
        output.flush()
        while True:
            _note(response, seen, output)
            response = _opened(access)  # the API server ends the watch of a client that it takes for too slow


def _opened(access: Access) -> http.client.HTTPResponse:
    host, port = access.server.removeprefix("https://").split(":")
    tls = ssl.create_default_context(cafile=access.authority)
    connection = http.client.HTTPSConnection(host, int(port), context=tls)
    accept = "application/vnd.kubernetes.protobuf;stream=watch"
    headers = {"Authorization": f"Bearer {access.token}", "Accept": accept}
    connection.request("GET", f"{JOBS}?watch=1&resourceVersion=0&timeoutSeconds=7200", headers=headers)
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"{response.status} {response.read(500)!r}")
    return response


def _note(response: http.client.HTTPResponse, seen: set[str], output: TextIO) -> None:
    """Each Job of a watch that was not seen before, until it ends."""
    buffer = b""
    while chunk := response.read1(1 << 20):
        now = time.time()
        frames, buffer = _frames(buffer + chunk)
        new = dict.fromkeys(name for frame in frames for name in names(frame) if name not in seen)
        seen.update(new)
        output.writelines(f"{now:.6f} {name}\n" for name in new)
        output.flush()


def _frames(data: bytes) -> tuple[list[bytes], bytes]:
    """Whole frames, each behind its length in four bytes, and what is left."""
    frames, at = [], 0
    while len(data) - at >= 4:
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            break
        frames.append(data[at + 4 : end])
        at = end
    return frames, data[at:]


if __name__ == "__main__":
    _watch(Path(sys.argv[1]), Path(sys.argv[2]))
