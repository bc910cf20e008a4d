"""The merge patch that makes one status of another."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentschedule.engine.writer import diff


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        pytest.param({}, {}, {}, id="nothing"),
        pytest.param({"a": 1}, {"a": 1}, {}, id="the same"),
        pytest.param({}, {"a": 1}, {"a": 1}, id="new"),
        pytest.param({"a": 1}, {}, {"a": None}, id="gone"),
        pytest.param({"a": 1}, {"a": 2}, {"a": 2}, id="changed"),
        pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}, id="deep down"),
        pytest.param({"a": {"b": 1}}, {"a": {}}, {"a": {"b": None}}, id="emptied"),
        pytest.param({"a": [1, 2]}, {"a": [1, 3]}, {"a": [1, 3]}, id="lists as a whole"),
        pytest.param({"a": {"b": 1}}, {"a": 5}, {"a": 5}, id="another type"),
        pytest.param({"a": 5}, {"a": {"b": 1}}, {"a": {"b": 1}}, id="and back"),
        pytest.param({"a": 1}, {"a": True}, {"a": True}, id="true is not 1"),
        pytest.param({"a": [{"b": 0}]}, {"a": [{"b": False}]}, {"a": [{"b": False}]}, id="nor in a list"),
        pytest.param({"a": 1}, {"a": 1.0}, {}, id="1.0 is 1: the API server does not tell them apart"),
        pytest.param({"a": [1]}, {"a": [1.0]}, {}, id="nor in a list does it"),
    ],
)
def test_diff(old: dict[str, Any], new: dict[str, Any], patch: dict[str, Any]) -> None:
    made = diff(old, new)
    assert json.dumps(made, sort_keys=True) == json.dumps(patch, sort_keys=True)


def apply(target: Any, patch: Any) -> Any:
    """RFC 7396, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = apply(result.get(key), value)
    return result


scalars = st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
documents = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


@given(documents, documents)
@example({"a": {"b": 1}}, {"a": {"b": {}}})
def test_the_patch_makes_the_one_of_the_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    patch = diff(old, new)
    assert json.dumps(apply(old, patch), sort_keys=True) == json.dumps(new, sort_keys=True)
    assert (patch == {}) == (json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True))
