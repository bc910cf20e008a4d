"""`custom`: a channel that a Python package brings, as an entry point of group `agentschedule.delivery`.

Whoever installs a package into the operator's image trusts it: it runs inside the operator. It should do no blocking
work on the event loop and open its connections by the guard that it is given.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Protocol

from agentschedule.delivery.guard import Guard
from agentschedule.delivery.messages import Message
from agentschedule.delivery.notice import Notice
from agentschedule.delivery.outcome import Again, Delivered, Outcome, Refused

GROUP = "agentschedule.delivery"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CustomDelivery:
    """What a custom channel is given.

    `config` is the target's, with its secrets read; `settings` is the administrator's for that type; `guard` opens
    sessions that reach no address which users' URLs may not.
    """

    notice: Notice
    message: Message
    guard: Guard
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)


class CustomChannel(Protocol):
    """What the entry point names. It may be called again with the same `notice.key`."""

    async def __call__(self, delivery: CustomDelivery, /) -> Outcome:
        """Deliver it once. What it raises counts as `Again`; its text is shown nowhere."""
        ...


async def send(name: str, delivery: CustomDelivery, seconds: float) -> Outcome:
    """Deliver it once, in at most so many seconds."""
    try:
        channel = _channel(name)
    except Exception as error:  # noqa: BLE001 - a package of others
        _LOG.warning("the delivery channel cannot be loaded", extra={"type": name, "error": type(error).__name__})
        return Again(f"the channel {name} cannot be loaded ({type(error).__name__})")
    if channel is None:
        return Refused(f"no package of the operator's image brings the channel {name}")
    try:
        async with asyncio.timeout(seconds):
            outcome: object = await channel(delivery)
    except TimeoutError:
        return Again(f"the channel {name} took more than {seconds:g} s")
    except Exception as error:  # noqa: BLE001 - a package of others
        return Again(f"the channel {name} failed ({type(error).__name__})")
    if not isinstance(outcome, Delivered | Again | Refused):
        return Again(f"the channel {name} did not say what became of it")
    return outcome


@cache
def _channel(name: str) -> CustomChannel | None:
    found = next(iter(entry_points(group=GROUP, name=name)), None)
    return found.load() if found is not None else None
