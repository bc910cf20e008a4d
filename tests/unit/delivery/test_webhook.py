"""The webhook against real servers: what arrives, and what each answer means."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import trustme
from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from agentschedule.delivery.channels.webhook import Endpoint, send
from agentschedule.delivery.guard import Guard
from agentschedule.delivery.outcome import Again, Delivered, Refused
from agentschedule.delivery.posting import retry_after
from agentschedule.delivery.signing import signing_keys
from tests.unit.delivery.notices import FAILED, notice
from tests.unit.delivery.servers import answering, client_tls, http_server, raw_server, reach, server_tls

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(50, 90))).decode()


async def test_the_document_arrives_signed() -> None:
    async with http_server(answering()) as server:
        endpoint = Endpoint(server.url(), (("X-Team", "a"),), SECRET)
        assert await send(server.guard(), endpoint, FAILED, "words") == Delivered()
    request = server.received[0]
    document = Webhook(SECRET).verify(request.body, request.headers)
    assert document["version"] == 1
    assert document["type"] == "agentschedule.Failed"
    assert document["timestamp"] == "2026-11-23T09:02:05Z"
    assert document["data"]["message"] == "words"
    assert document["data"]["run"]["summary"] == "Two of five sources did not answer."
    assert document["data"]["run"]["durationSeconds"] == 123
    assert request.headers["webhook-id"] == request.headers["Idempotency-Key"] == document["id"] == FAILED.key
    assert request.headers["X-Team"] == "a"
    assert request.headers["Content-Type"] == "application/json"


async def test_while_a_signing_secret_is_replaced_both_verify() -> None:
    async with http_server(answering()) as server:
        await send(server.guard(), Endpoint(server.url(), signing_secret=f"{SECRET}\n{OTHER}\n"), FAILED, "")
    request = server.received[0]
    for secret in (SECRET, OTHER):
        Webhook(secret).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(base64.b64encode(b"x" * 32).decode()).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body + b" ", request.headers)


@pytest.mark.parametrize(
    "secret", ["", "  ", "not base64!", "whsec_", base64.b64encode(b"short").decode(), SECRET + " x", "é" * 40]
)
async def test_a_signing_secret_that_is_none(secret: str) -> None:
    async with http_server(answering()) as server:
        outcome = await send(server.guard(), Endpoint(server.url(), signing_secret=secret), FAILED, "")
    assert isinstance(outcome, Refused)
    assert "signing secret" in outcome.reason
    assert server.received == []


def test_signing_keys_show_nothing_of_themselves() -> None:
    with pytest.raises(ValueError, match="signing secret") as caught:
        signing_keys("hunter2hunter2")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_the_key_is_the_same_at_each_attempt() -> None:
    async with http_server(answering(503)) as server:
        for _ in range(3):
            outcome = await send(server.guard(), Endpoint(server.url(), signing_secret=SECRET), FAILED, "")
            assert outcome == Again("the host answered 503")
    assert len({request.headers["webhook-id"] for request in server.received}) == 1
    assert len({request.headers["Idempotency-Key"] for request in server.received}) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_arrived(status: int) -> None:
    async with http_server(answering(status)) as server:
        assert await send(server.guard(), Endpoint(server.url()), FAILED, "") == Delivered()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 413, 422, 451])
async def test_given_up(status: int) -> None:
    async with http_server(answering(status, Location="/elsewhere")) as server:
        outcome = await send(server.guard(), Endpoint(server.url()), FAILED, "")
    assert isinstance(outcome, Refused)
    assert str(status) in outcome.reason
    assert [request.path for request in server.received] == ["/hook"]


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 599])
async def test_tried_again(status: int) -> None:
    async with http_server(answering(status, Retry_After="7")) as server:
        assert await send(server.guard(), Endpoint(server.url()), FAILED, "") == Again(
            f"the host answered {status}", after=7
        )


NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("120", 120, id="seconds"),
        pytest.param(" 0 ", 0, id="at once"),
        pytest.param("Mon, 23 Nov 2026 09:02:00 GMT", 120, id="date"),
        pytest.param("Monday, 23-Nov-26 09:02:00 GMT", 120, id="date of old"),
        pytest.param("Sun, 22 Nov 2026 09:00:00 GMT", 0, id="past"),
        pytest.param("86400", 3600, id="a day is too much"),
        pytest.param("9" * 5000, 3600, id="absurd"),
        pytest.param("Mon, 23 Nov 9026 09:02:00 GMT", 3600, id="absurd date"),
        pytest.param("-5", None, id="negative"),
        pytest.param("soon", None, id="word"),
        pytest.param("1.5", None, id="fraction"),
        pytest.param("²", None, id="digit of another kind"),
        pytest.param(None, None, id="none"),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, NOW) == seconds


async def test_the_answer_is_shown_nowhere() -> None:
    async with http_server(answering(400, body="secret words of the host", X_Secret="hidden")) as server:
        outcome = await send(server.guard(), Endpoint(server.url("/path?token=t0ps3cret")), FAILED, "")
    assert outcome == Refused("the host answered 400")


async def test_a_large_answer_is_not_read() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        while sent < 1 << 30:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with raw_server(flood) as port:
        outcome = await send(Guard(reach(port)), Endpoint(f"http://127.0.0.1:{port}/"), FAILED, "")
        assert outcome == Delivered()
        await asyncio.sleep(0.05)
    assert sent < 16 << 20


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(b"", id="nothing at all"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-A: ", id="half a header"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="only 100"),
    ],
)
async def test_a_hanging_server(words: bytes) -> None:
    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await asyncio.sleep(3)

    async with raw_server(hang) as port:
        endpoint = Endpoint(f"http://127.0.0.1:{port}/", seconds=0.2)
        outcome = await asyncio.wait_for(send(Guard(reach(port)), endpoint, FAILED, ""), 2)
    assert outcome == Again("no answer in time (0.2 s)")


async def test_a_server_that_drips_is_no_way_around_the_time_limit() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-A: ")
        for _ in range(100):
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with raw_server(drip) as port:
        endpoint = Endpoint(f"http://127.0.0.1:{port}/", seconds=0.4)
        assert isinstance(await asyncio.wait_for(send(Guard(reach(port)), endpoint, FAILED, ""), 2), Again)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(b"garbage\r\n\r\n", id="garbage"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", id="huge header"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 100_000 + b"\r\n", id="many headers"),
        pytest.param(b"HTTP/1.1 999999 OK\r\n\r\n", id="code that is none"),
    ],
)
async def test_a_server_that_speaks_no_http(words: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(words)
        await writer.drain()

    async with raw_server(speak) as port:
        outcome = await send(Guard(reach(port)), Endpoint(f"http://127.0.0.1:{port}/"), FAILED, "")
    assert isinstance(outcome, Again)


async def test_nobody_there() -> None:
    async with raw_server(lambda *_: asyncio.sleep(0)) as port:
        pass
    outcome = await send(Guard(reach(port)), Endpoint(f"http://127.0.0.1:{port}/"), FAILED, "")
    assert outcome == Again("the host cannot be connected to")


async def test_https() -> None:
    async with http_server(answering(), tls=server_tls("127.0.0.1")) as server:
        assert await send(server.guard(http=False), Endpoint(server.url()), FAILED, "") == Delivered()


@pytest.mark.parametrize("fault", ["unknown authority", "another name"])
async def test_a_certificate_that_is_not_trusted(fault: str) -> None:
    names = "127.0.0.1" if fault == "unknown authority" else "other.example"
    tls = client_tls(trustme.CA()) if fault == "unknown authority" else client_tls()
    async with http_server(answering(), tls=server_tls(names)) as server:
        guard = Guard(reach(server.port), tls=tls)
        outcome = await send(guard, Endpoint(server.url(), (("Authorization", "t0ps3cret"),)), FAILED, "")
    assert outcome == Again("the host's certificate is not trusted")
    assert server.received == []


async def test_http_is_refused_unless_allowed() -> None:
    async with http_server(answering()) as server:
        outcome = await send(server.guard(http=False), Endpoint(server.url()), FAILED, "")
    assert isinstance(outcome, Refused)
    assert "https" in outcome.reason


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("X-A", "b\r\nX-Evil: 1", id="CRLF"),
        pytest.param("X-A", "b\nX-Evil: 1", id="LF"),
        pytest.param("X-A", "b\rX-Evil: 1", id="CR"),
        pytest.param("X-A", "b\x00", id="NUL"),
        pytest.param("X-A", "日本", id="beyond Latin-1"),
        pytest.param("X-A\r\nX-Evil", "1", id="CRLF in the name"),
        pytest.param("X A", "1", id="blank in the name"),
        pytest.param("", "1", id="no name"),
        pytest.param("Host", "metadata.internal", id="Host"),
        pytest.param("content-length", "0", id="Content-Length"),
        pytest.param("Transfer-Encoding", "chunked", id="Transfer-Encoding"),
        pytest.param("Webhook-Signature", "v1,forged", id="our signature"),
        pytest.param("idempotency-key", "x", id="our key"),
    ],
)
async def test_headers_that_are_refused(name: str, value: str) -> None:
    async with http_server(answering()) as server:
        outcome = await send(server.guard(), Endpoint(server.url(), ((name, value),)), FAILED, "")
    assert isinstance(outcome, Refused)
    assert value not in outcome.reason or value in {"1", "0", "x"}
    assert server.received == []


async def test_hostile_words_of_an_agent_are_data() -> None:
    hostile = '"}\r\n\r\nGET / HTTP/1.1\x00\u202e<script>'
    async with http_server(answering()) as server:
        await send(server.guard(), Endpoint(server.url()), notice(summary=hostile, output=hostile), "")
    assert json.loads(server.received[0].body)["data"]["run"]["summary"] == hostile


async def test_a_log_of_256_kib_goes_along() -> None:
    log = "ü" * (128 * 1024)
    async with http_server(answering()) as server:
        assert await send(server.guard(), Endpoint(server.url()), notice(output=log), "") == Delivered()
    assert orjson.loads(server.received[0].body)["data"]["output"] == {"text": log, "truncated": False}


async def test_many_slow_ones_at_once_take_the_time_of_one() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.Response()

    async with http_server(slow) as server:
        guard = server.guard()
        began = datetime.now(UTC)
        outcomes = await asyncio.gather(*(send(guard, Endpoint(server.url()), FAILED, "") for _ in range(20)))
    assert outcomes == [Delivered()] * 20
    assert datetime.now(UTC) - began < timedelta(seconds=4)
