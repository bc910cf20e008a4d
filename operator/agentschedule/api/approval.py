"""`AgentApproval`: one run that waits for a person. The operator makes it; an approver decides, and nobody else may.

Everything of the spec but the decision is frozen, whoever asks. Who may decide is checked by a
ValidatingAdmissionPolicy.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from agentschedule.api.fields import Input, Model, Money, ObjectName, Text, Time, rule, schema
from agentschedule.api.status import Trigger
from agentschedule.constants import NAME_LENGTH

DECISION_FIELDS = ("decision", "reason", "decidedBy")
"""What an approver sets, and all that may ever change."""

MOST_APPROVER_SETS = 20
MOST_AUTHORS = 4

UserName = Annotated[str, Field(min_length=1, max_length=512)]
"""A user as the API server knows it."""


class Subject(Model):
    """Who may decide. A service account stands here by its full name."""

    kind: Literal["User", "Group", "ServiceAccount"]
    """User, Group or ServiceAccount."""
    name: UserName
    """Name as the API server knows it, for a service account system:serviceaccount:NAMESPACE:NAME."""


class ApproverSet(Model):
    """Approvers that one policy names. An approver must be in each set."""

    policy: Annotated[str, Field(max_length=253)]
    """Name of the AgentPolicy."""
    subjects: Annotated[list[Subject], Field(min_length=1, max_length=50)]
    """One of these must be the caller, or a group of the caller."""


class AgentApprovalSpec(Model):
    """What would run, who may decide, and the decision."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                "!has(self.decision) || has(self.decidedBy)",
                "say who decides: decidedBy must be your own user name (kubectl auth whoami)",
                fieldPath=".decidedBy",
            ),
            rule(
                "has(self.decision) || (!has(self.decidedBy) && !has(self.reason))",
                "decidedBy and reason are set together with decision",
            ),
        )
    )

    schedule_name: Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]
    """The AgentSchedule whose run waits."""
    run_id: ObjectName
    """Name of the Job that would be created."""
    scheduled_at: Time
    """The slot. For a manual run, when it was asked for."""
    attempt: Annotated[int, Field(ge=1, le=100)]
    """Which attempt of the run this is."""
    trigger: Trigger
    """What asks for the run: Schedule, CatchUp or Manual."""
    agent_run: ObjectName | None = None
    """The AgentRun that asks for it, of a manual run."""
    agent: Annotated[str, Field(max_length=253)]
    """Name of the agent, for people."""
    images: Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=20)]
    """Images that its pod would run, the first twenty."""
    service_account: Annotated[str, Field(max_length=253)]
    """Service account that its pod would have."""
    input: Input | None = None
    """The task."""
    budget_usd: Annotated[Money, Field(alias="budgetUSD")]
    """What it may cost at most, in US dollars."""
    deadline_seconds: Annotated[int, Field(ge=1, le=2_592_000)]
    """Its runtime deadline."""
    capabilities: Annotated[list[Annotated[str, Field(max_length=63)]], Field(max_length=100)]
    """What administrators grant it."""
    digest: Annotated[str, Field(max_length=64)]
    """SHA-256 of everything that was asked for. If that changes, this approval is void and another one is asked for."""
    required_by: Annotated[str, Field(max_length=253)]
    """Who demands the approval: an AgentPolicy, or the schedule itself."""
    approvers: Annotated[list[ApproverSet], Field(min_length=1, max_length=MOST_APPROVER_SETS)]
    """Who may decide: whoever is in each of these sets."""
    authors: Annotated[list[UserName], Field(max_length=MOST_AUTHORS)]
    """Who wrote what would run. They may not decide, unless authorMayApprove."""
    author_may_approve: bool
    """Whether authors may decide."""
    expires_at: Time
    """After this the run is given up if nobody has decided."""

    decision: Literal["Approved", "Denied"] | None = None
    """Approved or Denied. It is made once, by one of the approvers."""
    reason: Text | None = None
    """Why, in the approver's words."""
    decided_by: UserName | None = None
    """User name of whoever decides, as the API server knows it; it must be the caller's own."""


ApprovalPhase = Literal["Waiting", "Approved", "Denied", "Expired"]


class AgentApprovalStatus(Model):
    """What the operator makes of it."""

    phase: ApprovalPhase | None = None
    """Waiting, Approved, Denied or Expired."""


_FROZEN = tuple(
    str(field.alias) for field in AgentApprovalSpec.model_fields.values() if field.alias not in DECISION_FIELDS
)


def frozen(new: str, old: str) -> str:
    """CEL: whether everything but the decision is the same in two specs, given as expressions."""
    return unchanged(new, old, _FROZEN)


def unchanged(new: str, old: str, names: Iterable[str]) -> str:
    """CEL: whether these fields are the same in two objects, given as expressions."""
    return " && ".join(
        f"has({new}.{name}) == has({old}.{name}) && (!has({new}.{name}) || {new}.{name} == {old}.{name})"
        for name in names
    )


SPEC_RULES = (
    rule(frozen("self.spec", "oldSelf.spec"), "what an approval was asked for cannot be changed"),
    rule(
        "!has(oldSelf.spec.decision) || (has(self.spec.decision) && self.spec.decision == oldSelf.spec.decision"
        " && self.spec.decidedBy == oldSelf.spec.decidedBy && has(self.spec.reason) == has(oldSelf.spec.reason)"
        " && (!has(self.spec.reason) || self.spec.reason == oldSelf.spec.reason))",
        "it was decided already: a decision is made once",
    ),
)
"""Of the whole object: they hold for everybody, with or without admission policies."""
