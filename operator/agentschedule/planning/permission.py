"""What administrators' policies say of a start."""

from typing import Any

from agentschedule.api.policy import RunPolicy
from agentschedule.planning.draft import Draft
from agentschedule.policy.gate import Asked, Decision, evaluate

_NOTHING_ASKED = RunPolicy()


def permission(draft: Draft, base: dict[str, Any], *, manual: bool) -> Decision:
    """May a run with this Job start now? The Job is as the API server will get it, but for what is a single run's."""
    spec = draft.observed.schedule.spec
    return evaluate(asked((spec.policy if spec else None), base, manual=manual), draft.policy, draft.now)


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


def _images(pod: dict[str, Any]) -> list[str]:
    """Every image that the pod would run or mount."""
    containers = [*(pod.get("initContainers") or ()), *(pod.get("containers") or ())]
    mounted = [volume["image"].get("reference") for volume in pod.get("volumes") or () if volume.get("image")]
    return [str(image) for image in dict.fromkeys([*(c.get("image") for c in containers), *mounted]) if image]
