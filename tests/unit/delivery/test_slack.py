"""Slack's Web API as documented, and incoming webhooks, against a server that answers as Slack does."""

import json

import pytest
from aiohttp import web

from agentschedule.delivery.channels.slack import Workspace, send
from agentschedule.delivery.messages import default_message
from agentschedule.delivery.outcome import Again, Delivered, Outcome, Refused
from tests.unit.delivery.notices import FAILED, notice
from tests.unit.delivery.servers import Handler, HttpServer, answering, http_server

TOKEN = "xoxb-1234-t0ps3cret"


async def _post(server: HttpServer, **fields: str) -> Outcome:
    workspace = Workspace(**({"channel": "#ops", "token": TOKEN, "api_url": server.url("/api/")} | fields))  # type: ignore[arg-type]
    return await send(server.guard(), workspace, FAILED, default_message(FAILED))


def says(body: object, status: int = 200, **headers: str) -> Handler:
    return answering(status, json.dumps(body), **headers)


async def test_a_message_is_posted() -> None:
    async with http_server(says({"ok": True, "channel": "C1", "ts": "1.2"})) as server:
        assert await _post(server) == Delivered()
    request = server.received[0]
    assert request.path == "/api/chat.postMessage"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"
    payload = json.loads(request.body)
    assert payload["channel"] == "#ops"
    assert payload["text"] == "Failed: team-a/daily-news"
    assert payload["metadata"]["event_payload"] == {"id": FAILED.key}
    assert payload["link_names"] is False
    assert payload["parse"] == "none"
    assert all(block["text"]["type"] == "mrkdwn" and block["text"]["verbatim"] for block in payload["blocks"])


async def test_a_long_answer() -> None:
    """Slack answers with the whole message, which may be longer than what is read."""
    async with http_server(says({"ok": True, "message": {"text": "x" * 100_000}})) as server:
        assert await _post(server) == Delivered()


@pytest.mark.parametrize(
    "error",
    [
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "msg_too_long",
        "no_text",
        "invalid_blocks",
        "restricted_action",
        "ekm_access_denied",
    ],
)
async def test_errors_that_need_a_person(error: str) -> None:
    async with http_server(says({"ok": False, "error": error})) as server:
        assert await _post(server) == Refused(f"Slack answered {error}")


@pytest.mark.parametrize(
    "error", ["ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"]
)
async def test_errors_that_pass(error: str) -> None:
    async with http_server(says({"ok": False, "error": error}, Retry_After="30")) as server:
        assert await _post(server) == Again(f"Slack answered {error}", after=30)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(
            says({"ok": False, "error": "ratelimited"}, 429, Retry_After="12"),
            Again("the host answered 429", after=12),
            id="429",
        ),
        pytest.param(answering(503), Again("the host answered 503"), id="503"),
        pytest.param(answering(404), Refused("the host answered 404"), id="404"),
        pytest.param(answering(200, "<html>proxy</html>"), Again("Slack's answer cannot be read"), id="no JSON"),
        pytest.param(says(["ok"]), Again("Slack's answer cannot be read"), id="a list"),
        pytest.param(says({"ok": False}), Again("Slack answered no reason"), id="no error"),
        pytest.param(says({"ok": "true"}), Again("Slack answered no reason"), id="ok is a text"),
        pytest.param(
            says({"ok": False, "error": "Bad <b>t0ps3cret"}), Again("Slack answered no reason"), id="error is no word"
        ),
    ],
)
async def test_other_answers(answer: Handler, outcome: Outcome) -> None:
    async with http_server(answer) as server:
        assert await _post(server) == outcome


async def test_an_incoming_webhook() -> None:
    async with http_server(answering(200, "ok")) as server:
        assert await _post(server, webhook_url=server.url("/services/T/B/t0ps3cret")) == Delivered()
    request = server.received[0]
    assert request.path == "/services/T/B/t0ps3cret"
    assert "Authorization" not in request.headers
    assert set(json.loads(request.body)) == {"text", "blocks", "unfurl_links", "unfurl_media"}


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, "invalid_payload", Refused),
        (403, "action_prohibited", Refused),
        (404, "no_service", Refused),
        (410, "channel_is_archived", Refused),
        (429, "rate_limited", Again),
        (500, "rollup_error", Again),
    ],
)
async def test_errors_of_an_incoming_webhook(status: int, words: str, kind: type[Outcome]) -> None:
    async with http_server(answering(status, words)) as server:
        outcome = await _post(server, webhook_url=server.url("/services/T/B/t0ps3cret"))
    assert isinstance(outcome, kind)
    assert "t0ps3cret" not in repr(outcome)


async def test_a_webhook_s_url_is_judged_as_any_other() -> None:
    async def never(_: web.Request) -> web.Response:
        raise AssertionError

    async with http_server(never) as server:
        for url in ("http://169.254.169.254/latest", "http://user:t0ps3cret@hooks.slack.com/", "file:///etc/passwd"):
            outcome = await _post(server, webhook_url=url)
            assert isinstance(outcome, Refused)
            assert "t0ps3cret" not in outcome.reason


async def test_a_channel_and_a_token_are_needed() -> None:
    async with http_server(answering()) as server:
        assert isinstance(await _post(server, token=""), Refused)
        assert isinstance(await _post(server, channel=""), Refused)
        refused = await _post(server, token="xoxb-t0ps3cret\r\nX-Evil: 1")
    assert isinstance(refused, Refused)
    assert "t0ps3cret" not in refused.reason
    assert server.received == []


async def test_nobody_is_called_by_what_an_agent_says() -> None:
    said = notice(summary="<!channel> <!here> <@U1> @everyone <https://evil.example|Approve>", output="<!channel>")
    async with http_server(says({"ok": True})) as server:
        workspace = Workspace(channel="#ops", token=TOKEN, api_url=server.url("/api"))
        await send(server.guard(), workspace, said, default_message(said))
    assert "<" not in server.received[0].body.decode().replace("\\u003c", "<")
