"""`python -m demo down`: removes the examples, and with them the operator that the demo had installed."""

from __future__ import annotations

import subprocess

from demo.cluster import CRDS, EXAMPLES, NAMESPACE, OPERATOR_NAMESPACE, RELEASE, Cluster, tool
from localcluster.report import Problem, say

_SECONDS = 180


def down(cluster: Cluster) -> int:
    """Remove all of the demo; what is not there is not spoken of."""
    if not cluster.exists():
        say("There is no cluster, so nothing of the demo is left.")
        return 0
    cluster.run("get", "--raw", "/readyz")
    _delete(cluster, "examples")
    others = _schedules_of_others(cluster)
    if others:
        say(
            f"The operator stays, with its CRDs: there are schedules that are not the demo's ({', '.join(others)}). "
            "Delete them and run `make demo-down` again, or run `make cluster-down`."
        )
        return 1
    _uninstall(cluster)
    for crd in CRDS:
        _delete(cluster, "crd", crd)
    _delete(cluster, "namespace", OPERATOR_NAMESPACE)
    say("Nothing of the demo is left. The cluster is still up; `make cluster-down` removes it.")
    return 0


def _delete(cluster: Cluster, kind: str, *names: str) -> None:
    """Delete, and wait until it is gone."""
    what = ("-f", str(EXAMPLES)) if kind == "examples" else (kind, *names)
    done = cluster.try_run("delete", *what, "--ignore-not-found", f"--timeout={_SECONDS}s", seconds=_SECONDS + 30)
    # Without the CRDs the API server does not know the kinds of half the examples, and then there are none.
    wrong = [line for line in done.stderr.splitlines() if _counts(line)]
    if done.returncode and wrong:
        raise Problem(f"{' '.join((kind, *names))} could not be deleted:\n" + "\n".join(wrong))
    if done.stdout.strip():
        say(done.stdout.strip())


def _counts(line: str) -> bool:
    harmless = ("no matches for kind", "ensure CRDs are installed first", "Warning:", "resource mapping not found")
    return bool(line.strip()) and not any(words in line for words in harmless)


def _schedules_of_others(cluster: Cluster) -> list[str]:
    """Schedules outside the demo's namespace, which deleting the CRDs would delete."""
    done = cluster.try_run("get", CRDS[0], "-A", "-o", "name", "--ignore-not-found")
    if done.returncode:
        return []
    found = cluster.items(CRDS[0], "-A")
    return [
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in found
        if item["metadata"]["namespace"] != NAMESPACE
    ]


def _uninstall(cluster: Cluster) -> None:
    label = f"owner=helm,name={RELEASE}"
    if not cluster.items("secrets", "-n", OPERATOR_NAMESPACE, "-l", label):
        return
    command = [tool("localcluster", "tool", "helm"), "uninstall", RELEASE, "-n", OPERATOR_NAMESPACE, "--wait"]
    done = subprocess.run(command, env=cluster.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"Helm could not uninstall the operator: {done.stderr.strip()}")
    say(f"operator uninstalled (Helm release {RELEASE})")
