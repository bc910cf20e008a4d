"""`AgentSchedule.status`: what the operator knows, and what everything is derived from after a restart."""

import sys
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from agentschedule.api.delivery import Delivery, Telling
from agentschedule.api.fields import FreeObject, Model, Money, ObjectName, ShortText, Text, Time, schema
from agentschedule.constants import OUTPUT_URI_BYTES, SUMMARY_BYTES

RunPhase = Literal["Pending", "Running", "Succeeded", "Failed", "TimedOut", "Replaced", "Cancelled"]
Trigger = Literal["Schedule", "CatchUp", "Manual"]
SchedulePhase = Literal["Active", "Paused", "Held", "DeadLetter", "Complete", "Invalid"]
SkipReason = Literal[
    "Concurrency",
    "QueueFull",
    "DeadlineMissed",
    "CatchUp",
    "Blackout",
    "Budget",
    "Policy",
    "AwaitingApproval",
    "ApprovalExpired",
    "Requested",
    "NameConflict",
    "Rejected",
]
HoldReason = Literal["ConsecutiveFailures", "DeadLetter", "BudgetExceeded"]


Shared = AfterValidator(sys.intern)
"""For texts that thousands of objects have in common: each is in memory once."""


class Condition(Model):
    """One condition, as in metav1.Condition."""

    type: Annotated[str, Field(max_length=316), Shared]
    """Type of the condition: Accepted, Ready, Suspended, Complete."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, Field(max_length=1024), Shared]
    """Why, as one stable CamelCase word."""
    message: Annotated[str, Field(max_length=32768), Shared]
    """Why, for people."""
    last_transition_time: Time
    """When status last changed."""
    observed_generation: Annotated[int | None, Field(ge=0)] = None
    """The generation of the spec that it speaks of."""


CONDITION_LIST = schema(x_list_type="map", x_list_map_keys=["type"])
"""A list of conditions is a map by type."""


class Usage(Model):
    """Tokens, as the agent reported them."""

    input_tokens: Annotated[int | None, Field(ge=0, le=1_000_000_000_000)] = None
    """Tokens read."""
    output_tokens: Annotated[int | None, Field(ge=0, le=1_000_000_000_000)] = None
    """Tokens written."""


class Alert(Model):
    """What the agent wants people to notice."""

    severity: Annotated[str, Field(max_length=32)] = "warning"
    """How bad it is: info, warning, critical."""
    message: Annotated[str, Field(max_length=512)] = ""
    """What it is."""


class RunApproval(Model):
    """Who has allowed a run."""

    name: ObjectName
    """Name of the AgentApproval."""
    decided_by: Annotated[str, Field(max_length=512)]
    """User name of the approver, proved by admission."""
    reason: Text | None = None
    """Why, in the approver's words."""
    decided_at: Time | None = None
    """When the operator saw the decision."""


class Run(Model):
    """One run: a slot's newest attempt, or a manual run."""

    id: ObjectName
    """Name of the run's Job."""
    uid: Annotated[str | None, Field(max_length=64)] = None
    """UID of the run's Job."""
    scheduled_at: Time
    """The slot: the nominal time it was due. For a manual run, when it was asked for."""
    started_at: Time | None = None
    """When the agent's container started."""
    completed_at: Time | None = None
    """When it ended."""
    phase: RunPhase
    """Pending, Running, Succeeded, Failed, TimedOut, Replaced or Cancelled."""
    reason: Annotated[str | None, Field(max_length=256)] = None
    """Why it is in that phase, one word."""
    message: Text | None = None
    """Why it is in that phase, for people; for a pending run what it waits for."""
    attempt: Annotated[int, Field(ge=1, le=100)] = 1
    """Which attempt of the slot this is, from 1."""
    trigger: Trigger = "Schedule"
    """What started it."""
    cost_usd: Annotated[Money | None, Field(alias="costUSD")] = None
    """What the agent says it cost, all attempts together, in US dollars."""
    budget_usd: Annotated[Money | None, Field(alias="budgetUSD")] = None
    """What it may cost, all attempts together, in US dollars: reserved until it ends."""
    cost_unreported: bool | None = None
    """Whether an attempt that started reported no cost: then the run is charged at least its budget."""
    usage: Usage | None = None
    """Tokens, as reported by the agent, all attempts together."""
    summary: Annotated[str | None, Field(max_length=SUMMARY_BYTES)] = None
    """What the agent says of it, cut at 512 bytes."""
    alert: Alert | None = None
    """What the agent wants people to notice."""
    sleep: bool | None = None
    """The agent had nothing to do and goes back to sleep, as it says."""
    output_uri: Annotated[str | None, Field(alias="outputURI", max_length=OUTPUT_URI_BYTES)] = None
    """Where the agent left its output, as it says."""
    retry_at: Time | None = None
    """When the next attempt of a failed one starts."""
    disruptions: Annotated[int | None, Field(ge=0, le=100)] = None
    """How many of its attempts were ended by evictions or preemptions; they do not count as failures."""
    iteration: Annotated[int | None, Field(ge=0)] = None
    """Which iteration this is, where the schedule has a heartbeat. Of a manual run, the last one before it."""
    approval: RunApproval | None = None
    """Who allowed the newest attempt, where that had to be approved."""
    policies: Annotated[list[ObjectName] | None, Field(max_length=20)] = None
    """AgentPolicies that were asked and let the newest attempt start, the first twenty."""


