"""Who has to be asked for an approval, and whom several policies let answer."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agentschedule.api.policy import AgentPolicySpec, RunPolicy
from agentschedule.planning.observed import DEFAULT_SETTINGS
from agentschedule.policy.effective import Effective, Policy, effective
from agentschedule.policy.gate import Allow, Asked, Deny, RequireApproval, evaluate

NOW = datetime(2026, 11, 22, 5, 12, tzinfo=UTC)
ALICE, SRE = {"kind": "User", "name": "alice"}, {"kind": "Group", "name": "sre"}


def rules(*specs: dict[str, Any]) -> Effective:
    policies = [Policy(f"p{n}", AgentPolicySpec.read(spec)) for n, spec in enumerate(specs)]
    return effective(policies, "team", {}, DEFAULT_SETTINGS.policy_ceilings())


def ask(policies: Effective, spec: dict[str, Any] | None = None, **given: Any) -> Allow | Deny | RequireApproval:
    defaults: dict[str, Any] = {
        "images": ("registry.example.com/a:1",),
        "service_account": "payer",
        "authors": ("bob",),
    }
    return evaluate(Asked(policy=RunPolicy.read(spec or {}), **{**defaults, **given}), policies, NOW)


def test_no_policy_demands_anything() -> None:
    assert isinstance(ask(rules({"approvers": [ALICE]})), Allow)


def test_who_decides_must_be_in_the_set_of_each_policy() -> None:
    found = ask(rules({"requireApproval": True, "approvers": [ALICE]}, {"approvers": [SRE]}))
    assert isinstance(found, RequireApproval)
    assert found.by == "AgentPolicy p0"
    assert [(one.by, [s.name for s in one.value]) for one in found.approvers] == [("p0", ["alice"]), ("p1", ["sre"])]


def test_a_service_account_is_named_as_the_api_server_knows_it() -> None:
    robot = {"kind": "ServiceAccount", "name": "robot", "namespace": "ci"}
    found = ask(rules({"requireApproval": True, "approvers": [robot]}))
    assert isinstance(found, RequireApproval)
    assert found.approvers[0].value[0].name == "system:serviceaccount:ci:robot"


@pytest.mark.parametrize(
    ("said", "may"),
    [([], False), ([True], True), ([False], False), ([True, None], True), ([True, False], False)],
)
def test_the_author_may_approve_only_if_nobody_objects(said: list[bool | None], may: bool) -> None:
    demands = {"requireApproval": True, "approvers": [ALICE]}
    found = ask(rules(demands, *({} if one is None else {"authorMayApprove": one} for one in said)))
    assert isinstance(found, RequireApproval)
    assert found.author_may_approve is may


@pytest.mark.parametrize(
    ("exempt", "given", "free"),
    [
        ({"serviceAccounts": ["payer"]}, {}, True),
        ({"serviceAccounts": ["other"]}, {}, False),
        ({"images": ["registry.example.com/*"]}, {}, True),
        ({"images": ["registry.example.com/*"]}, {"images": ("registry.example.com/a:1", "evil.example.com/x")}, False),
        ({"images": ["registry.example.com/*"]}, {"images": ()}, False),
        ({"manualRuns": True}, {"manual": True}, True),
        ({"manualRuns": True}, {}, False),
    ],
)
def test_who_is_exempt(exempt: dict[str, Any], given: dict[str, Any], free: bool) -> None:
    found = ask(rules({"requireApproval": True, "approvers": [ALICE], "exempt": exempt}), **given)
    assert isinstance(found, Allow) is free


def test_what_a_schedule_asks_for_itself_is_not_exempt() -> None:
    policies = rules({"approvers": [ALICE], "exempt": {"serviceAccounts": ["payer"], "manualRuns": True}})
    found = ask(policies, {"requireApproval": {}}, manual=True)
    assert isinstance(found, RequireApproval)
    assert found.by == "spec.policy.requireApproval"


def test_an_exemption_is_its_own_policys_only() -> None:
    found = ask(rules({"requireApproval": True, "approvers": [ALICE], "exempt": {"serviceAccounts": ["payer"]}},
                      {"requireApproval": True}))  # fmt: skip
    assert isinstance(found, RequireApproval)
    assert found.by == "AgentPolicy p1"


def test_what_is_forbidden_is_not_asked_for() -> None:
    found = ask(rules({"requireApproval": True, "approvers": [ALICE], "allowedImages": []}))
    assert isinstance(found, Deny)
    assert found.rule == "allowedImages"


def test_an_author_that_nobody_knows_matters_only_where_authors_may_not_approve() -> None:
    demands = {"requireApproval": True, "approvers": [ALICE]}
    refused = ask(rules(demands), unknown_author="it does not say")
    assert isinstance(refused, Deny)
    assert "authorMayApprove" in refused.reason
    allowed = ask(rules({**demands, "authorMayApprove": True}), unknown_author="it does not say")
    assert isinstance(allowed, RequireApproval)
