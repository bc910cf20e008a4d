"""One delivery from a target as it is written to what arrives; and no secret in anything that is said of it."""

import base64
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agentschedule.api.delivery import SecretKey, Target
from agentschedule.delivery.channels.email import Smtp
from agentschedule.delivery.channels.logfile import LogFiles
from agentschedule.delivery.channels.slack import Workspace
from agentschedule.delivery.guard import Guard
from agentschedule.delivery.options import Options
from agentschedule.delivery.outcome import Again, Delivered, Outcome, Refused, scrubbed
from agentschedule.delivery.sending import Sender, wanted_secrets
from agentschedule.policy.addresses import Reach
from tests.unit.delivery.notices import FAILED, notice
from tests.unit.delivery.servers import HttpServer, Nobody, answering, http_server, reach

SIGNING = base64.b64encode(b"t0ps3cret-signing-key-of-32-byte").decode()
TOKEN = "Bearer t0ps3cret-token"


def key(name: str, entry: str = "v") -> SecretKey:
    return SecretKey(name=name, key=entry)


def target(**channel: Any) -> Target:
    return Target.model_validate({"name": "ops", **channel})


async def deliver(
    target: Target, *, server: HttpServer | None = None, secrets: dict[SecretKey, str] | None = None, **options: Any
) -> Outcome:
    guard = server.guard() if server else Guard(Reach(), resolver=Nobody)
    sender = Sender(Options(reach=guard.reach, **options), guard=guard)
    try:
        return await sender.send(target, FAILED, secrets or {})
    finally:
        await sender.close()


async def test_a_webhook_with_everything() -> None:
    async with http_server(answering()) as server:
        wanted = target(
            webhook={
                "urlFrom": {"secretKeyRef": {"name": "hook", "key": "v"}},
                "headers": [
                    {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "auth", "key": "v"}}},
                    {"name": "X-Plain", "value": "a"},
                ],
                "signingSecretRef": {"name": "sign", "key": "v"},
                "timeout": "5s",
            },
            message="{{ schedule }} {{ summary }}",
        )
        assert wanted_secrets(wanted) == {key("hook"), key("auth"), key("sign")}
        secrets = {key("hook"): server.url() + "\n", key("auth"): TOKEN + "\n", key("sign"): SIGNING}
        assert await deliver(wanted, server=server, secrets=secrets) == Delivered()
    request = server.received[0]
    assert request.headers["Authorization"] == TOKEN
    assert request.headers["X-Plain"] == "a"
    assert "webhook-signature" in {name.lower() for name in request.headers}
    assert json.loads(request.body)["data"]["message"] == "daily-news Two of five sources did not answer."


@pytest.mark.parametrize("missing", ["hook", "auth", "sign"])
async def test_a_secret_that_is_not_there_may_come(missing: str) -> None:
    ref = {name: {"secretKeyRef": {"name": name, "key": "v"}} for name in ("hook", "auth")}
    wanted = target(
        webhook={
            "urlFrom": ref["hook"],
            "headers": [{"name": "A", "valueFrom": ref["auth"]}],
            "signingSecretRef": {"name": "sign", "key": "v"},
        }
    )
    secrets = {key(name): "t0ps3cret" for name in ("hook", "auth", "sign") if name != missing}
    outcome = await deliver(wanted, secrets=secrets)
    assert outcome == Again(f"the Secret {missing} with an entry v is not there")


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ({"logFile": {}}, "delivery volume"),
        ({"email": {"to": ["a@example.org"]}}, "SMTP server"),
        ({"slack": {}}, "token"),
        ({}, "no channel"),
        ({"custom": {"type": "unknown"}}, "no package"),
    ],
)
async def test_what_is_not_set_up(channel: dict[str, Any], words: str) -> None:
    outcome = await deliver(target(**channel))
    assert isinstance(outcome, Refused)
    assert words in outcome.reason


async def test_a_log_file(tmp_path: Path) -> None:
    assert await deliver(target(logFile={}), log_files=LogFiles(tmp_path)) == Delivered()
    assert (tmp_path / "team-a" / "daily-news.log").exists()


async def test_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    assert await deliver(target(stdout={})) == Delivered()
    assert json.loads(capfd.readouterr().out)["data"]["message"] == "Failed: team-a/daily-news"


