"""Reconciling one schedule: what is known of it is planned, and the plan handed on."""

import dataclasses
from collections.abc import Callable
from datetime import datetime

from agentschedule.api.agentrun import AgentRunStatus
from agentschedule.api.status import AgentScheduleStatus
from agentschedule.engine.ahead import encoded, starts_something
from agentschedule.engine.auditor import Auditor
from agentschedule.engine.entries import Ahead, Key, RequestEntry, ScheduleEntry, regarding
from agentschedule.engine.executor import Executor
from agentschedule.engine.intake import Intake
from agentschedule.engine.recorder import Recorder
from agentschedule.engine.writer import StatusWriter
from agentschedule.planning.actions import Note, Plan
from agentschedule.planning.manual import request_status
from agentschedule.planning.observed import Observed, Request
from agentschedule.planning.planner import plan


class Reconciler:
    """Has schedules planned and the plans carried out; `wake_at` is told when a schedule is to be looked at again."""

    def __init__(
        self,
        intake: Intake,
        executor: Executor,
        writer: StatusWriter,
        recorder: Recorder,
        auditor: Auditor,
        *,
        clock: Callable[[], datetime],
        wake_at: Callable[[Key, ScheduleEntry, datetime], None],
    ) -> None:
        self._registry = intake.registry
        self._settings = intake.settings
        self._executor = executor
        self._writer = writer
        self._recorder = recorder
        self._metrics = auditor.metrics
        self._auditor = auditor
        self._clock = clock
        self._wake_at = wake_at

    def serve(self, key: Key) -> None:
        """A schedule's time has come: do what was planned for it, or plan it now."""
        entry = self._registry.schedules.get(key)
        ahead = entry.ahead if entry is not None else None
        now = self._clock()
        holds = ahead is not None and ahead.holds(now) and self._registry.spending.affords(key, ahead.plan, now)
        if entry is not None and ahead is not None and holds:
            entry.ahead = None
            self._carry_out(key, entry, ahead.observed, ahead.plan)
        else:
            self.reconcile(key)

    def reconcile(self, key: Key) -> None:
        """Plan a schedule from what is known of it now."""
        observed = self._registry.observe(key)
        entry = self._registry.schedules.get(key)
        if observed is None or entry is None:
            self._tell_requests_without_schedule(key)
        elif not entry.doubted:
            entry.ahead = None
            self._carry_out(key, entry, observed, plan(observed, self._settings, self._clock()))

    def _carry_out(self, key: Key, entry: ScheduleEntry, observed: Observed, decided: Plan) -> None:
        changed = decided.status != observed.status
        if changed or entry.status is not observed.status:  # else what is known of the old one holds of the new one
            entry.status = decided.status
        entry.served_at = decided.served_at
        entry.attempted = entry.attempted[len(observed.attempted) :]
        for name in decided.consumed:
            entry.starts.pop(name, None)
            entry.failures.pop(name, None)
            self._registry.admission.leave((key.namespace, name))
        for action in decided.actions:
            self._executor.carry_out(key, entry, action)
        self._registry.spending.note(key, entry)
        if changed or not observed.settled:
            self._writer.changed("agentschedules", key, calm=_is_progress(observed.status, entry.status))
        self._update_requests(key, decided)
        self._tell(entry, decided)
        if decided.wake_at is not None:
            self._wake_at(key, entry, decided.wake_at)

    def plan_ahead(self, key: Key, entry: ScheduleEntry, at: datetime) -> bool:
        """Plan what will be done at `at`, if nothing becomes known until then. Whether something will start."""
        observed = self._registry.observe(key)
        if observed is None:
            return False
        decided = plan(observed, self._settings, at)
        if not starts_something(decided):
            return False
        entry.ahead = Ahead(at, observed, encoded(decided))
        return True

    # AgentRuns

    def _update_requests(self, key: Key, decided: Plan) -> None:
        for name, status in decided.requests.items():
            entry = self._registry.requests.get(Key(key.namespace, name))
            if entry is not None:
                self._set_request_status(Key(key.namespace, name), entry, status)

    def _set_request_status(self, key: Key, entry: RequestEntry, status: AgentRunStatus) -> None:
        if status != entry.status:
            entry.status = status
            entry.request = dataclasses.replace(entry.request, status=status)
        if not entry.settled():
            self._writer.changed("agentruns", key)

    def _tell_requests_without_schedule(self, key: Key) -> None:
        for entry in list(self._registry.requests_of(key)):
            if entry.request.status.phase in {None, "Pending"} and not entry.request.deleting:
                text = f"waits: there is no AgentSchedule named {key.name} in namespace {key.namespace}"
                if entry.request.status.message != text:
                    self._recorder.tell(_request_reference(key, entry.request), "ScheduleNotFound", text, warning=True)
                status = request_status(entry.request, self._clock(), "Pending", text)
                self._set_request_status(Key(key.namespace, entry.request.name), entry, status)

    # Telling and counting

    def _tell(self, entry: ScheduleEntry, decided: Plan) -> None:
        for note in decided.notes:
            self._post(entry, note)
        self._metrics.decided(decided.ended, decided.skipped)
        if decided.decisions:
            self._metrics.permitted(decided.decisions)
        if decided.records:
            self._auditor.take(entry.schedule, decided.records)
        for tried in decided.tried:
            self._metrics.tried(tried.channel, tried.result, tried.seconds)

    def _post(self, entry: ScheduleEntry, note: Note) -> None:
        reference = regarding(entry)
        if note.agent_run is not None:
            request = self._registry.requests.get(Key(entry.schedule.owner.namespace, note.agent_run))
            if request is not None:
                reference = _request_reference(Key(entry.schedule.owner.namespace, ""), request.request)
        self._recorder.tell(reference, note.reason, note.message, warning=note.warning)


_WEIGHTY = (
    "conditions",
    "phase",
    "hold",
    "totals",
    "skips",
    "queued",
    "approval",
    "last_result",
    "observed_generation",
)


def _is_progress(old: AgentScheduleStatus, new: AgentScheduleStatus) -> bool:
    """Whether nothing has happened but that runs have started and go on."""
    waits = {run.reason for run in new.runs} - {run.reason for run in old.runs} - {None}
    return not waits and all(getattr(old, name) == getattr(new, name) for name in _WEIGHTY)


def _request_reference(key: Key, request: Request) -> dict[str, str]:
    return {"kind": "AgentRun", "namespace": key.namespace, "name": request.name, "uid": request.uid}
