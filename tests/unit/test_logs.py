"""Logs: one line a record, as JSON for machines or as text for people."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from agentschedule import logs
from agentschedule.logs import JsonFormatter, TextFormatter


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Loggers are global: put them back."""
    names = (None, "kopf", "kopf.objects", "asyncio", "aiohttp.access")
    levels = {name: logging.getLogger(name).level for name in names}
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def record(message: str = "%s Jobs", *args: object, error: bool = False, **extra: object) -> logging.LogRecord:
    exc_info: tuple[type[BaseException], BaseException, None] | None = None
    if error:
        broken = ValueError("broken")
        exc_info = (ValueError, broken, None)
    made = logging.LogRecord("agentschedule.x", logging.WARNING, "x.py", 1, message, args, exc_info)
    made.created = 1_795_424_400.25
    for key, value in extra.items():
        setattr(made, key, value)
    return made


def test_json() -> None:
    line = JsonFormatter().format(record("%s Jobs", 3, namespace="team", object="näws", _hidden=1))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-11-23T09:00:00.250+00:00",
        "level": "warning",
        "logger": "agentschedule.x",
        "message": "3 Jobs",
        "namespace": "team",
        "object": "näws",
    }


def test_json_stays_one_line_and_takes_anything() -> None:
    line = JsonFormatter().format(record("two\nlines", error=True, what={1, 2}, when=ValueError("x")))
    assert "\n" not in line
    read = json.loads(line)
    assert read["message"] == "two\nlines"
    assert "ValueError: broken" in read["exception"]
    assert read["when"] == "x"


def test_text() -> None:
    assert TextFormatter().format(record("%s Jobs", 3)) == "09:00:00.250 warning 3 Jobs"
    text = TextFormatter().format(record("%s Jobs", 3, namespace="team", error=True))
    first, *rest = text.splitlines()
    assert first == "09:00:00.250 warning 3 Jobs (namespace=team)"
    assert rest[-1] == "ValueError: broken"


@pytest.mark.parametrize(("form", "formatter"), [("json", JsonFormatter), ("text", TextFormatter)])
def test_everything_goes_to_standard_error(form: str, formatter: type[logging.Formatter]) -> None:
    logs.configure("warning", form)
    root = logging.getLogger()
    [handler] = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    assert handler.stream is sys.stderr
    assert isinstance(handler.formatter, formatter)
    assert root.level == logging.WARNING


def test_the_framework_is_never_louder_than_we_are() -> None:
    logs.configure("debug", "json")
    assert logging.getLogger("kopf").level == logging.WARNING
    logs.configure("error", "json")
    assert logging.getLogger("kopf").level == logging.ERROR
