"""The two clocks of the engine."""

import asyncio
from datetime import UTC, datetime


def utc_now() -> datetime:
    """The wall clock, which people and the network set."""
    return datetime.now(UTC)


def loop_time() -> float:
    """The event loop's clock, which nobody sets."""
    return asyncio.get_running_loop().time()
