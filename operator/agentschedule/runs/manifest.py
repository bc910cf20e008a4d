"""The Job of a run: from the schedule's spec, the slot and the operator's defaults."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from agentschedule.api.container import Agent
from agentschedule.api.fields import money_text, utc_text
from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import Previous, RunApproval, Trigger
from agentschedule.constants import (
    AGENT_CONTAINER,
    ANNOTATION_AGENT_RUN,
    ANNOTATION_AGENT_RUN_UID,
    ANNOTATION_ASKED_AT,
    ANNOTATION_ATTEMPT,
    ANNOTATION_BUDGET,
    ANNOTATION_CONTEXT,
    ANNOTATION_ITERATION,
    ANNOTATION_SCHEDULED_AT,
    ANNOTATION_TRIGGER,
    API_VERSION,
    CONTEXT_BYTES,
    CONTEXT_DIR,
    CONTEXT_FILE,
    INPUT_BYTES,
    LABEL_MANAGED_BY,
    LABEL_QUEUE_NAME,
    LABEL_SCHEDULE,
    LABEL_SCHEDULE_UID,
    MANAGER,
    RESULT_BYTES,
    RESULT_FILE,
    SESSION_DIR,
    SESSION_VOLUME,
)
from agentschedule.runs.allowed import allowed_notes
from agentschedule.runs.merge import overlay

JOB_DEADLINE_MARGIN = 1200
"""Seconds that the Job's own deadline lies after the pod's: time to be scheduled and to pull the image, and to stop."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the administrator's settings contribute to a Job."""

    active_deadline_seconds: int
    max_budget_usd: Decimal
    resources: dict[str, Any]
    run_as_user: int | None = 65532
    run_as_group: int | None = 65532


