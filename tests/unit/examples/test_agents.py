"""The example agents, run as they are in a container, against a small server."""

import json
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubectl import ROOT
from tests.unit.agent.desk import Desk, Outcome

AGENTS = ROOT / "examples/agents"
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Site:
    """A web server whose answer a test changes between two runs."""

    def __init__(self) -> None:
        self.code = 200
        self.body: Any = {}
        self.asked = ""
        self.url = ""


@pytest.fixture
def site() -> Iterator[Site]:
    given = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given.asked = self.path
            body = given.body if isinstance(given.body, bytes) else json.dumps(given.body).encode()
            self.send_response_only(given.code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    given.url = f"http://127.0.0.1:{server.server_port}"
    yield given
    server.shutdown()
    server.server_close()
    thread.join()


class Agent(Desk):
    """One agent with its schedule's context; its state is handed on as the operator does."""

    def __init__(self, folder: Path, name: str, **environment: str) -> None:
        super().__init__(folder)
        self.name, self.environment, self.at = name, environment, START
        schedules = (
            found
            for path in sorted((ROOT / "examples").glob("*.yaml"))
            for found in yaml.safe_load_all(path.read_text())
            if found["kind"] == "AgentSchedule"
        )
        shown = next(found for found in schedules if found["metadata"]["name"] == name)
        self.context["context"] = shown["spec"].get("context", {})

    def once(self, **heartbeat: int) -> Outcome:
        self.result.write_bytes(b"")
        run = {"id": "x", "schedule": self.name, "namespace": "shop", "scheduledAt": self.at.isoformat()}
        self.context |= {"run": run, "heartbeat": heartbeat}
        outcome = self.end(self.start(sys.executable, AGENTS / self.name / "agent.py", **self.environment))
        assert outcome.seen.problems == ()
        if outcome.seen.state is not None:
            self.context["previous"] = {"state": outcome.seen.state}
        return outcome


def summary(outcome: Outcome) -> str:
    return outcome.seen.summary or ""


def alert(outcome: Outcome) -> tuple[str, str] | None:
    found = outcome.seen.alert
    return (found.severity, found.message) if found else None


def prices(**given: str) -> dict[str, Any]:
    return {"products": [{"name": name.replace("_", " "), "price": price} for name, price in given.items()]}


def test_competitor_monitor(tmp_path: Path, site: Site) -> None:
    agent = Agent(tmp_path, "competitor-monitor", COMPETITOR_URL=f"{site.url}/prices.json")
    site.body = prices(Red_kettle="21.99", Blue_kettle="25.50", Green_kettle="1.00")
    first = agent.once()
    assert summary(first) == "Blue kettle: new, 25.50; Red kettle: new, 21.99. Below ours: Blue kettle."
    assert alert(first) == ("warning", "We are undercut: Blue kettle 25.50 (ours 26.00)")
    assert first.raw["costUSD"] == "0"

    again = agent.once()
    assert summary(again) == "No change in 2 prices. Below ours: Blue kettle."
    assert alert(again) is None

    site.body = prices(Red_kettle="20.50")
    changed = agent.once()
    assert summary(changed) == "Blue kettle: no longer sold; Red kettle: 21.99 → 20.50. Below ours: Red kettle."
    assert alert(changed) == ("warning", "We are undercut: Red kettle 20.50 (ours 21.00)")


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [
        pytest.param(503, {}, "HTTPError at agent.py:", id="503"),
        pytest.param(200, b"<html>", "JSONDecodeError at agent.py:", id="no JSON"),
        pytest.param(200, {"items": []}, "KeyError at agent.py:", id="another site"),
    ],
)
def test_competitor_monitor_fails_and_keeps_its_state(
    tmp_path: Path, site: Site, code: int, body: Any, words: str
) -> None:
    agent = Agent(tmp_path, "competitor-monitor", COMPETITOR_URL=site.url)
    site.code, site.body = code, body
    outcome = agent.once()
    assert outcome.code == 1
    assert summary(outcome).startswith(words)
    assert "state" not in outcome.raw


def item(name: str, runs: int, failed: int, cost: str) -> dict[str, Any]:
    totals = {"runs": runs, "succeeded": runs - failed, "failed": failed, "skipped": 0, "costUSD": cost}
    return {"metadata": {"name": name}, "status": {"totals": totals}}


