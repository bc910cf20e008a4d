"""Tells what has gone wrong in the cluster since its last run.

It reads Pods and Events with the service account of its own pod, and compares what is wrong with the state that the
last run left, so that it tells each problem once, and once more when it is over.

No language model is called, and the run costs nothing. A model would come in at one place, `summarise`: the task
(`run.input`) is its prompt and the report its material; `run.spend` is then told what it used.

Its context may name namespaces, `{"namespaces": ["shop", "web"]}`; `["*"]` is the whole cluster, and without any it
looks at its own. To try it at your desk, run `kubectl proxy` and set CLUSTER_WATCH_API=http://127.0.0.1:8001,
AGENT_NAMESPACE.
"""

import http.client
import json
import os
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from agentschedule.agent import Run

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PAGE = 500
TIMEOUT = 10
"""Seconds for one request."""
RECENT = timedelta(minutes=10)
"""A restart or a warning this old is over, unless the last run was even longer ago."""
STATE_BYTES = 1900
"""Of the 2 KiB that are handed on; the rest is for the JSON around the list."""
TOLD = 5
"""So many problems are told in the summary; the log has all."""

PULLING = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"}
STARTING = {"ContainerCreating", "PodInitializing"}
WORKLOADS = {"ReplicaSet", "StatefulSet", "DaemonSet", "Job"}
ECHOES = {"BackoffLimitExceeded"}
"""Warnings that only say what the pods' own status says."""

Json = dict[str, Any]


class WatchError(Exception):
    """The run fails; the text says why and what to do."""


# --- Reading the cluster ---------------------------------------------------------------------------------------------


class Cluster:
    """The API server, asked with the service account of this pod."""

    def __init__(self) -> None:
        self._headers = {"Accept": "application/json"}
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        self._url = os.environ.get("CLUSTER_WATCH_API", "")
        if not self._url:
            try:
                self._headers["Authorization"] = f"Bearer {(ACCOUNT / 'token').read_text().strip()}"
                trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
            except OSError as error:
                raise WatchError("No service-account token is mounted: set agent.serviceAccountName.") from error
            handlers.append(urllib.request.HTTPSHandler(context=trusted))
            host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
            self._url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        self._opener = urllib.request.build_opener(*handlers)
        self.now = datetime.now(UTC)
        """By the API server's clock, which stamps Events."""
        self._get("/version", "the API server's version")

    def list(self, resource: str, namespace: str, **query: str) -> Iterator[Json]:
        """The objects of one kind, in one namespace or (`*`) in all, page by page."""
        scope = "" if namespace == "*" else f"/namespaces/{urllib.parse.quote(namespace, safe='')}"
        what = f"{resource} in {'all namespaces' if namespace == '*' else f'namespace {namespace}'}"
        parameters = {**query, "limit": str(PAGE)}
        while True:
            page = self._get(f"/api/v1{scope}/{resource}?{urllib.parse.urlencode(parameters)}", what)
            yield from page.get("items") or ()
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            parameters["continue"] = token

    def _get(self, path: str, what: str) -> Json:
        request = urllib.request.Request(self._url + path, headers=self._headers)
        try:
            with self._opener.open(request, timeout=TIMEOUT) as response:
                if path == "/version" and response.headers["Date"]:
                    self.now = parsedate_to_datetime(response.headers["Date"])
                answer: Json = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            words = f"Cannot read {what}: HTTP {error.code}"
            if error.code in (401, 403):
                words += " (the service account needs a role that allows get and list on pods and events)"
            raise WatchError(f"{words}.") from error
        except (OSError, ValueError, http.client.HTTPException) as error:  # no connection, no time, no JSON
            raise WatchError(f"Cannot read {what}: {getattr(error, 'reason', error)}.") from error


# --- Finding what is wrong -------------------------------------------------------------------------------------------


@dataclass
class Findings:
    """What is wrong now: from a problem's name, which stays the same from run to run, to its details."""

    problems: dict[str, str] = field(default_factory=dict)
    workloads: set[str] = field(default_factory=set)
    pods: int = 0

    def add(self, workload: str, what: str, detail: str) -> None:
        """Note a problem, once for pods that are alike."""
        self.problems.setdefault(f"{workload} {what}", short(detail, 120))


def look(cluster: Cluster, namespaces: list[str], memory: "Memory") -> Findings:
    """Read the pods and the warnings."""
    findings = Findings()
    horizon = stamp(min(cluster.now - RECENT, memory.time or cluster.now))
    for namespace in namespaces:
        names = look_at_pods(cluster, namespace, horizon, findings)
        look_at_warnings(cluster, namespace, horizon, findings, memory, names)
    return findings


