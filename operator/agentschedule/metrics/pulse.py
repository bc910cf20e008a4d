"""How busy the event loop is: everything that the operator does waits for the same one."""

import asyncio
from typing import Final

from agentschedule.metrics.definitions import Metrics

_EVERY: Final = 1.0


async def watch_loop(metrics: Metrics) -> None:
    """Ask to be woken once a second, and note how much too late that comes, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _EVERY
        await asyncio.sleep(_EVERY)
        metrics.loop_lag.observe(max(0.0, loop.time() - due))
