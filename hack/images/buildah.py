"""Building with buildah, as root, without an engine, a registry or privileges over the machine's namespaces."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

from images.cache import images_directory
from images.request import Request, run


class Buildah:
    """buildah with a storage of its own, so that it disturbs no other one on the machine."""

    title = "buildah"

    @functools.cached_property
    def _driver(self) -> str:
        # overlay shares layers, so that steps can be cached; vfs copies them whole, but works in containers too.
        done = subprocess.run(self._with_driver("overlay", "info"), capture_output=True, check=False)
        return "vfs" if done.returncode else "overlay"

    @staticmethod
    def _with_driver(driver: str, *arguments: str) -> list[str]:
        storage = images_directory() / driver
        own = ("--root", str(storage / "root"), "--runroot", str(storage / "run"))
        return ["buildah", "--storage-driver", driver, *own, *arguments]

    def _command(self, *arguments: str) -> list[str]:
        return self._with_driver(self._driver, *arguments)

    def _run(self, failed: str, *arguments: str) -> str:
        temporary = images_directory() / "tmp"  # also holds pip's cache between builds
        temporary.mkdir(exist_ok=True)
        return run(self._command(*arguments), failed, dict(os.environ, TMPDIR=str(temporary)))

    def has(self, image: str) -> bool:
        """Whether the storage holds an image."""
        inspect = self._command("inspect", "--type", "image", f"localhost/{image}")
        return subprocess.run(inspect, capture_output=True, check=False).returncode == 0

    def commit_rootfs(self, rootfs: Path, image: str) -> None:
        """Make an image of a root file system."""
        failed = f"buildah could not make {image}"
        container = self._run(failed, "from", "--pull-never", "scratch")
        try:
            self._run(failed, "add", "--quiet", container, str(rootfs), "/")
            self._run(failed, "commit", "--quiet", container, f"localhost/{image}")
        finally:
            self._run(failed, "rm", container)

    def build(self, request: Request, archive: Path) -> None:
        """Build an image, and write it as an archive."""
        local = f"localhost/{request.name}"
        failed = f"buildah could not build {request.name}"
        layers = f"--layers={'true' if self._driver == 'overlay' else 'false'}"
        try:
            self._run(
                failed,
                *("bud", "--isolation", "chroot", "--network", "host", "--format", "docker", layers, "--pull=false"),
                *("--tag", local, *request.options(), str(request.context)),
            )
        finally:
            # A build that failed leaves its container, and with it a mount below the cache.
            subprocess.run(self._command("rm", "--all"), capture_output=True, check=False)
        # The archive says the short name, which a container runtime completes as it does the name in a pod.
        self._run(failed, "push", "--quiet", local, f"docker-archive:{archive}:{request.name}")

        self._forget_other_tags(request.name)

    def _forget_other_tags(self, image: str) -> None:
        failed = f"buildah could not remove what came before {image}"
        name = image.partition(":")[0]
        for line in self._run(failed, "images", "--format", "{{.Name}}:{{.Tag}}").splitlines():
            if line.startswith(f"localhost/{name}:") and line != f"localhost/{image}":
                self._run(failed, "rmi", line)