def look_at_pods(cluster: Cluster, namespace: str, horizon: str, findings: Findings) -> dict[tuple[str, str], str]:
    """Note what is wrong with pods; return which pod belongs to which workload."""
    names = {}
    seen = []
    for pod in cluster.list("pods", namespace):
        metadata, phase = pod["metadata"], (pod.get("status") or {}).get("phase")
        workload = names[metadata["namespace"], metadata["name"]] = workload_name(metadata)
        seen.append((metadata["creationTimestamp"], workload, phase, pod_problem(pod, horizon)))
    for _, workload, phase, problem in sorted(seen, key=lambda row: row[0]):
        findings.workloads.add(workload)
        if phase == "Succeeded":  # of a Job that was tried again, the last pod counts
            findings.problems.pop(f"{workload} failed", None)
        elif problem:
            findings.add(workload, *problem)
    findings.pods += len(seen)
    return names


def look_at_warnings(
    cluster: Cluster,
    namespace: str,
    horizon: str,
    findings: Findings,
    memory: "Memory",
    names: dict[tuple[str, str], str],
) -> None:
    """Note the Events of type Warning that began since the last run, or that it knew of and that go on."""
    troubled = {workload_of(problem) for problem in findings.problems}
    for event in cluster.list("events", namespace, fieldSelector="type=Warning"):
        about, reason = event["involvedObject"], event.get("reason") or "no reason given"
        place = about.get("namespace") or event["metadata"]["namespace"]
        kind, name = about.get("kind", "").lower(), about.get("name", "")
        workload = names.get((place, name)) if kind == "pod" else f"{place}/{kind}/{name}"
        # What warns of a pod that is gone is over; what warns of one in trouble says what its status says.
        if workload is None or workload in troubled or reason in ECHOES or last_seen(event) < horizon:
            continue
        what = f"warns: {reason}"
        began = event["metadata"]["creationTimestamp"]
        if f"{workload} {what}" in memory.open or memory.time is None or began >= stamp(memory.time):
            findings.add(workload, what, event.get("message") or "")


def workload_name(metadata: Json) -> str:
    """What people know the pod by: what made it, since the next pod will have another name."""
    kind, name = "pod", metadata["name"]
    labels = metadata.get("labels") or {}
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller") and owner["kind"] in WORKLOADS:
            kind, name = owner["kind"].lower(), owner["name"]
    if kind == "replicaset" and "pod-template-hash" in labels:
        kind, name = "deployment", name.removesuffix(f"-{labels['pod-template-hash']}")
    if kind == "job" and "agentschedule.dev/schedule" in labels:
        kind, name = "agentschedule", labels["agentschedule.dev/schedule"]
    return f"{metadata['namespace']}/{kind}/{name}"


def workload_of(problem: str) -> str:
    """The workload in a problem's name."""
    return problem.partition(" ")[0]


def rank(problem: str) -> tuple[bool, str]:
    """The order of problems: what pods suffer from first, then warnings."""
    return " warns: " in problem, problem


def pod_problem(pod: Json, horizon: str) -> tuple[str, str] | None:
    """What is wrong with a pod, and the details."""
    status = pod.get("status") or {}
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    if status.get("phase") == "Succeeded" or pod["metadata"].get("deletionTimestamp"):
        return None
    if status.get("phase") == "Failed":
        ends = [ending(end) for c in containers if (end := ended(c, "state")) and end.get("exitCode")]
        reasons = [status.get("reason"), *ends, status.get("message")]
        return "failed", ", ".join(str(reason) for reason in reasons if reason)
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return "cannot be scheduled", condition.get("message") or condition.get("reason") or ""
    for container in containers:
        if pod["spec"].get("restartPolicy") == "Never" and (end := ended(container, "state")) and end.get("exitCode"):
            return "failed", ending(end)  # the pod's phase follows when its other containers have ended
        if problem := container_problem(container, horizon):
            return problem
    return None


def container_problem(container: Json, horizon: str) -> tuple[str, str] | None:
    """What is wrong with a container of a pod that should run."""
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason = waiting.get("reason") or ""
    if reason in PULLING:
        return "cannot pull its image", f"{reason}: {container.get('image')}"
    now, before = ended(container, "state"), ended(container, "lastState")
    last = now if now and now.get("exitCode") else before
    recently = last is not None and (last.get("finishedAt") or "") >= horizon
    if reason == "CrashLoopBackOff" or recently:
        times = f"{container.get('restartCount', 0)} times so far"
        return "restarts", ", ".join(filter(None, (reason, times, f"last end: {ending(last)}" if last else "")))
    if reason and reason not in STARTING:
        return "cannot start", f"{reason}: {waiting.get('message') or ''}"
    return None


def ended(container: Json, state: str) -> Json | None:
    """How a container ended, if it did."""
    end: Json | None = (container.get(state) or {}).get("terminated")
    return end


