"""One POST to an address that a user gave, and what its answer means. Little of it is read and nothing shown."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp import hdrs

from agentschedule.delivery.guard import ForbiddenAddressError, Guard
from agentschedule.delivery.outcome import LONGEST_WAIT, Again, Delivered, Outcome, Refused
from agentschedule.policy.addresses import refused_url

_TEMPORARY = {408, 409, 421, 423, 425, 429}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its code, how long it asks us to wait, and the first bytes of its body."""

    status: int
    after: float | None
    body: bytes


async def post(
    guard: Guard, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, read: int = 0
) -> Answer | Again | Refused:
    """Post it. An answer of any code is an answer; without one it says whether another attempt makes sense.

    `read`: how many bytes of the answer's body are wanted; no more are taken, and none are waited for without need.
    """
    unusable = refused_url(url, guard.reach)
    if unusable is not None:
        return Refused(unusable)
    try:
        async with asyncio.timeout(seconds), guard.session(seconds) as session:
            return await _exchange(session, url, body, headers, read)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return _unanswered(error, seconds)


async def _exchange(
    session: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str], read: int
) -> Answer:
    async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
        try:
            content = await response.content.readexactly(read) if read else b""
        except asyncio.IncompleteReadError as error:
            content = error.partial
        after = retry_after(response.headers.get(hdrs.RETRY_AFTER), datetime.now(UTC))
        response.close()
        return Answer(response.status, after, content)


_PASSING: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "no answer in time"),
    (aiohttp.ClientConnectorCertificateError, "the host's certificate is not trusted"),
    (aiohttp.ClientConnectorDNSError, "the host's name cannot be resolved"),
    (aiohttp.ClientConnectorSSLError, "the host's TLS could not be agreed on"),
    (aiohttp.ClientConnectorError, "the host cannot be connected to"),
)


def _unanswered(error: Exception, seconds: float) -> Again | Refused:
    """In our own words: those of libraries hold URLs and addresses."""
    forbidden = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(forbidden, ForbiddenAddressError):
        return Refused(str(forbidden))
    for kind, reason in _PASSING:
        if isinstance(error, kind):
            return Again(f"{reason} ({seconds:g} s)" if kind is TimeoutError else reason)
    if isinstance(error, aiohttp.InvalidURL) or not isinstance(error, aiohttp.ClientError | OSError):
        return Refused("the URL or a header cannot be sent")
    return Again(f"the connection broke ({type(error).__name__})")


def judged(answer: Answer) -> Outcome:
    """What a code means: 2xx arrived; redirects, 410 and other 4xx will not; 429 and 5xx may, later."""
    status = answer.status
    if 200 <= status < 300:
        return Delivered()
    if status in _TEMPORARY or status >= 500:
        return Again(f"the host answered {status}", answer.after)
    if 300 <= status < 400:
        return Refused(f"the host answered {status}: redirects are not followed, give the final URL")
    if status == 410:
        return Refused("the host answered 410: the endpoint is gone for good")
    return Refused(f"the host answered {status}")


def retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3: a number, or a date), within bounds."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), LONGEST_WAIT)
    try:
        then = parsedate_to_datetime(text)
        then = then if then.tzinfo is not None else then.replace(tzinfo=UTC)
        return min(max(0.0, (then - now).total_seconds()), LONGEST_WAIT)
    except (ValueError, OverflowError):
        return None
