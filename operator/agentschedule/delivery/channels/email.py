"""`email`: a mail with a text and an HTML part, through the administrator's SMTP server."""

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal

import aiosmtplib

from agentschedule.delivery.messages import Message
from agentschedule.delivery.notice import Notice
from agentschedule.delivery.outcome import Again, Delivered, Outcome, Refused

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_SEVEN_BITS = SMTP.clone(cte_type="7bit")
"""Servers without 8BITMIME take it too."""
_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class Smtp:
    """The administrator's server. `security`: `starttls` and `tls` insist on it, `none` is for a server beside us."""

    host: str
    sender: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    seconds: float = 30


@dataclass(frozen=True, slots=True)
class Receivers:
    """Who gets it. `subject` empty: the message's title."""

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    subject: str = ""


async def send(smtp: Smtp, receivers: Receivers, notice: Notice, message: Message) -> Outcome:
    """Hand it to the server once. When the server takes it for some receivers only, `note` counts the others."""
    try:
        mail = composed(smtp, receivers, notice, message)
    except (ValueError, MessageError) as error:
        return Refused(str(error) if isinstance(error, _UnusableError) else "the mail's headers cannot be made")
    try:
        async with asyncio.timeout(smtp.seconds):
            refused, _ = await aiosmtplib.send(
                mail,
                hostname=smtp.host,
                port=smtp.port,
                local_hostname=_domain(smtp.sender),
                use_tls=smtp.security == "tls",
                start_tls=smtp.security == "starttls",
                tls_context=(smtp.tls or ssl.create_default_context()) if smtp.security != "none" else None,
                username=smtp.username or None,
                password=smtp.password or None,
                timeout=smtp.seconds,
            )
    except TimeoutError:
        return Again(f"the SMTP server did not answer within {smtp.seconds:g} s")
    except aiosmtplib.SMTPException as error:
        return _judged(error)
    except ssl.SSLError:
        return Again("the SMTP server's TLS could not be agreed on, or its certificate is not trusted")
    except OSError:
        return Again("the SMTP server cannot be connected to")
    return _partly([(response.code, response.message) for response in refused.values()])


class _UnusableError(ValueError):
    """Something of the mail that no mail may have, in words that may be shown."""


def composed(smtp: Smtp, receivers: Receivers, notice: Notice, message: Message) -> EmailMessage:
    """The mail. The same notice has the same Message-ID each time: servers and readers know it again.

    Raises `ValueError` for addresses that are none.
    """
    if not receivers.to:
        raise _UnusableError("the mail has no receiver")
    mail = EmailMessage(policy=_SEVEN_BITS)
    mail["From"] = _address(smtp.sender)
    mail["To"] = [_address(text) for text in receivers.to]
    if receivers.cc:
        mail["Cc"] = [_address(text) for text in receivers.cc]
    mail["Subject"] = " ".join((receivers.subject or message.title).split())[:256]
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{notice.key}@{_domain(smtp.sender)}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Agentschedule-Event"] = notice.event
    mail.set_content(message.text + "\n", charset="utf-8")
    mail.add_alternative(message.html, subtype="html", charset="utf-8")
    return mail


def _address(text: str) -> Address:
    if not _ADDRESS.fullmatch(text):
        raise _UnusableError("a sender's or receiver's address is not one")
    return Address(addr_spec=text)


def _domain(sender: str) -> str:
    return sender.rpartition("@")[2]


def _judged(error: aiosmtplib.SMTPException) -> Outcome:
    """4xx passes by itself (greylisting, for one), 5xx does not; what is the administrator's may be set right."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [(refused.code, refused.message) for refused in error.recipients]
        passing = [code for code in codes if code[0] < 500]
        code, words = (passing or codes or [(0, "")])[0]
        reason = f"the SMTP server refused every receiver ({_code(code, words)})"
        return Again(reason) if passing or not codes else Refused(reason)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Again(f"the SMTP server refused the operator's user name and password ({_code(error.code, '')})")
    if isinstance(error, aiosmtplib.SMTPTimeoutError):
        return Again("the SMTP server did not answer in time")
    if isinstance(error, aiosmtplib.SMTPSenderRefused | aiosmtplib.SMTPDataError | aiosmtplib.SMTPRecipientRefused):
        reason = f"the SMTP server refused the mail ({_code(error.code, error.message)})"
        return Refused(reason) if error.code >= 500 else Again(reason)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return Again(f"the SMTP server answered {_code(error.code, error.message)}")
    return Again(f"the SMTP server cannot be used ({type(error).__name__})")


def _partly(refused: list[tuple[int, str]]) -> Outcome:
    """Some receivers have it. For the others it goes again when that may help: the Message-ID stays the same."""
    if not refused:
        return Delivered()
    passing = [pair for pair in refused if pair[0] < 500]
    code, words = (passing or refused)[0]
    reason = f"the SMTP server refused {len(refused)} of the receivers ({_code(code, words)})"
    return Again(reason) if passing else Delivered(reason)


def _code(code: int, words: str) -> str:
    """The answer's code, with the enhanced one (RFC 3463) that it may begin with; nothing else of it."""
    found = _STATUS.match(words)
    return f"{code} {found.group(1)}" if found else str(code)
