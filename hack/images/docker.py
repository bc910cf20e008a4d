"""Building with Docker."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from images.request import Request, run
from localcluster.processes import program

# Docker takes these from its client only when they are named; they stay out of the image's history.
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def _answers(*arguments: str) -> bool:
    done = subprocess.run(["docker", *arguments], capture_output=True, check=False, timeout=60)
    return done.returncode == 0


class Docker:
    """Docker's engine with BuildKit."""

    title = "Docker"

    @staticmethod
    def usable() -> bool:
        """Whether an engine answers, and the client has BuildKit, which the Dockerfile needs for its secrets."""
        if not program("docker"):
            return False
        return _answers("info", "--format", "{{.ServerVersion}}") and _answers("buildx", "version")

    def build(self, request: Request, archive: Path) -> None:
        """Build an image, and write it as an archive."""
        proxies = [f"--build-arg={name}" for name in _PROXY_VARIABLES if os.environ.get(name)]
        command = [
            *("docker", "buildx", "build", "--load", "--provenance=false", "--tag", request.name),
            *(*proxies, *request.options(), str(request.context)),
        ]
        run(command, f"Docker could not build {request.name}")
        run(["docker", "save", "--output", str(archive), request.name], f"Docker could not save {request.name}")