class Skip(Model):
    """Slots that did not run, coalesced by reason."""

    reason: SkipReason
    """Why they did not run."""
    name: Annotated[str | None, Field(max_length=63)] = None
    """Name of the blackout."""
    count: Annotated[int, Field(ge=1)]
    """How many."""
    first: Time
    """The first of them."""
    last: Time
    """The last of them."""


class Totals(Model):
    """Counts since the schedule was created."""

    runs: Annotated[int, Field(ge=0)] = 0
    """Runs that ended."""
    succeeded: Annotated[int, Field(ge=0)] = 0
    """Of these, succeeded."""
    failed: Annotated[int, Field(ge=0)] = 0
    """Of these, failed or timed out."""
    skipped: Annotated[int, Field(ge=0)] = 0
    """Slots that did not run."""
    cost_usd: Annotated[Money, Field(alias="costUSD")] = Decimal(0)
    """What agents said the runs cost, in US dollars."""


class Effective(Model):
    """What defaults and settings come to for this schedule."""

    active_deadline_seconds: Annotated[int, Field(ge=1)]
    """Runtime deadline of a run."""
    max_concurrent_runs: Annotated[int | None, Field(ge=1)] = None
    """Active runs at once; absent means no limit."""
    max_budget_usd: Annotated[Money | None, Field(alias="maxBudgetUSD")] = None
    """What a run is told it may cost, in US dollars."""
    schedule: ShortText | None = None
    """When it runs, in short (the SCHEDULE column)."""
    agent: Text | None = None
    """Image of the agent (the AGENT column)."""


class Previous(Model):
    """What the next run is told of the one before."""

    run_id: ObjectName
    """Its id."""
    phase: RunPhase
    """How it ended."""
    completed_at: Time | None = None
    """When it ended."""
    summary: Annotated[str | None, Field(max_length=4096)] = None
    """What it said of itself."""
    state: FreeObject | None = None
    """The latest state that a run reported, handed on."""


class Hold(Model):
    """The operator has stopped the schedule. It ends by the annotation `agentschedule.dev/resume: ID`."""

    id: Annotated[str, Field(max_length=64)]
    """What the annotation must name."""
    reason: HoldReason
    """ConsecutiveFailures, DeadLetter or BudgetExceeded. The last ends by itself when enough is left again."""
    message: Text
    """What happened and what to do."""
    since: Time
    """Since when."""
    probation: bool = False
    """Whether it has been resumed: nothing is held, but the next failed slot holds it again at once."""


class BudgetStatus(Model):
    """What is spent and reserved, in US dollars."""

    period_start: Time | None = None
    """When the current period began."""
    period_spent_usd: Annotated[Money, Field(alias="periodSpentUSD")] = Decimal(0)
    """What runs that ended in this period are charged."""
    reserved_usd: Annotated[Money, Field(alias="reservedUSD")] = Decimal(0)
    """What the active runs may cost."""
    total_usd: Annotated[Money, Field(alias="totalUSD")] = Decimal(0)
    """What all runs that ended are charged."""


class NamespaceSpending(Model):
    """What counts against a policy's namespaceBudget."""

    period: Literal["Hour", "Day", "Week", "Month"]
    """Calendar period, in UTC."""
    period_start: Time
    """When the period began in which something was charged last."""
    spent_usd: Annotated[Money, Field(alias="spentUSD")]
    """What runs of this schedule that ended in it are charged, in US dollars."""


class Waiting(Model):
    """Slots that are due and have not started: put off by a blackout, or waiting for room, a turn or the API server."""

    count: Annotated[int, Field(ge=1)]
    """How many."""
    first: Time
    """The first of them."""
    last: Time
    """The last of them."""