@dataclass(frozen=True, slots=True)
class Owner:
    """The schedule that a Job belongs to."""

    namespace: str
    name: str
    uid: str
    queue: str | None = None

    def reference(self) -> dict[str, Any]:
        """The owner reference of what belongs to it: the garbage collector deletes that with it."""
        return {
            "apiVersion": API_VERSION,
            "kind": "AgentSchedule",
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What makes one run's Job differ from another's of the same schedule.

    `budget` is what the run may cost in US dollars, None: the operator's ceiling. `max_tokens` is told to the agent
    where there is a limit. `iteration` counts scheduled runs from 1; it is told where the spec has a heartbeat.
    `asked_at` is when the operator's clock showed the run to be asked for; that clock may differ from the cluster's.
    """

    id: str
    slot: datetime
    attempt: int
    trigger: Trigger
    previous: Previous | None = None
    agent_run: str | None = None
    agent_run_uid: str | None = None
    input: str | None = None
    context: dict[str, Any] | None = None
    budget: Decimal | None = None
    max_tokens: int | None = None
    iteration: int | None = None
    asked_at: datetime | None = None
    capabilities: tuple[str, ...] = ()
    restricted_operations: tuple[str, ...] = ()
    approval: RunApproval | None = None
    policies: tuple[str, ...] = ()


def session_claim(schedule: str) -> str:
    """Name of the PersistentVolumeClaim that the runs of a schedule share."""
    return f"{schedule}-session"


def job_base(spec: AgentScheduleSpec, defaults: Defaults) -> dict[str, Any]:
    """The Job without what is a single run's: what `agent`, `jobTemplate` and the defaults give."""
    deadline = spec.active_deadline_seconds or defaults.active_deadline_seconds
    base = {
        "metadata": {},
        "spec": {"template": {"metadata": {}, "spec": _pod(spec.agent or Agent(), defaults, deadline)}},
    }
    return overlay(base, spec.job_template or {})


def job_manifest(
    owner: Owner, spec: AgentScheduleSpec, run: RunRequest, defaults: Defaults, base: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The Job as it is sent to the API server. `base` is what `job_base` has given, where that is known; used up."""
    deadline = spec.active_deadline_seconds or defaults.active_deadline_seconds
    merged = base if base is not None else job_base(spec, defaults)
    budget = defaults.max_budget_usd if run.budget is None else run.budget
    name = (spec.agent.name if spec.agent else None) or owner.name
    return _own(merged, owner, run, spec, deadline, budget, name)


def context_document(
    owner: Owner, spec: AgentScheduleSpec, run: RunRequest, deadline: int, budget: Decimal, agent: str
) -> str:
    """The context file: compact JSON in UTF-8."""
    background = run.trigger != "Manual"
    limits: dict[str, Any] = {
        "maxBudgetUSD": money_text(budget),
        "deadlineSeconds": deadline,
        "resultBytes": RESULT_BYTES,
    }
    if run.max_tokens is not None:
        limits["maxTokens"] = run.max_tokens
    document: dict[str, Any] = {
        "version": 1,
        "run": {
            "id": run.id,
            "schedule": owner.name,
            "namespace": owner.namespace,
            "agent": agent,
            "scheduledAt": utc_text(run.slot),
            "attempt": run.attempt,
            "trigger": run.trigger,
        },
        "input": run.input if run.input is not None else spec.input,
        "context": run.context if run.context is not None else (spec.context or {}),
        "limits": limits,
        "background": background,
        "restrictedOperations": list(run.restricted_operations),
        "capabilities": list(run.capabilities),
    }
    if run.previous is not None and spec.session.mode != "FullyEphemeral":
        document["previous"] = run.previous.to_json()
    if spec.heartbeat is not None and run.iteration is not None:
        document["heartbeat"] = {"iteration": run.iteration, **spec.heartbeat.to_json()}
    return compact(document)


def compact(value: object) -> str:
    """Compact JSON, not escaped to ASCII."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def oversized(input_text: str | None, context: dict[str, Any] | None) -> str | None:
    """What is wrong with the size of an input and context, counted in bytes as the API defines it."""
    if input_text is not None and len(input_text.encode(errors="replace")) > INPUT_BYTES:
        return f"spec.input is longer than {INPUT_BYTES} bytes of UTF-8"
    if context is not None:
        size = len(compact(context).encode(errors="replace"))
        if size > CONTEXT_BYTES:
            return f"spec.context has {size} bytes as compact JSON; at most {CONTEXT_BYTES} are handed to the agent"
    return None


def _pod(agent: Agent, defaults: Defaults, deadline: int) -> dict[str, Any]:
    identity = {
        "runAsUser": defaults.run_as_user,
        "runAsGroup": defaults.run_as_group,
        "fsGroup": defaults.run_as_group,
    }
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": deadline,
        "automountServiceAccountToken": agent.service_account_name is not None,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            **{key: value for key, value in identity.items() if value is not None},
        },
        "containers": [_container(agent, defaults)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    if agent.service_account_name is not None:
        pod["serviceAccountName"] = agent.service_account_name
    if agent.image_pull_secrets:
        pod["imagePullSecrets"] = [secret.to_json() for secret in agent.image_pull_secrets]
    return pod


def _container(agent: Agent, defaults: Defaults) -> dict[str, Any]:
    given = agent.to_json()
    taken = ("image", "imagePullPolicy", "command", "args", "env", "envFrom")
    return {
        "name": AGENT_CONTAINER,
        **{key: given[key] for key in taken if key in given},
        "resources": given.get("resources") or defaults.resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the pod's own emptyDir
    }


def _own(
    job: dict[str, Any],
    owner: Owner,
    run: RunRequest,
    spec: AgentScheduleSpec,
    deadline: int,
    budget: Decimal,
    agent: str,
) -> dict[str, Any]:
    """Set what belongs to the operator, last, so that no template can say otherwise."""
    template = job["spec"]["template"]
    pod = template["spec"]
    labels = {LABEL_MANAGED_BY: MANAGER, LABEL_SCHEDULE: owner.name, LABEL_SCHEDULE_UID: owner.uid}
    queue = {LABEL_QUEUE_NAME: owner.queue} if owner.queue else {}
    notes = {
        ANNOTATION_SCHEDULED_AT: utc_text(run.slot),
        ANNOTATION_TRIGGER: run.trigger,
        ANNOTATION_ATTEMPT: str(run.attempt),
        ANNOTATION_BUDGET: money_text(budget),
    }
    if run.asked_at is not None:
        notes[ANNOTATION_ASKED_AT] = utc_text(run.asked_at)
    if run.iteration is not None:
        notes[ANNOTATION_ITERATION] = str(run.iteration)
    if run.agent_run and run.agent_run_uid:
        notes |= {ANNOTATION_AGENT_RUN: run.agent_run, ANNOTATION_AGENT_RUN_UID: run.agent_run_uid}
    notes |= allowed_notes(run.approval, run.policies)
    document = context_document(owner, spec, run, deadline, budget, agent)
    shared = spec.session.mode == "SharedPersistent"
    environment = _environment(owner, run, deadline, budget, agent)
    mounts = [{"name": "agentschedule", "mountPath": CONTEXT_DIR, "readOnly": True}]
    volumes: list[dict[str, Any]] = [_CONTEXT_VOLUME]
    if shared:
        environment.append({"name": "AGENT_SESSION_DIR", "value": SESSION_DIR})
        mounts.append({"name": SESSION_VOLUME, "mountPath": SESSION_DIR})
        claim = {"claimName": session_claim(owner.name)}
        volumes.append({"name": SESSION_VOLUME, "persistentVolumeClaim": claim})
    agents = [c for c in pod["containers"] if c.get("name") == AGENT_CONTAINER]
    for container in agents:
        container["env"] = [*(container.get("env") or ()), *environment]
        container["terminationMessagePath"] = RESULT_FILE
        container["terminationMessagePolicy"] = "File"
        container["volumeMounts"] = _instead(container.get("volumeMounts"), mounts, "mountPath")
    pod["volumes"] = _instead(pod.get("volumes"), volumes, "name")
    metadata = template.get("metadata") or {}
    template["metadata"] = {
        **metadata,
        "labels": {**(metadata.get("labels") or {}), **labels},
        "annotations": {**(metadata.get("annotations") or {}), **notes, ANNOTATION_CONTEXT: document},
    }
    given = job.get("metadata") or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": run.id,
            "namespace": owner.namespace,
            "labels": {**(given.get("labels") or {}), **queue, **labels},
            "annotations": {**(given.get("annotations") or {}), **notes},
            "ownerReferences": [owner.reference()],
        },
        "spec": {**job["spec"], "backoffLimit": 0, "activeDeadlineSeconds": deadline + JOB_DEADLINE_MARGIN},
    }


