"""A cluster that the user names with KUBECONFIG: it is used as it is, and never changed by these targets."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from localcluster.paths import CHECKOUT, Checkout
from localcluster.processes import program
from localcluster.report import Problem, say


def kubectl() -> Path:
    """kubectl of the virtual environment, else the user's."""
    own = CHECKOUT / ".venv/bin/kubectl"
    found = own if own.exists() else program("kubectl")
    if not found:
        raise Problem("kubectl is missing: run `make venv` first.")
    return found


def _ask(kubeconfig: str, *arguments: str) -> str:
    environment: Mapping[str, str] = dict(os.environ, KUBECONFIG=kubeconfig)
    done = subprocess.run([kubectl(), *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise Problem(f"The cluster that KUBECONFIG names ({kubeconfig}) cannot be used: {last[0]}")
    return done.stdout


def up(kubeconfig: str, checkout: Checkout) -> None:
    """Check that it answers, and write its current context, with all that it refers to, for this checkout."""
    if not any(Path(part).expanduser().is_file() for part in kubeconfig.split(os.pathsep)):
        raise Problem(f"KUBECONFIG names {kubeconfig}, which is no file: correct it, or leave it out.")
    _ask(kubeconfig, "get", "--raw", "/readyz", "--request-timeout=15s")
    checkout.write("named", _ask(kubeconfig, "config", "view", "--raw", "--flatten", "--minify"))
    say(f"Using the cluster that KUBECONFIG names ({kubeconfig}).")


def status(kubeconfig: str) -> bool:
    """Whether it answers."""
    _ask(kubeconfig, "get", "--raw", "/readyz", "--request-timeout=15s")
    say(f"The cluster that KUBECONFIG names ({kubeconfig}) answers.")
    return True


def load_images() -> None:
    """Its nodes are not ours to put images on."""
    raise Problem(
        "The cluster was named with KUBECONFIG, and images cannot be loaded into its nodes from here: "
        "push the image to a registry that the cluster can reach."
    )
