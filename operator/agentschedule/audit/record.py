"""The record: its fields are the schema that `docs/audit.md` shows."""

import hashlib
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

LOGGER: Final = "agentschedule.audit"

AuditType = Literal[
    "ScheduleCreated",
    "ScheduleUpdated",
    "ScheduleDeleted",
    "SchedulePaused",
    "ScheduleResumed",
    "RunStarted",
    "RunSucceeded",
    "RunFailed",
    "RunSkipped",
    "RunDenied",
    "ApprovalRequested",
    "ApprovalDecided",
    "ApprovalExpired",
    "BudgetExceeded",
    "BudgetAlert",
    "Held",
    "DeadLettered",
    "AgentPinVerificationFailed",
    "DeliveryFailed",
    "OrphanDeleted",
]


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class AuditRecord(BaseModel):
    """One act or refusal. Members without a value are left out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    logger: Literal["agentschedule.audit"] = Field(
        default="agentschedule.audit", description="Always this: tells the records from other lines of the same stream."
    )
    id: str = Field(
        min_length=20,
        max_length=20,
        description="Of this happening: the same where it is told again, for instance after a crash.",
    )
    time: Annotated[AwareDatetime, PlainSerializer(_text, return_type=str)] = Field(
        description="When the operator decided or saw it, in UTC."
    )
    type: AuditType = Field(description="What happened.")
    namespace: str = Field(description="Namespace of the schedule.")
    schedule: str = Field(description="Name of the AgentSchedule.")
    schedule_uid: str = Field(alias="scheduleUID", description="Its UID: another one when it was made anew.")
    generation: int | None = Field(default=None, description="The generation of its spec that was acted upon.")
    run: str | None = Field(default=None, description="Name of the run's Job, which is its id in the status.")
    actor: str | None = Field(
        default=None,
        description="Who did it, where admission proved that; nobody where the operator did it, or nobody knows.",
    )
    policy: str | None = Field(default=None, description="The AgentPolicies that allowed or forbade it.")
    reason: str | None = Field(default=None, description="Why, as one stable CamelCase word.")
    message: str = Field(default="", description="Why, for people.")
    count: int | None = Field(default=None, description="How many slots, where it tells of several.")


def record_id(kind: AuditType, schedule_uid: str, cause: str) -> str:
    """The id of what happened to a schedule because of `cause`."""
    return hashlib.sha256(f"{kind}/{schedule_uid}/{cause}".encode()).hexdigest()[:20]
