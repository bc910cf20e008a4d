"""The models of targets and of the outbox: structural, bounded, described, within what a CRD can say."""

import json

import pytest

from agentschedule.api import crd
from agentschedule.api.delivery import CHANNELS, DEFAULT_EVENTS, Delivery, SecretKey, Target, Told
from agentschedule.api.fields import Model


@pytest.mark.parametrize("model", [Target, Delivery, Told])
def test_everything_is_bounded_and_described(model: type[Model]) -> None:
    assert list(crd.problems(crd.structural_schema(model))) == []


def test_every_channel_is_a_field() -> None:
    properties = crd.structural_schema(Target)["properties"]
    assert set(CHANNELS) <= set(properties)
    rule = crd.structural_schema(Target)["x-kubernetes-validations"][0]["rule"]
    assert all(f"has(self.{channel})" in rule for channel in CHANNELS)


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_channel_that_is_given(channel: str) -> None:
    given = {"webhook": {"url": "https://a.example"}, "email": {"to": ["a@b.c"]}, "custom": {"type": "a"}}
    target = Target.read({"name": "ops", channel: given.get(channel, {})})
    assert target.channel is not None
    assert type(target.channel).__name__.lower() == channel.lower()
    assert tuple(target.events) == DEFAULT_EVENTS


def test_none_given() -> None:
    assert Target.read({"name": "ops"}).channel is None


def test_an_entry_is_small() -> None:
    entry = Delivery.read(
        {
            "run": "daily-news-1795424400",
            "target": "ops",
            "event": "Failed",
            "phase": "Pending",
            "at": "2026-11-23T09:00:00Z",
            "attempts": 2,
            "nextAttempt": "2026-11-23T09:01:00Z",
            "lastError": "the host answered 503",
        }
    )
    assert len(json.dumps(entry.to_json())) < 250
    assert Delivery.read(entry.to_json()) == entry


def test_references_are_compared_by_what_they_name() -> None:
    assert {SecretKey(name="a", key="b")} == {SecretKey.read({"name": "a", "key": "b"})}
