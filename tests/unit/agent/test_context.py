"""What the library makes of the context file: the operator's, and others."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentschedule.agent import BudgetExceeded, ContextError, OperationNotAllowed, Run
from agentschedule.api.policy import RunPolicy
from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import Previous, Trigger
from agentschedule.planning.observed import DEFAULT_SETTINGS
from agentschedule.policy.effective import effective
from agentschedule.policy.gate import Allow, Asked, evaluate
from agentschedule.runs.manifest import Owner, RunRequest, context_document

SLOT = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
PREVIOUS = Previous(
    run_id="daily-news-1795132800",
    phase="Succeeded",
    completed_at=SLOT - timedelta(days=1),
    summary="Five bullets",
    state={"seen": [1, 2]},
)


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The context file."""
    path = tmp_path / "context.json"
    monkeypatch.setenv("AGENT_CONTEXT_FILE", str(path))
    monkeypatch.setenv("AGENT_RESULT_FILE", str(tmp_path / "result"))
    return path


def document(trigger: Trigger = "Schedule", **changes: Any) -> str:
    spec = AgentScheduleSpec.model_validate({"every": "1h", "input": "Five bullets.", "context": {"topics": ["AI"]}})
    asked = Asked(RunPolicy(), ("registry.example.com/news:1",), "default", manual=trigger == "Manual")
    decision = evaluate(asked, effective((), "news", {}, DEFAULT_SETTINGS.policy_ceilings()), SLOT)
    assert isinstance(decision, Allow)
    request = RunRequest(
        "daily-news-1795392000",
        SLOT,
        2,
        trigger,
        previous=PREVIOUS,
        restricted_operations=decision.restricted_operations,
    )
    made = json.loads(context_document(Owner("news", "daily-news", "u"), spec, request, 600, Decimal("2.5"), "news"))
    return json.dumps({**made, **changes})


def test_all_that_the_operator_says(given: Path) -> None:
    given.write_text(document(heartbeat={"iteration": 7, "maxIterations": 100}))
    run = Run()
    assert (run.id, run.schedule, run.namespace) == ("daily-news-1795392000", "daily-news", "news")
    assert (run.agent, run.scheduled_at, run.attempt, run.trigger) == ("news", SLOT, 2, "Schedule")
    assert (run.input, run.context) == ("Five bullets.", {"topics": ["AI"]})
    assert (run.iteration, run.max_iterations) == (7, 100)
    assert (run.background, run.capabilities) == (True, frozenset())
    assert run.previous is not None
    assert (run.previous.run_id, run.previous.phase) == (PREVIOUS.run_id, "Succeeded")
    assert (run.previous.completed_at, run.previous.summary) == (PREVIOUS.completed_at, "Five bullets")
    assert run.previous.state == run.state == {"seen": [1, 2]}
    assert (run.budget, run.remaining_budget, run.spent) == (Decimal("2.5"), Decimal("2.5"), Decimal(0))
    assert run.deadline is not None
    assert run.deadline.tzinfo is UTC
    assert 0 <= run.remaining_seconds <= 600
    assert abs(run.deadline - datetime.now(UTC) - timedelta(seconds=run.remaining_seconds)) < timedelta(seconds=1)
    assert run.session_dir is None


def test_a_first_run_has_nothing_before_it(given: Path) -> None:
    given.write_text("{}")
    run = Run()
    assert run.previous is None
    assert run.state == {}
    assert (run.iteration, run.max_tokens, run.deadline) == (None, None, None)
    assert (run.budget, run.remaining_seconds) == (Decimal("Infinity"), float("inf"))
    run.check_budget()


def test_the_state_is_changed_by_assigning_it(given: Path) -> None:
    given.write_text(document())
    run = Run()
    with pytest.raises(TypeError):
        run.state["seen"] = 1  # type: ignore[index]
    run.state = {**run.state, "page": 7}
    run.state["seen"].append(3)  # of a copy
    assert json.loads((given.parent / "result").read_text()) == {"state": {"seen": [1, 2], "page": 7}}
    assert run.previous is not None
    assert run.previous.state == {"seen": [1, 2]}


