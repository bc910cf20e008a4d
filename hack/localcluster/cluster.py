"""The local cluster as a whole: bringing it up, repairing it, and telling how it is."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from localcluster import (
    cgroups,
    credentials,
    gobuild,
    images,
    machine,
    network,
    packages,
    pki,
    processes,
    teardown,
)
from localcluster.components import Component, Components
from localcluster.paths import Checkout, State, write_private
from localcluster.report import Problem, duration, say
from localcluster.settings import BRIDGE, Network

_START_SECONDS = 90.0
_GRACE_SECONDS = 10.0
_NEEDED_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}


class DataLost(Exception):  # noqa: N818 - an event that is handled, not a fault of this program
    """etcd does not start on the data that it finds."""


def require_machine() -> None:
    """Say at once where a local cluster cannot be: the checks come before a build of many minutes."""
    instead = "start Docker for a kind cluster, or name a cluster with KUBECONFIG"
    if platform.system() != "Linux":
        raise Problem(f"The local cluster needs Linux, and this is {platform.system()}: {instead}.")
    if os.geteuid() != 0:
        raise Problem(f"The local cluster needs root, since it runs real containers: run as root, {instead}.")
    status = Path("/proc/self/status").read_text()
    effective = int(next(line for line in status.splitlines() if line.startswith("CapEff")).split()[1], 16)
    lacking = [name for name, bit in _NEEDED_CAPABILITIES.items() if not effective >> bit & 1]
    if lacking:
        raise Problem(f"The local cluster needs {' and '.join(lacking)}, which this container lacks: {instead}.")


def prepare() -> None:
    """Have every program; it takes minutes once, and does not need the lock."""
    require_machine()
    packages.ensure()
    for component in (gobuild.KUBERNETES, gobuild.ETCD, gobuild.CONTAINERD, gobuild.PAUSE):
        gobuild.build(component)


class Cluster:
    """The local cluster of one state folder."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._started: set[str] = set()  # the components that this run started

    # What lies below the processes

    def _network(self) -> Network:
        """The addresses that the cluster was made with, which a later wish does not change."""
        noted = self._state.root / "network"
        if noted.exists():
            return Network.parse(noted.read_text().strip())
        return Network.from_environment()

    def _require_own_bridge(self) -> None:
        owner = network.bridge_owner()
        if owner not in {None, "", str(self._state.root)} and teardown.has_traces(State(Path(owner or ""))):
            raise Problem(f"Another local cluster runs here, with its state in {owner}: one a machine is enough.")

    def _begin(self) -> Network:
        """Note the machine before the first change to it."""
        state, wanted = self._state, self._network()
        state.require_short()
        self._require_own_bridge()
        network.require_free(wanted)
        if not machine.read(state):
            if teardown.has_traces(state):
                say("Removing what is left of a former local cluster…")
                teardown.remove(state)
            if network.bridge_owner() is not None:
                network.remove_bridge()
                network.remove_proxy_tables()
            if network.proxy_tables():
                raise Problem(
                    "Another Kubernetes on this machine uses kube-proxy's nftables: name it with KUBECONFIG, "
                    "or remove the tables (`nft delete table ip kube-proxy`) where it is gone."
                )
        else:
            self._after_reboot()
        state.make()
        machine.note(state)
        write_private(state.root / "network", f"{wanted.whole}\n")
        return wanted

    def _after_reboot(self) -> None:
        """Sockets and containers' runtime state of another boot would only mislead."""
        noted = machine.read(self._state)
        if noted and noted.boot != processes.boot_id() and self._state.run.exists():
            shutil.rmtree(self._state.run)

    def _lay_ground(self, wanted: Network) -> None:
        cgroups.ensure(self._state.cgroup)
        lost = not network.bridge_is_up(wanted)
        network.ensure_bridge(wanted, self._state.root)
        if lost:
            teardown.end_containers(self._state)  # their interfaces went with the bridge
        pki.ensure(self._state, wanted)
        credentials.ensure(self._state, wanted)

    # Processes

    def _end_strays(self, wanted: Iterable[Component]) -> None:
        """End daemons that a killed run had started but not recorded: they hold the ports."""
        programs = {Path(component.command.argv[0]).name for component in wanted}
        known = {
            record.identity.pid for component in wanted if (record := processes.running(self._state, component.name))
        }
        strays = []
        for pid in set(processes.marked(self._state)) - known:
            identity = processes.identify(pid)
            if identity and processes.executable(pid) in programs:
                strays.append(identity)
        processes.end(strays)

    def _launch(self, component: Component, folders: list[Path]) -> None:
        """Start a component, unless it runs as it should."""
        record = processes.running(self._state, component.name)
        if record and record.digest == component.command.digest and component.name not in self._started:
            return
        if record:
            processes.stop(self._state, component.name)
        processes.start(self._state, component.command, folders)
        self._started.add(component.name)

    def _settle(self, component: Component, folders: list[Path]) -> None:
        """Wait until a component is well; one that we did not start just now is started anew if it stays ill."""
        if component.name not in self._started:
            if self._wait(component, _GRACE_SECONDS):
                return
            say(f"{component.name} runs but does not answer; starting it anew.")
            processes.stop(self._state, component.name)
            processes.start(self._state, component.command, folders)
            self._started.add(component.name)
        if self._wait(component, _START_SECONDS):
            return
        last = processes.last_words(self._state, component.name)
        log = self._state.logs / f"{component.name}.log"
        if component.name == "etcd" and "address already in use" not in last:
            raise DataLost(last)
        raise Problem(f"{component.name} did not come up; its log {log} ends in:\n{last}")

    def _wait(self, component: Component, seconds: float) -> bool:
        """Wait until it is well; not for one that has ended."""
        return _until(
            component.healthy,
            seconds,
            unless=lambda: processes.running(self._state, component.name) is None,
        )

    def _bring_up(self) -> list[str]:
        """Start what does not run, in order; the names of what was started are returned."""
        self._started.clear()
        wanted = self._begin()
        self._lay_ground(wanted)
        components = Components(self._state, wanted)
        folders = components.folders
        self._end_strays(components.all)
        for early in (components.etcd, components.containerd):
            self._launch(early, folders)
        self._settle(components.etcd, folders)
        self._launch(components.apiserver, folders)
        self._settle(components.containerd, folders)
        images.ensure(self._state)
        self._settle(components.apiserver, folders)
        for client in components.clients:
            self._launch(client, folders)
        for client in components.clients:
            self._settle(client, folders)
        if not _until(components.api.default_account, _START_SECONDS):
            raise Problem(f"The default service account was not made: see the logs in {self._state.logs}.")
        return [component.name for component in components.all if component.name in self._started]

    # What the user calls

    def up(self) -> None:
        """Have a healthy cluster."""
        begun = time.monotonic()
        fresh = not self._state.etcd.exists()
        if fresh:
            say(f"Starting a local Kubernetes {gobuild.KUBERNETES.version}…")
        try:
            started = self._bring_up()
        except DataLost as loss:
            if fresh:
                raise Problem(f"etcd did not come up; its log ends in:\n{loss}") from None
            say(f"etcd cannot read the cluster's data, so it is thrown away and the cluster starts afresh:\n{loss}")
            teardown.remove(self._state)
            fresh, started = True, self._bring_up()
        took = duration(time.monotonic() - begun)
        if not started:
            say("The local cluster is healthy.")
        elif fresh:
            say(f"The local cluster is ready after {took}.")
        else:
            say(f"The local cluster is ready again after {took}: started {', '.join(started)}.")

    def hand_out(self, checkout: Checkout) -> None:
        """Give a checkout the kubeconfig, and remember it for ``down``."""
        folders = sorted({*teardown.handed_out(self._state), str(checkout.folder)})
        write_private(self._state.checkouts, json.dumps(folders))
        checkout.write("local", self._state.kubeconfig.read_text())

    def exists(self) -> bool:
        """Whether there is anything of a cluster, healthy or not."""
        return platform.system() == "Linux" and teardown.has_traces(self._state)

    def status(self) -> bool:
        """Print a line for each component; true when all are well."""
        needed = (self._state.kubeconfig, self._state.pki / "ca.crt", self._state.pki / "tokens.csv")
        if not all(path.exists() for path in needed):
            say("The local cluster is broken: run `make cluster`." if self.exists() else "There is no local cluster.")
            return False
        wanted = self._network()
        healthy = _tell("bridge", network.bridge_is_up(wanted), f"{BRIDGE}, {wanted.bridge}")
        for component in Components(self._state, wanted).all:
            record = processes.running(self._state, component.name)
            well = record is not None and component.healthy()
            where = f"pid {record.identity.pid}" if record else "not running"
            healthy = _tell(component.name, well, where) and healthy
        say(f"kubeconfig: {self._state.kubeconfig}")
        return healthy


def _tell(name: str, well: bool, detail: str) -> bool:
    say(f"  {name:<26} {'healthy' if well else 'UNHEALTHY':<10} {detail}")
    return well


def _until(condition: Callable[[], bool], seconds: float, unless: Callable[[], bool] = lambda: False) -> bool:
    """Wait for a condition; ``unless`` ends the wait early."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or unless():
            return False
        time.sleep(0.1)
    return True
