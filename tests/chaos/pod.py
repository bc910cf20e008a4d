"""An operator as the kubelet keeps it: started again when it ends, killed when it says that it is not well."""

import contextlib
import threading
import time
import urllib.error
from collections.abc import Mapping
from pathlib import Path

from tests.operator_process import OperatorProcess

_PROBE_EVERY = 10.0
_MOST_FAILURES = 6
_FIRST_BACKOFF = 10.0
"""Seconds before the second start anew; the first one comes at once, each further one after twice as long."""


class Pod(OperatorProcess):
    """One operator. The liveness probe's figures are those of the chart."""

    def __init__(
        self,
        kubeconfig: Path,
        log: Path,
        namespaces: list[str],
        environment: Mapping[str, str] | None = None,
        **settings: str,
    ) -> None:
        super().__init__(kubeconfig, log, namespaces, **settings)
        self._environment |= environment or {}
        self.restarts = 0
        self._kept = False
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def start(self, *, wait: bool = True) -> None:
        """Start it, and from then on keep it running."""
        with self._lock:
            super().start(wait=wait)
            self._kept = True
        if not self._keeper.is_alive():
            self._keeper.start()

    def kill(self) -> None:
        """kill -9, and leave it at that."""
        with self._lock:
            self._kept = False
            super().kill()

    def stop(self) -> int:
        """SIGTERM, and leave it at that; returns the exit code."""
        with self._lock:
            self._kept = False
            return super().stop()

    def terms(self) -> int:
        """How often it has begun to act, in all its lives."""
        return self._log.read_bytes().count(b'"a term begins"')

    def close(self) -> None:
        """Kill it for good."""
        self._over.set()
        self.kill()
        if self._keeper.is_alive():
            self._keeper.join()

    def _keep(self) -> None:
        backoff, failures, asked = 0.0, 0, time.monotonic()
        while not self._over.wait(0.1):
            if not self._kept or self._process is None:
                failures, asked = 0, time.monotonic()
            elif self._process.poll() is not None:
                self._over.wait(backoff)
                backoff = max(_FIRST_BACKOFF, 2 * backoff)
                self._start_anew()
            elif time.monotonic() - asked > _PROBE_EVERY:
                failures, asked = 0 if self._is_well() else failures + 1, time.monotonic()
                if failures == _MOST_FAILURES:
                    failures = 0
                    self._start_anew()

    def _start_anew(self) -> None:
        with self._lock:
            if self._kept:
                super().kill()
                super().start(wait=False)
                self.restarts += 1

    def _is_well(self) -> bool:
        with contextlib.suppress(OSError, IndexError, urllib.error.URLError):
            return self.get("/healthz") == "ok"
        return False
