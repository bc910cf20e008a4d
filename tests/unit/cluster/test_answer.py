"""The API server's answers: an object's version is told without reading all of it."""

import json

import pytest

from agentschedule.cluster.client import Answer
from agentschedule.cluster.errors import ApiError

HOSTILE = '"resourceVersion":"999" and \\"resourceVersion\\":\\"998\\"'


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_the_version_is_the_objects_own_whatever_its_texts_say(separators: tuple[str, str]) -> None:
    raw = {
        "kind": "Job",
        "metadata": {
            "name": "one",
            "annotations": {HOSTILE: HOSTILE},
            "resourceVersion": "12",
            "labels": {"a": HOSTILE},
        },
        "spec": {"env": [{"name": "INPUT", "value": HOSTILE}]},
    }
    answer = Answer(json.dumps(raw, separators=separators).encode())
    assert answer.version == 12
    assert answer.read() == raw


def test_an_object_without_a_version_has_none() -> None:
    assert Answer(b'{"metadata":{"name":"one"}}').version == 0


@pytest.mark.parametrize("text", [b"", b"<html>", b"[]", b'"text"', b'{"metadata":'])
def test_what_is_no_object_counts_as_no_answer(text: bytes) -> None:
    for ask in (lambda: Answer(text).version, Answer(text).read):
        with pytest.raises(ApiError, match="is no object") as refused:
            ask()
        assert refused.value.status == 0
