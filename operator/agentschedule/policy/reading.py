"""AgentPolicies read: out of the cluster, or out of a file."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from agentschedule.api.policy import AgentPolicySpec
from agentschedule.policy.effective import Policy
from agentschedule.policy.reach import networks
from agentschedule.timing import TimingError, parse_duration


def read_policy(raw: Mapping[str, Any]) -> Policy:
    """An AgentPolicy. One that cannot be read says so, and allows nothing."""
    name = raw["metadata"]["name"]
    try:
        spec = AgentPolicySpec.read(raw.get("spec") or {})
        if spec.limits.min_interval is not None:
            parse_duration(spec.limits.min_interval, "spec.limits.minInterval")
        networks(spec.delivery.private_networks or ())
    except (ValidationError, TimingError, ValueError) as error:
        return Policy(name, AgentPolicySpec(), problem=_short(error))
    return Policy(name, spec)


def _short(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"spec.{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
