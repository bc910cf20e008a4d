"""What an administrator can set, and what is said of mistakes."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agentschedule.application import planner_settings
from agentschedule.planning.observed import Ceilings
from agentschedule.settings import Settings, describe, load


def written(path: Path, text: str) -> Path:
    file = path / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults() -> None:
    settings = load(None)
    assert settings == Settings()
    assert (settings.namespaces, settings.log_level, settings.log_format) == ((), "info", "json")
    assert (settings.min_interval, settings.default_active_deadline_seconds) == (60, 3600)
    assert (settings.max_budget_per_run_usd, settings.run_as_user, settings.run_as_group) == (Decimal(10), 65532, 65532)
    assert settings.orphan_grace == 300
    assert (settings.max_active_runs, settings.max_active_runs_per_namespace) == (0, 0)
    assert settings.catch_up_starts_per_second == 20


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        pytest.param("namespaces", "a, b,,", ("a", "b"), id="a list by commas"),
        pytest.param("namespaces", "", (), id="an empty list"),
        pytest.param("log_level", "debug", "debug", id="choice"),
        pytest.param("min_interval", "90", 90.0, id="number"),
        pytest.param("max_budget_per_run_usd", "2.50", Decimal("2.50"), id="money"),
        pytest.param("run_as_user", "null", None, id="null"),
        pytest.param("run_as_group", "1000", 1000, id="a number that may be null"),
    ],
)
def test_environment(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object) -> None:
    monkeypatch.setenv(f"AGENTSCHEDULE_{name.upper()}", text)
    assert getattr(load(None), name) == value


def test_resources_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSCHEDULE_DEFAULT_RESOURCES", '{"requests": {"cpu": "1"}, "limits": {}}')
    resources = load(None).default_resources
    assert (resources.requests, resources.limits) == ({"cpu": "1"}, {})


def test_the_environment_goes_before_the_file_and_the_file_before_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = written(tmp_path, "namespaces: [a, b]\nlog_level: error\nrun_as_user: null\nmin_interval: 120\n")
    monkeypatch.setenv("AGENTSCHEDULE_LOG_LEVEL", "warning")
    settings = load(file)
    assert (settings.namespaces, settings.log_level) == (("a", "b"), "warning")
    assert (settings.run_as_user, settings.min_interval, settings.late_after) == (None, 120, 60)
    assert type(settings) is Settings


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}"])
def test_an_empty_file_sets_nothing(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, text)) == Settings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("log_level: loud", "log_level", id="choice"),
        pytest.param("http_port: 65536", "http_port", id="too large"),
        pytest.param("min_interval: 0", "min_interval", id="too small"),
        pytest.param("min_interval: .inf", "min_interval", id="infinite"),
        pytest.param("max_active_runs: -1", "max_active_runs", id="a ceiling below none"),
        pytest.param("max_active_runs_per_namespace: 1.5", "max_active_runs_per_namespace", id="half a run"),
        pytest.param("catch_up_starts_per_second: .inf", "catch_up_starts_per_second", id="no pace"),
        pytest.param("api_timeout: .nan", "api_timeout", id="no number"),
        pytest.param("max_budget_per_run_usd: -1", "max_budget_per_run_usd", id="negative money"),
        pytest.param("loglevel: debug", "loglevel", id="unknown name"),
        pytest.param("namespaces: 5", "namespaces", id="wrong type"),
        pytest.param("run_as_user: 0", "run_as_user", id="root"),
    ],
)
def test_bad_values_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load(written(tmp_path, text))
    assert [".".join(map(str, problem["loc"])) for problem in caught.value.errors()] == [says]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("a: [", "is not YAML", id="cut off"),
        pytest.param("\tlog_level: debug", "is not YAML", id="tab"),
        pytest.param("- log_level", "settings by name", id="a list"),
        pytest.param("debug", "settings by name", id="a word"),
    ],
)
def test_a_file_that_holds_no_settings(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        load(written(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load(tmp_path / "none.yaml")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load(tmp_path)


def test_every_setting_is_described() -> None:
    text = describe()
    for name, field in Settings.model_fields.items():
        if name == "delivery":  # by its parts
            assert "AGENTSCHEDULE_DELIVERY__PORTS (file: delivery.ports; default: " in text
            continue
        assert f"AGENTSCHEDULE_{name.upper()} (file: {name}; default: " in text
        assert field.description
        assert field.description in text
    assert 'default: {"requests":{"cpu":"50m","memory":"64Mi"}' in text


def test_the_ceilings_reach_those_who_keep_them() -> None:
    settings = Settings(max_active_runs=5, max_active_runs_per_namespace=2, catch_up_starts_per_second=0.5)
    assert planner_settings(settings).ceilings == Ceilings(5, 2, 0.5)


def test_the_lease_is_in_the_operators_own_namespace_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAMESPACE", "own")
    assert Settings(leader_election=True).own_namespace == "own"
    assert Settings(leader_election=True, lease_namespace="other").own_namespace == "other"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({"renew_deadline": 14.5}, "at least 1 s below lease_duration", id="no margin"),
        pytest.param({"lease_duration": 8}, "at least 1 s below lease_duration", id="a short lease"),
        pytest.param({"retry_period": 6}, "at most half of renew_deadline", id="too seldom"),
        pytest.param({"leader_election": True}, "needs lease_namespace", id="nowhere"),
    ],
)
def test_times_of_the_lease_that_are_not_safe_are_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], says: str
) -> None:
    monkeypatch.delenv("POD_NAMESPACE", raising=False)
    with pytest.raises(ValidationError, match=says):
        Settings(**given)
