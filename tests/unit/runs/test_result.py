"""The agent's result: hostile input."""

import json
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentschedule.api.fields import money_text
from agentschedule.runs.result import clean, parse_result


def test_a_full_result() -> None:
    result = parse_result(
        '{"summary": "done", "costUSD": "0.42", "usage": {"inputTokens": 12, "outputTokens": 3},'
        ' "state": {"n": 1.5, "big": 9007199254740993, "a": [1, {"b": true}]},'
        ' "alert": {"severity": "info", "message": "look"}, "sleep": true, "unknown": [1]}'
    )
    assert (result.summary, result.cost, result.problems) == ("done", Decimal("0.42"), ())
    assert result.usage is not None
    assert result.usage.to_json() == {"inputTokens": 12, "outputTokens": 3}
    assert result.state == {"n": 1.5, "big": "9007199254740993", "a": [1, {"b": True}]}
    assert result.alert is not None
    assert result.alert.to_json() == {"severity": "info", "message": "look"}


@pytest.mark.parametrize(
    ("message", "summary", "problems"),
    [
        pytest.param(None, None, 0, id="none"),
        pytest.param("", None, 0, id="empty"),
        pytest.param(" \n\t", None, 0, id="blank"),
        pytest.param("all is well", "all is well", 0, id="plain text"),
        pytest.param("  two\nlines\t!  ", "two\nlines\t!", 0, id="lines"),
        pytest.param("[1, 2]", "[1, 2]", 0, id="JSON, but no object"),
        pytest.param('"text"', '"text"', 0, id="a JSON text"),
        pytest.param('{"summary": "cut o', '{"summary": "cut o', 1, id="JSON cut off"),
        pytest.param('{"a": 1} and more', '{"a": 1} and more', 1, id="JSON and more"),
        pytest.param('er", "costUSD": "1"}', 'er", "costUSD": "1"}', 0, id="JSON without its head"),
        pytest.param("{}", None, 0, id="nothing said"),
        pytest.param("{" + '"a":{' * 2000, None, 1, id="nested beyond reading"),
        pytest.param('{"n": ' + "9" * 5000 + "}", None, 1, id="a number beyond reading"),
    ],
)
def test_what_is_not_a_json_object_is_the_summary(message: str | None, summary: str | None, problems: int) -> None:
    result = parse_result(message)
    if summary is not None or not message:
        assert result.summary == summary
    assert len(result.problems) == problems
    assert (result.cost, result.state, result.alert) == (None, None, None)


@pytest.mark.parametrize(
    ("given", "cost"),
    [
        pytest.param('"0.42"', "0.42", id="text"),
        pytest.param("0.42", "0.42", id="a number, exactly"),
        pytest.param("1", "1", id="an integer"),
        pytest.param("1e-3", "0.001", id="an exponent"),
        pytest.param('"0.0000000005"', "0", id="ten places"),
        pytest.param('"0.1234567891"', "0.123456789", id="nine places are kept"),
        pytest.param("1000000", "1000000", id="the most"),
        pytest.param("1000000.01", None, id="more than the most"),
        pytest.param('"-0"', "0", id="minus nothing"),
        pytest.param("-0.0", "0", id="minus nothing as a number"),
        pytest.param("-0.01", None, id="less than nothing"),
        pytest.param("NaN", None, id="NaN"),
        pytest.param('"sNaN"', None, id="signalling NaN"),
        pytest.param("Infinity", None, id="infinity"),
        pytest.param("1e99999999999999999999", None, id="an exponent beyond reckoning"),
        pytest.param("1e-99999999999999999999", None, id="an exponent too small to reckon with"),
        pytest.param("true", None, id="a boolean"),
        pytest.param('"$1"', None, id="with its currency"),
        pytest.param("[1]", None, id="a list"),
    ],
)
def test_cost(given: str, cost: str | None) -> None:
    result = parse_result(f'{{"costUSD": {given}}}')
    assert (None if result.cost is None else money_text(result.cost)) == cost
    assert len(result.problems) == (cost is None)


