"""The audit's way out: in order, whole, bounded, and never in the way of starts."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from agentschedule.audit.record import LOGGER
from agentschedule.engine.auditor import Auditor
from agentschedule.engine.entries import Key
from agentschedule.metrics import Metrics
from agentschedule.planning.actions import Record
from agentschedule.planning.reading import read_schedule
from tests.unit.planning.builders import raw_schedule, utc

NEWS, MAIL = (read_schedule(raw_schedule(name=name)) for name in ("news", "mail"))


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.read: list[dict[str, Any]] = []
        self.news = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.read.append(json.loads(record.getMessage()))
        self.news.set()


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, logger = Lines(), logging.getLogger(LOGGER)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)


def auditor(most: int = 100) -> Auditor:
    return Auditor(Metrics(), lambda: utc("09:00"), most)


def ended(*numbers: int) -> list[Record]:
    return [Record("RunSucceeded", f"run-{number}", run=f"run-{number}") for number in numbers]


def test_what_waits_of_a_schedule_is_written_before_its_status(lines: Lines) -> None:
    made = auditor()
    made.take(NEWS, ended(1, 2))
    made.take(MAIL, ended(3))
    assert lines.read == []
    made.flush(Key("team", "news"))
    assert [line["run"] for line in lines.read] == ["run-1", "run-2"]
    made.flush_all()
    assert [line["schedule"] for line in lines.read] == ["news", "news", "mail"]
    made.flush_all()
    assert len(lines.read) == 3


def test_the_same_told_again_has_the_same_id(lines: Lines) -> None:
    for _ in range(2):
        made = auditor()
        made.take(NEWS, ended(1, 2))
        made.flush_all()
    assert len({line["id"] for line in lines.read}) == 2


def test_what_is_dropped_is_counted(lines: Lines, caplog: pytest.LogCaptureFixture) -> None:
    made = auditor(most=2)
    made.take(NEWS, ended(1, 2, 3, 4))
    made.flush_all()
    assert len(lines.read) == 2
    assert made.metrics.registry.get_sample_value("agentschedule_audit_records_dropped_total") == 2
    assert [record.message for record in caplog.records if record.name != LOGGER] == [
        "audit records are dropped: more wait than can be kept"
    ]
    assert made.metrics.registry.get_sample_value("agentschedule_audit_records_total", {"type": "RunSucceeded"}) == 2
    made.take(NEWS, ended(5))
    made.flush_all()
    assert len(lines.read) == 3, "there is room again"


async def test_starts_come_first_unless_too_many_wait(lines: Lines) -> None:
    made, busy = auditor(), True
    made.busy = lambda: busy
    task = asyncio.create_task(made.run())
    made.take(NEWS, ended(*range(40)))
    await asyncio.sleep(0.3)
    assert lines.read == []
    made.take(NEWS, ended(*range(40, 60)))
    async with asyncio.timeout(10):
        await lines.news.wait()
        busy = False
        while len(lines.read) < 60:
            lines.news.clear()
            await lines.news.wait()
    task.cancel()
