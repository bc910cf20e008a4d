"""The base image where no registry can be asked: a small Debian with Python, made by debootstrap."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from images.buildah import Buildah
from images.cache import digest_of, images_directory
from localcluster import packages
from localcluster.processes import program
from localcluster.report import Problem, duration, say

SUITE = "bookworm"
INCLUDED = ("python3", "python3-venv", "ca-certificates")
# What a container needs nothing of (licences stay), and what debootstrap copies of this machine.
_REMOVED = (
    "etc/hostname",
    "etc/resolv.conf",
    "usr/share/doc/*/*",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/cache/debconf/*-old",
    "var/lib/apt/lists",
    "var/lib/dpkg/*-old",
    "var/log/*",
)
_KEPT = "copyright"
_NEEDED = {
    "buildah": ("buildah",),
    "debootstrap": ("debootstrap", "debian-archive-keyring"),
}


def name() -> str:
    """The base image's name; a change of its recipe gives another one."""
    recipe = digest_of(Path(), (), SUITE, *INCLUDED, *_REMOVED)
    return f"agentschedule-base:{SUITE}-{recipe[:8]}"


def ensure_tools() -> None:
    """Have buildah and debootstrap, installing what is missing."""
    if os.geteuid() != 0:
        raise Problem(
            "Images are built by Docker, whose engine does not answer, or by buildah, which is used here as root only: "
            "start Docker or try again as root."
        )
    lacking = [package for tool, names in _NEEDED.items() if not program(tool) for package in names]
    if lacking:
        packages.install(lacking)


def _debootstrap(rootfs: Path) -> None:
    command = [
        *("debootstrap", "--variant=minbase", f"--include={','.join(INCLUDED)}"),
        *(SUITE, str(rootfs)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stdout + done.stderr).strip().splitlines()[-6:]
        raise Problem("debootstrap could not make the base image; its last words:\n" + "\n".join(words))


def _trim(rootfs: Path) -> None:
    for pattern in _REMOVED:
        for path in sorted(rootfs.glob(pattern)):
            # A link may lead out of the root file system, to the machine's own files.
            inside = path.parent.resolve().is_relative_to(rootfs.resolve())
            if path.name == _KEPT or not inside:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)  # two links may lead to it


def ensure(buildah: Buildah) -> str:
    """The base image's name, after it was made unless it is there."""
    image = name()
    if buildah.has(image):
        return image
    say(f"Making the base image {image} with debootstrap (once a machine; about 1 minute)…")
    started = time.monotonic()
    # Beside the storage, for /tmp may be small or forbid devices.
    with tempfile.TemporaryDirectory(prefix="base-", dir=images_directory()) as folder:
        rootfs = Path(folder) / "rootfs"
        _debootstrap(rootfs)
        _trim(rootfs)
        buildah.commit_rootfs(rootfs, image)
    say(f"Made the base image in {duration(time.monotonic() - started)}.")
    return image
