"""A real SMTP server on the loopback that keeps what it takes."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.unit.delivery.servers import server_tls

PASSWORD = "t0ps3cret"


@dataclass
class Mailbox:
    """Keeps mails, and answers each command as a test says."""

    answers: dict[str, list[str]] = field(default_factory=dict)
    mails: list[tuple[Envelope, Session, EmailMessage]] = field(default_factory=list)
    port: int = 0

    def _answer(self, command: str) -> str | None:
        left = self.answers.get(command)
        return left.pop(0) if left else None

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._answer("MAIL") or "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self._answer(address) or self._answer("RCPT")
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        answer = self._answer("DATA")
        if answer is None:
            content = envelope.content if isinstance(envelope.content, bytes) else b""
            parsed = email.message_from_bytes(content, policy=email.policy.default)
            assert isinstance(parsed, EmailMessage)
            self.mails.append((envelope, session, parsed))
        return answer or "250 OK"


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"operator", PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@asynccontextmanager
async def smtp_server(
    answers: dict[str, list[str]] | None = None, *, starttls: bool = True, auth: bool = False
) -> AsyncIterator[Mailbox]:
    mailbox = Mailbox({name: list(words) for name, words in (answers or {}).items()})
    tls = server_tls("127.0.0.1") if starttls else None

    protocols: list[SMTP] = []

    def protocol() -> SMTP:
        made = SMTP(
            mailbox,
            hostname="mx.example.org",
            tls_context=tls,
            require_starttls=starttls,
            auth_required=auth,
            authenticator=_authenticate if auth else None,
            auth_require_tls=starttls,
        )
        protocols.append(made)
        return made

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        for made in protocols:
            if made.transport is not None:
                made.transport.close()
        await asyncio.sleep(0.02)
