"""What is measured. Names and meanings are part of the product; `docs/operating.md` lists them."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

_LATENESS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """All metrics of one operator, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
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
        self.skips = Counter(
            "agentschedule_skipped_slots_total", "Slots that did not run.", ["reason"], registry=self.registry
        )
        self.cost = Counter(
            "agentschedule_reported_cost_usd_total", "Cost that agents reported, in US dollars.", registry=self.registry
        )
        self.requests = Counter(
            "agentschedule_api_requests_total",
            "API requests by operation and result.",
            ["operation", "result"],
            registry=self.registry,
        )
        self.events_dropped = Counter(
            "agentschedule_events_dropped_total",
            "Events that were not posted because too many waited.",
            registry=self.registry,
        )
        self.orphans = Counter(
            "agentschedule_orphans_deleted_total", "Orphaned Jobs and pods deleted.", ["kind"], registry=self.registry
        )
        self.schedules = Gauge("agentschedule_schedules", "Schedules by phase.", ["phase"], registry=self.registry)
        self.active = Gauge("agentschedule_active_runs", "Runs under way.", registry=self.registry)
        self.waiting = Gauge(
            "agentschedule_waiting_starts",
            "Starts that wait for their turn at the ceilings on active runs or at the pace of catch-up starts.",
            registry=self.registry,
        )
        self.queue = Gauge("agentschedule_api_queue_length", "API requests that wait.", registry=self.registry)
        self.reconcile_errors = Counter(
            "agentschedule_reconcile_errors_total", "Reconciliations that failed.", registry=self.registry
        )
