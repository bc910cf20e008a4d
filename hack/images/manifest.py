"""manifests/install.yaml: the chart with its default values, for people who install without Helm."""

from __future__ import annotations

import difflib
from pathlib import Path

from images.cache import CHECKOUT
from images.request import run
from localcluster import gobuild
from localcluster.report import Problem

CHART = CHECKOUT / "charts/agentschedule-operator"
MANIFEST = CHECKOUT / "manifests/install.yaml"
NAMESPACE = "agentschedule-system"
RELEASE = "agentschedule-operator"

_HEADER = f"""\
# Generated from charts/agentschedule-operator by `make manifests`; do not edit.
# Put your own image's name in the Deployment: see docs/install.md.
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    app.kubernetes.io/name: {RELEASE}
    pod-security.kubernetes.io/enforce: restricted
"""
# Labels that are untrue of what `kubectl apply` installs.
_HELMS_OWN = ("app.kubernetes.io/managed-by: Helm", "helm.sh/chart: ")


def _without_helms_labels(text: str) -> str:
    lines = (line.rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if not line.strip().startswith(_HELMS_OWN))


def render() -> str:
    """What the manifest must be."""
    helm = gobuild.build(gobuild.HELM) / "helm"
    command = [str(helm), "template", RELEASE, str(CHART), "--namespace", NAMESPACE]
    text = _without_helms_labels(run(command, "Helm could not render the chart"))
    return f"{_HEADER}{text.strip()}\n"


def write() -> Path:
    """Write the manifest."""
    text = render()
    MANIFEST.parent.mkdir(exist_ok=True)
    MANIFEST.write_text(text)
    return MANIFEST


def check() -> str:
    """Say that the manifest is what the chart gives; it is a problem if not."""
    written = MANIFEST.read_text() if MANIFEST.exists() else ""
    wanted = render()
    if written == wanted:
        return f"{MANIFEST.relative_to(CHECKOUT)} is up to date."
    changes = difflib.unified_diff(written.splitlines(), wanted.splitlines(), "written", "from the chart", n=1)
    shown = "\n".join(list(changes)[:40])
    raise Problem(f"manifests/install.yaml differs from the chart: run `make manifests`.\n{shown}")
