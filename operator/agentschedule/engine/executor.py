"""Plans carried out: each action a request, its outcome put into the registry, the schedule woken."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from agentschedule.cluster.errors import ApiError
from agentschedule.engine.clock import loop_time
from agentschedule.engine.crew import Crew
from agentschedule.engine.dispatcher import Dispatcher, Urgency
from agentschedule.engine.entries import Key, ScheduleEntry
from agentschedule.engine.ports import Cluster
from agentschedule.engine.refusals import Refusals
from agentschedule.engine.registry import Registry
from agentschedule.engine.starter import unanswered
from agentschedule.engine.volumes import asked_for, ensure_claim, not_to_be_had
from agentschedule.planning.actions import (
    Action,
    Adopt,
    ApprovalAction,
    CreateApproval,
    CreateJob,
    DeleteApproval,
    DeleteJob,
    DeletePod,
    Deliver,
    DryRun,
    EnsureVolume,
    Explain,
    Forget,
    MarkApproval,
    StopJob,
    VerifyPin,
)
from agentschedule.planning.observed import Verdict, VolumeState
from agentschedule.runs.explanation import newest_warning

logger = logging.getLogger(__name__)


class Executor:
    """Carries out actions. `wake` is called with a schedule's key when something about it has changed."""

    def __init__(
        self,
        registry: Registry,
        cluster: Cluster,
        dispatcher: Dispatcher,
        crew: Crew,
        *,
        clock: Callable[[], datetime],
        wake: Callable[[Key], None],
    ) -> None:
        self._registry = registry
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._clock = clock
        self._wake = wake
        self._crew = crew
        self._refusals = Refusals()
        self._under_way: set[str] = set()

    def carry_out(self, key: Key, entry: ScheduleEntry, action: Action) -> None:
        """Queue an action's request."""
        match action:
            case CreateJob():
                self._crew.starter.start(key, entry, action)
            case StopJob():
                self._once(key, action.uid, Urgency.STOP, lambda: self._stop(key, action))
            case DeleteJob() | DeletePod():
                self._remove(key, action)
            case DryRun() | EnsureVolume() | Explain():
                self._prepare(key, entry, action)
            case Adopt():
                self._once(key, action.uid, Urgency.CLEAN, lambda: self._adopt(key, entry, action))
            case Deliver():
                if self._crew.courier is not None:
                    self._crew.courier.deliver(key, entry, action)
            case CreateApproval() | MarkApproval() | DeleteApproval() | VerifyPin():
                self._seek_permission(key, entry, action)
            case Forget():
                self._registry.forget_job(entry.schedule.owner.uid, action.name, action.uid)

    def _remove(self, key: Key, action: DeleteJob | DeletePod) -> None:
        kind, urgency = ("jobs", Urgency.CLEAN) if isinstance(action, DeleteJob) else ("pods", Urgency.STOP)
        self._once(key, action.uid, urgency, lambda: self._delete(key, kind, action.name, action.uid))

    def _seek_permission(self, key: Key, entry: ScheduleEntry, action: ApprovalAction | VerifyPin) -> None:
        match action:
            case VerifyPin():
                self._crew.pins.verify(key, entry, action)
            case CreateApproval():
                self._crew.approver.create(key, entry, action)
            case MarkApproval():
                self._once(key, action.uid, Urgency.CLEAN, lambda: self._crew.approver.mark(key, action))
            case DeleteApproval():
                self._once(key, action.uid, Urgency.CLEAN, lambda: self._crew.approver.delete(key, entry, action))

    def _prepare(self, key: Key, entry: ScheduleEntry, action: DryRun | EnsureVolume | Explain) -> None:
        """What is asked for again and again until the answer is there; it is under way once only."""
        match action:
            case DryRun():
                if entry.checking != action.generation:
                    entry.checking = action.generation
                    self._dispatcher.submit(Urgency.CHECK, lambda: self._check(key, entry, action))
            case EnsureVolume():
                if entry.volume is None or entry.volume.state != "InFlight":
                    entry.volume = asked_for(entry.volume, action.generation, self._clock())
                    self._dispatcher.submit(Urgency.START, lambda: self._ensure_volume(key, entry, action))
            case Explain():
                self._registry.asked(action.uid, self._clock())
                self._dispatcher.submit(Urgency.CHECK, lambda: self._explain(key, action))

    # Checking

    async def _check(self, key: Key, entry: ScheduleEntry, action: DryRun) -> None:
        try:
            answer = await self._cluster.dry_run_job(action.manifest)
        except Exception as trouble:  # noqa: BLE001 - told of by `_known`
            error = _known(trouble)
            told = error.refused or error.status == 403
            verdict = Verdict(action.generation, problem=error.message) if told else None
            if not error.refused:
                self._check_later(key, entry, action, error)
        else:
            entry.check_failures = 0
            self._refusals.taken(("check", key.namespace), key)
            verdict = Verdict(action.generation, warnings=answer.warnings)
        if entry.checking == action.generation:  # else a newer spec is being checked: its answer may be there
            entry.verdict = verdict
        self._wake(key)

    def _check_later(self, key: Key, entry: ScheduleEntry, action: DryRun, error: ApiError) -> None:
        entry.check_failures += 1
        wait, ask = error.wait(entry.check_failures), partial(self._ask_again, key, entry, action.generation)
        if error.status == 403:
            wait = self._refusals.refused(("check", key.namespace), key, wait, loop_time(), ask)
        asyncio.get_running_loop().call_later(wait, ask)

    def _ask_again(self, key: Key, entry: ScheduleEntry, generation: int) -> None:
        if entry.checking == generation:
            entry.checking, entry.verdict = None, None
            self._wake(key)

    async def _ensure_volume(self, key: Key, entry: ScheduleEntry, action: EnsureVolume) -> None:
        if self._registry.schedules.get(key) is not entry:
            return  # deleted meanwhile
        try:
            await ensure_claim(self._cluster, action.manifest)
        except Exception as trouble:  # noqa: BLE001 - told of by `_known`
            error = _known(trouble)
            entry.volume_failures += 1
            entry.volume = not_to_be_had(error, action.generation, self._clock(), entry.volume_failures)
        else:
            entry.volume_failures = 0
            entry.volume = VolumeState("Ready", action.generation, self._clock())
        self._wake(key)

    async def _explain(self, key: Key, action: Explain) -> None:
        """What cannot be asked now is asked again when the next question is due."""
        try:
            events = await self._cluster.events_on(key.namespace, action.uid)
        except ApiError as error:
            logger.debug("Events could not be read", extra={"object": action.name, "error": str(error)})
            return
        if self._registry.explained(action.uid, newest_warning(events)):
            self._wake(key)

    # Ending

    def _once(self, key: Key, uid: str, urgency: Urgency, work: Callable[[], asyncio.Future[None] | object]) -> None:
        """Queue what must not be queued twice for one object."""
        if uid in self._under_way:
            return
        self._under_way.add(uid)

        async def run() -> None:
            try:
                await work()  # type: ignore[misc]
            except Exception as trouble:  # noqa: BLE001 - told of by `_known`
                error = _known(trouble)
                extra = {"namespace": key.namespace, "object": key.name, "error": str(error)}
                logger.warning("a request failed and is tried again", extra=extra)
                wait = error.retry_after or 5.0
                asyncio.get_running_loop().call_later(wait, self._release, key, uid)
            else:
                self._release(key, uid, wake=False)

        self._dispatcher.submit(urgency, run)

    def _release(self, key: Key, uid: str, wake: bool = True) -> None:
        self._under_way.discard(uid)
        if wake:
            self._wake(key)

    async def _stop(self, key: Key, action: StopJob) -> None:
        await self._cluster.stop_job(key.namespace, action.name, action.uid, action.why)
        await self._look(key, action.name)

    async def _delete(self, key: Key, kind: str, name: str, uid: str) -> None:
        await self._cluster.delete(kind, key.namespace, name, uid, "Background")
        if kind == "jobs":
            await self._look(key, name)

    async def _look(self, key: Key, name: str) -> None:
        """Take a fresh look at a Job, so that nothing is asked twice before the watch tells."""
        raw = await self._cluster.read("jobs", key.namespace, name)
        if raw is not None:
            self._registry.put_job(raw)
            self._wake(key)

    async def _adopt(self, key: Key, entry: ScheduleEntry, action: Adopt) -> None:
        request = self._registry.requests.get(Key(key.namespace, action.name))
        if request is None or request.request.adopted or not request.settled():
            return  # with its status on its way the two would be in each other's way; asked for again after that
        body = {"metadata": {"uid": action.uid, "ownerReferences": [entry.schedule.owner.reference()]}}
        try:
            await self._cluster.patch("agentruns", key.namespace, action.name, body)
        except ApiError as error:
            if not error.refused:
                raise


def _known(trouble: Exception) -> ApiError:
    """What went wrong with a request; a bug is told of here, and leaves nothing under way for ever."""
    if isinstance(trouble, ApiError):
        return trouble
    logger.error("a request failed in an unforeseen way", exc_info=trouble)
    return unanswered(trouble)
