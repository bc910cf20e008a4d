"""The example files, as far as they can be checked without a cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentschedule.api.agentrun import AgentRunSpec
from agentschedule.api.spec import AgentScheduleSpec

EXAMPLES = Path(__file__).parents[3] / "examples"
FILES = sorted(EXAMPLES.glob("*.yaml"))
IMAGE = "local/agents:dev"


def documents(kind: str) -> Iterator[dict[str, Any]]:
    for path in FILES:
        yield from (found for found in yaml.safe_load_all(path.read_text()) if found["kind"] == kind)


def test_there_are_few() -> None:
    assert 1 <= len(FILES) <= 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_begins_by_saying_what_it_shows(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# Shows: ")
    assert lines[1].startswith("# ")
    assert not lines[2].startswith("#")


def test_schedules_and_runs_are_what_the_operator_reads() -> None:
    schedules = {
        item["metadata"]["name"]: AgentScheduleSpec.model_validate(item["spec"]) for item in documents("AgentSchedule")
    }
    runs = [AgentRunSpec.model_validate(item["spec"]) for item in documents("AgentRun")]
    assert len(schedules) == 7
    assert [run.schedule_name for run in runs] == ["daily-digest"]
    assert runs[0].schedule_name in schedules


def test_every_agent_has_the_image_that_is_built_and_loaded() -> None:
    """A tag that is not `latest` together with IfNotPresent: an image that was loaded is not pulled."""
    for schedule in documents("AgentSchedule"):
        agent = schedule["spec"]["agent"]
        assert (agent["image"], agent["imagePullPolicy"]) == (IMAGE, "IfNotPresent")
    assert (EXAMPLES / IMAGE.removeprefix("local/").removesuffix(":dev") / "Dockerfile").is_file()


def test_every_agent_is_there_and_every_one_has_a_schedule() -> None:
    run = {schedule["spec"]["agent"]["args"][0] for schedule in documents("AgentSchedule")}
    there = {f"/agents/{path.parent.name}/agent.py" for path in (EXAMPLES / "agents").glob("*/agent.py")}
    assert run - {"-c"} == there


def test_the_agents_accounts_may_read_and_nothing_else() -> None:
    roles = list(documents("ClusterRole"))
    assert [rule for role in roles for rule in role["rules"]] == [
        {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["get", "list"]}
    ]
    assert [rule for role in documents("Role") for rule in role["rules"]] == [
        {"apiGroups": ["agentschedule.dev"], "resources": ["agentschedules"], "verbs": ["get", "list"]}
    ]
