"""One run at a time changes the local cluster."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from localcluster.paths import State
from localcluster.report import say


def _is_current(descriptor: int, state: State) -> bool:
    """Whether the locked file is still the one that others would lock: ``down`` removes it."""
    try:
        there = state.lock.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)


def _acquire(state: State) -> int:
    while True:
        state.lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(state.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another run is at work on the local cluster; waiting for it…")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_current(descriptor, state):
            return descriptor
        os.close(descriptor)


@contextmanager
def held(state: State, *, remove: bool = False) -> Iterator[None]:
    """Hold the lock; ``remove`` takes the file away at the end, while it is still held."""
    descriptor = _acquire(state)
    try:
        yield
    finally:
        if remove and not state.root.exists():
            state.lock.unlink(missing_ok=True)
            if not any(state.lock.parent.iterdir()):
                state.lock.parent.rmdir()
        os.close(descriptor)
