"""Programs from Debian packages: only the missing ones are installed, and no service is started by it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from localcluster.processes import program
from localcluster.report import Problem, say

CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
POLICY = Path("/usr/sbin/policy-rc.d")
_POLICY_MARK = "# agentschedule local cluster: start no service while packages are installed"

# What the cluster calls, and the package that has it.
NEEDED = {
    "runc": "runc",
    "nft": "nftables",
    "ip": "iproute2",
    "mount": "mount",
    "openssl": "openssl",
    "busybox": "busybox-static",
    "cni": "containernetworking-plugins",
}


def cni_folder() -> Path | None:
    """Where the CNI plugins lie."""
    for folder in CNI_FOLDERS:
        if all((folder / plugin).exists() for plugin in ("bridge", "host-local")):
            return folder
    return None


def is_static(binary: Path) -> bool:
    """Whether a 64-bit program needs no loader: it then runs in an image that holds nothing else."""
    data = binary.read_bytes()
    table, size, count = (
        int.from_bytes(data[32:40], "little"),
        int.from_bytes(data[54:56], "little"),
        int.from_bytes(data[56:58], "little"),
    )
    interpreter = 3
    return all(
        int.from_bytes(data[table + i * size : table + i * size + 4], "little") != interpreter for i in range(count)
    )


def _present(need: str) -> bool:
    if need == "cni":
        return cni_folder() is not None
    found = program(need)
    if need == "busybox" and found:
        return is_static(found)
    return found is not None


def missing() -> list[str]:
    """The packages that the cluster needs and this machine lacks."""
    return [package for need, package in NEEDED.items() if not _present(need)]


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    """Packages start their services unless this file forbids it; the user's own file is left as it is."""
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text(f"#!/bin/sh\n{_POLICY_MARK}\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            POLICY.unlink(missing_ok=True)


def remove_stale_policy() -> None:
    """Remove our file where a run was killed before it could."""
    with contextlib.suppress(OSError):
        if _POLICY_MARK in POLICY.read_text():
            POLICY.unlink()


def _apt(*arguments: str) -> None:
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    done = subprocess.run(
        ["apt-get", "--quiet", "--quiet", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise Problem(f"`apt-get {' '.join(arguments)}` failed; put it right and try again:\n" + "\n".join(reason))


def install(packages: Iterable[str]) -> None:
    """Install Debian packages without starting services."""
    names = list(packages)
    if not program("apt-get"):
        raise Problem(
            f"This machine has no apt-get: install what the Debian packages {', '.join(names)} hold, and try again."
        )
    say(f"Installing Debian packages: {' '.join(names)}…")
    remove_stale_policy()
    with _no_service_starts():
        _apt("update")
        _apt("install", "--yes", "--no-install-recommends", *names)


def ensure() -> None:
    """Have every program that the cluster calls."""
    lacking = missing()
    if lacking:
        install(lacking)
    still = missing()
    if still:
        raise Problem(f"The Debian packages {', '.join(still)} are installed but lack what the cluster needs of them.")
