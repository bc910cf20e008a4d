"""What the cluster changes on the machine outside its own folders, and putting it back.

The kubelet and containerd write to a few fixed places and set kernel parameters. What was there before is
noted before the first change, so ``down`` removes and restores no more than that.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from localcluster.paths import State, write_private
from localcluster.processes import boot_id
from localcluster.settings import POD_NETWORK_NAME

# ip_forward is set by the bridge plugin, the others by the kubelet and kube-proxy as they start.
SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)

# Folders with names that cannot be set; a child stands before its parent, as they are removed.
FOLDERS = (
    "/var/lib/cni/results",
    "/var/lib/cni/cache",
    "/var/lib/cni/networks",
    "/var/lib/cni",
    "/var/log/containers",
    "/var/log/pods",
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet",
    "/run/containerd/s",
    "/run/containerd",
    "/run/netns",
)
FILES = (
    "/run/xtables.lock",
    "/var/lib/kubelet/device-plugins/kubelet.sock",
    "/var/lib/kubelet/device-plugins/kubelet_internal_checkpoint",
)


@dataclass
class Before:
    """The machine before the cluster: kernel parameters (as of one boot) and the folders that existed."""

    boot: str
    sysctls: dict[str, str]
    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def _read_sysctls() -> dict[str, str]:
    values = {}
    for name in SYSCTLS:
        with contextlib.suppress(OSError):
            values[name] = Path("/proc/sys", name).read_text().strip()
    return values


def read(state: State) -> Before | None:
    """What was noted, if anything."""
    try:
        return Before(**json.loads(state.before.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def note(state: State) -> None:
    """Note the machine as it is, once; after a reboot only the kernel parameters are new."""
    noted = read(state)
    if noted and noted.boot == boot_id():
        return
    if noted:
        noted.boot, noted.sysctls = boot_id(), _read_sysctls()
    else:
        noted = Before(
            boot_id(),
            _read_sysctls(),
            [folder for folder in FOLDERS if Path(folder).exists()],
            [file for file in FILES if Path(file).exists()],
        )
    write_private(state.before, json.dumps(asdict(noted), indent=1))


def _remove_files(state: State, noted: Before) -> None:
    """Remove the files that are ours by their name or by where they point."""
    ours = [Path(file) for file in FILES if file not in noted.files]
    for folder in ("results", "cache"):
        ours += Path("/var/lib/cni", folder).glob(f"{POD_NETWORK_NAME}-*")
    for link in Path("/var/log/containers").glob("*.log"):
        with contextlib.suppress(OSError):
            if link.readlink().is_relative_to(state.root):
                ours.append(link)
    for path in ours:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def restore(state: State) -> None:
    """Put the machine back as it was noted."""
    noted = read(state)
    if not noted:
        return
    _remove_files(state, noted)
    for folder in FOLDERS:
        if folder not in noted.folders:
            with contextlib.suppress(OSError):  # absent, or in use by something else by now
                Path(folder).rmdir()
    if noted.boot != boot_id():
        return
    for name, value in noted.sysctls.items():
        path = Path("/proc/sys", name)
        with contextlib.suppress(OSError):
            if path.read_text().strip() != value:
                path.write_text(value)
