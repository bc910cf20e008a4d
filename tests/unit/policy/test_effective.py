"""Several policies as one."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from agentschedule.api.policy import AgentPolicySpec
from agentschedule.policy.effective import SETTINGS, Bound, Ceilings, Effective, Policy, effective, selects

CEILINGS = Ceilings(timedelta(minutes=1), Decimal(10), 86400, ("send_email",))


def policy(name: str, **spec: Any) -> Policy:
    return Policy(name, AgentPolicySpec.read(spec))


def put_together(*policies: Policy, **labels: str) -> Effective:
    return effective(policies, "team-a", labels, CEILINGS)


def test_without_policies_the_settings_hold() -> None:
    assert put_together() == Effective(
        policies=(),
        min_interval=Bound(timedelta(minutes=1), SETTINGS),
        max_budget_per_run_usd=Bound(Decimal(10), SETTINGS),
        max_active_deadline_seconds=Bound(86400, SETTINGS),
        max_schedules=None,
        restricted_operations=Bound(("send_email",), SETTINGS),
        restricts_manual=False,
        environments=(),
        allowed_images=(),
        grants=(),
    )


def test_the_strictest_value_of_each_field_holds_and_says_whose_it_is() -> None:
    found = put_together(
        policy("b", limits={"minInterval": "5m", "maxBudgetPerRunUSD": "2", "maxSchedulesPerNamespace": 7}),
        policy("a", limits={"minInterval": "1h", "maxBudgetPerRunUSD": "3", "maxActiveDeadlineSeconds": 60}),
    )
    assert found.policies == ("a", "b")
    assert found.min_interval == Bound(timedelta(hours=1), "AgentPolicy a")
    assert found.max_budget_per_run_usd == Bound(Decimal(2), "AgentPolicy b")
    assert found.max_active_deadline_seconds == Bound(60, "AgentPolicy a")
    assert found.max_schedules == Bound(7, "AgentPolicy b")


def test_a_policy_may_allow_more_than_the_settings() -> None:
    found = put_together(policy("a", limits={"maxBudgetPerRunUSD": "50", "minInterval": "10s"}))
    assert found.max_budget_per_run_usd.value == 50
    assert found.min_interval.value == timedelta(seconds=10)


def test_operations_that_any_policy_restricts_are_restricted_in_manual_runs_too() -> None:
    found = put_together(
        policy("a", restrictedOperations=["pay"]), policy("b", restrictedOperations=["pay", "delete"]), policy("c")
    )
    assert found.restricted_operations == Bound(("pay", "delete"), "AgentPolicy a, AgentPolicy b")
    assert found.restricts_manual


def test_an_empty_list_lifts_the_settings_restrictions() -> None:
    assert put_together(policy("a", restrictedOperations=[])).restricted_operations.value == ()


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ({}, True),
        ({"matchLabels": {"kubernetes.io/metadata.name": "team-a"}}, True),
        ({"matchLabels": {"kubernetes.io/metadata.name": "team-b"}}, False),
        ({"matchLabels": {"tier": "gold"}}, True),
        ({"matchLabels": {"tier": "gold", "other": ""}}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["silver", "gold"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "In"}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["gold"]}]}, False),
        ({"matchExpressions": [{"key": "missing", "operator": "NotIn", "values": ["gold"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "missing", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "missing", "operator": "DoesNotExist"}]}, True),
        ({"matchLabels": {"tier": "gold"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_namespaces_are_selected_by_labels(selector: dict[str, Any], wanted: bool) -> None:
    assert selects(policy("a", namespaceSelector=selector), "team-a", {"tier": "gold"}) is wanted


def test_a_namespace_cannot_call_itself_by_the_name_of_another() -> None:
    chosen = policy("a", namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "team-b"}})
    assert not selects(chosen, "team-a", {"kubernetes.io/metadata.name": "team-b"})
