"""Plans carried out: each action a request, its outcome put into the registry, the schedule woken."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from agentschedule.cluster.errors import ApiError
from agentschedule.constants import LABEL_SCHEDULE_UID
from agentschedule.engine.dispatcher import Dispatcher, Urgency
from agentschedule.engine.ports import Cluster
from agentschedule.engine.recorder import Recorder
from agentschedule.engine.registry import Key, Registry, ScheduleEntry
from agentschedule.metrics import Metrics
from agentschedule.planning.actions import Action, Adopt, CreateJob, DeleteJob, DeletePod, DryRun, Forget, StopJob
from agentschedule.planning.observed import Start, Verdict

logger = logging.getLogger(__name__)

_LONGEST_WAIT = 60.0
_ASK_AGAIN = 60.0


class Executor:
    """Carries out actions. `wake` is called with a schedule's key when something about it has changed."""

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
        self._under_way: set[str] = set()

    def carry_out(self, key: Key, entry: ScheduleEntry, action: Action) -> None:
        """Queue an action's request."""
        match action:
            case CreateJob():
                entry.starts[action.name] = Start("InFlight")
                self._dispatcher.submit(Urgency.START, lambda: self._create(key, entry, action))
            case StopJob():
                self._once(key, action.uid, Urgency.STOP, lambda: self._stop(key, action))
            case DeleteJob():
                self._once(key, action.uid, Urgency.CLEAN, lambda: self._delete(key, "jobs", action.name, action.uid))
            case DeletePod():
                self._once(key, action.uid, Urgency.STOP, lambda: self._delete(key, "pods", action.name, action.uid))
            case DryRun():
                if entry.checking != action.generation:
                    entry.checking = action.generation
                    self._dispatcher.submit(Urgency.CHECK, lambda: self._check(key, entry, action))
            case Adopt():
                self._once(key, action.uid, Urgency.CLEAN, lambda: self._adopt(key, entry, action))
            case Forget():
                self._registry.forget_job(entry.schedule.owner.uid, action.name, action.uid)

    # Starting

    async def _create(self, key: Key, entry: ScheduleEntry, action: CreateJob) -> None:
        if self._registry.schedules.get(key) is not entry:
            return  # deleted meanwhile
        if entry.doubted:
            entry.starts.pop(action.name, None)
            return  # planned from an old picture
        try:
            raw = await self._cluster.create_job(action.manifest)
        except ApiError as error:
            await self._not_created(key, entry, action, error)
        else:
            self._created(entry, action, raw)
            lateness = (self._clock() - action.due).total_seconds()
            self._metrics.lateness.labels(action.trigger).observe(max(0.0, lateness))
            text = f"created Job {action.name} for the slot {action.slot:%Y-%m-%d %H:%M:%S} UTC"
            self._recorder.tell(regarding(entry), "SuccessfulCreate", text)
        self._wake(key)

    def _created(self, entry: ScheduleEntry, action: CreateJob, raw: dict[str, object]) -> None:
        self._count("create")
        entry.starts.pop(action.name, None)
        entry.failures.pop(action.name, None)
        self._registry.put_job(raw)

    async def _not_created(self, key: Key, entry: ScheduleEntry, action: CreateJob, error: ApiError) -> None:
        self._count("create", error)
        if error.status == 409:
            await self._find_out(key, entry, action, taken=True)
        elif error.status in {400, 413, 422}:
            entry.starts[action.name] = Start("Rejected", message=error.message)
        elif error.status == 0 or error.status >= 500:
            self._find_out_later(key, entry, action, error)
        else:
            self._defer(entry, action, error)

    def _find_out_later(self, key: Key, entry: ScheduleEntry, action: CreateJob, error: ApiError) -> None:
        """The Job may be there, though nobody said so. Until that is known, the start counts as under way."""

        async def find_out() -> None:
            if self._registry.schedules.get(key) is entry:
                await self._find_out(key, entry, action, taken=False)
                self._wake(key)

        wait = self._failed(entry, action, error)
        asyncio.get_running_loop().call_later(wait, self._dispatcher.submit, Urgency.START, find_out)

    async def _find_out(self, key: Key, entry: ScheduleEntry, action: CreateJob, *, taken: bool) -> None:
        """A Job of this name is from an earlier try of ours, which is success, or somebody else's."""
        try:
            raw = await self._cluster.read("jobs", key.namespace, action.name)
        except ApiError as error:
            self._find_out_later(key, entry, action, error)
            return
        if raw is None and taken:
            self._defer(entry, action, ApiError(409, "AlreadyExists", f"Job {action.name} is just being deleted"))
            return
        if raw is None:
            entry.starts[action.name] = Start("Deferred", until=self._clock(), message="there is no such Job")
            return
        meta = raw["metadata"]
        owners = {owner.get("uid") for owner in meta.get("ownerReferences") or ()}
        ours = entry.schedule.owner.uid
        if ours in owners and (meta.get("labels") or {}).get(LABEL_SCHEDULE_UID) == ours:
            self._created(entry, action, raw)
        else:
            message = f"a Job named {action.name} exists and does not belong to this schedule"
            entry.starts[action.name] = Start("NameConflict", message=message)

    def _defer(self, entry: ScheduleEntry, action: CreateJob, error: ApiError) -> None:
        """Try again later, for this schedule alone."""
        until = self._clock() + timedelta(seconds=self._failed(entry, action, error))
        entry.starts[action.name] = Start("Deferred", until=until, message=str(error))

    def _failed(self, entry: ScheduleEntry, action: CreateJob, error: ApiError) -> float:
        """Count a failure, tell of it now and then; returns the time to wait, in seconds."""
        failures = entry.failures[action.name] = entry.failures.get(action.name, 0) + 1
        if failures == 1 or failures % 10 == 0:
            text = f"Job {action.name} could not be created ({failures} tries), trying again: {error.message}"
            self._recorder.tell(regarding(entry), "FailedCreate", text, warning=True)
        return error.retry_after or min(2.0 ** min(failures - 1, 10), _LONGEST_WAIT)

    def _count(self, operation: str, error: ApiError | None = None) -> None:
        """A request was answered, or not."""
        result = "ok" if error is None else str(error.status or error.reason)
        self._metrics.requests.labels(operation, result).inc()

    # Checking

    async def _check(self, key: Key, entry: ScheduleEntry, action: DryRun) -> None:
        try:
            answer = await self._cluster.dry_run_job(action.manifest)
        except ApiError as error:
            self._count("check", error)
            entry.verdict = (
                Verdict(action.generation, problem=error.message) if error.refused or error.status == 403 else None
            )
            if not error.refused:
                wait = error.retry_after or (_ASK_AGAIN if error.status == 403 else 2.0)
                asyncio.get_running_loop().call_later(wait, self._ask_again, key, entry, action.generation)
        else:
            self._count("check")
            entry.verdict = Verdict(action.generation, warnings=answer.warnings)
        self._wake(key)

    def _ask_again(self, key: Key, entry: ScheduleEntry, generation: int) -> None:
        if entry.checking == generation:
            entry.checking, entry.verdict = None, None
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
            except ApiError as error:
                self._count(urgency.name.lower(), error)
                extra = {"namespace": key.namespace, "object": key.name, "error": str(error)}
                logger.warning("a request failed and is tried again", extra=extra)
                wait = error.retry_after or 5.0
                asyncio.get_running_loop().call_later(wait, self._release, key, uid)
            else:
                self._count(urgency.name.lower())
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


def regarding(entry: ScheduleEntry) -> dict[str, str]:
    """The reference to a schedule that Events need."""
    owner = entry.schedule.owner
    return {"kind": "AgentSchedule", "namespace": owner.namespace, "name": owner.name, "uid": owner.uid}


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)
