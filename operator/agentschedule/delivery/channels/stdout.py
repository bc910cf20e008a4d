"""`stdout`: one JSON line on the operator's standard output."""

import sys
from threading import Lock

import orjson

from agentschedule.delivery.notice import Notice
from agentschedule.delivery.outcome import Again, Delivered, Outcome
from agentschedule.delivery.threads import work

_WRITING = Lock()


async def send(notice: Notice, message: str) -> Outcome:
    """Write it. In a thread: whoever reads the standard output may be slow."""
    line = orjson.dumps(notice.document(message), option=orjson.OPT_APPEND_NEWLINE)
    try:
        await work(_write, line)
    except (OSError, ValueError) as error:
        return Again(f"standard output cannot be written ({type(error).__name__})")
    return Delivered()


def _write(line: bytes) -> None:
    with _WRITING:
        sys.stdout.write(line.decode())
        sys.stdout.flush()