def test_a_session_has_its_folder(given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given.write_text(document())
    monkeypatch.setenv("AGENT_SESSION_DIR", str(tmp_path))
    assert Run().session_dir == tmp_path


@pytest.mark.parametrize(
    ("trigger", "operation", "allowed"),
    [
        pytest.param("Schedule", "send_email", False, id="unattended"),
        pytest.param("CatchUp", "delete_data", False, id="made up for"),
        pytest.param("Schedule", "read_mail", True, id="not restricted"),
        pytest.param("Manual", "send_email", True, id="asked for by a person"),
    ],
)
def test_restricted_operations(given: Path, trigger: Trigger, operation: str, *, allowed: bool) -> None:
    given.write_text(document(trigger))
    run = Run()
    if allowed:
        run.operation(operation)
    else:
        with pytest.raises(OperationNotAllowed, match=f"{operation} is not allowed"):
            run.operation(operation)


def test_what_the_context_restricts_is_restricted_in_a_manual_run_too(given: Path) -> None:
    given.write_text(document("Manual", restrictedOperations=["make_purchase"]))
    with pytest.raises(OperationNotAllowed):
        Run().operation("make_purchase")


def test_the_budget_in_money(given: Path) -> None:
    given.write_text(document())
    run = Run()
    run.spend("2.4")
    run.check_budget()
    assert run.remaining_budget == Decimal("0.1")
    run.spend("0.2")
    assert run.remaining_budget == 0
    with pytest.raises(BudgetExceeded, match=r"2\.6 of 2\.5 US dollars"):
        run.check_budget()


def test_the_budget_in_tokens(given: Path) -> None:
    given.write_text(document(limits={"maxTokens": 100}))
    run = Run()
    run.spend(input_tokens=60, output_tokens=39)
    run.check_budget()
    assert (run.remaining_tokens, run.tokens) == (1, 99)
    run.spend(output_tokens=1)
    with pytest.raises(BudgetExceeded, match="100 of 100 tokens"):
        run.check_budget()


BROKEN = [
    pytest.param(None, "cannot be read: .*No such file", id="missing"),
    pytest.param("", "cannot be read: Expecting value", id="empty"),
    pytest.param("[]", "is not a JSON object", id="a list"),
    pytest.param("[" * 100_000, "cannot be read", id="deep"),
    pytest.param('{"input": "%s"}' % ("x" * 2**20), "is not a JSON object of at most", id="huge"),
    pytest.param('{"version": 2}', "a newer agentschedule.agent", id="a later version"),
    pytest.param('{"input": 5}', "input in the context is int, not str", id="input"),
    pytest.param('{"run": "x"}', "run in the context is str, not dict", id="run"),
    pytest.param('{"run": {"attempt": true}}', "attempt in the context is bool", id="bool for int"),
    pytest.param('{"run": {"scheduledAt": "soon"}}', "a time in the context", id="time"),
    pytest.param('{"background": "no"}', "background in the context is str", id="background"),
    pytest.param('{"restrictedOperations": [5]}', "not a list of texts", id="restricted operations"),
    pytest.param('{"limits": {"maxBudgetUSD": 2.5}}', "maxBudgetUSD in the context is float", id="float money"),
    pytest.param('{"limits": {"maxBudgetUSD": "much"}}', "maxBudgetUSD in the context: an amount", id="money"),
    pytest.param('{"limits": {"deadlineSeconds": 1%s}}' % ("0" * 400), "out of range", id="deadline"),
    pytest.param('{"previous": {"state": []}}', "state in the context is list", id="state"),
]


@pytest.mark.parametrize(("text", "words"), BROKEN)
def test_a_context_that_cannot_be_used(given: Path, text: str | None, words: str) -> None:
    if text is not None:
        given.write_text(text)
    with pytest.raises(ContextError, match=words):
        Run()
    summary = json.loads((given.parent / "result").read_text())["summary"]
    assert summary.startswith("ContextError: ")


def test_a_result_file_that_cannot_be_written(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given.write_text("{}")
    monkeypatch.setenv("AGENT_RESULT_FILE", str(given.parent / "no/such/folder"))
    with pytest.raises(ContextError, match=r"result file .* cannot be written"):
        Run()
