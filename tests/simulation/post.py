"""The outside world to which the simulated operators deliver. It keeps everything, and may take its time or refuse."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from agentschedule.api.delivery import SecretKey, Target
from agentschedule.delivery.notice import Notice
from agentschedule.delivery.outcome import Delivered, Outcome
from agentschedule.engine.courier import Outgoing
from agentschedule.policy.addresses import Reach


class Sent(NamedTuple):
    """What a delivery is told apart by."""

    schedule: str
    run: str
    event: str
    target: str


class Receivers:
    """All receivers. `answer` says what becomes of the attempt with this number, `lasts` how many seconds it takes;
    `on_attempt` is called when one arrives."""

    def __init__(self) -> None:
        self.answer: Callable[[int], Outcome] = lambda _: Delivered()
        self.lasts = 0.2
        self.on_attempt: Callable[[int], None] = lambda _: None
        self.attempts = 0
        self.keys: defaultdict[Sent, list[str]] = defaultdict(list)
        """The keys of all attempts, also of those that were not answered."""

    def outgoing(self, dead: Callable[[], bool]) -> Outgoing:
        """What an operator delivers with, until it is `dead`."""
        return Outgoing(_Post(self, dead), _Sources(), Reach(), most=4, leads=lambda: not dead())


class _Post:
    def __init__(self, receivers: Receivers, dead: Callable[[], bool]) -> None:
        self._receivers = receivers
        self._dead = dead

    async def send(
        self, target: Target, notice: Notice, secrets: dict[SecretKey, str], reach: Reach | None = None
    ) -> Outcome:
        receivers = self._receivers
        assert not self._dead(), "a dead operator delivers"
        receivers.attempts += 1
        number = receivers.attempts
        receivers.keys[Sent(notice.schedule, notice.run, notice.event, target.name)].append(notice.key)
        receivers.on_attempt(number)
        await asyncio.sleep(receivers.lasts)
        return receivers.answer(number)


class _Sources:
    async def secret(self, namespace: str, name: str) -> dict[str, str]:
        return {}

    async def log(self, namespace: str, pod: str, container: str) -> tuple[str, bool]:
        return "said this\n", False
