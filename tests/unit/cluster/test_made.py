"""What was created, from the API server's answer: its version is told without reading all of it."""

import json

import pytest

from agentschedule.cluster.client import Made

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
    made = Made.of(json.dumps(raw, separators=separators).encode())
    assert made.version == 12
    assert made.read() == raw


def test_an_object_without_a_version_has_none() -> None:
    assert Made.of(b'{"metadata":{"name":"one"}}').version == 0


@pytest.mark.parametrize("text", [b"", b"<html>", b"[]", b'"text"', b'{"metadata":'])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Made.of(text)
