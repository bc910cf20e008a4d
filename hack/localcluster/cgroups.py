"""The control groups that hold the containers, on either version of the kernel's interface."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def hierarchies(root: Path = ROOT) -> list[Path]:
    """Each tree: the one of version 2, or one a controller of version 1 (and the empty one of version 2)."""
    if not root.is_dir():
        return []
    if (root / "cgroup.controllers").exists():
        return [root]
    return [
        folder for folder in sorted(root.iterdir()) if (folder / "cgroup.procs").exists() and not folder.is_symlink()
    ]


def _enable_controllers(root: Path) -> None:
    """Version 2 hands a controller down only where the parent says so; what it refuses it does not have."""
    available = (root / "cgroup.controllers").read_text().split()
    for controller in available:
        with contextlib.suppress(OSError):
            (root / "cgroup.subtree_control").write_text(f"+{controller}")


def _inherit_cpuset(parent: Path, group: Path) -> None:
    """A new group of version 1's cpuset may use nothing until it is told what, and holds no process so far."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (group / name).exists() and not (group / name).read_text().strip():
            (group / name).write_text((parent / name).read_text())


def ensure(name: str, root: Path = ROOT) -> None:
    """Have our group in each tree: the kubelet asks that it is there."""
    for tree in hierarchies(root):
        group = tree / name
        group.mkdir(exist_ok=True)
        if (tree / "cgroup.controllers").exists():
            _enable_controllers(tree)
            _enable_controllers(group)
        elif (tree / "cpuset.cpus").exists():
            _inherit_cpuset(tree, group)


def _groups(name: str, root: Path) -> Iterator[Path]:
    """Our groups, children before their parents."""
    for tree in hierarchies(root):
        for folder, _, _ in os.walk(tree / name, topdown=False):
            yield Path(folder)


def processes(name: str, root: Path = ROOT) -> set[int]:
    """The ids of all processes in our groups."""
    found: set[int] = set()
    for group in _groups(name, root):
        with contextlib.suppress(OSError):
            found.update(map(int, (group / "cgroup.procs").read_text().split()))
    found.discard(0)  # a process of another pid namespace
    return found


def thaw(name: str, root: Path = ROOT) -> None:
    """A frozen process does not die before it is thawed."""
    for group in _groups(name, root):
        with contextlib.suppress(OSError):
            if (group / "freezer.state").exists():
                (group / "freezer.state").write_text("THAWED")
            elif (group / "cgroup.freeze").exists():
                (group / "cgroup.freeze").write_text("0")


def remove(name: str, root: Path = ROOT, seconds: float = 5.0) -> list[Path]:
    """Remove our groups; the kernel may need a moment after the last process. What is left is returned."""
    deadline = time.monotonic() + seconds
    while True:
        for group in _groups(name, root):
            with contextlib.suppress(OSError):
                group.rmdir()
        left = list(_groups(name, root))
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)
