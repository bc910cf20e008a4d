"""The gate: each rule, and the order in which they are told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from agentschedule.api.policy import AgentPolicySpec, RunPolicy
from agentschedule.policy.effective import Ceilings, Policy, effective
from agentschedule.policy.gate import Allow, Asked, Decision, Deny, evaluate, matches

NOW = datetime(2026, 11, 23, 5, 12, tzinfo=UTC)
CEILINGS = Ceilings(timedelta(minutes=1), Decimal(10), 86400, ("send_email",))
IMAGE = "registry.example.com/team/agent:1.4"


def decide(
    policies: list[dict[str, Any]] | None = None,
    *,
    images: tuple[str, ...] = (IMAGE,),
    account: str = "default",
    manual: bool = False,
    now: datetime = NOW,
    **asked: Any,
) -> Decision:
    read = [Policy(f"p{n}", AgentPolicySpec.read(spec)) for n, spec in enumerate(policies or [])]
    subject = Asked(RunPolicy.read(asked), images, account, manual=manual)
    return evaluate(subject, effective(read, "team-a", {}, CEILINGS), now)


def test_what_nobody_forbids_is_allowed() -> None:
    assert decide() == Allow((), ("send_email",))


def test_a_manual_run_is_restricted_by_policies_only() -> None:
    assert decide(manual=True) == Allow((), ())
    assert decide([{"restrictedOperations": ["pay"]}], manual=True) == Allow((), ("pay",))


@pytest.mark.parametrize(
    ("start", "end", "zone", "inside"),
    [
        ("05:00", "06:00", "UTC", True),
        ("05:12", "05:13", "UTC", True),
        ("05:00", "05:12", "UTC", False),
        ("22:00", "04:00", "UTC", False),
        ("22:00", "06:00", "UTC", True),
        ("22:00", "24:00", "UTC", False),
        ("00:00", "24:00", "UTC", True),
        ("14:00", "15:00", "Asia/Tokyo", True),
        ("05:00", "06:00", "Asia/Tokyo", False),
    ],
)
def test_allowed_hours(start: str, end: str, zone: str, inside: bool) -> None:
    found = decide(allowedHours={"start": start, "end": end, "timeZone": zone})
    assert isinstance(found, Allow) is inside


def test_a_denial_says_what_a_person_can_act_on() -> None:
    found = decide(allowedHours={"start": "22:00", "end": "04:00"})
    assert found == Deny("allowedHours", "allowed hours 22:00–04:00 UTC, now 05:12")


def test_hours_that_cannot_be_read_allow_nothing() -> None:
    found = decide(allowedHours={"start": "00:00", "end": "24:00", "timeZone": "Europe/Berln"})
    assert isinstance(found, Deny)
    assert "Europe/Berlin" in found.reason


@pytest.mark.parametrize(
    ("policies", "reason"),
    [
        ([], "allowed environments staging, but no AgentPolicy says which environment this namespace is"),
        ([{"environment": "production"}], "allowed environments staging, here production (AgentPolicy p0)"),
        ([{"environment": "staging"}], None),
        (
            [{"environment": "staging"}, {"environment": "production"}],
            "allowed environments staging, here production (AgentPolicy p1)",
        ),
    ],
)
def test_allowed_environments(policies: list[dict[str, Any]], reason: str | None) -> None:
    found = decide(policies, allowedEnvironments=["staging"])
    assert (found.reason if isinstance(found, Deny) else None) == reason


@pytest.mark.parametrize(
    ("image", "pattern", "wanted"),
    [
        (IMAGE, "registry.example.com/team/*", True),
        (IMAGE, "registry.example.com/team/agent:*", True),
        (IMAGE, IMAGE, True),
        (IMAGE, "registry.example.com/other/*", False),
        (IMAGE, "registry.example.com/team/agent", False),
        ("registryXexample.com/team/agent", "registry.example.com/*", False),
        ("evil.example.com/registry.example.com/team/agent", "registry.example.com/*", False),
        ("registry.example.com/team/agent\nevil", "registry.example.com/team/agent", False),
        ("registry.example.com/team/[a]", "registry.example.com/team/[a]", True),
    ],
)
def test_image_patterns(image: str, pattern: str, wanted: bool) -> None:
    assert matches(image, [pattern]) is wanted


def test_every_image_of_the_pod_must_be_allowed_by_every_policy() -> None:
    mine = {"allowedImages": ["registry.example.com/team/*"]}
    assert isinstance(decide([mine]), Allow)
    found = decide([mine], images=(IMAGE, "registry.example.com/side/car"))
    assert found == Deny(
        "allowedImages",
        "image registry.example.com/side/car is none of those that AgentPolicy p0 allows: registry.example.com/team/*",
    )
    assert isinstance(decide([mine, {"allowedImages": []}]), Deny)


def grant(*capabilities: str, **to: Any) -> dict[str, Any]:
    return {"grants": [{"name": "g", "capabilities": list(capabilities), **to}]}


def test_capabilities_are_granted_by_service_account_and_image_together() -> None:
    both = grant("pay", serviceAccounts=["payer"], images=["registry.example.com/team/*"])
    assert decide([both], account="payer") == Allow(("pay",), ("send_email",))
    assert decide([both], account="other") == Allow((), ("send_email",))
    assert decide([both], account="payer", images=(IMAGE, "x.example.com/y")) == Allow((), ("send_email",))


def test_a_grant_to_nobody_grants_nothing() -> None:
    assert decide([grant("pay")]) == Allow((), ("send_email",))


def test_policies_with_grants_must_all_grant() -> None:
    wide = grant("pay", "browse", images=["registry.example.com/*"])
    narrow = grant("browse", images=["registry.example.com/*"])
    assert decide([wide, narrow, {}]) == Allow(("browse",), ("send_email",))


def test_required_capabilities_that_are_lacking_are_named() -> None:
    found = decide([grant("browse", images=["registry.example.com/*"])], requireCapabilities=["browse", "pay"])
    assert isinstance(found, Deny)
    assert found.rule == "requireCapabilities"
    assert "required capabilities pay are not granted to service account default" in found.reason
    assert isinstance(decide([grant("pay", serviceAccounts=["default"])], requireCapabilities=["pay"]), Allow)