@pytest.mark.parametrize(
    ("output", "summary", "log"),
    [("Summary", True, False), ("Log", True, True), ("None", False, False)],
)
async def test_how_much_of_the_agent_s_words(
    output: str, summary: bool, log: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    sender = Sender(Options())
    await sender.send(target(stdout={}, output=output), notice(output="the log"), {})
    data = json.loads(capfd.readouterr().out)["data"]
    assert ("summary" in data["run"], "output" in data) == (summary, log)


@pytest.mark.parametrize(
    ("given", "default", "authorization", "path", "channel"),
    [
        pytest.param({}, {"channel": "#all", "token": "xoxb-own"}, "Bearer xoxb-own", "/api/", "#all", id="default"),
        pytest.param(
            {"channel": "#ops"},
            {"channel": "#all", "token": "xoxb-own"},
            "Bearer xoxb-own",
            "/api/",
            "#ops",
            id="channel",
        ),
        pytest.param(
            {"tokenSecretRef": {"name": "slack", "key": "v"}},
            {"channel": "#all", "token": "xoxb-own", "webhook_url": "https://hooks.slack.com/own"},
            "Bearer xoxb-users",
            "/api/",
            "#all",
            id="token",
        ),
        pytest.param(
            {"webhookURLSecretRef": {"name": "hook", "key": "v"}},
            {"channel": "#all", "token": "xoxb-own"},
            None,
            "/users",
            None,
            id="webhook",
        ),
        pytest.param({}, {"webhook_url": "/own"}, None, "/own", None, id="default webhook"),
    ],
)
async def test_slack_by_whose_means(
    given: dict[str, Any], default: dict[str, str], authorization: str | None, path: str, channel: str | None
) -> None:
    async with http_server(answering(200, '{"ok":true}')) as server:
        own = dict(default)
        if own.get("webhook_url", "").startswith("/"):
            own["webhook_url"] = server.url(own["webhook_url"])
        workspace = replace(Workspace(api_url=server.url("/api/")), **own)  # type: ignore[arg-type]
        secrets = {key("slack"): "xoxb-users\n", key("hook"): server.url("/users")}
        assert await deliver(target(slack=given), server=server, secrets=secrets, slack=workspace) == Delivered()
    request = server.received[0]
    assert request.headers.get("Authorization") == authorization
    assert request.path.startswith(path)
    assert json.loads(request.body).get("channel") == channel


async def test_a_custom_channel_s_config_has_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {
        "url": {"secretKeyRef": {"name": "a", "key": "v"}},
        "deep": [{"x": {"secretKeyRef": {"name": "b", "key": "v"}}}],
        "like": {"secretKeyRef": {"name": "c"}},
        "plain": 1,
    }
    seen: list[Any] = []

    async def channel(delivery: Any) -> Outcome:
        seen.append(dict(delivery.config))
        return Delivered()

    monkeypatch.setattr("agentschedule.delivery.channels.custom._channel", lambda _: channel)
    wanted = target(custom={"type": "any", "config": config})
    assert wanted_secrets(wanted) == {key("a"), key("b")}
    assert await deliver(wanted, secrets={key("a"): "A", key("b"): "B"}) == Delivered()
    assert seen == [{"url": "A", "deep": [{"x": "B"}], "like": {"secretKeyRef": {"name": "c"}}, "plain": 1}]


SECRET_URLS = [
    "https://t0ps3cret@example.com/",
    "https://127.0.0.1/t0ps3cret",
    "http://example.com/t0ps3cret",
    "https://example.com:22/t0ps3cret",
    "https://t0ps3cret.invalid/",
    "t0ps3cret",
    "https://example.com/\r\nt0ps3cret",
    "https://[t0ps3cret/",
    "https://exa mple/t0ps3cret",
    "https://" + "t0ps3cret" * 30 + "/",
    "https://xn--t0ps3cret-\u00fc/",
]


@pytest.mark.parametrize("url", SECRET_URLS)
async def test_no_secret_is_said(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = {key("a"): url, key("b"): "t0ps3cret\r\n\x00"}
    for channel in (
        {"webhook": {"urlFrom": {"secretKeyRef": {"name": "a", "key": "v"}}}},
        {"webhook": {"url": "https://127.0.0.1/", "signingSecretRef": {"name": "b", "key": "v"}}},
        {"slack": {"webhookURLSecretRef": {"name": "a", "key": "v"}}},
        {"slack": {"channel": "#a", "tokenSecretRef": {"name": "b", "key": "v"}}},
        {"custom": {"type": "apprise", "config": {"url": {"secretKeyRef": {"name": "a", "key": "v"}}}}},
    ):
        outcome = await deliver(target(**channel), secrets=secrets)
        assert isinstance(outcome, Again | Refused)
        assert "t0ps3cret" not in repr(outcome)
    assert "t0ps3cret" not in caplog.text


async def test_a_failure_that_nobody_foresaw_is_an_outcome(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> Outcome:
        raise RuntimeError("with t0ps3cret")

    monkeypatch.setattr("agentschedule.delivery.channels.stdout.send", broken)
    assert await deliver(target(stdout={})) == Again("unexpected failure (RuntimeError)")
    assert "t0ps3cret" not in caplog.text


async def test_half_characters_are_replaced(capfd: pytest.CaptureFixture[str]) -> None:
    broken = notice(summary="a\ud800", alert_message="b\udfff", output="c\ud800")
    assert await Sender(Options()).send(target(stdout={}, output="Log"), broken, {}) == Delivered()
    data = json.loads(capfd.readouterr().out)["data"]
    assert (data["run"]["summary"], data["alert"]["message"], data["output"]["text"]) == ("a?", "b?", "c?")


def test_secrets_are_scrubbed_and_never_represented() -> None:
    assert scrubbed(Again("a t0ps3cret b", 3), ("t0ps3cret", "")) == Again("a [secret] b", 3)
    assert scrubbed(Delivered("with t0ps3cret"), ("Bearer t0ps3cret\n",)) == Delivered("with [secret]")
    assert scrubbed(Refused("aaaa-bbbb"), ("aaaa", "aaaa-bbbb")) == Refused("[secret]")
    for holder in (
        Smtp("h", "a@b.c", password="t0ps3cret"),
        Workspace(token="t0ps3cret", webhook_url="https://t0ps3cret"),
        Guard(reach(1)),
    ):
        assert "t0ps3cret" not in repr(holder)


@pytest.mark.parametrize(
    "channel",
    [
        {"webhook": {"url": "https://a.example", "headers": [{"name": "A B", "value": "x"}]}},
        {"webhook": {"url": "https://a.example", "headers": [{"name": "A", "value": "x\r\nB: y"}]}},
        {"email": {"to": []}},
        {"email": {"to": ["a@b.c\r\nBcc: d@e.f"]}},
        {"email": {"to": ["a@b.c"], "subject": "a\nb"}},
        {"slack": {"channel": "#a\nb"}},
        {"custom": {"type": "../x"}},
        {"stdout": {}, "events": ["Nothing"]},
        {"stdout": {}, "events": []},
        {"stdout": {}, "message": "x" * 5000},
    ],
)
def test_targets_that_the_schema_refuses(channel: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        target(**channel)
