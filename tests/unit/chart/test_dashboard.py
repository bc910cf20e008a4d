"""The dashboard: every query is of metrics that there are, and Grafana can show it."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.unit.chart.queries import labels_of, problems
from tests.unit.metrics.families import families

CHART = Path(__file__).parents[3] / "charts/agentschedule-operator"
DASHBOARD: dict[str, Any] = json.loads((CHART / "dashboards/agentschedule-operator.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
CHARTS = [panel for panel in PANELS if panel["type"] != "row"]
UNITS = {"s", "short", "percentunit", "currencyUSD", "reqps", "bytes"}
KINDS = {"stat", "timeseries", "heatmap", "bargauge", "state-timeline"}
SELECTOR = 'job=~"$job",namespace=~"$namespace"'


def query(text: str) -> str:
    """With Grafana's variables put in."""
    return re.sub(r"\$__(rate_interval|range)", "5m", text).replace("$job", ".*").replace("$namespace", ".*")


@pytest.fixture(params=CHARTS, ids=[panel["title"] for panel in CHARTS])
def panel(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return found


def test_the_queries_are_of_what_there_is(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert problems(query(target["expr"])) == []


def test_the_queries_are_of_the_operator_that_was_chosen(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        asked = re.findall(r"(?:agentschedule|process)_\w+", target["expr"])
        assert target["expr"].count(f"{{{SELECTOR}") == len(asked) > 0


def test_legends_are_of_labels_that_the_result_has(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert named <= labels_of(query(target["expr"])), target["expr"]
        assert target["legendFormat"] or panel["type"] == "stat"


def test_a_panel_has_all_that_grafana_needs(panel: dict[str, Any]) -> None:
    assert panel["type"] in KINDS
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["options"]
    letters = [target["refId"] for target in panel["targets"]]
    assert letters == sorted(set(letters))
    for part in (panel, *panel["targets"]):
        assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_panels_have_their_places() -> None:
    for panel in PANELS:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        assert place["h"] > 0
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


def test_panels_stand_below_their_row_without_a_gap() -> None:
    rows = [panel["gridPos"]["y"] for panel in PANELS if panel["type"] == "row"]
    taken = {y for panel in PANELS for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])}
    assert taken == set(range(max(taken) + 1))
    assert rows[0] == 0
    assert [panel["title"] for panel in PANELS if panel["type"] == "row"] == [
        "Punctuality", "Runs and results", "Spend", "API and queues", "High availability", "Process", "Deliveries",
        "Policy and admission",
    ]  # fmt: skip


def test_ids_are_unique_and_variables_are_there() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len(ids) == len(set(ids))
    assert DASHBOARD["uid"] == "agentschedule-operator"
    assert len(DASHBOARD["uid"]) <= 40
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD)))
    assert {name for name in used if not name.startswith("__")} == set(variables)
    for name in ("job", "namespace"):
        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variables[name]["definition"])
        assert asked is not None
        assert problems(query(asked[1])) == []
        assert asked[2] == name
        assert (variables[name]["includeAll"], variables[name]["allValue"]) == (True, ".*")


def test_every_metric_is_shown_somewhere() -> None:
    """Except those of each schedule, which are not there by default."""
    text = json.dumps(DASHBOARD)
    own = [family for family in families() if family.name.startswith("agentschedule_")]
    missing = {family.series for family in own if family.series not in text}
    assert {name for name in missing if not name.startswith("agentschedule_schedule_")} == set()
