"""Targets that can never be used are refused, with the field's name and what to do."""

from dataclasses import replace
from typing import Any

import pytest

from agentschedule.planning.observed import DEFAULT_SETTINGS
from agentschedule.policy.addresses import Reach
from agentschedule.policy.reach import Outlets

from .builders import World

REF = {"name": "s", "key": "k"}


def hook(url: str = "https://hooks.example.com/x", **more: Any) -> dict[str, Any]:
    return {"webhook": {"url": url, **more}}


def refusal(*targets: dict[str, Any], **outlets: Any) -> str:
    settings = replace(DEFAULT_SETTINGS, outlets=Outlets(**outlets))
    world = World(delivery=[{"name": "ops", **target} for target in targets], settings=settings).tick()
    accepted = world.condition("Accepted")
    if accepted.status == "False":
        assert accepted.reason in {"InvalidDelivery", "UnparseableSchedule"}
    return accepted.message if accepted.status == "False" else ""


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({}, "must have exactly one channel: stdout, logFile, webhook, slack, email, custom"),
        ({"stdout": {}, "logFile": {}}, "must have exactly one channel"),
        ({"stdout": {}, "message": "{{ a "}, ".message: line 1: "),
        ({"stdout": {}, "message": "a\n{{ a|shout }}"}, ".message: line 2: no filter named 'shout'"),
        ({"stdout": {}, "message": "{{ a is odder }}"}, ".message: line 1: no test named 'odder'"),
        ({"stdout": {}, "message": "{{" + "(" * 2000}, ".message: "),
        ({"email": {"to": ["a@b.example"], "subject": "{% x %}"}}, ".email.subject: line 1: "),
        (hook(timeout="61s"), ".webhook.timeout: must be more than 0 and at most 60s"),
        (hook(timeout="0s"), ".webhook.timeout: must be more than 0"),
        (hook(urlFrom={"secretKeyRef": REF}), ".webhook: give one of url and urlFrom"),
        ({"webhook": {}}, ".webhook: give one of url and urlFrom"),
        (hook(headers=[{"name": "Host", "value": "x"}]), ".webhook.headers[Host]: this header cannot be given"),
        (hook(headers=[{"name": "webhook-id", "value": "x"}]), ".webhook.headers[webhook-id]: this header"),
        (hook(headers=[{"name": "A"}]), ".webhook.headers[A]: give one of value and valueFrom"),
        ({"slack": {"tokenSecretRef": REF, "webhookURLSecretRef": REF}}, ".slack: give one of"),
        ({"custom": {"type": "x", "config": {"a": "b" * 16384}}}, ".custom.config: must be at most 16384 bytes"),
        (hook("http://hooks.example.com"), ".webhook.url: the URL must begin with https://"),
        (hook("https://u:p@hooks.example.com"), ".webhook.url: the URL must not hold a user name or password"),
        (hook("https://127.0.0.1/"), ".webhook.url: the address is loopback"),
        (hook("https://0x7f000001/"), ".webhook.url: the host is a number"),
        (hook("https://[::ffff:10.0.0.1]/"), ".webhook.url: the address is loopback"),
        (hook("https://hooks.example.com:22/"), ".webhook.url: port 22 is not one"),
        (hook("file:///etc/passwd"), ".webhook.url: the URL must begin with https://"),
    ],
)
def test_refused(target: dict[str, Any], words: str) -> None:
    message = refusal(target)
    assert message.startswith("spec.delivery[ops]"), message
    assert words in message
    assert "u:p" not in message


def test_a_duration_that_is_none() -> None:
    assert refusal({"stdout": {}, "cooldown": "5 minutes"}).startswith("spec.delivery[ops].cooldown: ")


def test_a_name_given_twice() -> None:
    assert "is there twice" in refusal({"stdout": {}}, hook())


@pytest.mark.parametrize(
    ("target", "outlets", "words"),
    [
        (hook("http://hooks.example.com"), {"reach": Reach(http=True, ports=frozenset({80}))}, ""),
        (hook(), {"reach": Reach(hosts=("*.example.org",))}, "the host is not one of those"),
        (hook(), {"reach": Reach(hosts=("hooks.example.com",))}, ""),
        (hook(), {"enabled": False}, "switched off (delivery.enabled)"),
        ({"email": {"to": ["a@b.example"]}}, {"smtp": False}, ".email: the operator's settings have no SMTP server"),
        ({"email": {"to": ["a@b.example"]}}, {}, ""),
        ({"logFile": {}}, {"log_files": False}, ".logFile: the operator's settings have no delivery volume"),
        ({"slack": {}}, {"slack": False}, ".slack: give tokenSecretRef or webhookURLSecretRef"),
        ({"slack": {"tokenSecretRef": REF}}, {"slack": False}, ""),
        (
            {"custom": {"type": "sms"}},
            {"custom": frozenset({"apprise"})},
            "image brings sms",
        ),
        (
            {"custom": {"type": "apprise", "config": {"urls": ["tgram://a/b", "json://x"]}}},
            {"apprise": frozenset({"tgram"})},
            "the URL's scheme is not allowed; allowed: tgram",
        ),
        ({"custom": {"type": "apprise", "config": {"url": {"secretKeyRef": REF}}}}, {"apprise": frozenset()}, ""),
    ],
)
def test_as_settings_are(target: dict[str, Any], outlets: dict[str, Any], words: str) -> None:
    message = refusal(target, **outlets)
    assert words in message
    assert bool(words) == bool(message)


def test_a_policy_that_comes_later_refuses_and_lets_go() -> None:
    world = World(delivery=[{"name": "ops", **hook()}]).tick()
    assert world.condition("Accepted").status == "True"
    world.policies = [{"delivery": {"allowedHosts": ["slack.com"]}}]
    world.tick()
    assert "spec.delivery[ops].webhook.url: the host is not one" in world.condition("Accepted").message
    world.policies = []
    world.tick()
    assert world.condition("Accepted").status == "True"
