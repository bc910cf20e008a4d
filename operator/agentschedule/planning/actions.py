"""What a plan asks for. Frozen data; the executor carries it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from agentschedule.api.agentrun import AgentRunStatus
from agentschedule.api.delivery import Event
from agentschedule.api.status import AgentScheduleStatus, Run
from agentschedule.audit.record import AuditType
from agentschedule.policy.pinning import PinQuestion


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Create a run's Job. Its name is the lock. `budget` is what is reserved for the run, in US dollars.

    `body` is the manifest as JSON text, where that was made ahead; then nobody needs the manifest any more.
    """

    name: str
    slot: datetime
    trigger: str
    due: datetime
    manifest: dict[str, Any]
    budget: Decimal
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class StopJob:
    """Stop an active run: note on the Job why, then delete it and wait for its pod (foreground)."""

    name: str
    uid: str
    why: Literal["Replaced", "Cancelled", "NeverStarted"]


@dataclass(frozen=True, slots=True)
class Explain:
    """Ask for the Events on a run's pod or, where there is none, on its Job: why does it not start?

    `name` is the Job's, `uid` that of the object that is asked about.
    """

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete an ended and recorded Job with its pods."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete a pod that was left behind by its deleted Job."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """Ask the API server whether it would take the schedule's Job."""

    generation: int
    manifest: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EnsureVolume:
    """Have the volume of a session: make its claim, or take the one that is there."""

    generation: int
    manifest: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Adopt:
    """Make an AgentRun owned by its schedule, so that it goes with it."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop what is remembered of a deleted Job: its run is recorded."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """Make the next attempt for an entry of the outbox, which the API server holds."""

    run: str
    target: str
    event: Event


@dataclass(frozen=True, slots=True)
class CreateApproval:
    """Ask people to approve a run: create its AgentApproval, which is the so-many-th for it, from 1."""

    name: str
    number: int
    manifest: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MarkApproval:
    """Write an AgentApproval's status."""

    name: str
    uid: str
    phase: str


@dataclass(frozen=True, slots=True)
class DeleteApproval:
    """Delete an AgentApproval that nobody needs any more; or one that is void, and `why`."""

    name: str
    uid: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class VerifyPin:
    """Read an AgentPin and the keys that it must verify by, and say what comes of it."""

    question: PinQuestion


ApprovalAction = CreateApproval | MarkApproval | DeleteApproval
Action = (
    CreateJob
    | StopJob
    | Explain
    | DeleteJob
    | DeletePod
    | DryRun
    | EnsureVolume
    | Adopt
    | Forget
    | ApprovalAction
    | VerifyPin
    | Deliver
)


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person would want to know: an Event on the schedule (or on an AgentRun) and a log line."""

    reason: str
    message: str
    warning: bool = False
    agent_run: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Something for the audit. `cause` tells this happening from others of its type, and is the same after a crash."""

    type: AuditType
    cause: str
    message: str = ""
    run: str | None = None
    reason: str | None = None
    policy: str | None = None
    actor: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of an attempt to deliver. `seconds`: since the event, where it was delivered at its first asking."""

    channel: str
    result: Literal["Delivered", "Retried", "Failed"]
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, what the status is to be, and when to look again (None: when something happens).

    `consumed` names the starts whose outcome is taken into the status and may be forgotten. `ended`, `skipped` and
    `tried` are what is counted by metrics, and so are `decisions`: the rule that decided about a start, and what it
    said. `records` are for the audit. `served_at` is for the next plan: when the due slots were looked at last.
    """

    status: AgentScheduleStatus
    actions: tuple[Action, ...] = ()
    notes: tuple[Note, ...] = ()
    requests: Mapping[str, AgentRunStatus] = field(default_factory=dict)
    wake_at: datetime | None = None
    consumed: frozenset[str] = frozenset()
    ended: tuple[Run, ...] = ()
    skipped: tuple[tuple[str, int], ...] = ()
    tried: tuple[Tried, ...] = ()
    served_at: datetime | None = None
    records: tuple[Record, ...] = ()
    decisions: tuple[tuple[str, str], ...] = ()
