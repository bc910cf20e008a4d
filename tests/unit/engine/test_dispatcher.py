"""When starts have the API server for themselves."""

import asyncio
from functools import partial

import pytest

from agentschedule.engine import dispatcher as module
from agentschedule.engine.dispatcher import Dispatcher, Urgency
from agentschedule.metrics import Metrics


class Starts:
    """Starts under way, each until the test ends it."""

    def __init__(self) -> None:
        self.under_way: list[asyncio.Event] = []

    async def start(self) -> None:
        end = asyncio.Event()
        self.under_way.append(end)
        await end.wait()
        self.under_way.remove(end)

    async def end_one(self) -> None:
        self.under_way[0].set()
        await turns()


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def begun(number: int) -> tuple[Dispatcher, Starts]:
    dispatcher, starts = Dispatcher(4, Metrics()), Starts()
    dispatcher.start()
    for _ in range(number):
        dispatcher.submit(Urgency.START, partial(starts.start))
        await turns()
    return dispatcher, starts


async def ended_one_by_one(number: int) -> tuple[Dispatcher, list[bool]]:
    """With what was said before each end."""
    dispatcher, starts = await begun(number)
    told = []
    while starts.under_way:
        told.append(dispatcher.starts_fill_it())
        await starts.end_one()
    return dispatcher, told


def test_the_last_starts_of_a_burst_are_still_the_burst() -> None:
    async def story() -> None:
        dispatcher, told = await ended_one_by_one(9)
        assert told == [True] * 9
        assert not dispatcher.starts_fill_it()
        await dispatcher.stop()

    asyncio.run(story())


def test_but_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TAIL", 0.0)

    async def story() -> None:
        dispatcher, told = await ended_one_by_one(9)
        assert told == [True] * 7 + [False] * 2, "two of four that may be under way"
        await dispatcher.stop()

    asyncio.run(story())


def test_a_few_starts_are_no_burst() -> None:
    async def story() -> None:
        dispatcher, starts = await begun(2)
        assert len(starts.under_way) == 2
        assert not dispatcher.starts_fill_it()
        await dispatcher.stop()

    asyncio.run(story())
