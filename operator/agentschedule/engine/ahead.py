"""Plans made before they are due, while there is time: at the due time a start is only handed on.

A plan is a function of what is known and of the time for which it is made. So what will be done at a due time can be
planned some seconds before, for that time, and holds for as long as nothing else becomes known of the schedule.
"""

import dataclasses
import heapq
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from agentschedule.engine.entries import Key
from agentschedule.engine.packing import packed
from agentschedule.planning.actions import CreateJob, Plan

_SOONEST = timedelta(seconds=30)
_LATEST = timedelta(seconds=3)
"""Before the due time; each schedule has its own moment between the two, so that not all are planned at once."""


def encoded(plan: Plan) -> Plan:
    """The plan with the bodies of its creations as they are sent. They need less memory, too."""
    actions = tuple(
        dataclasses.replace(action, manifest={}, body=packed(action.manifest))
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

    def expect(self, key: Key, at: datetime, now: datetime) -> bool:
        """A schedule will be due. False: so soon that nothing can be done ahead."""
        if at - now <= _LATEST:
            return False
        spread = (_SOONEST - _LATEST) * (zlib.crc32(f"{key.namespace}/{key.name}".encode()) / 2**32)
        heapq.heappush(self._heap, (at - _LATEST - spread, key, at))
        return True

    def next(self) -> datetime | None:
        """When there is something to be planned ahead."""
        return self._heap[0][0] if self._heap else None

    def take(self, now: datetime) -> Iterator[tuple[Key, datetime]]:
        """Those whose moment has come, with their due time."""
        while self._heap and self._heap[0][0] <= now:
            _, key, at = heapq.heappop(self._heap)
            yield key, at
