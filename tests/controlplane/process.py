"""A child process that tests kill, freeze and start again; it ends with whoever started it."""

import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_LEAST, _MOST = 20_000, 32_767


def free_port() -> int:
    """A free port of the loopback, below those that the kernel gives to connections.

    From among those, a client that tries to reach a dead server's port may be given that port itself, and keep it.
    """
    for port in random.sample(range(_LEAST, _MOST), 1_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port between {_LEAST} and {_MOST}")


class Process:
    """One program with its command line; `ready` tells whether it works. Started again, it has the same of all.

    The kernel kills it when the thread that started it ends, so also when that is killed itself. It has a session of
    its own: in that of the tests, the kernel would wake what is frozen as soon as their shell ends.
    """

    def __init__(self, argv: Sequence[str], log: Path, ready: Callable[[], bool] = lambda: True) -> None:
        self._argv = argv
        self._log = log
        self._ready = ready
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id, while it runs."""
        if self._child is None:
            raise RuntimeError(f"{self._argv[0]} does not run")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def start(self, *, seconds: float = 60.0) -> None:
        """Start it and wait until it is ready."""
        if self.running:
            raise RuntimeError(f"{self._argv[0]} runs already")
        with self._log.open("ab") as log:
            argv = ["setpriv", "--pdeathsig", "KILL", "--", *self._argv]
            self._child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + seconds
        while not self._ready():
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self._argv[0]} did not come up:\n{self._log.read_text()[-3000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL, also when it is frozen; returns when it has ended. Nothing happens to one that has."""
        self._end(signal.SIGKILL, 60.0)

    def terminate(self, *, seconds: float = 60.0) -> None:
        """SIGTERM; returns when it has ended, which it does by SIGKILL after so many seconds."""
        try:
            self._end(signal.SIGTERM, seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def freeze(self) -> None:
        """SIGSTOP: its connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            self._child.send_signal(number)  # asks first whether the child has ended, so the id is still its own

    def _end(self, how: signal.Signals, seconds: float) -> None:
        if self._child is not None:
            self._signal(how)
            self._child.wait(timeout=seconds)
            self._child = None
