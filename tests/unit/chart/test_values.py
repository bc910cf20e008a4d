"""The chart's values, their schema and the operator's own settings say the same."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from agentschedule.delivery_settings import DeliverySettings, SlackSettings, SmtpSettings
from agentschedule.settings import Settings

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts/agentschedule-operator"
VALUES_TEXT = (CHART / "values.yaml").read_text()
VALUES: dict[str, Any] = yaml.safe_load(VALUES_TEXT)
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
SETTINGS: dict[str, Any] = SCHEMA["properties"]["settings"]["properties"]
GROUPS = (
    "image",
    "crds",
    "admissionPolicies",
    "agentPins",
    "serviceAccount",
    "rbac",
    "podDisruptionBudget",
    "flowControl",
    "delivery",
    "service",
    "webhook",
    "serviceMonitor",
    "prometheusRule",
    "grafanaDashboard",
    "networkPolicy",
)


def objects(schema: dict[str, Any]) -> list[dict[str, Any]]:
    below = [part for part in schema.get("properties", {}).values() if isinstance(part, dict)]
    return [schema, *(found for part in below for found in objects(part) if "properties" in found)]


def test_the_schema_knows_each_setting_and_no_other() -> None:
    # The namespaces come from `watchNamespaces`, since roles are made for them; the others are the release's own.
    own = {"namespaces", "policies_file", "webhook_certificates", "admission_policies"}
    assert set(SETTINGS) == set(Settings.model_fields) - own


@pytest.mark.parametrize(
    ("path", "model"), [((), DeliverySettings), (("smtp",), SmtpSettings), (("slack",), SlackSettings)]
)
def test_the_schema_knows_each_setting_of_deliveries(path: tuple[str, ...], model: type[BaseModel]) -> None:
    schema = SETTINGS["delivery"]
    for name in path:
        schema = schema["properties"][name]
    assert set(schema["properties"]) == set(model.model_fields)
    own = model.model_json_schema()
    assert set(schema.get("required", [])) == set(own.get("required", []))
    for name, field in own["properties"].items():
        for bound in ("minimum", "maximum", "minLength", "maxLength", "enum", "minItems"):
            assert schema["properties"][name].get(bound) == field.get(bound), name


@pytest.mark.parametrize("name", ["log_level", "log_format"])
def test_the_schema_knows_the_choices_of_a_setting(name: str) -> None:
    assert SETTINGS[name]["enum"] == Settings.model_json_schema()["properties"][name]["enum"]


@pytest.mark.parametrize(
    "name", [name for name in SETTINGS if not name.startswith(("run_as", "http_port", "webhook_port"))]
)
@pytest.mark.parametrize("bound", ["minimum", "exclusiveMinimum", "maximum"])
def test_the_schema_has_the_bounds_of_a_setting(name: str, bound: str) -> None:
    if name == "max_budget_per_run_usd":
        assert SETTINGS[name]["minimum"] == 0
        return
    assert SETTINGS[name].get(bound) == Settings.model_json_schema()["properties"][name].get(bound)


def test_the_templates_assume_the_settings_own_defaults() -> None:
    templates = "".join(path.read_text() for path in (CHART / "templates").glob("*.*"))
    assumed = dict(re.findall(r"\.Values\.settings\.(\w+) \| default (\d+)", templates))
    assert assumed == {"http_port": "8080", "shutdown_timeout": "30", "webhook_port": "9443"}
    for name, default in assumed.items():
        assert Settings.model_fields[name].default == int(default)


def test_each_value_is_in_the_schema_and_the_other_way_round() -> None:
    assert set(SCHEMA["properties"]) == {*VALUES, "global"}
    for group in GROUPS:
        assert set(SCHEMA["properties"][group]["properties"]) == set(VALUES[group])


def test_the_schema_refuses_what_it_does_not_name() -> None:
    assert all(found["additionalProperties"] is False for found in objects(SCHEMA))


def test_each_value_is_explained() -> None:
    lines = VALUES_TEXT.splitlines()
    unexplained = []
    for number, line in enumerate(lines):
        key = re.match(r"(  )?(\w+):", line)
        if key is None or (key[1] is None and key[2] in GROUPS) or (key[1] and not _in_group(lines, number)):
            continue
        above = number - 1
        while lines[above].strip().startswith("#") and "# --" not in lines[above]:
            above -= 1
        if "# --" not in lines[above]:
            unexplained.append(line)
    assert unexplained == []


def _in_group(lines: list[str], number: int) -> bool:
    top = next(line for line in reversed(lines[:number]) if re.match(r"\w", line))
    return top.partition(":")[0] in GROUPS


def test_the_chart_has_the_projects_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert chart["version"] == chart["appVersion"] == version
