"""Taking the local cluster away without a trace, in whatever state it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from localcluster import cgroups, machine, mounts, network, packages, processes
from localcluster.paths import Checkout, State
from localcluster.report import Problem


def ours(state: State) -> set[int]:
    """The ids of the cluster's processes: those with its mark, and those in its control groups."""
    return set(processes.marked(state)) | cgroups.processes(state.cgroup)


def end_all(state: State) -> None:
    """End every process. A daemon may start another one meanwhile, so look again until none is left."""
    for _ in range(10):
        identities = [found for pid in ours(state) if (found := processes.identify(pid))]
        if not identities:
            return
        cgroups.thaw(state.cgroup)
        processes.end(identities)
    left = ", ".join(map(str, sorted(ours(state))))
    if left:
        raise Problem(f"The processes {left} of the local cluster do not end; they may hang in the kernel.")


def end_containers(state: State) -> None:
    """End all containers; the kubelet makes them anew."""
    cgroups.thaw(state.cgroup)
    processes.end([found for pid in cgroups.processes(state.cgroup) if (found := processes.identify(pid))])


def has_traces(state: State) -> bool:
    """Whether anything of the cluster is on this machine, apart from kube-proxy's tables, which name no owner."""
    return (
        state.root.exists()
        or state.run.exists()
        or network.bridge_owner() == str(state.root)
        or any((tree / state.cgroup).exists() for tree in cgroups.hierarchies())
        or any(True for _ in processes.marked(state))
    )


def _remove_folder(folder: Path) -> None:
    """Remove a folder, never reaching into a mount below it."""
    mounts.unmount_below(folder)
    left = mounts.current(folder)
    if left:
        raise Problem(f"{left[0]} cannot be unmounted: end what uses it, and run `make cluster-down` again.")
    if folder.exists():
        shutil.rmtree(folder)


def _forget_checkouts(state: State) -> None:
    """Take back the kubeconfigs that were handed out: they lead nowhere now."""
    for folder in handed_out(state):
        checkout = Checkout(Path(folder))
        if checkout.chosen() == "local":
            checkout.remove()


def handed_out(state: State) -> list[str]:
    """The ``.cluster`` folders that have this cluster's kubeconfig."""
    try:
        return [str(folder) for folder in json.loads(state.checkouts.read_text())]
    except (FileNotFoundError, ValueError):
        return []


def remove(state: State) -> None:
    """Remove everything. What was noted of the machine goes last: a run that is killed can be repeated."""
    end_all(state)
    left = cgroups.remove(state.cgroup)
    if left:
        raise Problem(f"The control group {left[0]} cannot be removed; run `make cluster-down` again in a moment.")
    mounts.unmount_below(state.root)
    _remove_folder(state.run)
    if network.bridge_owner() in {str(state.root), ""}:
        network.remove_bridge()
        network.remove_proxy_tables()
    elif state.before.exists() and network.bridge_owner() is None:
        network.remove_proxy_tables()
    packages.remove_stale_policy()
    _forget_checkouts(state)
    machine.restore(state)
    _remove_folder(state.root)
