"""What is counted while it happens. What is known at a moment is collected when somebody asks: `engine.overview`.

Labels have few values, known beforehand where they are ours: their series are there from the start, so that the first
of a kind is seen as an increase.
"""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.process_collector import ProcessCollector

from agentschedule.api.delivery import CHANNELS
from agentschedule.api.status import Run, RunPhase, SkipReason, Trigger
from agentschedule.audit.record import AuditType
from agentschedule.policy.gate import APPROVAL, RULES

_LATENESS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_REQUEST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
_RUN: Final = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400)
_LAG: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)

_ENDED: Final = tuple(phase for phase in get_args(RunPhase) if phase not in {"Pending", "Running"})
_OPERATIONS: Final = ("create", "update")
_DELIVERY: Final = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400)
_CREATE: Final = ("create", "jobs")

# A second series for each, which says when it began: Prometheus has its own ways to know.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """All metrics of one operator, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._define_runs()
        self._define_requests()
        self._define_policy()
        self._define_deliveries()
        self._define_process()

    # Told by the others

    def started(self, trigger: str, lateness: float) -> None:
        """A run's Job was created, so many seconds after the run was due."""
        self._lateness[trigger].observe(max(0.0, lateness))

    def decided(self, ended: Iterable[Run], skipped: Iterable[tuple[str, int]]) -> None:
        """Runs ended for good, and slots were skipped, by reason."""
        for run in ended:
            self._runs[run.phase, run.trigger].inc()
            if run.started_at is not None and run.completed_at is not None:
                self._durations[run.phase].observe(max(0.0, (run.completed_at - run.started_at).total_seconds()))
            if run.cost_usd:
                self.cost.inc(float(run.cost_usd))
            if run.usage is not None:
                self._tokens_in.inc(run.usage.input_tokens or 0)
                self._tokens_out.inc(run.usage.output_tokens or 0)
        for reason, count in skipped:
            self._skips[reason].inc(count)

    def permitted(self, decisions: Iterable[tuple[str, str]]) -> None:
        """Policies were asked about starts: the rule, and what it said."""
        for rule, outcome in decisions:
            self.decisions.labels(rule, outcome).inc()

    def audited(self, kind: str) -> None:
        """An audit record was written."""
        self.audit_records.labels(kind).inc()

    def audit_dropped_one(self) -> int:
        """An audit record was not; returns how many were not, in all."""
        self._dropped += 1
        self.audit_dropped.inc()
        return self._dropped

    def admitted(self, operation: str, result: str, seconds: float) -> None:
        """An admission request was answered: allowed, denied, or with an error. May be told by any thread."""
        known = operation if operation in _OPERATIONS else "other"
        self.admissions.labels(known, result).inc()
        self.admission_seconds.observe(seconds)

    def tried(self, channel: str, result: str, seconds: float | None) -> None:
        """An attempt to deliver was made; `seconds` after the event, where it was delivered at its first asking."""
        self.deliveries.labels(channel, result).inc()
        if seconds is not None:
            self.delivery_latency.observe(seconds)

    def requested(self, verb: str, resource: str, code: str, seconds: float) -> None:
        """A request to the API server was answered with this code, or was not."""
        child = self._requests.get((verb, resource, code))
        if child is None:
            child = self._requests[verb, resource, code] = self.requests.labels(verb, resource, code)
        child.inc()
        if (verb, resource) == _CREATE:
            self.creates.observe(seconds)

    def watch_restarted(self, resource: str, reason: str) -> None:
        """A watch begins anew."""
        self.watch_restarts.labels(resource, reason).inc()

    # What there is

    def _define_runs(self) -> None:
        self.lateness = Histogram(
            "agentschedule_start_lateness_seconds",
            "Time from when a run was due (slot and jitter) until its Job was created.",
            ["trigger"],
            buckets=_LATENESS,
            registry=self.registry,
        )
        self.runs = Counter(
            "agentschedule_runs_total", "Runs that ended, by their phase.", ["phase", "trigger"], registry=self.registry
        )
        self.durations = Histogram(
            "agentschedule_run_duration_seconds",
            "Time that the last attempt of an ended run took, from the start of its agent.",
            ["phase"],
            buckets=_RUN,
            registry=self.registry,
        )
        self.skips = Counter(
            "agentschedule_skipped_slots_total", "Slots that did not run.", ["reason"], registry=self.registry
        )
        self.cost = Counter(
            "agentschedule_reported_cost_usd_total",
            "Cost of ended runs, as their agents reported it, in US dollars.",
            registry=self.registry,
        )
        self.tokens = Counter(
            "agentschedule_reported_tokens_total",
            "Tokens of ended runs, as their agents reported them.",
            ["direction"],
            registry=self.registry,
        )
        triggers = get_args(Trigger)
        self._lateness = {trigger: self.lateness.labels(trigger) for trigger in triggers}
        self._runs = {(phase, trigger): self.runs.labels(phase, trigger) for phase in _ENDED for trigger in triggers}
        self._durations = {phase: self.durations.labels(phase) for phase in _ENDED}
        self._skips = {reason: self.skips.labels(reason) for reason in get_args(SkipReason)}
        self._tokens_in, self._tokens_out = self.tokens.labels("input"), self.tokens.labels("output")

    def _define_requests(self) -> None:
        self.requests = Counter(
            "agentschedule_api_requests_total",
            "Requests to the API server, by the code of the answer; `timeout` or `unreachable` where there was none.",
            ["verb", "resource", "code"],
            registry=self.registry,
        )
        self.creates = Histogram(
            "agentschedule_job_create_duration_seconds",
            "Time that a request to create a Job took until it was answered or given up.",
            buckets=_REQUEST,
            registry=self.registry,
        )
        self.queue = Gauge(
            "agentschedule_api_queue_length",
            "API requests that wait for a place, by urgency.",
            ["urgency"],
            registry=self.registry,
        )
        self.under_way = Gauge(
            "agentschedule_api_requests_under_way",
            "API requests that were sent from the queue and are not answered yet.",
            registry=self.registry,
        )
        self.limit = Gauge(
            "agentschedule_api_requests_limit",
            "How many of them there may be at once: it follows what the API server completes.",
            registry=self.registry,
        )
        self.watch_restarts = Counter(
            "agentschedule_watch_restarts_total",
            "Watches that began anew, by what ended the one before.",
            ["resource", "reason"],
            registry=self.registry,
        )
        self.events_dropped = Counter(
            "agentschedule_events_dropped_total",
            "Events that were not posted: in a burst of runs most Normal ones; any other where too many wait.",
            ["type"],
            registry=self.registry,
        )
        for kind in ("Normal", "Warning"):
            self.events_dropped.labels(kind)
        self._requests: dict[tuple[str, str, str], Counter] = {}

    def _define_policy(self) -> None:
        self.decisions = Counter(
            "agentschedule_policy_decisions_total",
            "Starts that policies were asked about, by the rule that decided; `all` where every rule allowed it.",
            ["rule", "outcome"],
            registry=self.registry,
        )
        self.decisions.labels("all", "allow")
        for rule in (*RULES, APPROVAL):
            self.decisions.labels(rule, "deny")
        self.decisions.labels(APPROVAL, "requireApproval")
        self.audit_records = Counter(
            "agentschedule_audit_records_total", "Audit records written.", ["type"], registry=self.registry
        )
        for kind in get_args(AuditType):
            self.audit_records.labels(kind)
        self.audit_dropped = Counter(
            "agentschedule_audit_records_dropped_total",
            "Audit records that were not written: too many waited.",
            registry=self.registry,
        )
        self._dropped = 0
        self.admissions = Counter(
            "agentschedule_admission_requests_total",
            "Admission requests for AgentSchedules, by what came of them.",
            ["operation", "result"],
            registry=self.registry,
        )
        for operation in _OPERATIONS:
            for result in ("allowed", "denied", "error"):
                self.admissions.labels(operation, result)
        self.admission_seconds = Histogram(
            "agentschedule_admission_duration_seconds",
            "Time that an admission request took until it was answered.",
            buckets=_REQUEST,
            registry=self.registry,
        )

    def _define_deliveries(self) -> None:
        self.deliveries = Counter(
            "agentschedule_deliveries_total",
            "Attempts to deliver, by channel and by what came of them.",
            ["channel", "result"],
            registry=self.registry,
        )
        for channel in CHANNELS:
            for result in ("Delivered", "Retried", "Failed"):
                self.deliveries.labels(channel, result)
        self.delivery_latency = Histogram(
            "agentschedule_delivery_latency_seconds",
            "Time from an event until it was delivered.",
            buckets=_DELIVERY,
            registry=self.registry,
        )
        self.deliveries_under_way = Gauge(
            "agentschedule_deliveries_under_way", "Attempts to deliver that are under way.", registry=self.registry
        )

    def _define_process(self) -> None:
        self.orphans = Counter(
            "agentschedule_orphans_deleted_total",
            "Orphaned Jobs, pods and AgentApprovals deleted.",
            ["kind"],
            registry=self.registry,
        )
        for kind in ("jobs", "pods", "agentapprovals"):
            self.orphans.labels(kind)
        self.reconcile_errors = Counter(
            "agentschedule_reconcile_errors_total", "Reconciliations that failed.", registry=self.registry
        )
        self.loop_lag = Histogram(
            "agentschedule_event_loop_lag_seconds",
            "How much too late the event loop comes back to a timer, tried once a second.",
            buckets=_LAG,
            registry=self.registry,
        )
        build = Gauge(
            "agentschedule_build_info",
            "Always 1; the labels say what runs.",
            ["version", "python"],
            registry=self.registry,
        )
        build.labels(_version(), platform.python_version()).set(1)


def _version() -> str:
    try:
        return version("agentschedule-operator")
    except PackageNotFoundError:  # run from a checkout
        return "unknown"
