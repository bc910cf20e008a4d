"""What is kept of a Job or pod: the fields that decisions need, read from the API server's raw JSON."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from agentschedule.api.status import RunApproval
from agentschedule.constants import (
    AGENT_CONTAINER,
    ANNOTATION_AGENT_RUN,
    ANNOTATION_AGENT_RUN_UID,
    ANNOTATION_ASKED_AT,
    ANNOTATION_ATTEMPT,
    ANNOTATION_BUDGET,
    ANNOTATION_ITERATION,
    ANNOTATION_KEEP,
    ANNOTATION_SCHEDULED_AT,
    ANNOTATION_STOPPED,
    ANNOTATION_TRIGGER,
    LABEL_JOB_NAME,
    LABEL_SCHEDULE,
    LABEL_SCHEDULE_UID,
)
from agentschedule.runs.allowed import read_approval, read_policies
from agentschedule.runs.names import parse_time

MOST_ATTEMPTS = 100
"""Of one run, as its entry in the status has it."""

_MOST_ITERATIONS = 10**9
_CONTAINERS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_MONEY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A Job of ours; two that say the same are equal, whatever their versions.

    `finished` is None until it has ended, then "Complete" or "Failed".

    `budget` is what was set aside for it, in US dollars; `iteration` the count of the scheduled run, where it was told.
    `started_at` is when the cluster took it up, `suspended` whether a queue system holds it back.
    """

    namespace: str
    name: str
    uid: str
    version: int = field(compare=False)
    schedule: str
    schedule_uid: str
    slot: datetime
    attempt: int
    trigger: str
    created: datetime
    finished: str | None = None
    finished_at: datetime | None = None
    reason: str | None = None
    message: str | None = None
    deleting: bool = False
    stopped: str | None = None
    agent_run: str | None = None
    agent_run_uid: str | None = None
    keep: bool = False
    budget: Decimal | None = None
    iteration: int | None = None
    asked_at: datetime | None = None
    started_at: datetime | None = None
    suspended: bool = False
    approval: RunApproval | None = None
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A pod of a Job of ours, with what its agent container said when it ended.

    `others_started`: another container of it has started, for instance an init container.
    """

    namespace: str
    name: str
    uid: str
    version: int = field(compare=False)
    job: str
    job_uid: str
    schedule: str
    schedule_uid: str
    phase: str
    created: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    reason: str | None = None
    message: str | None = None
    result: str | None = None
    waiting: tuple[str, str] | None = None
    disrupted: bool = False
    deleted_at: datetime | None = None
    keep: bool = False
    others_started: bool = False

    @property
    def ended(self) -> bool:
        """Whether all its containers have ended for good."""
        return self.phase in {"Succeeded", "Failed"}

    @property
    def ever_started(self) -> bool:
        """Whether any container of it has ever run."""
        return self.started_at is not None or self.others_started or self.phase in {"Running", "Succeeded"}


def version_number(text: str) -> int:
    """A resourceVersion as a number; versions of one kind are compared, as the API server documents."""
    return int(text) if text.isdigit() else 0


def version_of(raw: dict[str, Any]) -> int:
    """An object's resourceVersion."""
    return version_number(raw.get("metadata", {}).get("resourceVersion", ""))


def job_facts(raw: dict[str, Any]) -> JobFacts:
    """Read a Job. Fields that somebody has taken away get harmless values."""
    meta = raw["metadata"]
    notes = meta.get("annotations") or {}
    labels = meta.get("labels") or {}
    created = parse_time(meta.get("creationTimestamp")) or _EPOCH
    status = raw.get("status") or {}
    ended = next(
        (
            c
            for c in status.get("conditions") or ()
            if c.get("type") in {"Complete", "Failed"} and c.get("status") == "True"
        ),
        None,
    )
    return JobFacts(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        version=version_of(raw),
        schedule=labels.get(LABEL_SCHEDULE, ""),
        schedule_uid=labels.get(LABEL_SCHEDULE_UID, ""),
        slot=parse_time(notes.get(ANNOTATION_SCHEDULED_AT)) or created,
        attempt=_attempt(notes.get(ANNOTATION_ATTEMPT)),
        trigger=notes.get(ANNOTATION_TRIGGER, "Schedule"),
        created=created,
        finished=ended["type"] if ended else None,
        finished_at=parse_time(ended.get("lastTransitionTime")) if ended else None,
        reason=ended.get("reason") if ended else None,
        message=ended.get("message") if ended else None,
        deleting="deletionTimestamp" in meta,
        stopped=notes.get(ANNOTATION_STOPPED),
        agent_run=notes.get(ANNOTATION_AGENT_RUN),
        agent_run_uid=notes.get(ANNOTATION_AGENT_RUN_UID),
        keep=notes.get(ANNOTATION_KEEP) == "true",
        budget=_money(notes.get(ANNOTATION_BUDGET)),
        iteration=_iteration(notes.get(ANNOTATION_ITERATION)),
        asked_at=parse_time(notes.get(ANNOTATION_ASKED_AT)),
        started_at=parse_time(status.get("startTime")),
        suspended=(raw.get("spec") or {}).get("suspend") is True,
        approval=read_approval(notes),
        policies=read_policies(notes),
    )


