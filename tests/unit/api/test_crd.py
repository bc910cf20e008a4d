"""The CRDs made from the models: structural, bounded, described, and saying the same as the models."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field

from agentschedule.api import crd
from agentschedule.api.agentrun import AgentRunSpec, AgentRunStatus
from agentschedule.api.fields import Model, Money, Time
from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import AgentScheduleStatus
from agentschedule.api.v1alpha1 import AGENT_RUN, AGENT_SCHEDULE, KINDS, Kind

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)


def root_schema(kind: Kind) -> dict[str, Any]:
    schema: dict[str, Any] = crd.generate(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for child in schema.get("properties", {}).values():
        yield from nodes(child)
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key])


def defaulted(schema: dict[str, Any], value: Any) -> Any:
    """What the API server makes of `value`: defaults filled in, from the outside in."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        missing = {
            name: child["default"] for name, child in properties.items() if "default" in child and name not in value
        }
        return {
            name: defaulted(properties[name], child) if name in properties else child
            for name, child in {**value, **missing}.items()
        }
    if isinstance(value, list):
        return [defaulted(schema["items"], item) for item in value]
    return value


class TestSchema:
    @each_kind
    def test_everything_is_bounded_and_described(self, kind: Kind) -> None:
        assert list(crd.problems(root_schema(kind))) == []

    @pytest.mark.parametrize(
        ("schema", "problem"),
        [
            pytest.param({"type": "string"}, ".: a string has neither maxLength nor enum", id="string"),
            pytest.param(
                {"x-kubernetes-int-or-string": True}, ".: a string has neither maxLength nor enum", id="int-or-string"
            ),
            pytest.param({"type": "array", "items": {"type": "boolean"}}, ".: a list has no maxItems", id="list"),
            pytest.param(
                {"type": "array", "maxItems": 1, "items": {"type": "string"}},
                "[]: a string has neither maxLength nor enum",
                id="string in a list",
            ),
            pytest.param(
                {"type": "object", "additionalProperties": {"type": "boolean"}},
                ".: a map has no maxProperties",
                id="map",
            ),
            pytest.param(
                {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "string"}},
                "{}: a string has neither maxLength nor enum",
                id="string in a map",
            ),
            pytest.param(
                {"type": "object", "properties": {"a": {"type": "boolean"}}}, ".a: no description", id="description"
            ),
        ],
    )
    def test_what_is_missing_is_found(self, schema: dict[str, Any], problem: str) -> None:
        assert list(crd.problems(schema)) == [problem]

    @each_kind
    def test_every_node_has_a_type(self, kind: Kind) -> None:
        assert [n for n in nodes(root_schema(kind)) if "type" not in n and "x-kubernetes-int-or-string" not in n] == []

    @each_kind
    def test_nothing_that_a_structural_schema_forbids(self, kind: Kind) -> None:
        forbidden = {"$ref", "$defs", "anyOf", "allOf", "oneOf", "not", "title", "const", "prefixItems", "uniqueItems"}
        assert [n for n in nodes(root_schema(kind)) if forbidden & n.keys()] == []
        assert [n for n in nodes(root_schema(kind)) if isinstance(n.get("additionalProperties"), bool)] == []
        assert [n for n in nodes(root_schema(kind)) if n.keys() >= {"properties", "additionalProperties"}] == []

    @each_kind
    def test_every_rule_says_what_is_wrong(self, kind: Kind) -> None:
        rules = [r for n in nodes(root_schema(kind)) for r in n.get("x-kubernetes-validations", [])]
        assert rules
        assert [r for r in rules if not 10 <= len(r["message"]) <= 240 or "\n" in r["message"]] == []

    def test_a_literal_of_one_value_is_an_enum(self) -> None:
        class One(Model):
            """A model."""

            only: Literal["This"]
            """A field."""

        assert crd.structural_schema(One)["properties"]["only"]["enum"] == ["This"]

    def test_alternatives_are_refused(self) -> None:
        class Either(Model):
            """A model."""

            field: int | bool
            """A field."""

        with pytest.raises(ValueError, match="no alternatives"):
            crd.structural_schema(Either)

    def test_a_keyword_that_kubernetes_does_not_know_is_refused(self) -> None:
        class Strange(Model):
            """A model."""

            field: Annotated[str, Field(json_schema_extra={"examples": ["a"]})]
            """A field."""

        with pytest.raises(ValueError, match="examples"):
            crd.structural_schema(Strange)


