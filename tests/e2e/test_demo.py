"""`make demo`, as far as it goes beyond a cluster with the operator in it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubectl import ROOT, Kubectl
from tests.resources import Place

NAMESPACE = "agents-demo"


@pytest.fixture
def examples(kubectl: Kubectl) -> Iterator[None]:
    """The examples go after the test, unless they were there before."""
    there = kubectl("get", "namespace", NAMESPACE).returncode == 0
    yield
    if not there:
        kubectl("delete", "-f", str(ROOT / "examples"), "--ignore-not-found", "--timeout=90s", check=True)


@pytest.mark.slow
def test_the_demo_shows_three_real_runs(installed: Place, kubeconfig: Path, examples: None) -> None:
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT / "hack"), "COLUMNS": "150"}
    command = [sys.executable, "-m", "demo"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    for words in ("cluster-watch", "daily-digest", "Succeeded", "demo-down"):
        assert words in done.stdout
    # In the last hour before it the next run is shown as the time that is left.
    assert re.search(r"daily-digest .* (09:00 JST|in \d+|now)", done.stdout), done.stdout[-3000:]
    place = Place(installed.kubectl, NAMESPACE)
    runs = [run for run in place.status("cluster-watch")["runs"] if run["phase"] == "Succeeded"]
    assert len(runs) >= 2
    assert "shop" in json.dumps(place.status("cluster-watch")["previous"]["state"])
    place.wait("the digest", lambda: place.status("digest-now", "agentrun").get("phase") == "Succeeded")
    again = place.wait_run("flaky-import", "Succeeded")
    assert (again["attempt"], again["summary"]) == (2, "Imported pages 7 to 10, after 1 to 6 in the attempt before.")
