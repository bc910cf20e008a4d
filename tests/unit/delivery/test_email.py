"""Mail against a real SMTP server: STARTTLS, authentication, refusals, greylisting; and what the mail is made of."""

import asyncio
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP

from agentschedule.delivery.channels.email import Receivers, Smtp, composed, send
from agentschedule.delivery.messages import default_message
from agentschedule.delivery.outcome import Again, Delivered, Outcome, Refused
from tests.unit.delivery.mailbox import PASSWORD, Mailbox, smtp_server
from tests.unit.delivery.notices import FAILED, notice
from tests.unit.delivery.servers import client_tls, raw_server, server_tls

TO = Receivers(("ops@example.org",), ("lead@example.org",))


def smtp(port: int, **fields: Any) -> Smtp:
    known: dict[str, Any] = {"tls": client_tls(), "seconds": 5.0} | fields
    return Smtp(host="127.0.0.1", sender="agents@example.com", port=port, **known)


async def _send(mailbox: Mailbox, receivers: Receivers = TO, **fields: Any) -> Outcome:
    return await send(smtp(mailbox.port, **fields), receivers, FAILED, default_message(FAILED))


async def test_a_mail_arrives_with_starttls_and_authentication() -> None:
    async with smtp_server(auth=True) as mailbox:
        assert await _send(mailbox, username="operator", password=PASSWORD) == Delivered()
    envelope, session, mail = mailbox.mails[0]
    assert session.ssl
    assert session.authenticated
    assert envelope.mail_from == "agents@example.com"
    assert envelope.rcpt_tos == ["ops@example.org", "lead@example.org"]
    assert mail["From"] == "agents@example.com"
    assert (mail["To"], mail["Cc"]) == ("ops@example.org", "lead@example.org")
    assert mail["Subject"] == "Failed: team-a/daily-news"
    assert mail["Message-ID"] == f"<{FAILED.key}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime.tzinfo is not None
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "Two of five sources did not answer." in text.get_content()
    assert "Two of five sources did not answer." in html.get_content()


async def test_another_attempt_has_the_same_message_id() -> None:
    async with smtp_server() as mailbox:
        for _ in range(2):
            await _send(mailbox)
    assert len({mail["Message-ID"] for _, _, mail in mailbox.mails}) == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "kind", "shown"),
    [
        pytest.param("550 5.7.1 go away <t0ps3cret>", Refused, "550 5.7.1", id="refused"),
        pytest.param("554 no", Refused, "554", id="refused without enhanced code"),
        pytest.param("450 4.2.0 greylisted, come back", Again, "450 4.2.0", id="greylisted"),
        pytest.param("451 later", Again, "451", id="local error"),
        pytest.param("421 4.3.2 shutting down", Again, "the SMTP server", id="shutting down"),
    ],
)
async def test_what_the_server_refuses(command: str, answer: str, kind: type[Outcome], shown: str) -> None:
    async with smtp_server({command: [answer] * 2}) as mailbox:
        outcome = await _send(mailbox)
        assert isinstance(outcome, kind)
        assert not isinstance(outcome, Delivered)
        assert shown in outcome.reason
        assert "t0ps3cret" not in outcome.reason
    assert mailbox.mails == []


async def test_greylisting_passes() -> None:
    async with smtp_server({"RCPT": ["450 4.7.1 greylisted"] * 2}) as mailbox:
        assert isinstance(await _send(mailbox), Again)
        assert await _send(mailbox) == Delivered()
    assert len(mailbox.mails) == 1


async def test_some_receivers_are_refused() -> None:
    async with smtp_server({"lead@example.org": ["550 5.1.1 who?"]}) as mailbox:
        outcome = await _send(mailbox)
    assert outcome == Delivered("the SMTP server refused 1 of the receivers (550 5.1.1)")
    assert mailbox.mails[0][0].rcpt_tos == ["ops@example.org"]


async def test_some_receivers_are_greylisted() -> None:
    async with smtp_server({"lead@example.org": ["450 4.2.0 later"]}) as mailbox:
        assert isinstance(await _send(mailbox), Again)
        assert await _send(mailbox) == Delivered()
    assert len({mail["Message-ID"] for _, _, mail in mailbox.mails}) == 1


async def test_a_wrong_password_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    async with smtp_server(auth=True) as mailbox:
        outcome = await _send(mailbox, username="operator", password="wr0ngs3cret")
    assert isinstance(outcome, Again)
    assert "user name and password (535)" in outcome.reason
    assert "wr0ngs3cret" not in outcome.reason + caplog.text


