"""The admission policies as data: what counts as the same, and what does not."""

import copy
from typing import Any

import pytest

from agentschedule.api.admission import approvals_policy, authors_policy, binding, in_force

WANTED = approvals_policy("release", "system:serviceaccount:system:operator")
BOUND = binding("release-approvals", ["one", "two"])


def as_served(wanted: dict[str, Any]) -> dict[str, Any]:
    """With what the API server adds."""
    found = copy.deepcopy(wanted)
    found["metadata"] |= {"uid": "x", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"a": "b"}}
    if "matchConstraints" in found["spec"]:
        constraints = found["spec"]["matchConstraints"]
        constraints |= {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
        constraints["resourceRules"][0]["scope"] = "*"
    return found


@pytest.mark.parametrize("wanted", [WANTED, authors_policy("release"), BOUND, binding("x")])
def test_what_the_api_server_adds_is_no_difference(wanted: dict[str, Any]) -> None:
    assert in_force(as_served(wanted), wanted)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"failurePolicy": "Ignore"}, id="failures are let pass"),
        pytest.param({"matchConditions": [{"name": "x", "expression": "false"}]}, id="a condition"),
        pytest.param({"validations": WANTED["spec"]["validations"][1:]}, id="a rule less"),
        pytest.param({"variables": [{"name": "operator", "expression": "true"}]}, id="other variables"),
        pytest.param({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}, id="parameters"),
        pytest.param({"somethingNew": True}, id="a field that we do not know"),
    ],
)
def test_a_policy_that_was_changed_is_another(change: dict[str, Any]) -> None:
    found = as_served(WANTED)
    found["spec"] |= change
    assert not in_force(found, WANTED)


@pytest.mark.parametrize(
    "change",
    [
        {"objectSelector": {"matchLabels": {"a": "b"}}},
        {"namespaceSelector": {"matchLabels": {"a": "b"}}},
        {"excludeResourceRules": [{"resources": ["*"]}]},
        {"matchPolicy": "Exact"},
    ],
)
def test_a_policy_for_other_objects_is_another(change: dict[str, Any]) -> None:
    found = as_served(WANTED)
    found["spec"]["matchConstraints"] |= change
    assert not in_force(found, WANTED)


@pytest.mark.parametrize(
    "change",
    [
        {"validationActions": ["Audit"]},
        {"validationActions": ["Warn", "Deny"]},
        {"policyName": "other"},
        {"matchResources": {}},
        {"matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}}},
        {"paramRef": {"name": "x", "parameterNotFoundAction": "Allow"}},
    ],
)
def test_a_binding_that_was_changed_is_another(change: dict[str, Any]) -> None:
    found = as_served(BOUND)
    found["spec"] |= change
    assert not in_force(found, BOUND)


def test_one_that_is_going_is_not_in_force() -> None:
    found = as_served(WANTED)
    found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not in_force(found, WANTED)


def test_another_operator_is_another_policy() -> None:
    assert not in_force(approvals_policy("release", "mallory"), WANTED)


def test_a_user_name_cannot_end_its_text() -> None:
    expression = approvals_policy("release", "a' || true || '")["spec"]["variables"][0]["expression"]
    assert expression == "request.userInfo.username == 'a\\' || true || \\''"
