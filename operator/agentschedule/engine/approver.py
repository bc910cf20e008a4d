"""AgentApprovals created, marked and deleted, as plans ask for it."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from agentschedule.cluster.errors import ApiError
from agentschedule.constants import LABEL_SCHEDULE_UID
from agentschedule.engine.dispatcher import Dispatcher, Urgency
from agentschedule.engine.entries import Key, ScheduleEntry, regarding
from agentschedule.engine.ports import Cluster
from agentschedule.engine.recorder import Recorder
from agentschedule.engine.registry import Registry
from agentschedule.engine.starter import unanswered
from agentschedule.planning.actions import CreateApproval, DeleteApproval, MarkApproval
from agentschedule.planning.observed import Asking

logger = logging.getLogger(__name__)

KIND = "agentapprovals"


class Approver:
    """Carries out actions. `wake` is called with a schedule's key when it is known what came of one."""

    def __init__(
        self,
        registry: Registry,
        cluster: Cluster,
        dispatcher: Dispatcher,
        recorder: Recorder,
        *,
        clock: Callable[[], datetime],
        wake: Callable[[Key], None],
    ) -> None:
        self._registry = registry
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._recorder = recorder
        self._clock = clock
        self._wake = wake

    def create(self, key: Key, entry: ScheduleEntry, action: CreateApproval) -> None:
        """Queue the creation, unless it is under way."""
        known, failures = entry.asking, 0
        if known is not None and (known.name, known.number) == (action.name, action.number):
            if known.state == "InFlight":
                return
            failures = known.failures
        entry.asking = Asking("InFlight", action.name, action.number, failures=failures)
        self._dispatcher.submit(Urgency.CHECK, lambda: self._create(key, entry, action, failures))

    async def mark(self, key: Key, action: MarkApproval) -> None:
        """Write the status of one that is still there."""
        body = {"metadata": {"uid": action.uid}, "status": {"phase": action.phase}}
        try:
            raw = await self._cluster.patch(KIND, key.namespace, action.name, body, "status")
        except ApiError as error:
            if error.status not in {404, 409}:
                raise
        else:
            self._registry.approvals.put(raw)
            self._wake(key)

    async def delete(self, key: Key, entry: ScheduleEntry, action: DeleteApproval) -> None:
        """Delete exactly this one; of a void one people are told."""
        deleted = await self._cluster.delete(KIND, key.namespace, action.name, action.uid, "Background")
        if deleted and action.why:
            self._tell_void(entry, action)
        self._registry.bury(action.uid)
        self._registry.approvals.forget(entry.schedule.owner.uid, action.name, action.uid)
        self._wake(key)

    def _tell_void(self, entry: ScheduleEntry, action: DeleteApproval) -> None:
        text = f"the approval of run {action.name} is void: {action.why}"
        self._recorder.tell(regarding(entry), "ApprovalVoid", text, warning=True)

    async def _create(self, key: Key, entry: ScheduleEntry, action: CreateApproval, failures: int) -> None:
        if entry.doubted or self._registry.schedules.get(key) is not entry:
            entry.asking = None  # planned from an old picture, or deleted meanwhile
            return
        try:
            raw = await self._cluster.create_approval(key.namespace, action.manifest)
        except ApiError as error:
            entry.asking = await self._not_created(key, entry, action, error, failures + 1)
        except Exception as error:
            logger.exception("an AgentApproval could not be created", extra={"object": action.name})
            entry.asking = self._later(action, unanswered(error), failures + 1)
        else:
            self._registry.approvals.put(raw)
            entry.asking = Asking("Made", action.name, action.number, uid=raw["metadata"]["uid"])
        self._wake(key)

    async def _not_created(
        self, key: Key, entry: ScheduleEntry, action: CreateApproval, error: ApiError, failures: int
    ) -> Asking:
        if error.status == 409:
            return await self._taken(key, entry, action, failures)
        if error.status in {400, 413, 422}:
            text = f"its AgentApproval is refused: {error.message}"
            return Asking("Rejected", action.name, action.number, message=text)
        if failures == 1 or failures % 10 == 0:
            text = f"AgentApproval {action.name} could not be created ({failures} tries), trying again: {error.message}"
            self._recorder.tell(regarding(entry), "FailedCreate", text, warning=True)
        return self._later(action, error, failures)

    def _later(self, action: CreateApproval, error: ApiError, failures: int) -> Asking:
        until = self._clock() + timedelta(seconds=error.wait(failures))
        return Asking("Failed", action.name, action.number, until=until, message=error.message, failures=failures)

    async def _taken(self, key: Key, entry: ScheduleEntry, action: CreateApproval, failures: int) -> Asking:
        """One of this name is there: the plan deletes it if it says that it is this schedule's, and asks again."""
        try:
            raw = await self._cluster.read(KIND, key.namespace, action.name)
        except ApiError as error:
            return self._later(action, error, failures)
        if (
            raw is not None
            and (raw["metadata"].get("labels") or {}).get(LABEL_SCHEDULE_UID) != entry.schedule.owner.uid
        ):
            text = f"an AgentApproval named {action.name} exists that the operator did not ask for; delete it"
            return Asking("NameConflict", action.name, action.number, message=text)
        if raw is not None:
            self._registry.approvals.put(raw)
        until = self._clock() + timedelta(seconds=1)
        return Asking("Failed", action.name, action.number, until=until, failures=failures)