class TestNames:
    @each_kind
    def test_frame(self, kind: Kind) -> None:
        written = crd.generate(kind)
        version = written["spec"]["versions"][0]
        assert written["metadata"]["name"] == f"{kind.plural}.agentschedule.dev"
        assert written["spec"]["scope"] == kind.scope
        assert written["spec"]["names"]["categories"] == ["agents"]
        assert written["spec"]["names"]["shortNames"] == [kind.short]
        assert version.get("subresources") == ({"status": {}} if kind.status else None)
        assert version["schema"]["openAPIV3Schema"]["required"] == ["spec"]

    @each_kind
    def test_columns_show_fields_that_exist(self, kind: Kind) -> None:
        schema = root_schema(kind)
        for column in crd.generate(kind)["spec"]["versions"][0]["additionalPrinterColumns"]:
            path = column["jsonPath"]
            if path.startswith(".metadata."):
                continue
            node = schema
            for part in re.sub(r"\[\?\(.*?\)]", "[]", path).removeprefix(".").split("."):
                node = node["properties"][part.removesuffix("[]")]
                node = node["items"] if part.endswith("[]") else node
            assert node["type"] == {"date": "string"}.get(column["type"], column["type"])


class TestDefaults:
    """What the API server fills in and what the models fill in is the same."""

    @pytest.mark.parametrize(
        ("model", "given"),
        [
            pytest.param(AgentScheduleSpec, {}, id="empty spec"),
            pytest.param(AgentScheduleSpec, {"retry": {}, "session": {}, "every": "5m"}, id="nested"),
            pytest.param(AgentScheduleSpec, {"retry": {"limit": 1, "retryOn": ["TimedOut"]}}, id="nested and given"),
            pytest.param(AgentScheduleSpec, {"agent": {"env": [{"name": "A", "value": ""}]}}, id="in a list"),
            pytest.param(AgentScheduleStatus, {}, id="empty status"),
            pytest.param(
                AgentScheduleStatus,
                {"runs": [{"id": "a-1", "scheduledAt": "2026-12-01T09:00:00Z", "phase": "Running", "alert": {}}]},
                id="run",
            ),
            pytest.param(AgentRunSpec, {"scheduleName": "a"}, id="AgentRun spec"),
            pytest.param(AgentRunStatus, {}, id="AgentRun status"),
        ],
    )
    def test_same(self, model: type[Model], given: dict[str, Any]) -> None:
        assert defaulted(crd.structural_schema(model), given) == model.model_validate(given).to_json()

    @pytest.mark.parametrize(
        "model", [AgentScheduleSpec, AgentScheduleStatus, AgentRunSpec, AgentRunStatus], ids=lambda m: m.__name__
    )
    def test_every_default_fits_its_own_bounds(self, model: type[Model]) -> None:
        for node in nodes(crd.structural_schema(model)):
            default = node.get("default")
            if isinstance(default, int) and not isinstance(default, bool):
                assert node.get("minimum", default) <= default <= node.get("maximum", default)
            if isinstance(default, str):
                assert default in node.get("enum", [default])
                assert re.search(node.get("pattern", ""), default)


class TestValues:
    class Values(Model):
        """A model."""

        time: Time = datetime(2026, 12, 1, 9, 0, 0, 999, timezone(timedelta(hours=9)))
        """A time."""
        money: Money = Decimal(0)
        """An amount."""

    def test_times_are_written_in_utc(self) -> None:
        assert self.Values().to_json()["time"] == "2026-12-01T00:00:00Z"

    def test_a_time_without_offset_is_refused(self) -> None:
        with pytest.raises(ValueError, match="timezone"):
            self.Values.model_validate({"time": "2026-12-01T09:00:00"})

    @pytest.mark.parametrize(
        ("amount", "text"),
        [
            pytest.param("2.50", "2.5", id="plain"),
            pytest.param("100", "100", id="no exponent"),
            pytest.param("1E-7", "0.0000001", id="small"),
            pytest.param("0.42000000000000004", "0.42", id="a float's rest"),
            pytest.param("0.0000000000001", "0", id="below a nanodollar"),
        ],
    )
    def test_money_fits_its_schema(self, amount: str, text: str) -> None:
        written = self.Values(money=Decimal(amount)).to_json()["money"]
        pattern = crd.structural_schema(self.Values)["properties"]["money"]["pattern"]
        assert written == text
        assert re.fullmatch(pattern, written)


