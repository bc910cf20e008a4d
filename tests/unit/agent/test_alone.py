"""The one file alone, as it is copied into images; and what the documentation shows, run as it stands."""

import ast
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentschedule.runs.result import parse_result
from tests.kubectl import ROOT
from tests.unit.agent.desk import LIBRARY, Desk

PAGE = (ROOT / "docs/agents.md").read_text()
WITHOUT_OUR_PACKAGES = (sys.executable, "-I", "-S")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def snippet(language: str, having: str) -> str:
    """The only block of the page in this language that has these words."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if having in block]
    return str(found)


def test_it_runs_where_nothing_else_is_installed(tmp_path: Path) -> None:
    (tmp_path / "agentschedule").mkdir()
    shutil.copy(LIBRARY, tmp_path / "agentschedule/agent.py")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from agentschedule.agent import Run\n"
        "with Run() as run: run.finish('alone')\n"
        "foreign = {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(sorted(foreign))"
    )
    done = subprocess.run(
        [*WITHOUT_OUR_PACKAGES, "-c", program], env={}, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['__main__', 'agentschedule']\n"
    assert '{"summary":"alone"}' in done.stderr


def test_importing_it_from_the_package_brings_nothing_else() -> None:
    program = "import sys, agentschedule.agent; print(sorted(n for n in sys.modules if n.startswith('agentsch')))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={"PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['agentschedule', 'agentschedule.agent']\n"


def test_its_syntax_is_python_3_9s() -> None:
    ast.parse(LIBRARY.read_text(), feature_version=(3, 9))


def test_the_documented_agent(desk: Desk) -> None:
    desk.context["previous"] = {"runId": "x", "phase": "Succeeded", "state": {"lastSeen": 2}}
    outcome = desk.run(snippet("python", "with Run() as run:"))
    assert outcome.code == 0, outcome.log
    assert outcome.seen.problems == ()
    assert outcome.seen.state == {"lastSeen": 3}
    assert outcome.raw["costUSD"] == "0.02"


def test_the_documented_shell_agent(desk: Desk) -> None:
    desk.folder.joinpath("agent.sh").write_text(snippet("sh", "AGENT_RESULT_FILE").replace("sleep 30", "sleep 0.1"))
    outcome = desk.end(desk.start("sh", "agent.sh", AGENT_ATTEMPT="1"))
    assert outcome.code == 0, outcome.log
    assert outcome.seen.problems == ()
    assert (outcome.raw["costUSD"], outcome.raw["summary"]) == ("0.03", "3 pages read")


def test_the_documented_shell_agent_is_stopped_at_once(desk: Desk) -> None:
    desk.folder.joinpath("agent.sh").write_text(snippet("sh", "AGENT_RESULT_FILE").replace("sleep 30", "sleep 8"))
    process = desk.start("sh", "agent.sh", AGENT_ATTEMPT="1")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "page 1, attempt 1\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 1
    process.stdout.close()
    process.stderr.close()
    seen = parse_result(desk.result.read_text())
    assert (str(seen.cost), seen.summary, seen.problems) == ("0.010000000", "ran out of time at page 1", ())
