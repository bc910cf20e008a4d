"""What is known at a moment, as metrics: collected when somebody asks, in one pass over all schedules.

Only who leads shows it, so that sums over all replicas are right.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final, get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agentschedule.api.status import SchedulePhase
from agentschedule.engine.overdue import Suspects
from agentschedule.engine.registry import Registry

_UNKNOWN: Final = "Unknown"
"""Stands for the phase of a schedule that has none yet."""


class Overview(Collector):
    """To be registered with `Metrics.registry`."""

    def __init__(self, registry: Registry, *, leads: Callable[[], bool], clock: Callable[[], datetime]) -> None:
        self._registry = registry
        self._leads = leads
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing: the names are known by `collect` alone, which need not be asked for them."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """What there is now."""
        leads = self._leads()
        yield _gauge("agentschedule_leader", "Whether this replica leads, and so acts.", float(leads))
        if leads:
            yield from self._of_all()

    def _of_all(self) -> Iterator[Metric]:
        phases: Counter[str | None] = Counter()
        active = queued = pending = 0
        suspects = Suspects(self._registry, self._clock())
        for entry in self._registry.schedules.values():
            status = entry.status
            phases[status.phase] += 1
            active += status.active_count
            queued += len(status.queued)
            if status.deliveries:
                pending += sum(delivery.phase == "Pending" for delivery in status.deliveries)
            suspects.look_at(entry)
        schedules = GaugeMetricFamily(
            "agentschedule_schedules",
            f"Schedules, by phase; `{_UNKNOWN}` until they have been looked at.",
            labels=["phase"],
        )
        for phase in get_args(SchedulePhase):
            schedules.add_metric([phase], phases[phase])
        schedules.add_metric([_UNKNOWN], phases[None])
        yield schedules
        yield _gauge("agentschedule_active_runs", "Runs under way.", active)
        yield _gauge(
            "agentschedule_queued_slots",
            "Slots that wait for an earlier run of their schedule (concurrencyPolicy Queue).",
            queued,
        )
        yield _gauge("agentschedule_deliveries_pending", "Deliveries that are not settled yet.", pending)
        yield _gauge(
            "agentschedule_waiting_starts",
            "Starts that wait for their turn at the ceilings on active runs or at the pace of catch-up starts.",
            self._registry.admission.waiting,
        )
        yield from self._of_approvals()
        yield _gauge(
            "agentschedule_oldest_overdue_slot_seconds",
            "Time since the oldest slot was to start that is due and wanted, and neither started nor skipped; else 0.",
            suspects.oldest(),
        )

    def _of_approvals(self) -> Iterator[Metric]:
        """Runs that wait for a person. One that was approved and is about to start waits no more."""
        awaited = [entry.status.approval for entry in self._registry.schedules.values() if entry.status.approval]
        since = [one.since for one in awaited if one.decided_at is None]
        oldest = (self._clock() - min(since)).total_seconds() if since else 0.0
        yield _gauge("agentschedule_approvals_waiting", "Runs that wait until a person has approved them.", len(since))
        yield _gauge(
            "agentschedule_oldest_approval_seconds",
            "Time since the oldest of them began to wait; else 0.",
            max(0.0, oldest),
        )


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
