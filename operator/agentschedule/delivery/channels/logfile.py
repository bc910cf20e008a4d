"""`logFile`: JSON lines in a file of the schedule under the operator's delivery volume.

Its path is made of checked names only. Others may write to that volume: nothing on the way to the file is followed
when it is a link, and the file itself must be an ordinary one with that name only.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import orjson

from agentschedule.delivery.notice import Notice
from agentschedule.delivery.outcome import Again, Delivered, Outcome, Refused
from agentschedule.delivery.threads import work

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_WRITING = Lock()


@dataclass(frozen=True, slots=True)
class LogFiles:
    """Where they are. A file of more than `most_bytes` becomes `.1`, that `.2`, up to `.kept`."""

    root: Path
    most_bytes: int = 10 * 1024 * 1024
    kept: int = 3


class _NotOursError(Exception):
    """Something lies in the file's place that we do not write to."""


async def send(files: LogFiles, notice: Notice, message: str) -> Outcome:
    """Append it, in a thread."""
    if not all(_NAME.fullmatch(name) and ".." not in name for name in (notice.namespace, notice.schedule)):
        return Refused("the names of namespace and schedule do not make a file name")
    line = orjson.dumps(notice.document(message), option=orjson.OPT_APPEND_NEWLINE)
    try:
        await work(_append, files, notice.namespace, f"{notice.schedule}.log", line)
    except _NotOursError:
        return Refused("in the log file's place lies a link or something else that is not written to")
    except OSError as error:
        return Again(f"the log file cannot be written: {os.strerror(error.errno or errno.EIO)}")
    return Delivered()


def _append(files: LogFiles, namespace: str, name: str, line: bytes) -> None:
    with _WRITING, _folder(files.root, namespace) as folder:
        if _size(folder, name) + len(line) > files.most_bytes:
            _rotate(folder, name, files.kept)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(name, flags, 0o640, dir_fd=folder)
        try:
            _check(os.fstat(file))
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fdatasync(file)
        finally:
            os.close(file)


@contextmanager
def _folder(root: Path, namespace: str) -> Iterator[int]:
    """The namespace's folder, made when it is not there."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    top = os.open(root, flags)
    try:
        try:
            os.mkdir(namespace, 0o750, dir_fd=top)
        except FileExistsError:
            if not stat.S_ISDIR(os.stat(namespace, dir_fd=top, follow_symlinks=False).st_mode):
                raise _NotOursError from None
        folder = os.open(namespace, flags | os.O_NOFOLLOW, dir_fd=top)
    finally:
        os.close(top)
    try:
        yield folder
    finally:
        os.close(folder)


def _size(folder: int, name: str) -> int:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return 0
    _check(found)
    return found.st_size


def _check(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise _NotOursError


def _rotate(folder: int, name: str, kept: int) -> None:
    if _size(folder, name) == 0:
        return
    for number in range(kept, 0, -1):
        older = f"{name}.{number}"
        newer = f"{name}.{number - 1}" if number > 1 else name
        try:
            os.rename(newer, older, src_dir_fd=folder, dst_dir_fd=folder)
        except FileNotFoundError:
            continue
    if kept == 0:
        os.unlink(name, dir_fd=folder)
