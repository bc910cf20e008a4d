"""What hangs holds up its own delivery only, and that for a bounded time."""

import asyncio
import socket
from threading import Event
from typing import Any

import pytest

from agentschedule.api.delivery import Target
from agentschedule.delivery.options import Options
from agentschedule.delivery.outcome import Again
from agentschedule.delivery.sending import Sender
from tests.unit.delivery.notices import FAILED


async def test_an_attempt_ends_also_when_its_channel_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the event loop's own threads stay free."""
    free = Event()
    monkeypatch.setattr("agentschedule.delivery.channels.stdout._write", lambda _: free.wait(10))
    sender = Sender(Options(seconds=0.1))
    hanging = [sender.send(Target.model_validate({"name": "ops", "stdout": {}}), FAILED, {}) for _ in range(30)]
    try:
        assert await asyncio.gather(*hanging) == [Again("it took more than 0.1 s")] * 30
        assert await asyncio.wait_for(asyncio.to_thread(lambda: 1), 5) == 1
    finally:
        free.set()


async def test_name_servers_that_do_not_answer_hold_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    free, ask = Event(), socket.getaddrinfo

    def hang(host: Any, *rest: Any, **more: Any) -> Any:
        return free.wait(10) and [] if str(host).endswith(".example") else ask(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    wanted = Target.model_validate({"name": "ops", "webhook": {"url": "https://hangs.example/", "timeout": "200ms"}})
    sender = Sender(Options())
    try:
        outcomes = await asyncio.gather(*(sender.send(wanted, FAILED, {}) for _ in range(20)))
        assert outcomes == [Again("no answer in time (0.2 s)")] * 20
        assert await asyncio.wait_for(asyncio.get_running_loop().getaddrinfo("127.0.0.1", 1), 5)
    finally:
        free.set()
