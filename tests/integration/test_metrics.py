"""What an operator shows at /metrics, after it has done something."""

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.kubectl import Kubectl
from tests.operator_process import OperatorProcess
from tests.resources import Place, in_seconds, say, schedule

USAGE = (
    """printf '{"costUSD": "0.25", "usage": {"inputTokens": 70, "outputTokens": 7}}' > $AGENT_RESULT_FILE; sleep 2"""
)


class Page:
    """One scrape."""

    def __init__(self, operator: OperatorProcess) -> None:
        self.text = operator.get("/metrics")
        families = text_string_to_metric_families(self.text)
        self.samples = [sample for family in families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float | None:
        """The sum of the samples that have these labels; None where there are none."""
        found = [
            sample.value
            for sample in self.samples
            if sample.name == f"agentschedule_{name}" and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None


@pytest.fixture
def own(kubectl: Kubectl, namespace: str, make_operator: Any) -> Iterator[tuple[Place, OperatorProcess]]:
    """A namespace with an operator of its own, which shows series of each schedule, too."""
    operator = make_operator([namespace], metrics_per_schedule="true")
    operator.start()
    yield Place(kubectl, namespace), operator
    operator.stop()


def test_a_run_moves_the_metrics(own: tuple[Place, OperatorProcess]) -> None:
    place, operator = own
    before = Page(operator)
    assert before.value("leader") == 1
    assert before.value("runs_total", phase="Succeeded", trigger="Schedule") == 0
    assert before.value("schedules", phase="Active") == 0

    place.apply(schedule("measured", ["sh", "-c", USAGE], every="5s"))
    place.apply(schedule("idle", say("done"), at=in_seconds(3600)))
    place.wait_run("measured", "Succeeded", 2)
    place.wait("the count", lambda: (Page(operator).value("runs_total", phase="Succeeded") or 0) >= 2)
    page = Page(operator)

    assert page.value("schedules", phase="Active") == 2
    assert page.value("schedules", phase="Unknown") == 0
    assert (page.value("start_lateness_seconds_count", trigger="Schedule") or 0) >= 2
    assert (page.value("start_lateness_seconds_bucket", trigger="Schedule", le="10.0") or 0) >= 2
    ended = page.value("runs_total", phase="Succeeded") or 0
    assert page.value("run_duration_seconds_count", phase="Succeeded") == ended
    assert (page.value("run_duration_seconds_sum", phase="Succeeded") or 0) >= ended
    assert page.value("reported_cost_usd_total") == pytest.approx(0.25 * ended)
    assert page.value("reported_tokens_total", direction="input") == 70 * ended
    assert page.value("reported_tokens_total", direction="output") == 7 * ended
    assert (page.value("oldest_overdue_slot_seconds") or 0) < 5


def test_requests_are_counted_as_they_are_made(own: tuple[Place, OperatorProcess]) -> None:
    place, operator = own
    place.apply(schedule("once", at=in_seconds(3)))
    place.wait_run("once", "Succeeded")
    page = place.wait(
        "its status written", lambda: (one := Page(operator)).value("api_requests_total", verb="patch") and one
    )
    assert page.value("api_requests_total", verb="create", resource="jobs", code="201") == 1
    assert page.value("job_create_duration_seconds_count") == 1
    assert page.value("api_requests_total", verb="dry-run", resource="jobs", code="201") == 1
    for verb, resource in (
        ("list", "agentschedules"),
        ("list", "jobs"),
        ("list", "pods"),
        ("watch", "jobs"),
        ("watch", "pods"),
        ("patch", "agentschedules/status"),
    ):
        assert (page.value("api_requests_total", verb=verb, resource=resource, code="200") or 0) >= 1, (verb, resource)
    assert page.value("api_queue_length", urgency="start") == 0
    assert page.value("reconcile_errors_total") == 0
    assert (page.value("event_loop_lag_seconds_count") or 0) >= 1
    assert page.value("build_info") == 1
    assert "_created" not in page.text


def test_the_series_of_a_schedule_come_and_go_with_it(own: tuple[Place, OperatorProcess]) -> None:
    place, operator = own
    mine = {"namespace": place.namespace, "schedule": "seen"}
    place.apply(schedule("seen", every="4s"))
    place.wait_run("seen", "Succeeded")
    place.wait(
        "its success", lambda: Page(operator).value("schedule_last_success_timestamp_seconds", **mine) is not None
    )
    page = Page(operator)
    assert 0 <= (page.value("schedule_last_lateness_seconds", **mine) or 0) < 10
    assert page.value("schedule_next_run_timestamp_seconds", **mine) is not None
    assert page.value("schedule_consecutive_failures", **mine) == 0
    assert page.value("schedule_period_spent_usd", **mine) is None
    place("delete", "agentschedule", "seen")
    place.wait("its end", lambda: Page(operator).value("schedule_active_runs", **mine) is None)
