"""Images without a registry: archives made here of one folder's files, and their import."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

from localcluster.gobuild import CONTAINERD, PAUSE
from localcluster.paths import State
from localcluster.processes import environment, program
from localcluster.report import Problem
from localcluster.settings import BUSYBOX_IMAGE, PAUSE_IMAGE

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture() -> str:
    """This machine's architecture by its name in images."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def is_among(image: str, names: Iterable[str]) -> bool:
    """Whether containerd has an image, which it keeps under a longer name where that names no host."""
    return any(name == image or name.endswith(f"/{image}") for name in names)


def _add(archive: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def layer(binary: Path, target: str, links: Iterable[str] = ()) -> bytes:
    """One program, links to it, and a /tmp that all may write."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(folder)
        _add(archive, target, binary.read_bytes(), 0o755)
        for link in links:
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, f"/{target}"
            archive.addfile(entry)
    return buffer.getvalue()


def write_archive(path: Path, image: str, content: bytes, command: list[str]) -> None:
    """An image of one layer, as ``docker save`` would write it."""
    digest = hashlib.sha256(content).hexdigest()
    config = json.dumps(
        {
            "architecture": architecture(),
            "os": "linux",
            "config": {"Cmd": command, "Env": ["PATH=/bin:/usr/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [image], "Layers": [f"{digest}/layer.tar"]}]
    with tarfile.open(path, "w") as archive:
        _add(archive, name, config)
        _add(archive, f"{digest}/layer.tar", content)
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def ctr(state: State, *arguments: str | Path, seconds: float = 600) -> subprocess.CompletedProcess[str]:
    """Ask containerd; one that hangs counts as one that refuses."""
    command = [CONTAINERD.folder / "ctr", "--address", state.socket, "--namespace", "k8s.io", *arguments]
    try:
        return subprocess.run(
            command, env=environment(state, []), capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer in {seconds} s")


def load(state: State, archive: Path) -> list[str]:
    """Import an archive and return the names that it holds."""
    if not archive.is_file():
        raise Problem(f"There is no image archive {archive}.")
    done = ctr(state, "images", "import", "--local", archive.resolve())
    if done.returncode:
        raise Problem(f"{archive} could not be imported: {done.stderr.strip()}")
    return [word for line in done.stdout.splitlines() for word in line.split() if "/" in word and ":" in word]


def names(state: State) -> set[str]:
    """The images that containerd has."""
    return set(ctr(state, "images", "list", "--quiet").stdout.split())


def ensure(state: State) -> None:
    """Have the pause image, without which no pod starts, and a small one with a shell."""
    present = names(state)
    busybox = program("busybox")
    if not is_among(PAUSE_IMAGE, present):
        _make(state, PAUSE_IMAGE, layer(PAUSE.folder / "pause", "pause"), ["/pause"])
    if busybox and not is_among(BUSYBOX_IMAGE, present):
        applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
        links = [f"bin/{applet}" for applet in applets if applet != "busybox"]
        _make(state, BUSYBOX_IMAGE, layer(busybox, "bin/busybox", links), ["/bin/sh"])


def _make(state: State, image: str, content: bytes, command: list[str]) -> None:
    archive = state.root / "image.tar"
    write_archive(archive, image, content, command)
    load(state, archive)
    archive.unlink()
