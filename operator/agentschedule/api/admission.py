"""ValidatingAdmissionPolicies that make decisions and authorship trustworthy, as data.

The chart ships what is made here, and the operator compares it with what it finds in the cluster: while that differs,
it trusts no decision.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from agentschedule.api.approval import frozen, unchanged
from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.constants import ANNOTATION_CHANGED_BY, ANNOTATION_CREATED_BY, GROUP

API: Final = "admissionregistration.k8s.io/v1"
POLICIES: Final = "validatingadmissionpolicies"
BINDINGS: Final = "validatingadmissionpolicybindings"

_CONTROLLERS: Final = (
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:serviceaccount:kube-system:namespace-controller",
    "system:kube-controller-manager",
)
"""Kubernetes' own: they delete what belongs to a deleted schedule or namespace. The last one is all of them where they
have no service accounts of their own."""

_SAME_SPEC: Final = unchanged(
    "object.spec",
    "oldObject.spec",
    [str(field.alias or name) for name, field in AgentScheduleSpec.model_fields.items() if name != "suspend"],
)

Raw = dict[str, Any]


def approvals_name(prefix: str) -> str:
    """Name of the policy on AgentApprovals, and of its binding."""
    return f"{prefix}-approvals"


def authors_name(prefix: str) -> str:
    """Name of the policy on AgentSchedules, and of its binding."""
    return f"{prefix}-authors"


def approvals_policy(prefix: str, operator: str) -> Raw:
    """Only `operator`, a user name, makes and deletes AgentApprovals; only an approver decides, once, by name."""
    variables = {
        "operator": f"request.userInfo.username == {_text(operator)}",
        "controller": f"request.userInfo.username in [{', '.join(map(_text, _CONTROLLERS))}]",
        "main": "!has(request.subResource) || request.subResource == ''",
        "updated": "request.operation == 'UPDATE'",
        "frozen": f"request.operation != 'UPDATE' || ({frozen('object.spec', 'oldObject.spec')})",
        "sameDecision": "request.operation != 'UPDATE' || ("
        + " && ".join(
            f"has(object.spec.{name}) == has(oldObject.spec.{name})"
            f" && (!has(object.spec.{name}) || object.spec.{name} == oldObject.spec.{name})"
            for name in ("decision", "reason", "decidedBy")
        )
        + ")",
        "sameMetadata": "request.operation != 'UPDATE' || ("
        + " && ".join(
            _same_metadata(name) for name in ("labels", "annotations", "ownerReferences", "finalizers", "generateName")
        )
        + ")",
        # Whether the caller is somebody who decides, or tries to.
        "decides": "variables.updated && variables.main && !variables.operator && !variables.controller",
    }
    validations = [
        (
            "request.operation != 'CREATE' || variables.operator",
            "only the operator creates AgentApprovals",
        ),
        (
            (
                "request.operation != 'CREATE' || !(has(object.spec.decision) || has(object.spec.decidedBy)"
                " || has(object.spec.reason))"
            ),
            "an AgentApproval is created without a decision",
        ),
        (
            "request.operation != 'DELETE' || variables.operator || variables.controller",
            "only the operator deletes AgentApprovals: deny the run instead",
        ),
        ("variables.main || variables.operator", "only the operator touches the subresources of an AgentApproval"),
        ("variables.frozen", "of an AgentApproval's spec only decision, reason and decidedBy may be set"),
        (
            "!variables.updated || variables.decides || variables.sameDecision",
            "neither the operator nor a controller decides",
        ),
        ("!variables.decides || variables.sameMetadata", "an approver sets the decision and touches no metadata"),
        ("!variables.decides || !has(oldObject.spec.decision)", "it was decided already: a decision is made once"),
        (
            "!variables.decides || (has(object.spec.decision) && object.spec.decision in ['Approved', 'Denied'])",
            "set spec.decision to Approved or Denied",
        ),
        (
            "!variables.decides || (has(object.spec.decidedBy) && object.spec.decidedBy == request.userInfo.username)",
            "spec.decidedBy must be your own user name (kubectl auth whoami)",
        ),
        (
            (
                "!variables.decides || oldObject.spec.approvers.all(given, given.subjects.exists(one,"
                " (one.kind in ['User', 'ServiceAccount'] && one.name == request.userInfo.username)"
                " || (one.kind == 'Group' && has(request.userInfo.groups) && one.name in request.userInfo.groups)))"
            ),
            "you are not one of spec.approvers",
        ),
        (
            (
                "!variables.decides || oldObject.spec.authorMayApprove"
                " || !(request.userInfo.username in oldObject.spec.authors)"
            ),
            "you wrote what would run: somebody else must decide",
        ),
    ]
    rules = [_rule(["agentapprovals", "agentapprovals/*"], ["CREATE", "UPDATE", "DELETE"])]
    return _policy(approvals_name(prefix), rules, validations, variables)


def authors_policy(prefix: str) -> Raw:
    """The annotations that say who wrote an AgentSchedule or AgentRun name nobody but whoever did."""
    variables = {
        "user": "request.userInfo.username",
        "creator": _annotation("object", ANNOTATION_CREATED_BY),
        "changer": _annotation("object", ANNOTATION_CHANGED_BY),
        "oldCreator": f"oldObject == null ? '' : {_annotation('oldObject', ANNOTATION_CREATED_BY)}",
        "oldChanger": f"oldObject == null ? '' : {_annotation('oldObject', ANNOTATION_CHANGED_BY)}",
        # Whoever only suspends or resumes a schedule writes nothing that runs: that must always be possible.
        "specChanged": f"oldObject != null && !({_SAME_SPEC})",
    }
    validations = [
        (
            (
                "variables.creator == variables.oldCreator"
                " || (variables.oldCreator == '' && variables.creator == variables.user)"
            ),
            (
                f"the annotation {ANNOTATION_CREATED_BY} says who created it: leave it out or put your own user"
                " name, and never change it"
            ),
        ),
        (
            (
                "variables.changer == '' || variables.changer == variables.user"
                " || (!variables.specChanged && variables.changer == variables.oldChanger)"
            ),
            (f"the annotation {ANNOTATION_CHANGED_BY} says who changed it last: put your own user name, or remove it"),
        ),
        (
            "variables.specChanged || variables.oldChanger == '' || variables.changer != ''",
            f"the annotation {ANNOTATION_CHANGED_BY} cannot be removed without a change of the spec",
        ),
    ]
    rules = [_rule(["agentschedules", "agentruns"], ["CREATE", "UPDATE"])]
    return _policy(authors_name(prefix), rules, validations, variables)


def binding(name: str, namespaces: Sequence[str] = ()) -> Raw:
    """What puts the policy of this name in force, in these namespaces or in all."""
    spec: Raw = {"policyName": name, "validationActions": ["Deny"]}
    if namespaces:
        where = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(namespaces)}
        spec["matchResources"] = {"namespaceSelector": {"matchExpressions": [where]}}
    return {
        "apiVersion": API,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": spec,
    }


def in_force(found: Raw, wanted: Raw) -> bool:
    """Whether an object of the cluster says what this one does, defaults of the API server aside."""
    same: bool = _essence(found.get("spec")) == _essence(wanted["spec"])
    return same and "deletionTimestamp" not in found["metadata"]


_DEFAULTS: Final = {"matchPolicy": "Equivalent", "scope": "*"}


def _essence(value: Any) -> Any:
    """Without what is empty or the API server's default."""
    if isinstance(value, dict):
        inner = {key: _essence(each) for key, each in value.items() if _DEFAULTS.get(key) != each}
        return {key: each for key, each in inner.items() if each not in (None, {}, [], "")}
    return [_essence(each) for each in value] if isinstance(value, list) else value


def _policy(name: str, rules: list[Raw], validations: Iterable[tuple[str, str]], variables: dict[str, str]) -> Raw:
    return {
        "apiVersion": API,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": rules},
            "variables": [{"name": key, "expression": expression} for key, expression in variables.items()],
            "validations": [
                {"expression": expression, "message": message, "reason": "Forbidden"}
                for expression, message in validations
            ],
        },
    }


def _rule(resources: list[str], operations: list[str]) -> Raw:
    return {"apiGroups": [GROUP], "apiVersions": ["*"], "operations": operations, "resources": resources}


def _annotation(of: str, key: str) -> str:
    notes = f"{of}.metadata.annotations"
    return f"(has({notes}) && '{key}' in {notes} ? {notes}['{key}'] : '')"


def _same_metadata(name: str) -> str:
    new, old = f"object.metadata.{name}", f"oldObject.metadata.{name}"
    return f"has({new}) == has({old}) && (!has({new}) || {new} == {old})"


def _text(text: str) -> str:
    """A CEL string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
