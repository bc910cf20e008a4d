"""What is known and wanted of one object: its status here and as the API server holds it, and what is under way."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from agentschedule.api.agentrun import AgentRunStatus
from agentschedule.api.status import AgentScheduleStatus
from agentschedule.planning.actions import Plan
from agentschedule.planning.delivering import Attempted
from agentschedule.planning.observed import Asking, Observed, PinState, Request, Schedule, Start, Verdict, VolumeState


class Key(NamedTuple):
    """Namespace and name of an AgentSchedule or AgentRun."""

    namespace: str
    name: str


_HOLDS = timedelta(seconds=5)
"""How long after its time a plan that was made ahead may still be used as it is."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What will be done at `at`, planned from `observed`, with its Jobs in JSON already."""

    at: datetime
    observed: Observed
    plan: Plan

    def holds(self, now: datetime) -> bool:
        """Whether this is what would be planned now, given that nothing else is known."""
        return timedelta(0) <= now - self.at <= _HOLDS


S = TypeVar("S", AgentScheduleStatus, AgentRunStatus)


@dataclass(slots=True, kw_only=True)
class _Entry(Generic[S]):
    """An object's status as we want it (`status`) and as the API server holds it (`acked`, packed)."""

    version: int
    acked: bytes
    status: S
    sent: tuple[dict[str, Any], ...] = ()
    """Statuses that were sent since the last answer: each of them may be what the API server holds."""
    _json: tuple[S, dict[str, Any]] | None = None
    _known: tuple[S, bytes] | None = None
    """What was found to be the same."""

    def wanted(self) -> dict[str, Any]:
        """`status` as JSON: made once, asked for often."""
        if self._json is None or self._json[0] is not self.status:
            self._json = (self.status, self.status.to_json())
        return self._json[1]

    def held(self) -> dict[str, Any]:
        """The status as the API server holds it, unpacked."""
        status: dict[str, Any] = orjson.loads(self.acked)
        return status

    def settled(self) -> bool:
        """Whether the API server holds what we want."""
        if self._known is not None and self._known[0] is self.status and self._known[1] is self.acked:
            return True
        if self.wanted() != self.held():
            return False
        self._known, self._json = (self.status, self.acked), None
        return True

    def is_ours(self, status: dict[str, Any]) -> bool:
        """Whether a status that the API server holds is one that we know or wrote, rather than another writer's."""
        return status == self.held() or status == self.wanted() or status in self.sent


@dataclass(slots=True, kw_only=True)
class ScheduleEntry(_Entry[AgentScheduleStatus]):
    """A schedule."""

    schedule: Schedule
    doubted: bool = False
    """Another has written the status: nothing is planned before status and Jobs were read afresh."""
    wake_at: datetime | None = None
    starts: dict[str, Start] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    verdict: Verdict | None = None
    checking: int | None = None
    check_failures: int = 0
    volume: VolumeState | None = None
    volume_failures: int = 0
    served_at: datetime | None = None
    lateness: float | None = None
    """How late its newest Job was created, in seconds."""
    asking: Asking | None = None
    pin: PinState | None = None
    locked: dict[str, datetime] = field(default_factory=dict)
    attempted: tuple[Attempted, ...] = ()
    """What became of deliveries since the last plan."""
    expected: datetime | None = None
    """The due time for which a plan is to be made ahead."""
    ahead: Ahead | None = None


@dataclass(slots=True, kw_only=True)
class RequestEntry(_Entry[AgentRunStatus]):
    """An AgentRun."""

    request: Request


def regarding(entry: ScheduleEntry) -> dict[str, str]:
    """The reference to a schedule that Events need."""
    owner = entry.schedule.owner
    return {"kind": "AgentSchedule", "namespace": owner.namespace, "name": owner.name, "uid": owner.uid}
