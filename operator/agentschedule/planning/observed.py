"""What the planner is given: one schedule as it is known at one moment. Plain, frozen data; no I/O behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from agentschedule.api.agentrun import AgentRunSpec, AgentRunStatus
from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import AgentScheduleStatus
from agentschedule.constants import RESTRICTED_OPERATIONS
from agentschedule.planning.delivering import Attempted
from agentschedule.policy import effective as policy
from agentschedule.policy.effective import Effective
from agentschedule.policy.pinning import PinQuestion
from agentschedule.policy.reach import Outlets
from agentschedule.runs.manifest import Defaults, Owner
from agentschedule.runs.sighting import Sighting
from agentschedule.timing import Blackouts, Period, When


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The administrator's limits over all schedules; 0 means none. The pace is in starts a second."""

    active_runs: int = 0
    active_runs_per_namespace: int = 0
    catch_up_starts_per_second: float = 0


NO_CEILINGS = Ceilings()
ANY_OUTLET = Outlets()
"""Everything is set up; URLs reach what is public."""


@dataclass(frozen=True, slots=True)
class PlannerSettings:
    """The administrator's settings that decisions depend on."""

    defaults: Defaults
    min_interval: timedelta = timedelta(seconds=60)
    late_after: timedelta = timedelta(seconds=60)
    max_active_deadline_seconds: int = 86400
    ceilings: Ceilings = NO_CEILINGS
    keys_namespace: str = ""
    """Where the keys are that AgentPins are verified by."""
    max_schedules_per_user: int = 0
    stamps_are_proof: bool = False
    """Whether the admission webhook writes who made and changed a schedule, so that nobody else can."""
    outlets: Outlets = ANY_OUTLET

    def policy_ceilings(self) -> policy.Ceilings:
        """What of it policies may set otherwise."""
        return policy.Ceilings(
            self.min_interval,
            self.defaults.max_budget_usd,
            self.max_active_deadline_seconds,
            RESTRICTED_OPERATIONS,
            max_schedules_per_user=self.max_schedules_per_user,
            max_active_runs=self.ceilings.active_runs_per_namespace,
        )


