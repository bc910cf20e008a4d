"""Building the images, unless nothing that goes into them has changed."""

from __future__ import annotations

import os
import platform
import re
import tempfile
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from images import base, pip_settings
from images.buildah import Buildah
from images.cache import CHECKOUT, digest_of, images_directory, one_builder
from images.docker import Docker
from images.request import Request
from localcluster.report import Problem, duration, say

OPERATOR = "agentschedule-operator"
# What the Dockerfile copies, and what says how.
_OPERATOR_INPUTS = (
    *("Dockerfile", ".dockerignore", "pyproject.toml", "requirements.txt", "requirements-dev.txt"),
    *("README.md", "LICENSE", "operator"),
)
# The package, of which an agent copies the one file that is its library.
_LIBRARY = CHECKOUT / "operator/agentschedule"
_AGENT_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Plan:
    """An image to be built, and the archive that is there if it was."""

    context: Path
    title: str
    name: str
    archive: Path
    arguments: dict[str, str]
    estimate: str
    contexts: dict[str, Path] = field(default_factory=dict)


def _base_of(engine: Docker | Buildah, named: str | None) -> str | None:
    """The base image: the one that was named; else for Docker what the Dockerfile says, for buildah our own."""
    if named or isinstance(engine, Docker):
        return named
    return base.name()


def engine_in_use() -> Docker | Buildah:
    """Docker where its engine answers, else buildah."""
    return Docker() if Docker.usable() else Buildah()


def _version() -> str:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def operator_plan(engine: Docker | Buildah, named_base: str | None) -> Plan:
    """The operator's image. Its tag says what it was made of, so that a cluster sees a changed one as another."""
    image = _base_of(engine, named_base)
    inputs = [CHECKOUT / name for name in _OPERATOR_INPUTS]
    digest = digest_of(CHECKOUT, inputs, platform.machine(), image or "")
    tag = f"{_version()}-{digest}"
    arguments = {"VERSION": _version()} | ({"BASE_IMAGE": image} if image else {})
    return Plan(
        CHECKOUT,
        OPERATOR,
        f"{OPERATOR}:{tag}",
        images_directory() / f"{OPERATOR}-{tag}.tar",
        arguments,
        "about 1 minute",
    )


def agent_plan(engine: Docker | Buildah, named_base: str | None, folder: Path) -> Plan:
    """An image of agents, by the folder's name. Its Dockerfile may copy the library: `--from=agentschedule`."""
    context = folder.resolve()
    if not (context / "Dockerfile").is_file():
        raise Problem(f"{folder} has no Dockerfile: name a folder of agents that has one, such as examples/agents.")
    if not _AGENT_NAME.fullmatch(context.name):
        raise Problem(f"{context.name} cannot be an image's name: use lower-case letters, digits and dashes.")
    image = _base_of(engine, named_base)
    library = digest_of(_LIBRARY, (_LIBRARY / "agent.py",))
    digest = digest_of(context, (context,), platform.machine(), image or "", library)
    return Plan(
        context,
        context.name,
        f"local/{context.name}:dev",
        images_directory() / f"agent-{context.name}-{digest}.tar",
        {"BASE_IMAGE": image} if image else {},
        "a few seconds",
        {"agentschedule": _LIBRARY},
    )


def name_of(archive: Path) -> str:
    """The name of the operator's image in an archive that `build` made."""
    return f"{OPERATOR}:{archive.stem.removeprefix(f'{OPERATOR}-')}"


def size_of(path: Path) -> str:
    """A file's size as a person says it."""
    return f"{path.stat().st_size / 1_000_000:.0f} MB"


def _build(engine: Docker | Buildah, plan: Plan) -> None:
    if isinstance(engine, Buildah):
        base.ensure_tools()
        if plan.arguments.get("BASE_IMAGE") == base.name():
            base.ensure(engine)
    say(f"Building the image {plan.name} with {engine.title} ({plan.estimate})…")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="build-", dir=images_directory()) as folder:
        request = Request(plan.context, plan.name, plan.arguments, pip_settings.secrets(Path(folder)), plan.contexts)
        archive = Path(folder) / "image.tar"
        engine.build(request, archive)
        archive.rename(plan.archive)
    say(f"Built {plan.name}: {size_of(plan.archive)}, {duration(time.monotonic() - started)}.")


def _forget_older(plan: Plan) -> None:
    """Remove the archives of the same image that are not the present one."""
    stem = plan.archive.stem.rpartition("-")[0]
    for path in plan.archive.parent.glob(f"{stem}-*.tar"):
        if path != plan.archive and path.stem.rpartition("-")[0] == stem:
            path.unlink()


def ensure(engine: Docker | Buildah, plan: Plan) -> Path:
    """The image's archive, after it was built unless it is there."""
    with one_builder():
        if plan.archive.exists():
            os.utime(plan.archive)
            say(f"The image {plan.name} is up to date.")
        else:
            _build(engine, plan)
            _forget_older(plan)
    return plan.archive
