"""May this run start? Each rule is one small function; the first that says no is told, in words to act on."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from agentschedule.api.approval import MOST_APPROVER_SETS, Subject
from agentschedule.api.policy import Exempt, Grant, RunPolicy
from agentschedule.policy.effective import Bound, Effective
from agentschedule.timing import TimingError, load_zone


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to start: what the schedule asks of policies, and what its pod is.

    `authors` have written it; `unknown_author` says why that is not known for certain. `unprotected` says why decisions
    of approvers could be forged. `pin` is the verified AgentPin's DOMAIN/NAME; `pin_problem` says why it has none.
    """

    policy: RunPolicy
    images: tuple[str, ...]
    service_account: str
    manual: bool = False
    authors: tuple[str, ...] = ()
    unknown_author: str | None = None
    unprotected: str | None = None
    pin: str | None = None
    pin_problem: str | None = None


@dataclass(frozen=True, slots=True)
class Allow:
    """It may, with these capabilities and without these operations."""

    capabilities: tuple[str, ...] = ()
    restricted_operations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deny:
    """It may not: the rule that says so, and why."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class RequireApproval:
    """It may when a person says so, who must be in each of these sets of approvers. `by` demands it."""

    by: str
    approvers: tuple[Bound[tuple[Subject, ...]], ...]
    authors: tuple[str, ...]
    author_may_approve: bool


Decision = Allow | Deny | RequireApproval

APPROVAL = "requireApproval"
PIN = "requireAgentPin"
_AUTHOR_ADVICE = (
    "enable the admission webhook, put the annotation agentschedule.dev/created-by (after an edit also changed-by) with"
    " your own user name on it, or set authorMayApprove in an AgentPolicy"
)


def evaluate(asked: Asked, policies: Effective, now: datetime) -> Decision:
    """Decide about one start at `now` (aware)."""
    allowed = evaluate_approved(asked, policies, now)
    return allowed if isinstance(allowed, Deny) else needs_approval(asked, policies) or allowed


def evaluate_approved(asked: Asked, policies: Effective, now: datetime) -> Allow | Deny:
    """The same of a start that needs no approval, or has one."""
    for name, rule in RULES.items():
        reason = rule(asked, policies, now)
        if reason is not None:
            return Deny(name, reason)
    return allowance_of(asked, policies)


def needs_approval(asked: Asked, policies: Effective) -> RequireApproval | Deny | None:
    """Whom to ask for an approval; that there is nobody who could be asked and believed; or None: it needs none."""
    by = demands_approval(asked, policies)
    return None if by is None else _by_a_person(asked, policies, by)


def allowance_of(asked: Asked, policies: Effective) -> Allow:
    """What a run gets that may start."""
    restricted = policies.restricted_operations.value if not asked.manual or policies.restricts_manual else ()
    return Allow(capabilities(asked, policies), restricted)


def is_known(asked: Asked, policies: Effective, now: datetime) -> str | None:
    """Every policy can be read: else nobody knows what is forbidden."""
    del asked, now
    return f"a policy cannot be read: {policies.unreadable[0]}" if policies.unreadable else None


def in_hours(asked: Asked, policies: Effective, now: datetime) -> str | None:
    """`allowedHours`: by the wall clock of their zone, over midnight too."""
    del policies
    hours = asked.policy.allowed_hours
    if hours is None:
        return None
    try:
        zone = load_zone(hours.time_zone)
    except TimingError as error:
        return f"allowedHours cannot be read: {error}"
    local = f"{now.astimezone(zone):%H:%M}"
    start, end = hours.start, hours.end
    inside = start <= local < end if start < end else local >= start or local < end
    return None if inside else f"allowed hours {start}–{end} {hours.time_zone}, now {local}"


def in_environment(asked: Asked, policies: Effective, now: datetime) -> str | None:
    """`allowedEnvironments`."""
    del now
    wanted = asked.policy.allowed_environments
    if wanted is None:
        return None
    if not policies.environments:
        return f"allowed environments {_list(wanted)}, but no AgentPolicy says which environment this namespace is"
    for environment in policies.environments:
        if environment.value not in wanted:
            return f"allowed environments {_list(wanted)}, here {environment.value} ({environment.by})"
    return None


def has_allowed_images(asked: Asked, policies: Effective, now: datetime) -> str | None:
    """`allowedImages` of every policy that has it, for every image of the pod."""
    del now
    for allowed in policies.allowed_images:
        for image in asked.images:
            if not matches(image, allowed.value):
                return f"image {image} is none of those that {allowed.by} allows: {_list(allowed.value) or 'none'}"
    return None


def has_capabilities(asked: Asked, policies: Effective, now: datetime) -> str | None:
    """`requireCapabilities`."""
    del now
    wanted = asked.policy.require_capabilities or []
    lacking = [name for name in wanted if name not in capabilities(asked, policies)]
    if not lacking:
        return None
    who = f"service account {asked.service_account} and image {_list(asked.images)}"
    return f"required capabilities {_list(lacking)} are not granted to {who} by any AgentPolicy"


def has_pin(asked: Asked, policies: Effective, now: datetime) -> str | None:
    """`requireAgentPin`: an AgentPin was verified just now."""
    del now
    by = demands_pin(asked, policies)
    if by is None or asked.pin is not None:
        return None
    if asked.policy.agent_pin is None:
        return f"{by} demands an AgentPin: name its Secret and domain in spec.policy.agentPin"
    return f"the AgentPin does not verify: {asked.pin_problem or 'it was not looked at'}"


RULES = {
    "readable": is_known,
    "allowedHours": in_hours,
    "allowedEnvironments": in_environment,
    "allowedImages": has_allowed_images,
    PIN: has_pin,
    "requireCapabilities": has_capabilities,
}
"""In the order in which they are asked, by the name of the field that they are of."""


def demands_approval(asked: Asked, policies: Effective) -> str | None:
    """Who demands that a person approves: the schedule itself, or a policy from which it is not exempt."""
    if asked.policy.require_approval is not None:
        return "spec.policy.requireApproval"
    for exempt in policies.approvals:
        if not (asked.manual and exempt.value.manual_runs) and not is_exempt(asked, exempt.value):
            return exempt.by
    return None


def demands_pin(asked: Asked, policies: Effective) -> str | None:
    """Who demands an AgentPin: the schedule itself, or a policy from which it is not exempt."""
    if asked.policy.require_agent_pin:
        return "spec.policy.requireAgentPin"
    return next((exempt.by for exempt in policies.pins if not is_exempt(asked, exempt.value)), None)


def is_exempt(asked: Asked, exempt: Exempt) -> bool:
    """Whether a policy makes an exception of an agent: for its service account, or for all its images."""
    if asked.service_account in (exempt.service_accounts or ()):
        return True
    return bool(exempt.images and asked.images) and all(matches(i, exempt.images or ()) for i in asked.images)


def _by_a_person(asked: Asked, policies: Effective, by: str) -> RequireApproval | Deny:
    if asked.unprotected is not None:
        return Deny(APPROVAL, f"{by} demands an approval, but no decision can be trusted: {asked.unprotected}")
    if not policies.approvers:
        return Deny(APPROVAL, f"{by} demands an approval, but no AgentPolicy for this namespace names approvers")
    if len(policies.approvers) > MOST_APPROVER_SETS:
        return Deny(APPROVAL, f"more than {MOST_APPROVER_SETS} AgentPolicies name approvers: let fewer do so")
    if asked.unknown_author is not None and not policies.author_may_approve:
        return Deny(
            APPROVAL,
            f"{by} demands an approval by somebody else than the author, but nobody knows who wrote this:"
            f" {asked.unknown_author}; {_AUTHOR_ADVICE}",
        )
    return RequireApproval(by, policies.approvers, asked.authors, policies.author_may_approve)


def capabilities(asked: Asked, policies: Effective) -> tuple[str, ...]:
    """What is granted: by each policy that has grants, one of them at least."""
    granted = [
        {name for grant in bound.value if _applies(grant, asked) for name in grant.capabilities}
        for bound in policies.grants
    ]
    return tuple(sorted(set.intersection(*granted))) if granted else ()


def matches(image: str, patterns: Iterable[str]) -> bool:
    """Whether an image matches one of the patterns, in which `*` stands for any characters."""
    return any(_pattern(pattern).fullmatch(image) for pattern in patterns)


def _applies(grant: Grant, asked: Asked) -> bool:
    if grant.service_accounts is None and grant.images is None and grant.agent_pin_issuers is None:
        return False
    if grant.agent_pin_issuers is not None and not _is_issued_by(asked.pin, grant.agent_pin_issuers):
        return False
    if grant.service_accounts is not None and asked.service_account not in grant.service_accounts:
        return False
    return grant.images is None or all(matches(image, grant.images) for image in asked.images)


def _is_issued_by(pin: str | None, issuers: Iterable[str]) -> bool:
    return pin is not None and any(issuer in (pin, f"{pin.partition('/')[0]}/*") for issuer in issuers)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
