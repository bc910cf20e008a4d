"""A thousand deliveries for endpoints that take connections and never answer: schedules know nothing of it."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

from tests.kubectl import Kubectl
from tests.operator_process import OperatorProcess
from tests.receivers import Webhooks, webhooks
from tests.resources import Place, schedule

MakeOperator = Callable[..., OperatorProcess]
RESULT = '{"summary": "done", "alert": {"message": "look"}}'
SAY = ["sh", "-c", f"echo '{RESULT}' > $AGENT_RESULT_FILE"]
TOLD, RUNS, TARGETS, EVENTS = 10, 5, 10, 2


def hosts() -> list[str]:
    return [f"127.0.1.{number}" for number in range(1, TARGETS + 1)]


def targets(hooks: Webhooks) -> list[dict[str, Any]]:
    return [
        {
            "name": f"t{number}",
            "events": ["Succeeded", "Alert"],
            "webhook": {"url": hooks.url(host=host), "timeout": "60s", "retries": 10},
        }
        for number, host in enumerate(hosts())
    ]


def lateness(operator: OperatorProcess) -> str:
    """What the operator measured of its starts."""
    name = "agentschedule_start_lateness_seconds"
    buckets = dict(
        re.findall(rf'^{name}_bucket{{le="(.+?)",trigger="Schedule"}} (.+)$', operator.get("/metrics"), re.MULTILINE)
    )
    count = max(float(number) for number in buckets.values())
    worst = next(limit for limit, number in buckets.items() if float(number) == count)
    return f"{count:.0f} starts, on average {operator.metric(f'{name}_sum') / count:.3f} s late, all within {worst} s"


def test_a_thousand_deliveries_to_a_hanging_endpoint_keep_no_schedule_waiting(
    kubectl: Kubectl, namespace: str, make_operator: MakeOperator
) -> None:
    place = Place(kubectl, namespace)
    with webhooks("0.0.0.0") as hooks:
        hooks.hang()
        allowed = {"http": True, "ports": [hooks.port], "private_networks": ["127.0.0.0/8"], "concurrency": 16}
        operator = make_operator([namespace], delivery=json.dumps(allowed))
        operator.start()
        # However slow the pods are, every slot is to start.
        kept = {
            "concurrencyPolicy": "Allow",
            "maxRuns": RUNS,
            "runHistoryLimit": RUNS,
            "successfulJobsHistoryLimit": RUNS,
        }
        for number in range(TOLD):
            place.apply(schedule(f"told-{number}", SAY, every="15s", delivery=targets(hooks), **kept))
        place.wait("all places taken", lambda: operator.metric("agentschedule_deliveries_under_way") == 8, 120)
        for number in range(5):
            place.apply(schedule(f"steady-{number}", SAY, every="10s", **kept))
        names = [*(f"told-{number}" for number in range(TOLD)), *(f"steady-{number}" for number in range(5))]
        for name in names:
            place("wait", "agentschedule", name, "--for=condition=Complete", "--timeout=180s")
        wanted = TOLD * RUNS * TARGETS * EVENTS
        pending = operator.metric("agentschedule_deliveries_pending")
        assert wanted == 1000
        assert pending == wanted
        for name in names:
            status = place.status(name)
            assert [run["phase"] for run in status["runs"]] == ["Succeeded"] * RUNS
            assert (status["totals"]["runs"], status["totals"]["skipped"]) == (RUNS, 0)
            assert len(place.jobs_of(name)) == RUNS
        print(lateness(operator))  # noqa: T201 - for people

        begun = time.monotonic()
        hooks.release()
        place.wait("all told", lambda: operator.metric("agentschedule_deliveries_pending") == 0, 180)
        print(f"then all were told within {time.monotonic() - begun:.0f} s")  # noqa: T201 - for people
        keys = {request.headers["Idempotency-Key"] for request in hooks.requests}
        assert len(keys) == wanted
        assert operator.stop() == 0
