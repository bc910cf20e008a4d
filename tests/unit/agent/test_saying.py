"""What the library writes is what the operator reads: nothing lost, nothing ignored."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentschedule import constants
from agentschedule.agent import Run, StateTooLarge
from agentschedule.runs.result import Result, clean, parse_result

texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=600)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | st.text(max_size=20)
states = st.dictionaries(
    st.text(max_size=8),
    st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)),
    max_size=5,
)
alerts = st.fixed_dictionaries({"severity": st.sampled_from(["info", "warning", "critical"]), "message": texts})
uris = st.sampled_from(["", "s3:", "https://x/", "data:"]).flatmap(lambda head: st.text(max_size=9).map(head.__add__))
amounts = st.decimals("0", "1000", places=9)


@contextmanager
def a_run(folder: Path, **limits: Any) -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        (folder / "context.json").write_text(json.dumps({"limits": limits}))
        (folder / "result").write_bytes(b"")
        patch.setenv("AGENT_CONTEXT_FILE", str(folder / "context.json"))
        patch.setenv("AGENT_RESULT_FILE", str(folder / "result"))
        with Run() as run:
            yield run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agent")


def seen(folder: Path) -> Result:
    data = (folder / "result").read_bytes()
    assert len(data) <= constants.RESULT_BYTES
    return parse_result(data.decode())


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


@given(summary=texts, state=states, alert=alerts, amount=amounts, tokens=st.integers(1, 10**12), uri=uris)
def test_nothing_is_lost(
    folder: Path, summary: str, state: dict[str, Any], alert: dict[str, str], amount: Decimal, tokens: int, uri: str
) -> None:
    fits = True
    with a_run(folder) as run:
        run.spend(amount, input_tokens=tokens)
        run.finish(summary, alert=alert, sleep=True)
        with suppress(ValueError):
            run.finish(output_uri=uri)
        try:
            run.state = state
        except StateTooLarge:
            fits = False
    found = seen(folder)
    assert found.problems == ()
    assert found.cost == amount
    assert found.usage is not None
    assert found.usage.input_tokens == tokens
    assert found.state == (without_nulls(state) if fits else None)
    assert found.alert is not None
    assert found.alert.severity == alert["severity"]
    assert found.alert.message == clean(alert["message"], constants.SUMMARY_BYTES)
    assert found.summary is not None
    whole = clean(summary, constants.RESULT_BYTES)
    assert found.summary == whole or (found.summary.endswith("…") and whole.startswith(found.summary[:-1]))


@given(summary=texts.map(lambda text: text * 9), size=st.integers(0, 2000), room=st.integers(1024, 4096))
def test_of_too_much_the_texts_are_cut(folder: Path, summary: str, size: int, room: int) -> None:
    state = {"kept": "x" * min(size, room - 600)}
    with a_run(folder, resultBytes=room) as run:
        run.spend("0.02", output_tokens=7)
        run.finish(summary, state=state, alert='"' * 512, output_uri="s3://" + "y" * 500)
    assert (folder / "result").stat().st_size <= room
    found = seen(folder)
    assert (found.cost, found.state, found.problems) == (Decimal("0.02"), state, ())
    assert found.alert is not None


@given(st.lists(st.decimals("0", "0.001", allow_nan=False), max_size=20))
def test_money_is_added_exactly(folder: Path, given_amounts: list[Decimal]) -> None:
    with a_run(folder) as run:
        run.spend(0)
        for amount in given_amounts:
            run.spend(str(amount))
    assert seen(folder).cost == round(sum(given_amounts, Decimal(0)), 9)


MONEY = [
    pytest.param(0.02, TypeError, 'a string such as "0.02"', id="float"),
    pytest.param(True, TypeError, "not bool", id="bool"),
    pytest.param("-0.01", ValueError, "from 0 to", id="negative"),
    pytest.param("NaN", ValueError, "NaN", id="NaN"),
    pytest.param("Infinity", ValueError, "Infinity", id="infinite"),
    pytest.param("$2", ValueError, "'\\$2'", id="no number"),
    pytest.param("1e999999999", ValueError, "from 0 to", id="beyond all reason"),
]


@pytest.mark.parametrize(("amount", "error", "words"), MONEY)
def test_what_is_no_amount_is_refused(folder: Path, amount: Any, error: type[Exception], words: str) -> None:
    with a_run(folder) as run:
        run.spend("0.5")
        with pytest.raises(error, match=words):
            run.spend(amount, input_tokens=5)
        assert (run.spent, run.tokens) == (Decimal("0.5"), 0)


def test_more_than_the_operator_takes_is_refused(folder: Path) -> None:
    with a_run(folder) as run:
        run.spend(1_000_000)
        with pytest.raises(ValueError, match="more than 1000000"):
            run.spend("0.000000001")
        for tokens, error in ((-1, ValueError), (1.5, TypeError), (True, TypeError), (10**13, ValueError)):
            with pytest.raises(error):
                run.spend(input_tokens=tokens)  # type: ignore[arg-type]
    assert seen(folder).problems == ()


STATES = [
    pytest.param({"text": "x" * 2040}, StateTooLarge, "has 2051 bytes as JSON, and at most 2048", id="too large"),
    pytest.param({"number": 2**53 + 1}, ValueError, "9007199254740993: make it a text", id="large number"),
    pytest.param({"number": float("inf")}, ValueError, "inf", id="infinite"),
    pytest.param({"amount": Decimal(1)}, TypeError, "Decimal: make it a text", id="no JSON"),
    pytest.param({1: "x"}, TypeError, "keys of a state are texts", id="keys"),
    pytest.param(["x"], TypeError, "a state is a dict, not list", id="no dict"),
    pytest.param({"x": json.loads("[" * 16 + "]" * 16)}, ValueError, "deeper than 16", id="depth"),
]


@pytest.mark.parametrize(("state", "error", "words"), STATES)
def test_a_state_that_would_not_come_back_is_refused(
    folder: Path, state: Any, error: type[Exception], words: str
) -> None:
    with a_run(folder) as run:
        run.state = {"page": 6}
        with pytest.raises(error, match=words):
            run.state = state
        with pytest.raises(error, match=words):
            run.finish("not said", state=state)
        assert dict(run.state) == {"page": 6}
    assert (seen(folder).state, seen(folder).summary) == ({"page": 6}, None)


SAYINGS = [
    pytest.param({"summary": 5}, TypeError, "a text is needed, not int", id="summary"),
    pytest.param({"alert": {"severity": "loud", "message": "x"}}, ValueError, "not 'loud'", id="severity"),
    pytest.param({"alert": {"severity": "info"}}, TypeError, "an alert is a message", id="no message"),
    pytest.param({"alert": {"message": "x", "urgent": "y"}}, TypeError, "an alert is a message", id="unknown key"),
    pytest.param({"output_uri": "s3://" + "x" * 508}, ValueError, "not an absolute URI .* 512", id="long address"),
    pytest.param({"output_uri": "s3://a\nb"}, ValueError, "not an absolute URI", id="two lines"),
    pytest.param({"output_uri": "report.html"}, ValueError, "'report.html'", id="relative"),
    pytest.param({"output_uri": "javascript:alert(1)"}, ValueError, "not an absolute URI", id="one that runs"),
]


@pytest.mark.parametrize(("said", "error", "words"), SAYINGS)
def test_what_the_operator_would_ignore_is_refused(
    folder: Path, said: dict[str, Any], error: type[Exception], words: str
) -> None:
    with a_run(folder) as run, pytest.raises(error, match=words):
        run.finish(**said)
    assert (folder / "result").read_bytes() == b""


def test_one_that_never_says_what_it_cost_reports_none(folder: Path) -> None:
    with a_run(folder) as run:
        run.finish("done")
    assert seen(folder).cost is None
    with a_run(folder) as run:
        run.spend(0)
    assert seen(folder).cost == 0


def test_the_last_word_counts_for_each_part(folder: Path) -> None:
    with a_run(folder) as run:
        run.finish("half", state={"page": 6}, alert="odd")
        run.finish("whole")
    found = seen(folder)
    assert (found.summary, found.state) == ("whole", {"page": 6})
    assert found.alert is not None
