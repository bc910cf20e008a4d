"""Job controller and kubelet in miniature: a Job gets its pod, the pod starts, ends as scripted, the Job follows."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from agentschedule.api.fields import utc_text
from agentschedule.constants import AGENT_CONTAINER, LABEL_JOB_NAME

if TYPE_CHECKING:
    from .cluster import FakeCluster

Raw = dict[str, Any]

GRACE = 30
_POD_APPEARS = 0.1
_JOB_FOLLOWS = 0.15


@dataclass(frozen=True)
class Behaviour:
    """What becomes of one pod. `starts` None: it never does. `stops`: seconds from SIGTERM to its end.

    `refused`: the Job controller may not make it, for instance because of a quota; an Event on the Job says so.
    """

    lasts: float = 20.0
    exit_code: int = 0
    message: str = '{"summary": "done", "costUSD": "0.01"}'
    starts: float | None = 1.0
    stops: float = 2.0
    evicted: bool = False
    refused: str = ""


class Node:
    """Runs the Jobs of a cluster."""

    def __init__(self, cluster: "FakeCluster", behave: Callable[[Raw], Behaviour]) -> None:
        self._cluster = cluster
        self.behave = behave
        self._stopping: dict[str, str] = {}
        """Jobs that ended and wait for their pods to be gone, and why."""
        self._scripts: dict[str, Behaviour] = {}

    # Jobs

    def run_job(self, job: Raw) -> None:
        uid = job["metadata"]["uid"]
        self._scripts[uid] = self.behave(job)
        self._later(_POD_APPEARS, self._make_pod, uid)
        self._later(job["spec"]["activeDeadlineSeconds"], self._job_timed_out, uid)

    def pod_gone(self, job_uid: str) -> None:
        """A pod of that Job is gone; a Job that has not ended has failed with it."""
        self._follow(job_uid, "Failed", self._stopping.pop(job_uid, "BackoffLimitExceeded"))

    def _make_pod(self, job_uid: str) -> None:
        job = self._unfinished(job_uid)
        if job is None or "deletionTimestamp" in job["metadata"]:
            return
        job = self._cluster.store("jobs", {**job, "status": {"startTime": self._cluster.stamp()}})
        script = self._scripts[job_uid]
        if script.refused:
            self._cluster.warn(job, "FailedCreate", f"Error creating: {script.refused}")
            return
        meta, template = job["metadata"], job["spec"]["template"]
        own = {LABEL_JOB_NAME: meta["name"], "batch.kubernetes.io/controller-uid": job_uid}
        pod = self._cluster.add(
            "pods",
            {
                "metadata": {
                    "name": f"{meta['name']}-{self._cluster.random.getrandbits(20):05x}",
                    "namespace": meta["namespace"],
                    "labels": {**template["metadata"]["labels"], **own},
                    "annotations": template["metadata"]["annotations"],
                    "ownerReferences": [
                        {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": job_uid}
                    ],
                },
                "spec": template["spec"],
                "status": {"phase": "Pending"},
            },
        )
        if script.starts is None:
            waiting = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
            self._set_status(pod, {"phase": "Pending", "containerStatuses": [_container(waiting)]})
        else:
            self._later(script.starts, self._start_pod, pod["metadata"]["uid"])

    def _job_timed_out(self, job_uid: str) -> None:
        if self._unfinished(job_uid) is None:
            return
        pods = self._cluster.pods_of(job_uid)
        self._stopping[job_uid] = "DeadlineExceeded"
        for pod in pods:
            self.stop_pod(pod)
        if not pods:
            self.pod_gone(job_uid)

    def _follow(self, job_uid: str, kind: str, reason: str) -> None:
        job = self._unfinished(job_uid)
        if job is None:
            return
        ended = {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": self._cluster.stamp()}
        self._cluster.store("jobs", {**job, "status": {**(job.get("status") or {}), "conditions": [ended]}})

    def _unfinished(self, job_uid: str) -> Raw | None:
        job = self._cluster.find("jobs", job_uid)
        return job if job is not None and not (job.get("status") or {}).get("conditions") else None

    # Pods

    def _start_pod(self, uid: str) -> None:
        pod = self._cluster.find("pods", uid)
        if pod is None or pod["status"]["phase"] != "Pending" or "deletionTimestamp" in pod["metadata"]:
            return
        running = {"running": {"startedAt": self._cluster.stamp()}}
        self._set_status(pod, {"phase": "Running", "containerStatuses": [_container(running)]})
        script = self._scripts[_job_of(pod)]
        deadline = pod["spec"]["activeDeadlineSeconds"]
        if script.lasts > deadline:
            self._later(deadline + min(script.stops, GRACE), self._end_pod, uid, 143, "DeadlineExceeded")
        else:
            self._later(script.lasts, self._end_pod, uid, script.exit_code, None)

    def stop_pod(self, pod: Raw) -> None:
        """A deletion: at once where nothing runs, else with SIGTERM and a grace period."""
        meta = pod["metadata"]
        if pod["status"]["phase"] != "Running":
            self._cluster.drop("pods", pod)
        elif "deletionTimestamp" not in meta:
            at = utc_text(self._cluster.clock.true() + timedelta(seconds=GRACE))
            note = {"deletionTimestamp": at, "deletionGracePeriodSeconds": GRACE}
            self._cluster.store("pods", {**pod, "metadata": {**meta, **note}})
            stops = min(self._scripts[_job_of(pod)].stops, GRACE)
            self._later(stops, self._end_pod, meta["uid"], 143, None)

    def _end_pod(self, uid: str, exit_code: int, reason: str | None) -> None:
        pod = self._cluster.find("pods", uid)
        if pod is None or pod["status"]["phase"] != "Running":
            return
        script = self._scripts[_job_of(pod)]
        ended = {
            "exitCode": exit_code,
            "message": script.message,
            "startedAt": pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"],
            "finishedAt": self._cluster.stamp(),
        }
        status: Raw = {
            "phase": "Failed" if exit_code else "Succeeded",
            "containerStatuses": [_container({"terminated": ended})],
        }
        if reason is not None:
            status["reason"] = reason
        if script.evicted and exit_code:
            status["conditions"] = [{"type": "DisruptionTarget", "status": "True"}]
        pod = self._set_status(pod, status)
        if "deletionTimestamp" in pod["metadata"]:
            self._later(_POD_APPEARS, self._forget_pod, uid)
        if exit_code:
            self._later(_JOB_FOLLOWS, self._follow, _job_of(pod), "Failed", "BackoffLimitExceeded")
        else:
            self._later(_JOB_FOLLOWS, self._follow, _job_of(pod), "Complete", "CompletionsReached")

    def _forget_pod(self, uid: str) -> None:
        pod = self._cluster.find("pods", uid)
        if pod is not None:
            self._cluster.drop("pods", pod)

    def _set_status(self, pod: Raw, status: Raw) -> Raw:
        return self._cluster.store("pods", {**pod, "status": status})

    def _later(self, seconds: float, work: Callable[..., None], *arguments: object) -> None:
        asyncio.get_running_loop().call_later(seconds, work, *arguments)


def _container(state: Raw) -> Raw:
    return {"name": AGENT_CONTAINER, "state": state}


def _job_of(pod: Raw) -> str:
    uid: str = pod["metadata"]["labels"]["batch.kubernetes.io/controller-uid"]
    return uid