def test_weekly_summary(tmp_path: Path, site: Site) -> None:
    agent = Agent(tmp_path, "weekly-summary", WEEKLY_SUMMARY_API=site.url)
    site.body = {"items": [item("news", 5, 0, "2.5"), item("watch", 10, 2, "0"), {"metadata": {"name": "new"}}]}
    first = agent.once()
    assert summary(first) == (
        "15 runs, 2 failed, $2.5 in 2 schedules (watch: 10 runs, 2 failed, $0; news: 5 runs, 0 failed, $2.5)."
    )
    assert site.asked == "/apis/agentschedule.dev/v1alpha1/namespaces/shop/agentschedules"

    site.body = {"items": [item("news", 7, 1, "3.75"), item("watch", 1, 0, "0.1"), item("weekly-summary", 1, 0, "0")]}
    assert summary(agent.once()) == (
        "3 runs, 1 failed, $1.35 in 2 schedules (news: 2 runs, 1 failed, $1.25; watch: 1 runs, 0 failed, $0.1)."
    )
    assert summary(agent.once()) == "0 runs, 0 failed, $0.00 in 0 schedules."


def test_weekly_summary_of_nothing(tmp_path: Path, site: Site) -> None:
    site.body = {"items": []}
    agent = Agent(tmp_path, "weekly-summary", WEEKLY_SUMMARY_API=site.url)
    assert summary(agent.once()) == "0 runs, 0 failed, $0 in 0 schedules."


def test_weekly_summary_has_no_account(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "9"}
    outcome = Agent(tmp_path, "weekly-summary", **environment).once()
    assert outcome.code == 1
    assert "No such file" in summary(outcome)


def test_heartbeat_monitor(tmp_path: Path, site: Site) -> None:
    agent = Agent(tmp_path, "heartbeat-monitor", CHECK_URL=site.url)
    first = agent.once(iteration=1, maxIterations=4)
    assert summary(first).startswith("Answered in ")
    assert "; 1 of 1 checks well, slowest " in summary(first)
    assert (first.raw["sleep"], alert(first)) == (True, None)

    site.code = 500
    failed = agent.once(iteration=2, maxIterations=4)
    assert summary(failed).startswith("No answer: HTTP Error 500: Internal Server Error; 1 of 2 checks well")
    assert failed.raw["sleep"] is False
    assert (alert(failed) or ("", ""))[1].startswith("Below target: 1 of 2 checks well")
    assert alert(agent.once(iteration=3, maxIterations=4)) is None

    site.code = 200
    assert summary(agent.once(iteration=4, maxIterations=4)).startswith("Final report: 2 of 4 checks well, slowest ")


def test_health_alert_tells_of_a_failure_once_and_of_the_recovery(tmp_path: Path, site: Site) -> None:
    agent = Agent(tmp_path, "health-alert", CHECK_URL=site.url)
    assert (summary(agent.once()), alert(agent.once())) == ("Well.", None)

    site.code = 503
    down = agent.once()
    assert alert(down) == ("warning", "Down: HTTP Error 503: Service Unavailable.")
    assert down.code == 0
    agent.at += timedelta(minutes=10)
    still = agent.once()
    assert summary(still) == "Still down, for 10 minutes: HTTP Error 503: Service Unavailable."
    assert alert(still) is None

    agent.at += timedelta(minutes=20)
    assert alert(agent.once()) == (*("critical", "Still down after 30 minutes: HTTP Error 503: Service Unavailable."),)
    agent.at += timedelta(minutes=20)
    assert alert(agent.once()) is None

    site.code = 200
    well = agent.once()
    assert alert(well) == ("info", "Recovered after 50 minutes.")
    assert (summary(agent.once()), alert(agent.once())) == ("Well.", None)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("http://127.0.0.1:9/", "Down: <urlopen error [Errno 111] Connection refused>.", id="refused"),
        pytest.param("http://$(SHOP_SERVICE_HOST):$(SHOP_SERVICE_PORT)/", "Down: ", id="no such service"),
    ],
)
def test_health_alert_where_nothing_listens(tmp_path: Path, url: str, words: str) -> None:
    outcome = Agent(tmp_path, "health-alert", CHECK_URL=url).once()
    assert outcome.code == 0
    assert summary(outcome).startswith(words)
