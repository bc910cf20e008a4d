"""All metrics that an operator shows, as whoever reads /metrics gets them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from agentschedule.api.status import BudgetStatus
from agentschedule.engine.clock import utc_now
from agentschedule.engine.dispatcher import Dispatcher
from agentschedule.engine.each import series_of_each
from agentschedule.engine.overview import Overview
from agentschedule.engine.registry import Registry
from agentschedule.metrics import Metrics
from tests.unit.engine.test_registry import NEWS, entry


@dataclass(frozen=True)
class Family:
    """One metric. `series` is its name in queries, without a histogram's endings; `each` has each one's labels."""

    name: str
    series: str
    type: str
    documentation: str
    each: tuple[dict[str, str], ...]

    @property
    def labels(self) -> frozenset[str]:
        """Names of its labels."""
        return frozenset(label for labels in self.each for label in labels)

    def has(self, label: str, is_meant: Callable[[str], object]) -> bool:
        """Whether one of its series has a value of a label that is meant."""
        return any(is_meant(labels[label]) for labels in self.each if label in labels)

    @property
    def names(self) -> frozenset[str]:
        """The names of its series."""
        if self.type != "histogram":
            return frozenset({self.series})
        return frozenset(f"{self.series}_{ending}" for ending in ("bucket", "sum", "count"))


@cache
def families() -> tuple[Family, ...]:
    """What an operator that leads shows, with series of each schedule; some have their labels from what happens."""
    text = asyncio.run(_page())
    return tuple(
        Family(
            name=family.name,
            series=f"{family.name}_total" if family.type == "counter" else family.name,
            type=family.type,
            documentation=family.documentation,
            each=tuple({k: v for k, v in sample.labels.items() if k != "le"} for sample in family.samples),
        )
        for family in text_string_to_metric_families(text)
    )


async def _page() -> str:
    metrics, registry = Metrics(), Registry()
    Dispatcher(1, metrics)
    metrics.registry.register(Overview(registry, leads=lambda: True, clock=utc_now))
    for code in ("201", "409", "429", "500", "timeout", "unreachable", "aborted"):
        metrics.requested("create", "jobs", code, 0.01)
    for reason in ("ended", "expired", "timeout", "unreachable", "refused"):
        metrics.watch_restarted("jobs", reason)
    account = BudgetStatus(period_start=utc_now())
    registry.schedules[NEWS] = entry(next_run_time=utc_now(), last_successful_time=utc_now(), budget=account)
    registry.schedules[NEWS].lateness = 0.1
    each = b"".join([piece async for piece in series_of_each(registry)])
    return (generate_latest(metrics.registry) + each).decode()