async def test_a_server_without_starttls_gets_neither_password_nor_mail() -> None:
    said: list[bytes] = []

    async def without(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.example.org ESMTP\r\n")
        while line := await reader.readline():
            said.append(line.split()[0])
            writer.write(b"250-mx.example.org\r\n250 AUTH PLAIN LOGIN\r\n" if said[-1] == b"EHLO" else b"221 bye\r\n")

    async with raw_server(without) as port:
        account = smtp(port, username="operator", password=PASSWORD)
        assert isinstance(await send(account, TO, FAILED, default_message(FAILED)), Again)
    assert set(said) <= {b"EHLO", b"QUIT"}


async def test_a_server_beside_us_without_tls() -> None:
    async with smtp_server(starttls=False) as mailbox:
        assert await _send(mailbox, security="none") == Delivered()


async def test_a_certificate_that_is_not_trusted() -> None:
    async with smtp_server() as mailbox:
        outcome = await _send(mailbox, tls=client_tls(trustme.CA()))
    assert isinstance(outcome, Again)
    assert mailbox.mails == []


async def test_tls_from_the_begin() -> None:
    mailbox = Mailbox()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(mailbox, hostname="mx.example.org"), "127.0.0.1", 0, ssl=server_tls("127.0.0.1")
    )
    try:
        port = server.sockets[0].getsockname()[1]
        outcome = await send(smtp(port, security="tls"), TO, FAILED, default_message(FAILED))
    finally:
        server.close()
    assert outcome == Delivered()
    assert len(mailbox.mails) == 1


@pytest.mark.parametrize("words", [b"", b"220 hello\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"554 no service\r\n"])
async def test_a_server_that_hangs_or_speaks_something_else(words: bytes) -> None:
    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await asyncio.sleep(3)

    async with raw_server(hang) as port:
        outcome = await asyncio.wait_for(send(smtp(port, seconds=0.3), TO, FAILED, default_message(FAILED)), timeout=2)
    assert isinstance(outcome, Again)


async def test_nobody_there() -> None:
    async with raw_server(lambda *_: asyncio.sleep(0)) as port:
        pass
    assert isinstance(await send(smtp(port), TO, FAILED, default_message(FAILED)), Again)


@pytest.mark.parametrize(
    "address",
    [
        "ops@example.org\r\nBcc: all@example.org",
        "ops@example.org\n",
        "ops@example.org, all@example.org",
        "Ops <ops@example.org>",
        "ops",
        "@example.org",
        "ops@",
        "ops@exa mple.org",
        '"a b"@example.org',
        "ops@example.org>\r\nDATA",
        "",
    ],
)
async def test_addresses_that_are_none(address: str) -> None:
    async with smtp_server() as mailbox:
        for receivers in (Receivers((address,)), Receivers(("ops@example.org",), (address,))):
            outcome = await _send(mailbox, receivers)
            assert isinstance(outcome, Refused)
            assert address not in outcome.reason or address in {"", "ops"}
    assert mailbox.mails == []


async def test_a_subject_of_several_lines_is_one() -> None:
    async with smtp_server() as mailbox:
        receivers = Receivers(("ops@example.org",), subject="a\r\nBcc: all@example.org\r\n\r\nbody\x0bé" + "x" * 500)
        assert await _send(mailbox, receivers) == Delivered()
    envelope, _, mail = mailbox.mails[0]
    assert envelope.rcpt_tos == ["ops@example.org"]
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("a Bcc: all@example.org body é")
    assert len(mail["Subject"]) <= 256


async def test_what_an_agent_says_ends_no_mail_early() -> None:
    said = notice(
        summary="one\r\n.\r\nMAIL FROM:<x@y>\r\n..two\r\nFrom: x\r\n\r\n" + "long " * 1000, output="\x00é" * 999
    )
    async with smtp_server() as mailbox:
        assert await send(smtp(mailbox.port), TO, said, default_message(said)) == Delivered()
    assert len(mailbox.mails) == 1
    content = mailbox.mails[0][0].content
    assert isinstance(content, bytes)
    assert content.isascii()
    text = next(iter(mailbox.mails[0][2].iter_parts())).get_content()
    assert "..two" in text
    assert "MAIL FROM:<x@y>" in text


def test_a_mail_is_plain_ascii_on_the_wire() -> None:
    mail = composed(smtp(25), Receivers(("a@b.c",), subject="né"), FAILED, default_message(FAILED))
    raw = mail.as_bytes()
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.splitlines())
