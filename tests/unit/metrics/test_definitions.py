"""What stands on /metrics: names, labels, and what of it may grow."""

import asyncio
import re
import urllib.request
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from agentschedule.api.status import AgentScheduleStatus, BudgetStatus
from agentschedule.engine.each import series_of_each
from agentschedule.engine.entries import Key
from agentschedule.engine.registry import Registry
from agentschedule.metrics import Metrics
from agentschedule.metrics.pulse import watch_loop
from agentschedule.probes import Probes
from tests.unit.engine.test_registry import NEWS, entry
from tests.unit.metrics.families import families

NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_names_and_units_are_as_prometheus_has_them() -> None:
    for family in families():
        assert re.fullmatch(r"(agentschedule|process)_[a-z_]+", family.name), family.name
        assert family.type in {"counter", "gauge", "histogram", "info"}
        assert family.documentation.endswith(".")
        assert (family.type == "counter") == family.series.endswith("_total"), family.series
        if family.type == "histogram":
            assert family.series.endswith("_seconds")


def test_no_second_series_says_when_a_counter_began() -> None:
    assert b"_created" not in generate_latest(Metrics().registry)


def test_labels_have_few_values() -> None:
    for family in families():
        if not family.series.startswith("agentschedule_schedule_"):
            assert not family.labels & {"namespace", "schedule", "name", "uid"}, family.series
        assert len({tuple(labels.items()) for labels in family.each}) <= 20, family.series


def test_what_runs_is_told() -> None:
    [sample] = [family for family in families() if family.series == "agentschedule_build_info"]
    assert sample.labels == {"version", "python"}


def test_requests_are_counted_and_creations_of_jobs_are_timed() -> None:
    metrics = Metrics()
    for code, seconds in (("201", 0.004), ("201", 0.003), ("timeout", 15.0)):
        metrics.requested("create", "jobs", code, seconds)
    metrics.requested("patch", "agentschedules/status", "200", 0.002)
    value = metrics.registry.get_sample_value
    labels = {"verb": "create", "resource": "jobs", "code": "201"}
    assert value("agentschedule_api_requests_total", labels) == 2
    assert value("agentschedule_api_requests_total", {**labels, "code": "timeout"}) == 1
    assert value("agentschedule_job_create_duration_seconds_count") == 3
    assert value("agentschedule_job_create_duration_seconds_bucket", {"le": "0.005"}) == 2


async def test_a_busy_event_loop_shows() -> None:
    metrics = Metrics()
    watching = asyncio.create_task(watch_loop(metrics))
    try:
        for _ in range(100):
            await asyncio.sleep(0.05)
            if metrics.registry.get_sample_value("agentschedule_event_loop_lag_seconds_count"):
                break
        else:
            pytest.fail("nothing was measured within 5 s")
    finally:
        watching.cancel()


def registry() -> Registry:
    made = Registry()
    made.schedules[NEWS] = entry(
        active_count=2, consecutive_failures=3, next_run_time=NINE, last_successful_time=NINE - timedelta(hours=1)
    )
    made.schedules[NEWS].lateness = 0.25
    account = BudgetStatus(period_start=NINE, period_spent_usd=Decimal("1.25"))
    made.schedules[Key("team", "new")] = entry("other")
    made.schedules[Key("team", "new")].status = AgentScheduleStatus(budget=account)
    return made


async def text(registry: Registry) -> str:
    return b"".join([piece async for piece in series_of_each(registry)]).decode()


async def test_each_schedule_has_series_of_its_own_where_they_are_wanted() -> None:
    shown = {
        (sample.name.removeprefix("agentschedule_schedule_"), sample.labels["schedule"]): sample.value
        for family in text_string_to_metric_families(await text(registry()))
        for sample in family.samples
    }
    assert shown == {
        ("last_lateness_seconds", "news"): 0.25,
        ("last_success_timestamp_seconds", "news"): NINE.timestamp() - 3600,
        ("next_run_timestamp_seconds", "news"): NINE.timestamp(),
        ("active_runs", "news"): 2,
        ("active_runs", "new"): 0,
        ("period_spent_usd", "new"): 1.25,
        ("consecutive_failures", "news"): 3,
        ("consecutive_failures", "new"): 0,
    }


async def test_the_series_of_a_schedule_go_with_it() -> None:
    known = registry()
    del known.schedules[NEWS]
    shown = await text(known)
    assert 'schedule="new"' in shown
    assert 'schedule="news"' not in shown


async def test_many_schedules_are_written_some_at_a_time() -> None:
    """The event loop has its turn in between, and what goes meanwhile does no harm."""
    known, turns = Registry(), 0
    for number in range(2500):
        known.schedules[Key("team", f"news-{number}")] = entry(f"uid-{number}")

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1
            known.schedules.popitem()

    running = asyncio.create_task(others())
    shown = await text(known)
    running.cancel()
    assert turns >= 12
    assert shown.count("agentschedule_schedule_active_runs{") == 2500


async def test_all_of_it_stands_on_one_page() -> None:
    async def more() -> AsyncIterator[bytes]:
        yield b"# TYPE more gauge\n"
        yield b"more 1\n"

    probes = Probes(Metrics(), alive=lambda: None, ready=lambda: None, more=more)
    port = await probes.start("127.0.0.1", 0)

    def get() -> tuple[str, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return answer.headers["Content-Type"], answer.read().decode()

    try:
        kind, page = await asyncio.to_thread(get)
    finally:
        await probes.stop()
    assert kind.startswith("text/plain")
    names = {family.name for family in text_string_to_metric_families(page)}
    assert {"more", "agentschedule_runs", "process_resident_memory_bytes"} <= names
