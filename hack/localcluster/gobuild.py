"""Building pinned Go modules into the cache, once a version and machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from localcluster import settings
from localcluster.gotool import go_command
from localcluster.paths import PACKAGE, cache_directory
from localcluster.processes import program
from localcluster.report import Problem, Progress, say


@dataclass(frozen=True)
class Component:
    """Programs that are built together from one module folder."""

    name: str
    title: str
    version: str
    estimate: str
    packages: tuple[str, ...]
    variables: tuple[str, ...] = ()

    @property
    def module(self) -> Path:
        """The folder with go.mod and go.sum."""
        return PACKAGE / "modules" / self.name

    @property
    def folder(self) -> Path:
        """Where the programs lie once they are built."""
        return cache_directory() / f"{self.name}-{self.version}"

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs' names."""
        return tuple(package.rsplit("/", 1)[-1] for package in self.packages)

    @property
    def built(self) -> bool:
        """Whether every program is there."""
        return all((self.folder / program).exists() for program in self.programs)


def _kubernetes_variables() -> tuple[str, ...]:
    # Without these, kubectl and Helm take the server for version 0.0.
    major, minor, _ = settings.KUBERNETES_VERSION.split(".")
    values = {
        "gitVersion": f"v{settings.KUBERNETES_VERSION}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return tuple(f"{package}.{name}={value}" for package in packages for name, value in values.items())


KUBERNETES = Component(
    "kubernetes",
    "Kubernetes",
    settings.KUBERNETES_VERSION,
    "about 8 minutes",
    tuple(
        f"k8s.io/kubernetes/cmd/{program}"
        for program in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
    ),
    _kubernetes_variables(),
)
# From 3.4.31 and 3.5.13 on, the API server answers lists from its cache; distributions have older ones.
ETCD = Component("etcd", "etcd", settings.ETCD_VERSION, "about 1 minute", ("agentschedule.local/localcluster/etcd",))
_CONTAINERD = "github.com/containerd/containerd/v2"
CONTAINERD = Component(
    "containerd",
    "containerd",
    settings.CONTAINERD_VERSION,
    "about 90 seconds",
    tuple(f"{_CONTAINERD}/cmd/{program}" for program in ("containerd", "containerd-shim-runc-v2", "ctr")),
    (f"{_CONTAINERD}/version.Version=v{settings.CONTAINERD_VERSION}",),
)
PAUSE = Component(
    "pause",
    "the pause container",
    settings.PAUSE_VERSION,
    "a few seconds",
    ("agentschedule.local/localcluster/pause",),
)
HELM = Component(
    "helm",
    "Helm",
    settings.HELM_VERSION,
    "about 2 minutes",
    ("helm.sh/helm/v4/cmd/helm",),
    (
        f"helm.sh/helm/v4/internal/version.version=v{settings.HELM_VERSION}",
        "helm.sh/helm/v4/internal/version.gitTreeState=clean",
    ),
)
KWOK = Component(
    "kwok",
    "kwok",
    settings.KWOK_VERSION,
    "about 2 minutes",
    ("sigs.k8s.io/kwok/cmd/kwok",),
    (f"sigs.k8s.io/kwok/pkg/consts.Version={settings.KWOK_VERSION}",),
)
KIND = Component("kind", "kind", settings.KIND_VERSION, "about 1 minute", ("sigs.k8s.io/kind",))


@contextmanager
def _one_builder() -> Iterator[None]:
    """Two runs must not build at once: the second waits, and then finds everything built."""
    folder = cache_directory()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _dying_with_us() -> list[str]:
    """Ends the compiler where this run is killed; without the program it builds on, for nobody."""
    setpriv = program("setpriv")
    return [str(setpriv), "--pdeathsig", "KILL", "--"] if setpriv else []


def _command(go: Path, component: Component, target: Path) -> list[str]:
    flags = " ".join(["-s", "-w", *(f"-X {variable}" for variable in component.variables)])
    return [
        *_dying_with_us(),
        *(str(go), "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false"),
        *("-ldflags", flags, "-o", f"{target}/", *component.packages),
    ]


class _Output:
    """What the compiler says: it names each package as it finishes it, which is the progress shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._downloads = 0

    def read(self, stream: IO[str]) -> None:
        """Read to the end; runs beside the loop that shows the progress, since linking says nothing for long."""
        for line in stream:
            if line.startswith("go: downloading"):
                self._downloads += 1
            else:
                self.lines.append(line.rstrip())

    def __str__(self) -> str:
        if self._downloads and not self.lines:
            return f"{self._downloads} modules downloaded"
        return f"{len(self.lines)} packages compiled"


def _compile(component: Component, target: Path) -> None:
    scratch = target / "scratch"
    scratch.mkdir()
    environment = dict(
        os.environ, CGO_ENABLED="0", GOFLAGS="", GOWORK="off", GOTOOLCHAIN="local", GOTMPDIR=str(scratch)
    )
    command = _command(go_command(), component, target)
    progress, output = Progress(), _Output()
    with subprocess.Popen(
        command, cwd=component.module, env=environment, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        reader = threading.Thread(target=output.read, args=(process.stderr,))
        reader.start()
        while process.poll() is None:
            progress.show(str(output))
            time.sleep(0.2)
        reader.join()
    progress.close()
    shutil.rmtree(scratch)
    if process.returncode:
        raise Problem(f"Building {component.title} failed; Go's last words:\n" + "\n".join(output.lines[-8:]))
    say(f"Built {component.title} {component.version} in {progress.elapsed()}.")


def build(component: Component) -> Path:
    """Build a component unless the cache has it; its folder appears with all programs or not at all."""
    if component.built:
        return component.folder
    with _one_builder():
        if component.built:
            return component.folder
        say(
            f"Building {component.title} {component.version} from source "
            f"(once a machine; {component.estimate} on 2 cores)…"
        )
        part = component.folder.with_name(f"{component.folder.name}.part")
        for stale in (part, component.folder):
            shutil.rmtree(stale, ignore_errors=True)
        part.mkdir(parents=True)
        _compile(component, part)
        part.rename(component.folder)
    return component.folder


def remove_unfinished() -> None:
    """Remove what a build that was killed left; one that runs now holds the lock, and is left alone."""
    folder = cache_directory()
    if not (folder / "build.lock").exists():
        return
    with (folder / "build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for component in (KUBERNETES, ETCD, CONTAINERD, PAUSE, HELM, KWOK, KIND):
            for part in folder.glob(f"{component.name}-*.part"):
                shutil.rmtree(part, ignore_errors=True)
