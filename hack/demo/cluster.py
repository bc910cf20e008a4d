"""The demo's way to the cluster: kubectl with the checkout's own kubeconfig."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from localcluster.named import kubectl
from localcluster.paths import CHECKOUT, Checkout
from localcluster.report import Problem

NAMESPACE = "agents-demo"
OPERATOR_NAMESPACE = "agentschedule-system"
RELEASE = "agentschedule-operator"
CRDS = ("agentschedules.agentschedule.dev", "agentruns.agentschedule.dev")
EXAMPLES = CHECKOUT / "examples"


class Cluster:
    """Asks the cluster that `make cluster` wrote the kubeconfig of."""

    def __init__(self) -> None:
        self.kubeconfig = Checkout().kubeconfig
        self._kubectl = kubectl()

    def exists(self) -> bool:
        """Whether this checkout has a cluster."""
        return self.kubeconfig.is_file()

    def environment(self) -> dict[str, str]:
        """For programs that ask it too."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def try_run(self, *arguments: str, seconds: float = 30) -> subprocess.CompletedProcess[str]:
        """Run kubectl; one that hangs counts as one that fails."""
        command = [str(self._kubectl), *arguments]
        try:
            return subprocess.run(
                command, env=self.environment(), capture_output=True, text=True, check=False, timeout=seconds
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", f"no answer in {seconds:.0f} s")

    def run(self, *arguments: str, seconds: float = 30) -> str:
        """What kubectl prints; its last words become the problem where it fails."""
        done = self.try_run(*arguments, seconds=seconds)
        if done.returncode:
            words = done.stderr.strip().splitlines()[-3:] or ["it said nothing"]
            raise Problem(f"kubectl {' '.join(arguments[:2])} failed: " + "\n".join(words))
        return done.stdout

    def items(self, *arguments: str) -> list[dict[str, Any]]:
        """The objects that a `kubectl get` answers with."""
        found: list[dict[str, Any]] = json.loads(self.run("get", *arguments, "-o", "json"))["items"]
        return found


def tool(package: str, *arguments: str | Path) -> str:
    """Run another of the checkout's tools, whose progress the user sees, and return what it prints for programs."""
    done = subprocess.run(
        [sys.executable, "-m", package, *arguments],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "hack")},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Problem(f"The demo stops here, since `{package} {arguments[0]}` failed.")
    return done.stdout.strip()