class AwaitedRun(Model):
    """A run that waits until a person has approved it."""

    name: ObjectName
    """Name of its Job, and of its AgentApproval."""
    uid: Annotated[str | None, Field(max_length=64)] = None
    """UID of the AgentApproval that the operator made. Another of that name counts for nothing."""
    digest: Annotated[str, Field(max_length=64)]
    """Digest of what is to be approved."""
    slot: Time
    """The slot. Of a manual run, when it was asked for."""
    due: Time
    """When it was to start."""
    attempt: Annotated[int, Field(ge=1, le=100)] = 1
    """Which attempt of the run it is."""
    trigger: Trigger = "Schedule"
    """What asks for it."""
    asked: Annotated[int, Field(ge=1)] = 1
    """How often its approval was asked for: one that became void is asked for anew."""
    since: Time
    """When the approval was asked for."""
    expires_at: Time
    """When it is given up without a decision."""
    decided_at: Time | None = None
    """When the operator saw that it was approved: its starting deadline counts from then."""


class Scheduling(Model):
    """The cursor from which everything is derived after a restart."""

    handled_through: Time | None = None
    """The newest slot that ran or was skipped."""
    effective_since: Time
    """Slots up to this instant do not count: creation, or the last edit or resumption."""
    when_hash: Annotated[str, Field(max_length=64)]
    """Hash of the fields that say when; a change is an edit."""
    waiting: Waiting | None = None
    """Slots that are due and have not started; they are counted in skips when the times are edited."""
    answered_resume: Annotated[str | None, Field(max_length=256)] = None
    """The value of the annotation agentschedule.dev/resume that was last dealt with."""


class AgentScheduleStatus(Model):
    """What the operator knows of the schedule."""

    observed_generation: Annotated[int | None, Field(ge=0)] = None
    """The generation of the spec that this status speaks of."""
    phase: SchedulePhase | None = None
    """For people: Active, Paused, Held, DeadLetter, Complete or Invalid."""
    hold: Hold | None = None
    """Why the operator has stopped the schedule, and how to resume it."""
    conditions: list[Condition] = Field(default=[], max_length=16, json_schema_extra=CONDITION_LIST)
    """Accepted: the spec can be used. Ready: the operator does what it says. Suspended: no new runs. Complete: there
    will be none."""
    next_run_time: Time | None = None
    """When it is due next."""
    next_run_local: Annotated[str | None, Field(max_length=64)] = None
    """The same in the schedule's time zone."""
    last_schedule_time: Time | None = None
    """The newest slot that was started."""
    last_successful_time: Time | None = None
    """When a run last succeeded."""
    last_failure_time: Time | None = None
    """When a run last failed or timed out."""
    last_result: RunPhase | None = None
    """How the newest ended run ended."""
    active_count: Annotated[int, Field(ge=0)] = 0
    """How many runs are active."""
    active: list[ObjectName] = Field(default=[], max_length=100)
    """Ids of the active runs."""
    queued: list[Time] = Field(default=[], max_length=20)
    """Slots that wait with concurrencyPolicy Queue, oldest first."""
    runs: list[Run] = Field(default=[], max_length=1000)
    """Runs, newest first."""
    approval: AwaitedRun | None = None
    """The run that waits to be approved, or has been and is about to start. Slots due meanwhile are skipped."""
    skips: list[Skip] = Field(default=[], max_length=10)
    """Slots that did not run, by reason."""
    totals: Totals = Totals()
    """Counts since creation."""
    consecutive_failures: Annotated[int, Field(ge=0)] = 0
    """Failed slots in a row."""
    iteration: Annotated[int, Field(ge=0)] = 0
    """How many scheduled runs there were: further attempts and manual runs do not count."""
    budget: BudgetStatus | None = None
    """What is spent and reserved, where spec.budget is given."""
    namespace_spending: Annotated[
        list[NamespaceSpending] | None,
        Field(max_length=4, json_schema_extra=schema(x_list_type="map", x_list_map_keys=["period"])),
    ] = None
    """What it has spent of its namespace's budgets, where a policy has some."""
    effective: Effective | None = None
    """What defaults and settings come to."""
    previous: Previous | None = None
    """What the next run is told of the one before."""
    scheduling: Scheduling | None = None
    """The cursor."""
    deliveries: Annotated[list[Delivery] | None, Field(max_length=100)] = None
    """Who is told of what, oldest first: what waits, was delivered or could not be."""
    telling: Telling | None = None
    """What was told last, for spec.delivery's cooldown, onlyOnChange and Recovered."""

    def slots_waiting(self) -> int:
        """How many slots that the cursor has passed may still run: queued ones, and one that waits to be approved."""
        awaited = self.approval
        slot = awaited is not None and awaited.attempt == 1 and awaited.trigger != "Manual"
        return len(self.queued) + slot