def pod_facts(raw: dict[str, Any]) -> PodFacts:
    """Read a pod."""
    meta = raw["metadata"]
    labels = meta.get("labels") or {}
    status = raw.get("status") or {}
    containers = [c for kind in _CONTAINERS for c in status.get(kind) or ()]
    agent: dict[str, Any] = next(
        (c for c in status.get("containerStatuses") or () if c.get("name") == AGENT_CONTAINER), {}
    )
    ended = (agent.get("state") or {}).get("terminated") or {}
    ran = ended if _started(agent) else {}  # a container that was never made ends too: with the runtime's words
    owner: dict[str, Any] = next((o for o in meta.get("ownerReferences") or () if o.get("kind") == "Job"), {})
    return PodFacts(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        version=version_of(raw),
        job=labels.get(LABEL_JOB_NAME, owner.get("name", "")),
        job_uid=labels.get("batch.kubernetes.io/controller-uid", owner.get("uid", "")),
        schedule=labels.get(LABEL_SCHEDULE, ""),
        schedule_uid=labels.get(LABEL_SCHEDULE_UID, ""),
        phase=status.get("phase", "Pending"),
        created=parse_time(meta.get("creationTimestamp")) or _EPOCH,
        started_at=_started(agent),
        finished_at=parse_time(ran.get("finishedAt")),
        exit_code=ran.get("exitCode"),
        reason=status.get("reason") or ended.get("reason"),
        message=status.get("message") or (None if ran else ended.get("message")),
        result=ran.get("message"),
        others_started=any(_started(c) for c in containers if c is not agent),
        waiting=_waiting(status),
        disrupted=_condition(status, "DisruptionTarget", "True") is not None,
        deleted_at=_deletion(meta),
        keep=(meta.get("annotations") or {}).get(ANNOTATION_KEEP) == "true",
    )


def job_of_pod(raw: dict[str, Any]) -> JobFacts:
    """What a pod tells of its Job, when that is gone: pods carry the same notes."""
    pod = pod_facts(raw)
    notes = raw["metadata"].get("annotations") or {}
    return JobFacts(
        namespace=pod.namespace,
        name=pod.job,
        uid=pod.job_uid,
        version=0,
        schedule=pod.schedule,
        schedule_uid=pod.schedule_uid,
        slot=parse_time(notes.get(ANNOTATION_SCHEDULED_AT)) or pod.created,
        attempt=_attempt(notes.get(ANNOTATION_ATTEMPT)),
        trigger=notes.get(ANNOTATION_TRIGGER, "Schedule"),
        created=pod.created,
        agent_run=notes.get(ANNOTATION_AGENT_RUN),
        agent_run_uid=notes.get(ANNOTATION_AGENT_RUN_UID),
        budget=_money(notes.get(ANNOTATION_BUDGET)),
        iteration=_iteration(notes.get(ANNOTATION_ITERATION)),
        asked_at=parse_time(notes.get(ANNOTATION_ASKED_AT)),
        approval=read_approval(notes),
        policies=read_policies(notes),
    )


def _started(container: dict[str, Any]) -> datetime | None:
    """When a container started. Runtimes give one that could not be started the beginning of all time."""
    state = container.get("state") or {}
    at = parse_time(((state.get("terminated") or state.get("running")) or {}).get("startedAt"))
    if at is None:
        at = parse_time(((container.get("lastState") or {}).get("terminated") or {}).get("startedAt"))
    return at if at is not None and at > _EPOCH else None


def _deletion(meta: dict[str, Any]) -> datetime | None:
    """When the deletion was asked for: deletionTimestamp lies a grace period after that."""
    at = parse_time(meta.get("deletionTimestamp"))
    return at - timedelta(seconds=meta.get("deletionGracePeriodSeconds") or 0) if at else None


def _condition(status: dict[str, Any], kind: str, value: str) -> dict[str, Any] | None:
    return next((c for c in status.get("conditions") or () if c.get("type") == kind and c.get("status") == value), None)


def _waiting(status: dict[str, Any]) -> tuple[str, str] | None:
    """Reason and message of what a pod waits for, when that is more than just starting."""
    unscheduled = _condition(status, "PodScheduled", "False")
    if unscheduled:
        return unscheduled.get("reason", "Unschedulable"), unscheduled.get("message", "")
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in {None, "ContainerCreating", "PodInitializing"}:
            return waiting["reason"], waiting.get("message", "")
    return None


def _attempt(text: str | None) -> int:
    """The number of an attempt. What somebody else has written there is the first."""
    number = _number(text) or 1
    return number if 1 <= number <= MOST_ATTEMPTS else 1


def _iteration(text: str | None) -> int | None:
    """Which scheduled run this is. None for what somebody else has written there."""
    number = _number(text)
    return number if number is not None and number <= _MOST_ITERATIONS else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 10 else None


def _money(text: str | None) -> Decimal | None:
    """An amount as we write it. None for what somebody else has written there."""
    return Decimal(text) if text and _MONEY.fullmatch(text) else None
