"""Runs an agent's program as a container does: a process of its own, with a context file and a result file."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentschedule.runs.result import Result, parse_result
from tests.kubectl import ROOT

Raw = dict[str, Any]
LIBRARY = ROOT / "operator/agentschedule/agent.py"


@dataclass(frozen=True)
class Outcome:
    """How it ended; `seen` is what the operator makes of its result."""

    code: int
    raw: Raw
    seen: Result
    size: int
    out: str
    log: str


class Desk:
    """A folder with the files of one run; the next one finds what the last one left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.result = folder / "result"
        self.context: Raw = {"version": 1, "input": "Do it.", "limits": {"maxBudgetUSD": "0.5", "resultBytes": 4096}}
        self.result.write_bytes(b"")  # as the kubelet makes it

    def start(self, *command: str | Path, **environment: str) -> subprocess.Popen[str]:
        (self.folder / "context.json").write_text(json.dumps(self.context))
        given = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "operator"),
            "AGENT_CONTEXT_FILE": str(self.folder / "context.json"),
            "AGENT_RESULT_FILE": str(self.result),
            **environment,
        }
        return subprocess.Popen(
            command, env=given, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def script(self, text: str, **environment: str) -> subprocess.Popen[str]:
        """Start a Python program."""
        program = self.folder / "program.py"
        program.write_text(f"import os, signal, sys, threading, time\nfrom agentschedule.agent import *\n{text}")
        return self.start(sys.executable, program, **environment)

    def end(self, process: subprocess.Popen[str]) -> Outcome:
        out, log = process.communicate(timeout=30)
        data = self.result.read_bytes()
        raw: Raw = json.loads(data) if data else {}
        return Outcome(process.returncode, raw, parse_result(data.decode()), len(data), out, log)

    def run(self, text: str, **environment: str) -> Outcome:
        return self.end(self.script(text, **environment))

    def ready(self, process: subprocess.Popen[str]) -> None:
        """Wait until it has printed `ready`, and has gone on to what comes next."""
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