@pytest.mark.parametrize(
    ("given", "usage", "problems"),
    [
        pytest.param('{"inputTokens": 1}', {"inputTokens": 1}, 0, id="one of them"),
        pytest.param('{"inputTokens": 0, "outputTokens": 1000000000000}', None, 0, id="bounds"),
        pytest.param('{"inputTokens": 1000000000001}', None, 1, id="too many"),
        pytest.param('{"inputTokens": -1, "outputTokens": "3"}', None, 2, id="negative, and text"),
        pytest.param('{"inputTokens": true}', None, 1, id="boolean"),
        pytest.param('{"inputTokens": 1.0}', None, 1, id="fraction"),
        pytest.param("{}", None, 0, id="empty"),
        pytest.param("7", None, 1, id="no object"),
    ],
)
def test_usage(given: str, usage: dict[str, int] | None, problems: int) -> None:
    result = parse_result(f'{{"usage": {given}}}')
    assert len(result.problems) == problems
    if usage:
        assert result.usage is not None
        assert result.usage.to_json() == usage


@pytest.mark.parametrize(
    ("given", "sleep"),
    [
        pytest.param("true", True, id="true"),
        pytest.param("false", False, id="false"),
        pytest.param("null", None, id="null"),
        pytest.param('"true"', None, id="text"),
        pytest.param("1", None, id="a number"),
        pytest.param("{}", None, id="an object"),
    ],
)
def test_sleep(given: str, sleep: bool | None) -> None:
    result = parse_result(f'{{"sleep": {given}}}')
    assert result.sleep is sleep
    assert len(result.problems) == (sleep is None and given != "null")


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("https://reports.example.com/a?b=c&d=%20#e", id="https"),
        pytest.param("s3://bucket/reports/2026-11-22.html", id="bucket"),
        pytest.param("urn:uuid:8f9c0e66-3c1f-4d5b-9c55-0a2f3d1f7a10", id="urn"),
        pytest.param("https://[2001:db8::1]:8443/x~y_z*(1)", id="address"),
        pytest.param("h:" + "x" * 510, id="longest"),
    ],
)
def test_where_the_output_is(uri: str) -> None:
    result = parse_result(json.dumps({"outputURI": uri}))
    assert (result.output_uri, result.problems) == (uri, ())


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("", id="empty"),
        pytest.param("reports/a", id="relative"),
        pytest.param("//example.com/a", id="without a scheme"),
        pytest.param("https:", id="scheme only"),
        pytest.param("HTTPS://example.com", id="upper case"),
        pytest.param("1s://example.com", id="scheme that begins with a digit"),
        pytest.param("javascript:alert(1)", id="javascript"),
        pytest.param("JavaScript:alert(1)", id="javascript in other letters"),
        pytest.param("java\tscript:alert(1)", id="javascript with a tab"),
        pytest.param("data:text/html,x", id="data"),
        pytest.param("vbscript:x", id="vbscript"),
        pytest.param(" https://example.com", id="space before"),
        pytest.param("https://example.com/a b", id="space within"),
        pytest.param("https://example.com/\n", id="line end"),
        pytest.param("https://example.com/\x1b[31m", id="control character"),
        pytest.param("https://example.com/\u202egnp.exe", id="letters turned round"),
        pytest.param("https://exämple.com/", id="beyond ASCII"),
        pytest.param('https://example.com/"onclick=x', id="quotation mark"),
        pytest.param("https://example.com/<script>", id="angle brackets"),
        pytest.param("https://example.com\\a", id="backslash"),
        pytest.param("h:" + "x" * 511, id="too long"),
        pytest.param(["https://example.com"], id="a list"),
        pytest.param(True, id="a boolean"),
    ],
)
def test_what_is_no_place_for_output(uri: object) -> None:
    result = parse_result(json.dumps({"outputURI": uri}))
    assert result.output_uri is None
    assert len(result.problems) == 1
    assert len(result.problems[0]) < 100


def nested(levels: int) -> str:
    return '{"state": ' + '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1) + "}"