_CONTEXT_VOLUME = {
    "name": "agentschedule",
    "downwardAPI": {
        "items": [{"path": "context.json", "fieldRef": {"fieldPath": f"metadata.annotations['{ANNOTATION_CONTEXT}']"}}]
    },
}


def _instead(given: list[dict[str, Any]] | None, own: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """A list with our own entries, and without others that have the same key."""
    taken = {entry[key] for entry in own}
    return [*(entry for entry in given or () if entry.get(key) not in taken), *own]


def _environment(owner: Owner, run: RunRequest, deadline: int, budget: Decimal, agent: str) -> list[dict[str, str]]:
    values = {
        "AGENT_RUN_ID": run.id,
        "AGENT_SCHEDULE": owner.name,
        "AGENT_NAMESPACE": owner.namespace,
        "AGENT_NAME": agent,
        "AGENT_SCHEDULED_AT": utc_text(run.slot),
        "AGENT_ATTEMPT": str(run.attempt),
        "AGENT_TRIGGER": run.trigger,
        "AGENT_MAX_BUDGET_USD": money_text(budget),
        "AGENT_DEADLINE_SECONDS": str(deadline),
        "AGENT_CONTEXT_FILE": CONTEXT_FILE,
        "AGENT_RESULT_FILE": RESULT_FILE,
    }
    return [{"name": name, "value": value} for name, value in values.items()]
