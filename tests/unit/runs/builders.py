"""Jobs and pods as the API server gives them, and as facts."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

from agentschedule.runs.facts import JobFacts, PodFacts, job_facts, pod_facts

LABELS = {
    "app.kubernetes.io/managed-by": "agentschedule-operator",
    "agentschedule.dev/schedule": "news",
    "agentschedule.dev/schedule-uid": "uid-of-news",
}
NOTES = {
    "agentschedule.dev/scheduled-at": "2026-11-22T09:00:00Z",
    "agentschedule.dev/trigger": "Schedule",
    "agentschedule.dev/attempt": "1",
}
NAME = "news-1795424400"


def utc(text: str) -> datetime:
    """ "09:00" on the day of the tests."""
    return datetime.fromisoformat(f"2026-11-22 {text}").replace(tzinfo=UTC)


def raw_job(
    name: str = NAME,
    *,
    uid: str = "job-1",
    version: int = 10,
    notes: dict[str, str] | None = None,
    condition: dict[str, Any] | None = None,
    **meta: Any,
) -> dict[str, Any]:
    """A Job. `condition` is its one condition."""
    return {
        "metadata": {
            "namespace": "team",
            "name": name,
            "uid": uid,
            "resourceVersion": str(version),
            "creationTimestamp": "2026-11-22T09:00:01Z",
            "labels": dict(LABELS),
            "annotations": NOTES | (notes or {}),
            **meta,
        },
        "status": {"conditions": [condition]} if condition else {},
    }


def raw_pod(
    name: str = f"{NAME}-abc",
    *,
    uid: str = "pod-1",
    job: str = NAME,
    job_uid: str = "job-1",
    version: int = 20,
    created: str = "2026-11-22T09:00:02Z",
    status: dict[str, Any] | None = None,
    **meta: Any,
) -> dict[str, Any]:
    """A pod of a Job."""
    more = {"batch.kubernetes.io/job-name": job, "batch.kubernetes.io/controller-uid": job_uid}
    return {
        "metadata": {
            "namespace": "team",
            "name": name,
            "uid": uid,
            "resourceVersion": str(version),
            "creationTimestamp": created,
            "labels": LABELS | more,
            "annotations": dict(NOTES),
            **meta,
        },
        "status": status or {},
    }


def job(**facts: Any) -> JobFacts:
    """A Job's facts."""
    return dataclasses.replace(job_facts(raw_job()), **facts)


def pod(**facts: Any) -> PodFacts:
    """A pod's facts."""
    return dataclasses.replace(pod_facts(raw_pod()), **facts)
