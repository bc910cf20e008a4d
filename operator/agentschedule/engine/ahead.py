"""Plans made before they are due, while there is time: at the due time a start is only handed on.

A plan is a function of what is known and of the time for which it is made. So what will be done at a due time can be
planned some seconds before, for that time, and holds for as long as nothing else becomes known of the schedule.
"""

import dataclasses
import heapq
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from agentschedule.planning.actions import CreateJob, Plan
from agentschedule.planning.observed import Observed

if TYPE_CHECKING:
    from agentschedule.engine.entries import Key

_SOONEST = timedelta(seconds=30)
_LATEST = timedelta(seconds=3)
"""Before the due time; each schedule has its own moment between the two, so that not all are planned at once."""

_HOLDS = timedelta(seconds=5)
"""How long after its time a plan may still be used as it is."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What will be done at `at`, planned from `observed`, with its Jobs in JSON already."""

    at: datetime
    observed: Observed
    plan: Plan

    def holds(self, now: datetime) -> bool:
        """Whether this is what would be planned now, given that nothing else is known."""
        return timedelta(0) <= now - self.at <= _HOLDS


def encoded(plan: Plan) -> Plan:
    """The plan with the bodies of its creations as they are sent. They need less memory, too."""
    actions = tuple(
        dataclasses.replace(action, manifest={}, body=orjson.dumps(action.manifest))
        if isinstance(action, CreateJob)
        else action
        for action in plan.actions
    )
    return dataclasses.replace(plan, actions=actions)


def starts_something(plan: Plan) -> bool:
    """Whether a plan is worth being made ahead."""
    return any(isinstance(action, CreateJob) for action in plan.actions)


class Upcoming:
    """When each schedule's next plan is to be made ahead."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, Key, datetime]] = []

    def expect(self, key: "Key", at: datetime, now: datetime) -> bool:
        """A schedule will be due. False: so soon that nothing can be done ahead."""
        if at - now <= _LATEST:
            return False
        spread = (_SOONEST - _LATEST) * (zlib.crc32(f"{key.namespace}/{key.name}".encode()) / 2**32)
        heapq.heappush(self._heap, (at - _LATEST - spread, key, at))
        return True

    def next(self) -> datetime | None:
        """When there is something to be planned ahead."""
        return self._heap[0][0] if self._heap else None

    def take(self, now: datetime) -> Iterator[tuple["Key", datetime]]:
        """Those whose moment has come, with their due time."""
        while self._heap and self._heap[0][0] <= now:
            _, key, at = heapq.heappop(self._heap)
            yield key, at
