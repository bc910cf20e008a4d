"""`AgentRun`: one run now of a schedule, with another input if wanted. Its name is its idempotency."""

from typing import Annotated

from pydantic import ConfigDict, Field

from agentschedule.api.fields import INPUT_RULE, FreeObject, Input, Model, Text, rule, schema
from agentschedule.api.status import CONDITION_LIST, Condition, Run, RunPhase
from agentschedule.constants import NAME_LENGTH


class AgentRunSpec(Model):
    """Which schedule is run now, and with what."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                "self == oldSelf",
                "an AgentRun cannot be changed: delete it to cancel the run, create another to run again",
            ),
            INPUT_RULE,
        )
    )

    schedule_name: Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]
    """Name of the AgentSchedule, in the same namespace."""
    input: Input | None = None
    """The task, instead of the schedule's. At most 16 KiB."""
    context: FreeObject | None = None
    """Free-form object handed to the agent, instead of the schedule's. At most 16 KiB as JSON."""


class AgentRunStatus(Model):
    """What became of it."""

    phase: RunPhase | None = None
    """Pending, Running, Succeeded, Failed, TimedOut or Cancelled."""
    message: Text | None = None
    """Why it is in that phase, for people."""
    run: Run | None = None
    """The run."""
    conditions: list[Condition] = Field(default=[], max_length=16, json_schema_extra=CONDITION_LIST)
    """Complete: it ended, however."""
