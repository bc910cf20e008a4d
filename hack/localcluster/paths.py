"""Where everything lies: the cache and the state of the user, and the checkout's ``.cluster``."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from localcluster.report import Problem
from localcluster.settings import PROJECT

STATE_VARIABLE = "AGENTSCHEDULE_CLUSTER_STATE"
_LONGEST_ROOT = 107 - len("/kubelet/pod-resources/1234567890")
PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent.parent


def _user_directory(variable: str, fallback: str) -> Path:
    """A directory of the XDG convention, which says that relative values are to be ignored."""
    value = os.environ.get(variable, "")
    base = Path(value) if value.startswith("/") else Path.home() / fallback
    return base / PROJECT


def cache_directory() -> Path:
    """Built programs, by version; it outlives the cluster."""
    return _user_directory("XDG_CACHE_HOME", ".cache")


def state_directory() -> Path:
    """The one local cluster's state; another one (in another network namespace) is named by the variable."""
    named = os.environ.get(STATE_VARIABLE)
    if named:
        return Path(named).resolve()
    return _user_directory("XDG_STATE_HOME", ".local/state").resolve() / "cluster"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)


@dataclass(frozen=True)
class State:
    """The local cluster's files. ``run`` is outside ``root`` because a socket's path must be short."""

    root: Path

    @property
    def _digest(self) -> str:
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:8]

    @property
    def lock(self) -> Path:
        """Held by the one run that changes the cluster; beside the root, which ``down`` removes."""
        return self.root.with_name(f"{self.root.name}.lock")

    @property
    def run(self) -> Path:
        """Sockets."""
        return Path("/run") / f"agentschedule-{self._digest}"

    @property
    def cgroup(self) -> str:
        """The control group that holds all containers."""
        return f"agentschedule-{self._digest}"

    @property
    def before(self) -> Path:
        """What the machine was like before the cluster, for ``down`` to put back."""
        return self.root / "before.json"

    @property
    def checkouts(self) -> Path:
        """The checkouts that were handed a kubeconfig."""
        return self.root / "checkouts.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def pki(self) -> Path:
        """Keys, certificates and the kubeconfigs of the cluster's own components."""
        return self.root / "pki"

    @property
    def records(self) -> Path:
        """One file a process that was started."""
        return self.root / "processes"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.root / "logs"

    @property
    def config(self) -> Path:
        """Configuration files of containerd, kubelet, kube-proxy and CNI."""
        return self.root / "config"

    @property
    def etcd(self) -> Path:
        """The cluster's data."""
        return self.root / "etcd"

    @property
    def kubelet(self) -> Path:
        """The kubelet's pods and volumes."""
        return self.root / "kubelet"

    @property
    def containerd(self) -> Path:
        """Images, snapshots and containers."""
        return self.root / "containerd"

    @property
    def socket(self) -> Path:
        """containerd's socket."""
        return self.run / "containerd.sock"

    def require_short(self) -> None:
        """The kubelet makes sockets below its folder, and the kernel limits the length of their paths."""
        if len(os.fsencode(self.root)) > _LONGEST_ROOT:
            raise Problem(
                f"The state folder {self.root} has a path longer than {_LONGEST_ROOT} characters, too long for the "
                f"kubelet's sockets: set XDG_STATE_HOME to a shorter one."
            )

    def make(self) -> None:
        """Make the folders, for their owner alone."""
        for folder in (self.root, self.pki, self.records, self.logs, self.config, self.kubelet, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@dataclass(frozen=True)
class Checkout:
    """The files that this checkout is given."""

    folder: Path = CHECKOUT / ".cluster"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the cluster in use, whichever it is."""
        return self.folder / "kubeconfig"

    @property
    def choice(self) -> Path:
        """Which cluster that is: ``named``, ``kind`` or ``local``."""
        return self.folder / "choice"

    def write(self, choice: str, kubeconfig: str) -> None:
        """Hand this checkout a cluster."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.folder.chmod(0o700)
        write_private(self.kubeconfig, kubeconfig)
        write_private(self.choice, choice + "\n")

    def chosen(self) -> str | None:
        """The choice that was made last, if any."""
        try:
            return self.choice.read_text().strip()
        except FileNotFoundError:
            return None

    def remove(self) -> None:
        """Forget the cluster."""
        self.kubeconfig.unlink(missing_ok=True)
        self.choice.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
