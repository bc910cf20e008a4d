"""What is created: AgentSchedules, CronJobs that make the same Jobs, and those Jobs themselves, as bytes."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.application import planner_settings
from agentschedule.constants import RESTRICTED_OPERATIONS
from agentschedule.runs.manifest import Owner, RunRequest, job_manifest
from agentschedule.runs.names import job_name
from agentschedule.settings import Settings
from tests.resources import schedule as agent_schedule

Raw = dict[str, Any]

NAMESPACE = "bench"
PREFIX = "bench-"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
CRON_JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs"
SCHEDULES = f"/apis/agentschedule.dev/v1alpha1/namespaces/{NAMESPACE}/agentschedules"
_INPUT = {
    "input": "Read the build logs of the last hour and report what needs a person.",
    "context": {"team": "infrastructure", "channel": "#builds", "repositories": ["api", "web", "worker"]},
}
_DEFAULTS = planner_settings(Settings()).defaults


def encoded(body: Raw) -> bytes:
    """Compact JSON."""
    return json.dumps(body, separators=(",", ":")).encode()


def name(number: int) -> str:
    """The name of a schedule or CronJob."""
    return f"{PREFIX}{number:05}"


def schedule(named: str, **spec: Any) -> bytes:
    """An AgentSchedule as people write it, with a short input."""
    return encoded(agent_schedule(named, ["agent", "--report"], **_INPUT, **spec))


def job(named: str, slot: datetime) -> Raw:
    """The Job that the operator makes of such a schedule in that slot."""
    raw = json.loads(schedule(named))
    spec = AgentScheduleSpec.model_validate(raw["spec"])
    owner = Owner(NAMESPACE, named, str(uuid.uuid4()))
    run = RunRequest(
        id=job_name(named, slot, 1),
        slot=slot,
        attempt=1,
        trigger="Schedule",
        budget=_DEFAULTS.max_budget_usd,
        asked_at=slot,
        restricted_operations=RESTRICTED_OPERATIONS,
    )
    return job_manifest(owner, spec, run, _DEFAULTS)


def jobs(number: int, slot: datetime) -> list[bytes]:
    """The Jobs of so many schedules."""
    return [encoded(job(name(index), slot)) for index in range(number)]


def cron_job(named: str, cron: str) -> bytes:
    """A CronJob that makes the same Jobs."""
    made = job(named, datetime.now(UTC))
    template = {
        "metadata": {key: made["metadata"][key] for key in ("labels", "annotations")},
        "spec": made["spec"],
    }
    spec = {"schedule": cron, "timeZone": "UTC", "concurrencyPolicy": "Forbid", "jobTemplate": template}
    body = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": named}, "spec": spec}
    return encoded(body)


def cron(at: datetime) -> str:
    """The cron expression of a full minute."""
    return f"{at.minute} {at.hour} {at.day} {at.month} *"
