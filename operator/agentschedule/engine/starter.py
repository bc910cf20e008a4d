"""Starts: each run's Job is created once, also where the API server refuses, fails or does not answer."""

import asyncio
import dataclasses
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from agentschedule.cluster.client import Answer
from agentschedule.cluster.errors import ApiError
from agentschedule.constants import LABEL_SCHEDULE_UID
from agentschedule.engine.admission import Claim
from agentschedule.engine.clock import loop_time
from agentschedule.engine.dispatcher import Dispatcher, Urgency
from agentschedule.engine.entries import Key, ScheduleEntry, regarding
from agentschedule.engine.ports import Cluster
from agentschedule.engine.recorder import Recorder
from agentschedule.engine.refusals import Refusals
from agentschedule.engine.registry import Registry
from agentschedule.metrics import Metrics
from agentschedule.planning.actions import CreateJob
from agentschedule.planning.history import LOCKED
from agentschedule.planning.observed import Start

logger = logging.getLogger(__name__)


_MOST_KEPT = 1000
"""Answers that wait to be looked at: some MiB."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Answered:
    key: Key
    entry: ScheduleEntry
    action: CreateJob
    answer: Answer
    at: datetime


class Starter:
    """Creates Jobs. `wake` is called with a schedule's key when it is known what became of one.

    Of a Job that was created no more is done at once than that its answer is kept, for `settle`: in a burst the
    processor's time is the API server's, and the watch shows the Job anyway.
    """

    def __init__(
        self,
        registry: Registry,
        cluster: Cluster,
        dispatcher: Dispatcher,
        recorder: Recorder,
        metrics: Metrics,
        *,
        clock: Callable[[], datetime],
        wake: Callable[[Key], None],
    ) -> None:
        self._registry = registry
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._recorder = recorder
        self._metrics = metrics
        self._clock = clock
        self._wake = wake
        self._refusals = Refusals()
        self._answers: deque[_Answered] = deque()
        self._most_kept = _MOST_KEPT

    def start(self, key: Key, entry: ScheduleEntry, action: CreateJob) -> None:
        """Create the Job, or have it wait until there is a place for it among the runs of all schedules."""
        claim = Claim(action.slot, key.namespace, action.name, key.name, catch_up=action.trigger == "CatchUp")
        waits = self._registry.admission.ask(claim, loop_time())
        if waits is None:
            entry.starts[action.name] = Start("InFlight", budget=action.budget)
            self._dispatcher.submit(Urgency.START, lambda: self._create(key, entry, action))
            return
        entry.starts[action.name] = Start("Queued", message=waits, trigger=action.trigger)
        self._recorder.tell(regarding(entry), "WaitingForTurn", f"run {action.name} {waits}")
        self._wake(key)  # its deadline, its AgentRun's status

    def _settle(self, entry: ScheduleEntry, action: CreateJob, start: Start | None) -> None:
        """What became of a start that was under way. A Job that was made has its place by itself."""
        if start is None:
            entry.starts.pop(action.name, None)
        else:
            entry.starts[action.name] = start
        self._registry.admission.leave((entry.schedule.owner.namespace, action.name))

    async def _create(self, key: Key, entry: ScheduleEntry, action: CreateJob) -> None:
        if entry.doubted or self._registry.schedules.get(key) is not entry:
            self._settle(entry, action, None)  # planned from an old picture, or deleted meanwhile
            self._wake(key)
            return
        try:
            answer = await self._cluster.create_job(key.namespace, action.body or action.manifest)
        except ApiError as error:
            await self._not_created(key, entry, action, error)
        except Exception as error:
            logger.exception("creating a Job failed in an unforeseen way", extra=_where(key, action))
            self._find_out_later(key, entry, action, unanswered(error))
        else:
            self._answers.append(_Answered(key, entry, action, answer, self._clock()))
            self.settle(len(self._answers) - self._most_kept)
            return
        self._wake(key)

    def settle(self, most: int) -> bool:
        """Look at so many answers, the oldest first. Whether none is left."""
        for _ in range(min(most, len(self._answers))):
            self._look_at(self._answers.popleft())
        return not self._answers

    def hurry(self) -> None:
        """Look at all answers, and from now on at each at once."""
        self._most_kept = 0
        self.settle(len(self._answers))

    def _look_at(self, answered: _Answered) -> None:
        key, entry, action, answer = answered.key, answered.entry, answered.action, answered.answer
        try:
            if not self._registry.knows_job(entry.schedule.owner.uid, action.name, answer.version):
                self._registry.put_job(answer.read())
            self._created(entry, action, answered.at)
        except Exception as error:
            logger.exception("creating a Job failed in an unforeseen way", extra=_where(key, action))
            self._find_out_later(key, entry, action, unanswered(error))
        self._wake(key)

    def _created(self, entry: ScheduleEntry, action: CreateJob, at: datetime) -> None:
        """The Job is there, by this request or by an earlier one whose answer was lost."""
        entry.failures.pop(action.name, None)
        owner = entry.schedule.owner
        self._refusals.taken(("create", owner.namespace), Key(owner.namespace, owner.name))
        self._settle(entry, action, None)
        entry.lateness = max(0.0, (at - action.due).total_seconds())
        self._metrics.started(action.trigger, entry.lateness)
        # No Event: the one at the run's end tells the same and more, and the status shows the run meanwhile.
        text = f"created Job {action.name} for the slot {action.slot:%Y-%m-%d %H:%M:%S} UTC"
        self._recorder.log(regarding(entry), "SuccessfulCreate", text, lateness=round(entry.lateness, 3))

    async def _not_created(self, key: Key, entry: ScheduleEntry, action: CreateJob, error: ApiError) -> None:
        if error.status == 409:
            await self._find_out(key, entry, action, taken=True)
        elif error.status in {400, 413, 422}:
            self._settle(entry, action, Start("Rejected", message=error.message))
        elif error.status == 0 or error.status >= 500:
            self._find_out_later(key, entry, action, error)
        else:
            self._defer(entry, action, error)

    def _find_out_later(self, key: Key, entry: ScheduleEntry, action: CreateJob, error: ApiError) -> None:
        """The Job may be there, though nobody said so. Until that is known, the start counts as under way."""

        async def find_out() -> None:
            if self._registry.schedules.get(key) is entry:
                await self._find_out(key, entry, action, taken=False)
            else:
                self._settle(entry, action, None)
            self._wake(key)

        timer: asyncio.TimerHandle | None = None

        def ask() -> None:
            nonlocal timer
            if timer is not None:  # else it has asked, or is about to
                timer.cancel()
                timer = None
                self._dispatcher.submit(Urgency.START, find_out)

        wait = self._wait(key, entry, action, error, ask)
        now = self._clock()
        entry.locked = {name: until for name, until in entry.locked.items() if until > now}
        entry.locked[action.name] = now + LOCKED
        timer = asyncio.get_running_loop().call_later(wait, ask)

    async def _find_out(self, key: Key, entry: ScheduleEntry, action: CreateJob, *, taken: bool) -> None:
        """A Job of this name is from an earlier try of ours, which is success, or somebody else's."""
        try:
            raw = await self._cluster.read("jobs", key.namespace, action.name)
            self._found(entry, action, raw, taken=taken)
        except ApiError as error:
            self._find_out_later(key, entry, action, error)
        except Exception as error:
            logger.exception("creating a Job failed in an unforeseen way", extra=_where(key, action))
            self._find_out_later(key, entry, action, unanswered(error))

    def _found(self, entry: ScheduleEntry, action: CreateJob, raw: dict[str, Any] | None, *, taken: bool) -> None:
        if raw is None and taken:
            self._defer(entry, action, ApiError(409, "AlreadyExists", f"Job {action.name} is just being deleted"))
            return
        if raw is None:
            self._settle(entry, action, Start("Deferred", until=self._clock(), message="there is no such Job"))
            return
        meta = raw["metadata"]
        owners = {owner.get("uid") for owner in meta.get("ownerReferences") or ()}
        ours = entry.schedule.owner.uid
        if ours in owners and (meta.get("labels") or {}).get(LABEL_SCHEDULE_UID) == ours:
            self._registry.put_job(raw)
            self._created(entry, action, self._clock())
        else:
            message = f"a Job named {action.name} exists and does not belong to this schedule"
            self._settle(entry, action, Start("NameConflict", message=message))

    def _defer(self, entry: ScheduleEntry, action: CreateJob, error: ApiError) -> None:
        """Try again later, for this schedule alone."""
        owner = entry.schedule.owner
        key = Key(owner.namespace, owner.name)
        wait = self._wait(key, entry, action, error, partial(self._hasten, key, entry))
        until = self._clock() + timedelta(seconds=wait)
        self._settle(entry, action, Start("Deferred", until=until, message=str(error)))

    def _wait(
        self, key: Key, entry: ScheduleEntry, action: CreateJob, error: ApiError, ask: Callable[[], None]
    ) -> float:
        """Seconds until another try; `ask` has it made sooner."""
        wait = self._failed(entry, action, error)
        if error.status != 403:
            return wait
        return self._refusals.refused(("create", key.namespace), key, wait, loop_time(), ask)

    def _hasten(self, key: Key, entry: ScheduleEntry) -> None:
        """Another of the namespace is not refused any more."""
        for name, start in entry.starts.items():
            if start.state == "Deferred":
                entry.starts[name] = dataclasses.replace(start, until=self._clock())
        self._wake(key)

    def _failed(self, entry: ScheduleEntry, action: CreateJob, error: ApiError) -> float:
        """Count a failure, tell of it now and then; returns the time to wait, in seconds."""
        failures = entry.failures[action.name] = entry.failures.get(action.name, 0) + 1
        if failures == 1 or failures % 10 == 0:
            text = f"Job {action.name} could not be created ({failures} tries), trying again: {error.message}"
            self._recorder.tell(regarding(entry), "FailedCreate", text, warning=True)
        return error.wait(failures)


def _where(key: Key, action: CreateJob) -> dict[str, str]:
    return {"namespace": key.namespace, "object": action.name}


def unanswered(error: Exception) -> ApiError:
    """A bug, ours or a library's, seen as no answer: nobody knows whether the request took effect."""
    return ApiError(0, type(error).__name__, str(error))
