"""`python -m demo`: the examples, the live table until three runs have ended, and what to do next."""

from __future__ import annotations

import time

from demo import table
from demo.cluster import CRDS, EXAMPLES, NAMESPACE, Cluster, tool
from demo.hanging import what_hangs
from demo.screen import Screen
from demo.snapshot import Run, Snapshot, snapshot
from localcluster.report import Problem, say

WANTED = 3
WATCH = "cluster-watch"
SECONDS = 300

_NEXT = """\
What to try next. Once for your shell:
  export KUBECONFIG=$PWD/{kubeconfig} PATH=$PWD/.venv/bin:$PATH

The table above comes from these:
  kubectl -n {namespace} get agentschedules,agentruns
  kubectl -n {namespace} describe agentschedule cluster-watch
What a schedule can say:
  kubectl explain agentschedule.spec
Repair what the watch found, and read what its next runs say of it, newest first:
  kubectl -n {namespace} set image deployment/shop web=local/agents:dev
  kubectl -n {namespace} get agentschedule cluster-watch \\
    -o jsonpath='{{range .status.runs[*]}}{{.completedAt}}: {{.summary}}{{"\\n"}}{{end}}'
What the agent printed, in the pods of its last runs:
  kubectl -n {namespace} logs -l agentschedule.dev/schedule=cluster-watch --prefix
Run the daily digest now, again:
  kubectl replace --force -f examples/50-run-now.yaml
Pause a schedule, and go on (the annotation's removal):
  kubectl -n {namespace} annotate agentschedule cluster-watch agentschedule.dev/paused="lunch"
  kubectl -n {namespace} annotate agentschedule cluster-watch agentschedule.dev/paused-

The schedules go on running. To remove the demo with the operator: make demo-down
To remove the cluster too: make cluster-down"""


def up(cluster: Cluster) -> int:
    """Run the demo."""
    _check(cluster)
    say("Building the image of the example agents and loading it into the cluster…")
    archive = tool("images", "build-agent", EXAMPLES / "agents")
    say(tool("localcluster", "load-image", archive))
    before = {run.id for run in _look(cluster).runs if run.over}
    say("\n$ kubectl apply -f examples/")
    say(cluster.run("apply", "-f", str(EXAMPLES), seconds=60))
    seen = _until_runs_ended(cluster, before)
    ended = _ended(seen, before)
    if not enough(ended):
        say(f"\n{what_hangs(cluster, seen)}")
        say("\nThe examples are still there, to look at them. To remove them with the operator: make demo-down")
        return 1
    say("\nWhat the runs said:")
    told = Snapshot(seen.schedules, tuple(ended))
    say("\n".join(table.story(told, min(Screen().width, 120))))
    say("\n" + _NEXT.format(namespace=NAMESPACE, kubeconfig=".cluster/kubeconfig"))
    return 0


def _check(cluster: Cluster) -> None:
    if not cluster.exists():
        raise Problem("There is no cluster: run `make demo`, or `make cluster` first.")
    for crd in CRDS:
        if cluster.try_run("get", "crd", crd).returncode:
            raise Problem(f"The cluster does not know {crd}: run `make demo`, or `make install` first.")


def _look(cluster: Cluster) -> Snapshot:
    return snapshot(cluster.items("agentschedules", "-n", NAMESPACE))


def _ended(seen: Snapshot, before: set[str]) -> list[Run]:
    return [run for run in seen.runs if run.over and run.id not in before]


def enough(ended: list[Run]) -> bool:
    """Three runs that succeeded, and of them two of the watch, whose second one shows that it remembers."""
    succeeded = [run.schedule for run in ended if run.phase == "Succeeded"]
    return len(succeeded) >= WANTED and succeeded.count(WATCH) > 1


def hopeless(ended: list[Run]) -> bool:
    """As many runs that did not succeed."""
    return sum(run.phase != "Succeeded" for run in ended) >= WANTED


def _until_runs_ended(cluster: Cluster, before: set[str]) -> Snapshot:
    """Show the table until enough runs have ended, or no more can be expected."""
    deadline = time.monotonic() + SECONDS
    seen, screen = Snapshot((), ()), Screen()
    with screen.held():
        while True:
            began = time.monotonic()
            try:
                seen = _look(cluster)
                ended = _ended(seen, before)
                note = f"{len(ended)} of {WANTED} runs have ended."
                if len(ended) >= WANTED:
                    note = f"{len(ended)} runs have ended; waiting for the second one of {WATCH}, which remembers."
                screen.show(seen, "" if enough(ended) else note + " Ctrl-C ends the table, not the schedules.")
                if enough(ended) or hopeless(ended):
                    return seen
            except Problem as problem:
                screen.show(seen, str(problem))
            if began > deadline:
                return seen
            time.sleep(max(0.1, began + 1 - time.monotonic()))
