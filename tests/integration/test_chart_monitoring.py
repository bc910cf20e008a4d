"""What the chart makes for Prometheus and Grafana, rendered by Helm."""

import json
from pathlib import Path
from typing import Any

import pytest

from images import manifest
from localcluster import gobuild
from tests.integration.test_chart import RELEASE, one, rendered, template
from tests.unit.chart.queries import problems
from tests.unit.chart.test_alerts import RULES

OWN = f'job="{RELEASE}",namespace="{manifest.NAMESPACE}"'


@pytest.fixture(scope="module")
def helm() -> Path:
    return gobuild.build(gobuild.HELM) / "helm"


def rules(helm: Path, **values: Any) -> dict[str, Any]:
    """The alerts, by name."""
    rule = one(rendered(helm, {"prometheusRule": {"enabled": True, **values}}), "PrometheusRule")
    [group] = rule["spec"]["groups"]
    return {alert["alert"]: alert for alert in group["rules"]}


def test_nothing_of_it_is_made_by_default(helm: Path) -> None:
    kinds = [document["kind"] for document in rendered(helm)]
    assert not {"ServiceMonitor", "PrometheusRule"} & set(kinds)
    assert kinds.count("ConfigMap") == 1


def test_the_alerts_are_those_of_the_file_with_their_runbooks(helm: Path) -> None:
    made = rules(helm, runbook="https://docs.example/operating")
    assert list(made) == [rule["alert"] for rule in RULES]
    for rule in RULES:
        found = made[rule["alert"]]
        link = f"https://docs.example/operating#{rule['alert'].lower()}"
        assert found["annotations"] == {**rule["annotations"], "runbook_url": link}
        assert {**found, "annotations": {}} == {
            **rule,
            "expr": rule["expr"].replace('job="x",namespace="y"', OWN),
            "annotations": {},
        }
        assert problems(found["expr"]) == []


def test_values_of_the_alerts_have_their_effect(helm: Path) -> None:
    made = rules(
        helm,
        selector='cluster="a"',
        disabled=["AgentScheduleHeld", "AgentScheduleDeadLettered"],
        overdueSeconds=90,
        latenessSeconds=0.5,
        apiErrorPercent=10,
        spendUSDPerHour=2_000_000,
        watchRestartsPerHour=7,
    )
    assert len(made) == len(RULES) - 2
    assert all('{cluster="a"' in alert["expr"] for alert in made.values())
    assert made["AgentScheduleSlotOverdue"]["expr"].endswith("> 90")
    assert made["AgentScheduleStartsLate"]["expr"].endswith("> 0.5")
    assert "> 10\n" in made["AgentScheduleApiErrors"]["expr"]
    assert made["AgentScheduleSpendingFast"]["expr"].endswith("> 2e+06")
    assert made["AgentScheduleWatchRestarts"]["expr"].endswith("> 7")
    assert not any(problems(alert["expr"].replace('cluster="a"', OWN)) for alert in made.values())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prometheusRule": {"overdueSeconds": 0}}, "'/prometheusRule/overdueSeconds'"),
        ({"prometheusRule": {"latenessSeconds": 300}}, "'/prometheusRule/latenessSeconds'"),
        ({"prometheusRule": {"disabled": ["Held"]}}, "'/prometheusRule/disabled/0'"),
        ({"grafanaDashboard": {"folder": "x"}}, "additional properties 'folder' not allowed"),
    ],
)
def test_a_wrong_value_is_refused_and_named(helm: Path, values: dict[str, Any], message: str) -> None:
    done = template(helm, values)
    assert done.returncode != 0
    assert message in done.stderr


def test_the_dashboard_is_the_file(helm: Path) -> None:
    values = {"grafanaDashboard": {"enabled": True, "annotations": {"grafana_folder": "Agents"}}}
    [made] = [
        document
        for document in rendered(helm, values)
        if document["kind"] == "ConfigMap" and document["metadata"]["name"] == f"{RELEASE}-dashboard"
    ]
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert made["metadata"]["annotations"] == {"grafana_folder": "Agents"}
    file = manifest.CHART / "dashboards/agentschedule-operator.json"
    assert json.loads(made["data"]["agentschedule-operator.json"]) == json.loads(file.read_text())


def test_the_service_monitor_leaves_schedules_their_namespace(helm: Path) -> None:
    made = one(rendered(helm, {"serviceMonitor": {"enabled": True}}), "ServiceMonitor")
    assert made["spec"]["endpoints"][0]["honorLabels"] is True
