"""What administrators' policies are asked of a start."""

from typing import Any

from agentschedule.api.policy import RunPolicy
from agentschedule.planning.draft import Draft
from agentschedule.planning.observed import Request
from agentschedule.policy.gate import Asked

_NOTHING_ASKED = RunPolicy()


def question(draft: Draft, base: dict[str, Any], request: Request | None) -> Asked:
    """May a run with this Job start now? The Job is as the API server will get it, but for what is a single run's."""
    spec = draft.observed.schedule.spec
    plain = asked((spec.policy if spec else None), base, manual=request is not None)
    if plain.policy.require_approval is None and not draft.policy.approvals:
        return plain
    return _with_authors(draft, plain, request)


def asked(policy: RunPolicy | None, base: dict[str, Any], *, manual: bool) -> Asked:
    """What policies are asked about a Job."""
    pod = base["spec"]["template"]["spec"]
    return Asked(
        policy=policy or _NOTHING_ASKED,
        images=tuple(_images(pod)),
        # The second is the old name of the first, which Kubernetes still takes.
        service_account=pod.get("serviceAccountName") or pod.get("serviceAccount") or "default",
        manual=manual,
    )


def _with_authors(draft: Draft, plain: Asked, request: Request | None) -> Asked:
    """The same, with who wrote what would run. What is said of that counts where an admission policy has proved it."""
    schedule, guard = draft.observed.schedule, draft.observed.protection
    authors, unknown = schedule.authors or (), None
    if guard.authors.problem is not None:
        unknown = guard.authors.problem
    elif schedule.authors is None:
        unknown = "it does not say who created it, or who changed it last"
    elif guard.authors.known and not guard.authors.covers(schedule.created):
        unknown = "it is older than the admission policy that proves who wrote it: create it anew"
    if request is not None and request.created_by is not None:
        authors = tuple(dict.fromkeys([*authors, request.created_by]))
    own = request is not None and (request.spec.input is not None or request.spec.context is not None)
    if request is not None and own and unknown is None:
        if request.created_by is None:
            unknown = f"AgentRun {request.name} has an input or context of its own and does not say who created it"
        elif guard.authors.known and not guard.authors.covers(request.created):
            unknown = f"AgentRun {request.name} is older than the admission policy that proves who created it"
    return Asked(
        plain.policy,
        plain.images,
        plain.service_account,
        plain.manual,
        authors=authors,
        unknown_author=unknown,
        unprotected=guard.approvals.problem,
    )


def _images(pod: dict[str, Any]) -> list[str]:
    """Every image that the pod would run or mount."""
    containers = [*(pod.get("initContainers") or ()), *(pod.get("containers") or ())]
    mounted = [volume["image"].get("reference") for volume in pod.get("volumes") or () if volume.get("image")]
    return [str(image) for image in dict.fromkeys([*(c.get("image") for c in containers), *mounted]) if image]