class TestText:
    def test_reads_back_as_generated(self) -> None:
        for kind in KINDS:
            text = crd.files()[crd.CRDS / f"agentschedule.dev_{kind.plural}.yaml"]
            assert yaml.safe_load(text) == crd.generate(kind)

    def test_first_line_says_that_it_is_generated(self) -> None:
        for text in crd.files().values():
            assert "make crds" in text.partition("\n")[0]

    def test_no_aliases(self) -> None:
        for text in crd.files().values():
            assert not re.search(r"^\s*(- )?([\w.]+: )?[&*]\w", text, re.MULTILINE)

    @pytest.mark.parametrize(("enabled", "keep"), [(True, True), (True, False), (False, True)])
    def test_chart_has_the_same(self, enabled: bool, keep: bool) -> None:
        for kind in KINDS:
            rendered = render(
                crd.files()[crd.CHART_CRDS / f"agentschedule.dev_{kind.plural}.yaml"], enabled=enabled, keep=keep
            )
            expected = crd.generate(kind)
            expected["metadata"]["labels"] = {"a": "label"}
            if keep:
                expected["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
            assert yaml.safe_load(rendered) == (expected if enabled else None)

    def test_braces_are_escaped_for_helm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        braces = Kind("A", "as", "a", "About {{ braces }}.", AgentRunSpec, AgentRunStatus, ())
        monkeypatch.setattr(crd, "KINDS", (braces,))
        assert 'About {{ "{{" }} braces }}.' in crd.files()[crd.CHART_CRDS / "agentschedule.dev_as.yaml"]
        assert "About {{ braces }}." in crd.files()[crd.CRDS / "agentschedule.dev_as.yaml"]


def render(template: str, *, enabled: bool, keep: bool) -> str:
    """The template as Helm renders it, for the few actions that are in it."""
    lines: list[str] = []
    conditions: list[bool] = []
    for line in template.splitlines():
        action = line.strip()
        if action == "{{- end }}":
            conditions.pop()
        elif action.startswith("{{- if "):
            conditions.append({".Values.crds.enabled": enabled, ".Values.crds.keep": keep}[action[7:-3]])
        elif all(conditions) and action.startswith("{{- include"):
            lines.append("    a: label")
        elif all(conditions) and not action.startswith("{{- /*"):
            lines.append(line)
    assert conditions == []
    return "\n".join(lines)


class TestMain:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        assert crd.main(["--root", str(tmp_path)]) == 0
        return tmp_path

    def test_what_was_written_is_up_to_date(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert crd.main(["--root", str(root), "--check"]) == 0
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize("path", crd.files(), ids=str)
    def test_a_changed_file_is_named(self, root: Path, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        changed = root / path
        changed.write_text(changed.read_text("utf-8") + "# changed\n", "utf-8")
        assert crd.main(["--root", str(root), "--check"]) == 1
        assert capsys.readouterr().err == f"{path} is not what the models say: run make crds\n"

    def test_a_missing_file_is_named(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = crd.CRDS / "agentschedule.dev_agentruns.yaml"
        (root / path).unlink()
        assert crd.main(["--root", str(root), "--check"]) == 1
        assert capsys.readouterr().err == f"{path} is missing: run make crds\n"

    def test_a_file_of_a_kind_that_is_gone_is_named_and_removed(
        self, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = crd.CHART_CRDS / "agentschedule.dev_agentthings.yaml"
        (root / path).write_text("", "utf-8")
        assert crd.main(["--root", str(root), "--check"]) == 1
        assert capsys.readouterr().err == f"{path} belongs to no kind: run make crds\n"
        assert crd.main(["--root", str(root)]) == 0
        assert not (root / path).exists()

    def test_checking_changes_nothing(self, tmp_path: Path) -> None:
        assert crd.main(["--root", str(tmp_path), "--check"]) == 1
        assert list(tmp_path.iterdir()) == []

    def test_the_repository_is_up_to_date(self) -> None:
        assert crd.main(["--root", str(Path(__file__).parents[3]), "--check"]) == 0


def test_a_small_schedule_stays_small() -> None:
    given = {
        "schedule": "0 9 * * 1-5",
        "timeZone": "Asia/Tokyo",
        "input": "Summarise yesterday's AI news in five bullets.",
        "agent": {"image": "registry.example.com/news-agent:1.4"},
    }
    required = root_schema(AGENT_SCHEDULE)["properties"]["spec"].get("required", [])
    assert required == []
    assert AgentScheduleSpec.model_validate(given).to_json().items() >= given.items()


def test_an_agent_run_needs_only_its_schedule() -> None:
    assert root_schema(AGENT_RUN)["properties"]["spec"]["required"] == ["scheduleName"]
