"""The kinds of `agentschedule.dev/v1alpha1`: names, scopes, columns and the models of their parts."""

from dataclasses import dataclass
from typing import Literal

from agentschedule.api.agentrun import AgentRunSpec, AgentRunStatus
from agentschedule.api.approval import SPEC_RULES, AgentApprovalSpec, AgentApprovalStatus
from agentschedule.api.fields import Model, rule
from agentschedule.api.policy import AgentPolicySpec
from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import AgentScheduleStatus
from agentschedule.constants import NAME_LENGTH


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`; `wide` ones show with `-o wide` only."""

    name: str
    path: str
    description: str
    type: str = "string"
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of the group."""

    kind: str
    plural: str
    short: str
    description: str
    spec: type[Model]
    status: type[Model] | None
    columns: tuple[Column, ...]
    rules: tuple[dict[str, str], ...] = ()
    scope: Literal["Namespaced", "Cluster"] = "Namespaced"


AGENT_SCHEDULE = Kind(
    kind="AgentSchedule",
    plural="agentschedules",
    short="asch",
    description="Runs an AI agent on a schedule, within limits decided beforehand.",
    spec=AgentScheduleSpec,
    status=AgentScheduleStatus,
    columns=(
        Column("Schedule", ".status.effective.schedule", "When it runs."),
        Column("Phase", ".status.phase", "Active, Paused, Held, DeadLetter, Complete or Invalid."),
        Column("Active", ".status.activeCount", "Runs under way.", "integer"),
        Column("Last Run", ".status.lastScheduleTime", "Age of the newest slot that was started.", "date"),
        Column("Result", ".status.lastResult", "How the newest ended run ended."),
        Column("Next Run", ".status.nextRunLocal", "When it is due next, in its own time zone."),
        Column("Cost", ".status.totals.costUSD", "What agents said the runs cost, in US dollars."),
        Column("Age", ".metadata.creationTimestamp", "Age of the schedule.", "date"),
        Column("TimeZone", ".spec.timeZone", "Time zone.", wide=True),
        Column("Reason", '.status.conditions[?(@.type=="Ready")].reason', "Why it is ready or not.", wide=True),
        Column("Agent", ".status.effective.agent", "Image of the agent.", wide=True),
    ),
    rules=(
        rule(
            f"self.metadata.name.size() <= {NAME_LENGTH}",
            f"metadata.name must be at most {NAME_LENGTH} characters, so that the names of its Jobs fit into 63",
            fieldPath=".metadata.name",
        ),
    ),
)

AGENT_RUN = Kind(
    kind="AgentRun",
    plural="agentruns",
    short="arun",
    description="One run now of an AgentSchedule, with another input if wanted. Deleting it cancels the run.",
    spec=AgentRunSpec,
    status=AgentRunStatus,
    columns=(
        Column("Schedule", ".spec.scheduleName", "The schedule that is run."),
        Column("Phase", ".status.phase", "How far the run is, or how it ended."),
        Column("Run", ".status.run.id", "Name of the run's Job."),
        Column("Cost", ".status.run.costUSD", "What the agent said it cost, in US dollars."),
        Column("Age", ".metadata.creationTimestamp", "Age of the request.", "date"),
        Column("Summary", ".status.run.summary", "What the agent said of it.", wide=True),
        Column("Message", ".status.message", "Why it is in its phase.", wide=True),
    ),
)

AGENT_POLICY = Kind(
    kind="AgentPolicy",
    plural="agentpolicies",
    short="apol",
    description="What AgentSchedules in the selected namespaces may do; written by administrators.",
    spec=AgentPolicySpec,
    status=None,
    columns=(
        Column("Environment", ".spec.environment", "The environment that the namespaces are."),
        Column("Max Budget", ".spec.limits.maxBudgetPerRunUSD", "What one run may cost at most, in US dollars."),
        Column("Min Interval", ".spec.limits.minInterval", "Least time between two slots."),
        Column("Age", ".metadata.creationTimestamp", "Age of the policy.", "date"),
    ),
    scope="Cluster",
)

AGENT_APPROVAL = Kind(
    kind="AgentApproval",
    plural="agentapprovals",
    short="aapr",
    description="One run that waits for a person. The operator makes it; an approver sets spec.decision.",
    spec=AgentApprovalSpec,
    status=AgentApprovalStatus,
    columns=(
        Column("Schedule", ".spec.scheduleName", "The schedule whose run waits."),
        Column("Run", ".spec.runId", "Name of the Job that would be created."),
        Column("Phase", ".status.phase", "Waiting, Approved, Denied or Expired."),
        Column("Decision", ".spec.decision", "What was decided."),
        Column("Decided By", ".spec.decidedBy", "Who has decided."),
        Column("Expires", ".spec.expiresAt", "When the run is given up if nobody decides."),
        Column("Age", ".metadata.creationTimestamp", "Since when it waits.", "date"),
        Column("Agent", ".spec.agent", "Name of the agent.", wide=True),
        Column("Budget", ".spec.budgetUSD", "What it may cost at most, in US dollars.", wide=True),
        Column("Reason", ".spec.reason", "Why it was decided so.", wide=True),
    ),
    rules=SPEC_RULES,
)

KINDS = (AGENT_SCHEDULE, AGENT_RUN, AGENT_POLICY, AGENT_APPROVAL)
