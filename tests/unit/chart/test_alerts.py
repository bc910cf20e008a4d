"""The chart's alerts: every query is of metrics that there are, and every alert is explained."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.chart.queries import labels_of, problems

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts/agentschedule-operator"
TEXT = (CHART / "rules/alerts.yaml").read_text()
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())["prometheusRule"]
TEMPLATE = (CHART / "templates/prometheusrule.yaml").read_text()
RUNBOOK = (ROOT / "docs/operating.md").read_text()
THRESHOLDS = {name for name, value in VALUES.items() if type(value) is int}


def filled(text: str) -> str:
    """With what the chart puts in."""
    values = {**VALUES, "selector": 'job="x",namespace="y"'}
    return re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), text)


RULES: list[dict[str, Any]] = yaml.safe_load(filled(TEXT))["rules"]


@pytest.fixture(params=RULES, ids=[rule["alert"] for rule in RULES])
def rule(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return found


def test_the_query_is_of_what_there_is(rule: dict[str, Any]) -> None:
    assert problems(rule["expr"]) == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("sum(agentschedule_leaders) == 0", "there is no metric agentschedule_leaders"),
        ("agentschedule_runs", "there is no metric"),
        ("agentschedule_schedules{fase='Held'}", "no label fase"),
        ("agentschedule_schedules{phase='Helt'}", "Helt"),
        ("agentschedule_schedules{phase=~'Helt|Hold'}", "Helt|Hold"),
        ("sum by (fase) (agentschedule_schedules)", "nothing has the label fase"),
        ("sum(agentschedule_schedules", "cannot be read"),
        ("rate(agentschedule_schedules)", "cannot be read"),
    ],
)
def test_a_wrong_query_is_found(query: str, says: str) -> None:
    assert any(says in problem for problem in problems(query)), problems(query)


def test_every_series_is_asked_for_by_the_selector(rule: dict[str, Any]) -> None:
    """Else an alert would be of another release's operator, too."""
    asked = re.findall(r"agentschedule_\w+", rule["expr"])
    assert asked
    assert len(re.findall(r'agentschedule_\w+\{job="x",namespace="y"', rule["expr"])) == len(asked)


def test_an_alert_says_what_is_wrong_and_how_bad_it_is(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"AgentSchedule[A-Z]\w+", rule["alert"])
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert re.fullmatch(r"[1-9][0-9]*[mh]", rule.get("for", "1m"))
    assert set(rule["annotations"]) == {"summary", "description"}
    assert all(text.endswith(".") for text in rule["annotations"].values())
    assert "{{" not in rule["annotations"]["summary"]


def test_what_an_alert_tells_is_known_to_it(rule: dict[str, Any]) -> None:
    told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["description"]))
    assert told <= labels_of(rule["expr"])


def test_the_runbook_says_what_to_do(rule: dict[str, Any]) -> None:
    found = re.search(rf"^### {rule['alert']}\n\n(\w+)\. (.+?)(?=^##)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert found is not None
    assert found[1].lower() == rule["labels"]["severity"]
    assert "\n- " in found[2], "something to do"


def test_the_runbook_has_no_other_alerts() -> None:
    assert re.findall(r"^### (AgentSchedule\w+)$", RUNBOOK, re.MULTILINE) == [rule["alert"] for rule in RULES]
    mentioned = set(re.findall(r"\bAgentSchedule[A-Z]\w+", RUNBOOK))
    assert mentioned == {rule["alert"] for rule in RULES}


def test_each_threshold_is_used_and_put_in_by_the_chart() -> None:
    assert set(re.findall(r"\$\{(\w+)\}", TEXT)) == {*THRESHOLDS, "selector"}
    assert set(re.findall(r'"(\w+)"', re.findall(r"list (.+) }}", TEMPLATE)[0])) == THRESHOLDS