def ending(end: Json) -> str:
    """The same in words, such as `OOMKilled, exit code 137`."""
    code = f"exit code {end.get('exitCode')}"
    return code if end.get("reason") in (None, "", "Error", "Completed") else f"{end['reason']}, {code}"


def last_seen(event: Json) -> str:
    """When it was last observed; which field says so depends on who wrote it."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return max(str(time) for time in (*times, event["metadata"]["creationTimestamp"]) if time)


def stamp(moment: datetime) -> str:
    """A time as the API server writes it, which sorts as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def short(text: str, length: int) -> str:
    """The text on one line, cut."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


# --- What has changed since the last run -----------------------------------------------------------------------------


@dataclass
class Memory:
    """What a run remembers for the next, in `state`: the problems that it knew of, as many as fit."""

    time: datetime | None = None
    open: list[str] = field(default_factory=list)
    more: int = 0

    @classmethod
    def read(cls, state: object) -> "Memory":
        """The memory of the last run; something else in its place is as good as none."""
        try:
            if isinstance(state, dict):
                time = datetime.fromisoformat(state["time"]).astimezone(UTC)
                return cls(time, [str(name) for name in state["open"]], int(state["more"]))
        except (KeyError, TypeError, ValueError):
            pass
        return cls()

    @classmethod
    def of(cls, now: datetime, problems: Iterable[str]) -> "Memory":
        """What this run remembers: as many problems as fit."""
        memory, room = cls(now), STATE_BYTES
        for problem in sorted(problems, key=rank):
            room -= len(json.dumps(problem, ensure_ascii=False).encode(errors="replace")) + 1
            if room >= 0:
                memory.open.append(problem)
            else:
                memory.more += 1
        return memory

    def knows(self, problem: str) -> bool:
        """Whether it was told before. Where not all could be remembered, those that rank behind count as told."""
        return problem in self.open or (self.more > 0 and (not self.open or rank(problem) > rank(self.open[-1])))

    def to_json(self) -> Json:
        """As it is handed on."""
        return {"time": stamp(self.time) if self.time else None, "open": self.open, "more": self.more}


@dataclass
class Report:
    """What there is to say."""

    new: list[str]
    recovered: list[str]
    deleted: list[str]
    findings: Findings


def compare(memory: Memory, findings: Findings) -> Report:
    """What is new, and what is over: recovered, or deleted with all its pods."""
    over = [problem for problem in memory.open if problem not in findings.problems]
    deleted = [p for p in over if workload_of(p) not in findings.workloads and " warns: " not in p]
    return Report(
        new=sorted((name for name in findings.problems if not memory.knows(name)), key=rank),
        recovered=[problem for problem in over if problem not in deleted],
        deleted=deleted,
        findings=findings,
    )


def summarise(report: Report) -> str:
    """The report in a few sentences, the most important first. This is the place for a language model."""
    problems = report.findings.problems
    sentences = []
    if report.new:
        told = [f"{name} ({problems[name]})" if problems[name] else name for name in report.new]
        sentences.append(f"{len(told)} new: {enumerate_some(told)}.")
    if report.recovered:
        sentences.append(f"Recovered: {enumerate_some(report.recovered)}.")
    if report.deleted:
        sentences.append(f"Deleted: {enumerate_some(report.deleted)}.")
    if not sentences:
        sentences.append("Nothing new.")
    pods = report.findings.pods
    sentences.append(f"{f'{len(problems)} open in all' if problems else 'Nothing is open'}, {pods} pods seen.")
    return " ".join(sentences)


def enumerate_some(names: list[str]) -> str:
    """The first few, and how many are left."""
    left = len(names) - TOLD
    return "; ".join(names[:TOLD]) + (f"; and {left} more" if left > 0 else "")


# --- The run ----------------------------------------------------------------------------------------------------------


def work(run: Run) -> None:
    """One run: from its context to its result."""
    memory = Memory.read(dict(run.state))
    namespaces = run.context.get("namespaces") or [run.namespace]
    if not (isinstance(namespaces, list) and all(isinstance(name, str) for name in namespaces)):
        raise WatchError('context.namespaces must be a list of names, such as ["shop", "web"] or ["*"].')
    cluster = Cluster()
    findings = look(cluster, namespaces, memory)
    report = compare(memory, findings)
    for problem, detail in findings.problems.items():
        print(f"{'new  ' if problem in report.new else 'known'} {problem}: {detail}")
    summary = summarise(report)
    print(summary)
    run.finish(
        summary,
        state=Memory.of(cluster.now, findings.problems).to_json(),
        alert=short("; ".join(report.new), 300) if report.new else None,
    )


def main() -> None:
    """Exit code 0: it looked, whatever it found. 1: it could not, and the last state stays."""
    with Run() as run:
        run.spend(0)
        try:
            work(run)
        except WatchError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
