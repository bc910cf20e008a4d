"""The kernel's list of mounts, and unmounting all below a folder."""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path

_DETACH = 2  # MNT_DETACH: a mount that is still in use leaves the tree at once


def parse(mountinfo: str) -> list[Path]:
    """The mount points in ``/proc/self/mountinfo``, which writes a blank as ``\\040``."""
    return [
        Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), line.split(" ")[4]))
        for line in mountinfo.splitlines()
        if line
    ]


def below(mountinfo: str, folder: Path) -> list[Path]:
    """The mount points at or under a folder in the order in which they can be unmounted: the last one first."""
    return [point for point in reversed(parse(mountinfo)) if point == folder or folder in point.parents]


def current(folder: Path) -> list[Path]:
    """The mounts at or under a folder now."""
    return below(Path("/proc/self/mountinfo").read_text(), folder)


def unmount_below(folder: Path) -> None:
    """Unmount all; what cannot be unmounted stays in ``current``, for the caller to tell."""
    libc = ctypes.CDLL(None, use_errno=True)
    for point in current(folder):
        libc.umount2(os.fsencode(point), _DETACH)
