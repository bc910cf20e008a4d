"""The AgentApproval of a run: what an approver is shown, and a digest of all that was asked for."""

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from agentschedule.api.agentrun import AgentRunSpec
from agentschedule.api.approval import MOST_AUTHORS, AgentApprovalSpec, ApproverSet
from agentschedule.api.policy import Approval, RunPolicy
from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import AwaitedRun
from agentschedule.constants import API_VERSION, LABEL_MANAGED_BY, LABEL_SCHEDULE, LABEL_SCHEDULE_UID, MANAGER
from agentschedule.policy.gate import Allow, Asked, RequireApproval
from agentschedule.runs.manifest import Owner
from agentschedule.timing import parse_duration

_NOT_WHAT_RUNS: Final = {"suspend"}
"""Fields of the spec that may change without making an approval void: they do not change what runs, or when."""


def expires_after(policy: RunPolicy | None) -> timedelta:
    """How long a run waits for a decision."""
    given = policy.require_approval if policy is not None else None
    return parse_duration((given or Approval()).expires_after, "spec.policy.requireApproval.expiresAfter")


def request_digest(
    spec: AgentScheduleSpec | None,
    needed: RequireApproval,
    allow: Allow,
    *,
    deadline: int,
    images: Sequence[str],
    request: AgentRunSpec | None,
) -> str:
    """SHA-256 of what an approval is asked for: the spec, an AgentRun's own, what is granted, and who may approve.

    Fields at their default do not enter it, so that one that is added to the spec later leaves old digests alone.
    """
    asked = {
        "spec": _json(spec, _NOT_WHAT_RUNS),
        "request": _json(request, set()),
        "deadline": deadline,
        "images": list(images),
        "capabilities": list(allow.capabilities),
        "restricted": list(allow.restricted_operations),
        "approvers": _approvers(needed),
        "authors": list(needed.authors),
        "authorMayApprove": needed.author_may_approve,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def approval_manifest(  # noqa: PLR0913 - one parameter for each thing that is shown
    owner: Owner,
    spec: AgentScheduleSpec,
    waiting: AwaitedRun,
    needed: RequireApproval,
    *,
    question: Asked,
    capabilities: Sequence[str],
    budget: Decimal,
    deadline: int,
    agent_run: str | None = None,
    input_text: str | None = None,
) -> dict[str, Any]:
    """The AgentApproval as it is sent to the API server. `budget` is in US dollars, `deadline` in seconds."""
    shown = AgentApprovalSpec(
        schedule_name=owner.name,
        run_id=waiting.name,
        scheduled_at=waiting.slot,
        attempt=waiting.attempt,
        trigger=waiting.trigger,
        agent_run=agent_run,
        agent=((spec.agent.name if spec.agent else None) or owner.name)[:253],
        images=[image[:512] for image in question.images[:20]],
        service_account=question.service_account[:253],
        input=input_text if input_text is not None else spec.input,
        budget_usd=budget,
        deadline_seconds=deadline,
        capabilities=list(capabilities[:100]),
        digest=waiting.digest,
        required_by=needed.by[:253],
        approvers=[ApproverSet(policy=one["policy"], subjects=one["subjects"]) for one in _approvers(needed)],
        authors=list(needed.authors[:MOST_AUTHORS]),
        author_may_approve=needed.author_may_approve,
        expires_at=waiting.expires_at,
    )
    labels = {LABEL_MANAGED_BY: MANAGER, LABEL_SCHEDULE: owner.name, LABEL_SCHEDULE_UID: owner.uid}
    return {
        "apiVersion": API_VERSION,
        "kind": "AgentApproval",
        "metadata": {
            "name": waiting.name,
            "namespace": owner.namespace,
            "labels": labels,
            "ownerReferences": [owner.reference()],
        },
        "spec": shown.to_json(),
    }


def _approvers(needed: RequireApproval) -> list[dict[str, Any]]:
    return [{"policy": one.by, "subjects": [subject.to_json() for subject in one.value]} for one in needed.approvers]


def _json(model: AgentScheduleSpec | AgentRunSpec | None, without: set[str]) -> Any:
    if model is None:
        return None
    return model.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=without)