@pytest.mark.parametrize(
    ("message", "state", "problem"),
    [
        pytest.param('{"state": {}}', {}, None, id="empty"),
        pytest.param('{"state": [1]}', None, "not an object", id="a list"),
        pytest.param('{"state": {"a": null, "b": [null]}}', {"b": [None]}, None, id="null members"),
        pytest.param('{"state": {"a": "\\ud800"}}', {"a": "?"}, None, id="half a character"),
        pytest.param('{"state": {"a": NaN, "b": 1e999}}', {"a": "NaN", "b": "1E+999"}, None, id="no finite number"),
        pytest.param(
            '{"state": {"a": 9007199254740992, "b": -9007199254740993}}',
            {"a": 2**53, "b": "-9007199254740993"},
            None,
            id="integers beyond what JSON keeps",
        ),
        pytest.param(nested(17), None, "deeper than 16", id="too deep"),
        pytest.param(nested(600), None, "deeper than 16", id="far too deep"),
        pytest.param(json.dumps({"state": {"a": "x" * 2040}}), {"a": "x" * 2040}, None, id="2048 bytes"),
        pytest.param(json.dumps({"state": {"a": "x" * 2041}}), None, "larger than 2048", id="2049 bytes"),
        pytest.param(json.dumps({"state": {"a": "ä" * 1021}}), None, "larger than 2048", id="bytes, not characters"),
    ],
)
def test_state(message: str, state: dict[str, object] | None, problem: str | None) -> None:
    result = parse_result(message)
    assert result.state == state
    assert len(result.problems) == (problem is not None)
    assert all((problem or "") in found for found in result.problems)


def test_sixteen_levels_of_state_are_taken() -> None:
    assert parse_result(nested(16)).state is not None


@pytest.mark.parametrize(
    ("given", "severity", "message", "problems"),
    [
        pytest.param('{"message": "m"}', "warning", "m", 0, id="default severity"),
        pytest.param('{"message": "m", "severity": "critical"}', "critical", "m", 0, id="severity"),
        pytest.param('{"message": "m", "severity": "fatal"}', "warning", "m", 1, id="unknown severity"),
        pytest.param('{"message": "m", "severity": {}}', "warning", "m", 1, id="severity of another type"),
        pytest.param('{"message": "\\u001b[31mred"}', "warning", "[31mred", 0, id="control characters"),
        pytest.param('{"severity": "info"}', None, None, 1, id="no message"),
        pytest.param('"m"', None, None, 1, id="no object"),
    ],
)
def test_alert(given: str, severity: str | None, message: str | None, problems: int) -> None:
    result = parse_result(f'{{"alert": {given}}}')
    assert len(result.problems) == problems
    assert (result.alert and result.alert.severity, result.alert and result.alert.message) == (severity, message)


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        pytest.param("abc", 3, "abc", id="fits"),
        pytest.param("abcd", 4, "abcd", id="just fits"),
        pytest.param("abcdef", 5, "ab…", id="cut, the mark counted"),
        pytest.param("ääää", 7, "ää…", id="between characters"),
        pytest.param("äääää", 8, "ää…", id="never within one"),
        pytest.param("a\x00b\x1b\x7f\u202ec", 10, "abc", id="control characters"),
        pytest.param("a\n\tb", 10, "a\n\tb", id="newlines and tabs stay"),
        pytest.param("  a  ", 10, "a", id="space around"),
        pytest.param("a\ud800b", 10, "ab", id="half a character"),
    ],
)
def test_clean(text: str, limit: int, kept: str) -> None:
    assert clean(text, limit) == kept
    assert clean(kept, limit) == kept


def test_a_summary_has_at_most_4096_bytes() -> None:
    for message in ("ä" * 4000, json.dumps({"summary": "ä" * 4000})):
        assert len((parse_result(message).summary or "").encode()) == 4095


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("summary", "costUSD", "usage", "state", "alert")


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), json_values).map(json.dumps) | st.text(max_size=40))
@example('{"state": {"a": NaN}}')
@example("{" * 5000)
def test_no_message_raises_and_every_result_can_be_written(message: str) -> None:
    result = parse_result(message)
    assert len((result.summary or "").encode()) <= 4096
    assert result.cost is None or 0 <= result.cost <= 1_000_000
    state = json.dumps(result.state, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    assert len(state.encode()) <= 2048
    assert result.state is None or json.loads(state) == result.state