DEFAULT_SETTINGS = PlannerSettings(
    defaults=Defaults(active_deadline_seconds=3600, max_budget_usd=Decimal(10), resources={})
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a spec cannot be used: a stable reason and a message that says what to do."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Pause:
    """The annotations `paused`, `paused-until` and `paused-by`. `until` None: until the annotation is removed."""

    reason: str
    by: str = ""
    until: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Unwanted:
    """The annotation `skip`: slots that people do not want to run. `problem`: what of it cannot be read."""

    slots: frozenset[datetime] = frozenset()
    problem: str | None = None


NOTHING_UNWANTED = Unwanted()


@dataclass(frozen=True, slots=True)
class Schedule:
    """An AgentSchedule, read. `spec` and `when` are None where they cannot be read; `problem` then says why.

    `resume` is the id of the hold that a person wants to end, `redeliver` names what is to be delivered once more.
    `created_by` and `changed_by` are what is noted of who made it and who changed its spec last: proof only where the
    admission webhook has written it, or an admission policy protects them.
    """

    owner: Owner
    generation: int
    created: datetime
    digest: str
    spec: AgentScheduleSpec | None
    when: When | None
    problem: Problem | None = None
    pause: Pause | None = None
    resume: str | None = None
    redeliver: str | None = None
    unwanted: Unwanted = NOTHING_UNWANTED
    deleting: bool = False
    blackouts: Blackouts = field(default_factory=Blackouts)
    created_by: str | None = None
    changed_by: str | None = None

    @property
    def authors(self) -> tuple[str, ...] | None:
        """Who created it, and who changed its spec last; None where either is not said."""
        if self.created_by is None or (self.generation > 1 and self.changed_by is None):
            return None
        return tuple(dict.fromkeys(name for name in (self.created_by, self.changed_by) if name))


@dataclass(frozen=True, slots=True)
class Request:
    """An AgentRun, read. `adopted`: it has its owner reference already. `created_by`: who asks, if that is known."""

    name: str
    uid: str
    generation: int
    created: datetime
    spec: AgentRunSpec
    status: AgentRunStatus
    adopted: bool = False
    deleting: bool = False
    created_by: str | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """What became of a Job that was to be created: under way, to be tried again at `until`, or refused for good.
    `budget` is what is reserved for its run while it is under way, in US dollars.

    `Queued`: too many runs are active, or too much is made up for at once; it waits for its turn. `Granted`: its turn
    has come, and the next plan uses that or gives it back. Both keep the trigger with which the run was asked for.
    `Denied`: a policy, or a person who was asked, does not allow it. `Expired`: nobody has decided in time.
    """

    state: Literal["InFlight", "Deferred", "NameConflict", "Rejected", "Queued", "Granted", "Denied", "Expired"]
    until: datetime | None = None
    message: str = ""
    trigger: str = ""
    budget: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The API server's answer to the server-side dry run of a generation's Job."""

    generation: int
    problem: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VolumeState:
    """What is known of a session's volume since `at`: asked for, there, or not to be had, and tried again at `until`.

    `message` is the last trouble that is not over yet.
    """

    state: Literal["InFlight", "Ready", "Problem"]
    generation: int
    at: datetime
    message: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Others:
    """What the other schedules of a namespace have reserved, and spent in each period, in US dollars."""

    reserved: Decimal
    spent: Mapping[tuple[Period, datetime], Decimal]


@dataclass(frozen=True, slots=True)
class Approval:
    """An AgentApproval of the schedule, read. `digest` is that of what was asked for."""

    namespace: str
    name: str
    uid: str
    version: int = field(compare=False)
    schedule: str
    schedule_uid: str
    owned: bool
    created: datetime
    digest: str
    budget: Decimal
    phase: str | None = None
    decision: str | None = None
    decided_by: str | None = None
    reason: str | None = None
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Asking:
    """What became of an AgentApproval that was to be created: under way, made with this UID, to be tried again at
    `until`, refused for good, or its name is taken by somebody else's. `number`: which one for this run it is."""

    state: Literal["InFlight", "Made", "Failed", "NameConflict", "Rejected"]
    name: str
    number: int
    uid: str | None = None
    until: datetime | None = None
    message: str = ""
    failures: int = 0


@dataclass(frozen=True, slots=True)
class PinState:
    """What came of the last look at an AgentPin, at `at`: under way; verified; refused, and why; or to be tried again
    at `until`."""

    state: Literal["InFlight", "Verified", "Refused", "Failed"]
    question: PinQuestion
    at: datetime
    reason: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Guarded:
    """Whether an admission policy is in force, and since when; else what is wrong. `known` False: nobody has looked."""

    known: bool = False
    problem: str | None = None
    since: datetime | None = None

    def covers(self, created: datetime) -> bool:
        """Whether it is in force, and was already when an object came to be."""
        return self.known and self.problem is None and self.since is not None and created >= self.since


@dataclass(frozen=True, slots=True)
class Protection:
    """The admission policies that make AgentApprovals, and what is said of authors, trustworthy."""

    approvals: Guarded = Guarded()
    authors: Guarded = Guarded()


UNPROTECTED = Protection()


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that a plan is made from. `settled`: the API server holds `status`, nothing waits to be written.

    `locked`: names of Jobs that must stay taken until then.
    `policy`: what administrators allow in its namespace; None: there are no policies but the settings.
    `place`: which schedule of its namespace it is, the oldest first, from 1; None: their number has no limit.
    `others`: what the other schedules of its namespace have spent; None: no policy limits that.
    `began`: when this operator began to act. Of what another asked for before that, it does not know.
    `approvals`: AgentApprovals that belong to it; `asking`: what became of the last one that was asked for.
    `served_at`: when this operator last looked at the due slots, as the plan before this one says; None: not yet.
    `attempted`: what became of deliveries since the plan before this one.
    """

    schedule: Schedule
    status: AgentScheduleStatus
    sightings: tuple[Sighting, ...] = ()
    requests: tuple[Request, ...] = ()
    starts: Mapping[str, Start] = field(default_factory=dict)
    verdict: Verdict | None = None
    settled: bool = True
    volume: VolumeState | None = None
    served_at: datetime | None = None
    locked: Mapping[str, datetime] = field(default_factory=dict)
    began: datetime | None = None
    policy: Effective | None = None
    place: int | None = None
    others: Others | None = None
    attempted: tuple[Attempted, ...] = ()
    approvals: tuple[Approval, ...] = ()
    asking: Asking | None = None
    protection: Protection = UNPROTECTED
    pin: PinState | None = None
