"""A cluster in Docker, by kind, where a Docker engine answers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from localcluster import gobuild
from localcluster.paths import PACKAGE, Checkout
from localcluster.processes import program
from localcluster.report import Problem, say
from localcluster.settings import KIND_CLUSTER

CONFIG = PACKAGE.parent / "kind.yaml"


def docker_answers() -> bool:
    """Whether there is a Docker engine, not merely its client."""
    docker = program("docker")
    if not docker:
        return False
    try:
        done = subprocess.run([docker, "info"], capture_output=True, check=False, timeout=10)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _kind() -> Path:
    """The user's kind, else one built from its Go module."""
    return program("kind") or gobuild.build(gobuild.KIND) / "kind"


def _run(*arguments: str | Path, capture: bool = False) -> str:
    done = subprocess.run([_kind(), *arguments], capture_output=capture, text=True, check=False)
    if done.returncode:
        raise Problem(f"`kind {' '.join(map(str, arguments))}` failed: {(done.stderr or 'see above').strip()}")
    return done.stdout or ""


def exists() -> bool:
    """Whether our kind cluster is there."""
    return KIND_CLUSTER in _run("get", "clusters", capture=True).splitlines()


def _healthy() -> bool:
    # kubectl of the node itself: it needs none on this machine and no port.
    node = f"{KIND_CLUSTER}-control-plane"
    command = ["docker", "exec", node, "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "get", "--raw", "/readyz"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def up(checkout: Checkout) -> None:
    """Have the kind cluster; one whose node does not answer is started, and made anew if that does not help."""
    node = f"{KIND_CLUSTER}-control-plane"
    if exists() and not _healthy():
        subprocess.run(["docker", "start", node], capture_output=True, check=False)
        if not _healthy():
            say("The kind cluster does not answer; making it anew.")
            _run("delete", "cluster", "--name", KIND_CLUSTER)
    if not exists():
        say("Making a kind cluster in Docker (about a minute; Docker gets the node's image)…")
        _run("create", "cluster", "--name", KIND_CLUSTER, "--config", CONFIG, "--wait", "120s")
    checkout.write("kind", _run("get", "kubeconfig", "--name", KIND_CLUSTER, capture=True))
    say("The kind cluster is ready.")


def status() -> bool:
    """Whether it answers."""
    well = exists() and _healthy()
    say(f"The kind cluster {KIND_CLUSTER} {'answers' if well else 'does not answer'}.")
    return well


def down() -> None:
    """Remove it, if it is there."""
    if exists():
        _run("delete", "cluster", "--name", KIND_CLUSTER)


def load_images(archives: Iterable[Path]) -> None:
    """Put images on its node."""
    for archive in archives:
        if not archive.is_file():
            raise Problem(f"There is no image archive {archive}.")
        _run("load", "image-archive", archive, "--name", KIND_CLUSTER)
