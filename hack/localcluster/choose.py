"""Which cluster is used: the one that the user names, else kind, else the local one."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from localcluster.paths import Checkout


class Choice(StrEnum):
    """The kinds of cluster."""

    NAMED = "named"
    KIND = "kind"
    LOCAL = "local"


def named_kubeconfig(checkout: Checkout, value: str | None) -> str | None:
    """The kubeconfig that the user names: the variable, unless it is what ``make`` itself exports."""
    files = [part for part in (value or "").split(os.pathsep) if part]
    own = checkout.kubeconfig.resolve()
    others = [part for part in files if Path(part).expanduser().resolve() != own]
    return os.pathsep.join(others) or None


def choose(named: str | None, docker_answers: Callable[[], bool]) -> Choice:
    """What ``up`` makes; the engine is asked only where the answer matters."""
    if named:
        return Choice.NAMED
    return Choice.KIND if docker_answers() else Choice.LOCAL


def in_use(checkout: Checkout, named: str | None) -> Choice | None:
    """What the other verbs are about: the cluster named now, else the one that ``up`` wrote here."""
    if named:
        return Choice.NAMED
    chosen = checkout.chosen()
    return Choice(chosen) if chosen in set(Choice) else None
