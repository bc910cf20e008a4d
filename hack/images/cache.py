"""Where images are kept between runs, and the lock that lets one run build at a time."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localcluster.paths import cache_directory

CHECKOUT = Path(__file__).resolve().parents[2]
_IGNORED = ("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")


def images_directory() -> Path:
    """Image archives, and the storage of buildah."""
    folder = cache_directory() / "images"
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return folder


@contextmanager
def one_builder() -> Iterator[None]:
    """Two runs must not build at once: the second waits, and then finds everything built."""
    with (images_directory() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def files_below(path: Path) -> Iterator[Path]:
    """A file itself, or the files of a folder, in a fixed order and without what programs leave there."""
    if path.is_file():
        yield path
        return
    for found in sorted(path.rglob("*")):
        if found.is_file() and not any(part in _IGNORED for part in found.relative_to(path).parts):
            yield found


def digest_of(root: Path, inputs: Iterable[Path], *words: str) -> str:
    """A short digest of files (path, executable bit and content) and words; any change gives another one."""
    digest = hashlib.sha256("\0".join(words).encode())
    for top in inputs:
        for path in files_below(top):
            name = path.relative_to(root).as_posix()
            executable = bool(path.stat().st_mode & 0o100)
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"\0{name}\0{executable}\0{content}".encode())
    return digest.hexdigest()[:12]
