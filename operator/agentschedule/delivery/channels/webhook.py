"""`webhook`: a POST with the notice as JSON, signed as Standard Webhooks says where there is a signing secret."""

import re
import time
from dataclasses import dataclass, field

import orjson

from agentschedule.api.delivery import LONGEST_TIMEOUT, is_our_header
from agentschedule.delivery.guard import Guard
from agentschedule.delivery.notice import Notice
from agentschedule.delivery.outcome import Again, Outcome, Refused
from agentschedule.delivery.posting import judged, post
from agentschedule.delivery.signing import signature_headers, signing_keys

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\x80-\xff]{0,8192}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to, with every secret read. `signing_secret` as it stands in its Secret."""

    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    seconds: float = 30


async def send(guard: Guard, endpoint: Endpoint, notice: Notice, message: str) -> Outcome:
    """Post it once."""
    body = orjson.dumps(notice.document(message))
    headers = {"Content-Type": "application/json", "Idempotency-Key": notice.key}
    for name, value in endpoint.headers:
        problem = header_problem(name, value)
        if problem is not None:
            return Refused(problem)
        headers[name] = value
    if endpoint.signing_secret is not None:
        try:
            keys = signing_keys(endpoint.signing_secret)
        except ValueError as error:
            return Refused(str(error))
        headers |= signature_headers(keys, notice.key, int(time.time()), body)
    seconds = min(endpoint.seconds, LONGEST_TIMEOUT)
    answer = await post(guard, endpoint.url, body, headers, seconds=seconds)
    return answer if isinstance(answer, Again | Refused) else judged(answer)


def header_problem(name: str, value: str) -> str | None:
    """Why this header cannot be given. The reason shows the name only, and only one that is a name."""
    if not _HEADER_NAME.fullmatch(name):
        return "a header has a name that HTTP does not know"
    if is_our_header(name):
        return f"the header {name} cannot be given"
    if not _HEADER_VALUE.fullmatch(value):
        return f"the value of the header {name} has line breaks or other characters that cannot be sent"
    return None
