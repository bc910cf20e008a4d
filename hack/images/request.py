"""What an engine is asked to build."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from localcluster.report import Problem


@dataclass(frozen=True)
class Request:
    """One image: its build context (with a Dockerfile), its name, and what the build is given: `contexts` are further
    folders, from which the Dockerfile copies by their names."""

    context: Path
    name: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    contexts: Mapping[str, Path] = field(default_factory=dict)

    def options(self) -> list[str]:
        """The command line options that Docker and buildah share."""
        given = [f"--build-arg={key}={value}" for key, value in self.arguments.items()]
        secret = [f"--secret=id={key},src={path}" for key, path in self.secrets.items()]
        further = [f"--build-context={key}={value}" for key, value in self.contexts.items()]
        return [*given, *secret, *further]


def run(command: Sequence[str], failed: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a command and give what it prints; what it said last becomes the problem where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        words = (done.stdout + done.stderr).strip().splitlines()[-20:]
        raise Problem(f"{failed}; the last words were:\n" + "\n".join(words))
    return done.stdout.strip()
