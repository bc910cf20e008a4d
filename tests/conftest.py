"""A real API server: `kubectl` against it, with the CRDs of this checkout, and a namespace for each test."""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.kubectl import ROOT, Kubectl

# No example is judged by the time that it takes: the machine may be busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """The cluster to test on: that of KUBECONFIG, else the local one."""
    path = Path(os.environ.get("KUBECONFIG") or ROOT / ".cluster" / "kubeconfig")
    if not path.is_file():
        pytest.fail("no cluster: run make cluster", pytrace=False)
    return path


@pytest.fixture(scope="session")
def kubectl(kubeconfig: Path) -> Kubectl:
    """kubectl, with the CRDs of this checkout installed."""

    def run(
        *args: str, manifest: Mapping[str, Any] | str | None = None, check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [ROOT / ".venv" / "bin" / "kubectl", *args],
            input=manifest if isinstance(manifest, str | None) else json.dumps(manifest),
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode != 0:
            pytest.fail(f"kubectl {' '.join(args)}: {done.stderr}")
        return done

    if run("get", "--raw", "/readyz", "--request-timeout=10s").returncode != 0:
        pytest.fail("no cluster: run make cluster", pytrace=False)
    crds = str(ROOT / "crds")
    run("apply", "--server-side", "--force-conflicts", "-f", crds, check=True)
    run("wait", "--for=condition=Established", "--timeout=30s", "-f", crds, check=True)
    return run


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A namespace for one test; its deletion is not waited for."""
    name = f"test-{secrets.token_hex(4)}"
    labels = {"agentschedule.dev/test": "true"}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    kubectl("create", "-f", "-", manifest=manifest, check=True)
    yield name
    kubectl("delete", "namespace", name, "--wait=false", check=True)
