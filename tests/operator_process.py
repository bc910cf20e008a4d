"""The operator as a process of its own, as a person starts it, against the cluster under test."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

STARTED = 30.0
_DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []


class OperatorProcess:
    """One operator for some namespaces. Short times, so that tests need not wait; but sweeps come when due."""

    def __init__(self, kubeconfig: Path, log: Path, namespaces: list[str], **settings: str) -> None:
        self._log = log
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("AGENTSCHEDULE_")},
            "KUBECONFIG": str(kubeconfig),
            "AGENTSCHEDULE_NAMESPACES": ",".join(namespaces),
            "AGENTSCHEDULE_MIN_INTERVAL": "1",
            "AGENTSCHEDULE_HTTP_HOST": "127.0.0.1",
            "AGENTSCHEDULE_HTTP_PORT": "0",
            "AGENTSCHEDULE_ORPHAN_GRACE": "1",
            **{f"AGENTSCHEDULE_{name.upper()}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Start it; with `wait`, until it is ready."""
        before = len(self.log())
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_DIES_WITH_US, Path(sys.executable).with_name("agentschedule-operator")],
                env=self._environment,
                stderr=log,
                stdout=log,
            )
        deadline = time.monotonic() + STARTED
        while wait and not any(line["message"] == "started" for line in self.log()[before:]):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the operator did not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """Its process id, while it runs."""
        if self._process is None:
            raise RuntimeError("the operator does not run")
        return self._process.pid

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        return self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: it does nothing until it is thawed."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._send(signal.SIGCONT)

    def _send(self, what: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(what)

    def log(self) -> list[dict[str, Any]]:
        """Its log so far, line by line."""
        if not self._log.exists():
            return []
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def get(self, path: str) -> str:
        """GET from its port for health and metrics."""
        port = [line["port"] for line in self.log() if line["message"] == "serving health and metrics"][-1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        values = re.findall(rf"^{name}(?:\{{[^}}]*\}})? ([0-9.e+-]+)$", self.get("/metrics"), re.MULTILINE)
        return sum(float(value) for value in values)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(how)
        code = self._process.wait(timeout=60)
        self._process = None
        return code
