"""People's templates, rendered in a process of their own (`render_worker.py`) that is bounded and kept warm.

A bound inside this process would not hold: Jinja2's sandbox keeps a template from reaching Python's objects, not from
`'a' * 10**9`, and a thread that computes cannot be ended. The other process is bounded by the kernel in processor time
(so that a busy machine makes no difference) and in memory; when it ends, only that message is without its template.
"""

import asyncio
import contextlib
import json
import logging
import sys
from collections import OrderedDict
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from agentschedule.api.fields import utc_text
from agentschedule.delivery.messages import Message, default_message, shown, templated_message
from agentschedule.delivery.notice import Notice

Medium = Literal["plain", "slack"]

CPU_SECONDS = 0.5
WALL_SECONDS = 10.0
_START_SECONDS = 30.0
MOST_CHARACTERS = 64 * 1024
_ANSWER_BYTES = 16 * MOST_CHARACTERS
_REMEMBERED = 512
_LOG = logging.getLogger(__name__)
_WORKER = Path(__file__).with_name("render_worker.py")


class UnusableTemplateError(Exception):
    """Why a template gives no text, in words for its author."""


class _NotStartedError(UnusableTemplateError):
    """Not the template's fault."""

    def __init__(self) -> None:
        super().__init__("templates cannot be rendered at present")


class Renderer:
    """Renders one template after another. The process is started when the first one comes, and again when it ended.

    A template that has ended the process is not tried again: whoever has many of them does not hold up the others.
    """

    def __init__(self, *, cpu_seconds: float = CPU_SECONDS, wall_seconds: float = WALL_SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._wall_seconds = wall_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._fatal: OrderedDict[bytes, str] = OrderedDict()

    async def message(self, notice: Notice, template: str | None) -> Message:
        """The notice in words. With a template that gives none, the default and why: people hear of it in any case."""
        if template is None:
            return default_message(notice)
        values = template_values(notice)
        try:
            plain = await self.render(template, values, "plain")
            slack = await self.render(template, values, "slack")
        except UnusableTemplateError as problem:
            return with_problem(default_message(notice), f"The template of this message could not be used: {problem}")
        return templated_message(notice, plain, slack)

    async def render(self, template: str, values: dict[str, Any], medium: Medium) -> str:
        """The template's text. Raises `UnusableTemplateError`."""
        digest = sha256(template.encode(errors="replace")).digest()
        async with self._turn:
            if digest in self._fatal:
                raise UnusableTemplateError(self._fatal[digest])
            asked = {
                "template": template,
                "values": values,
                "medium": medium,
                "most": MOST_CHARACTERS,
                "seconds": self._cpu_seconds,
            }
            try:
                answer = await self._ask(asked)
            except _NotStartedError:
                raise
            except UnusableTemplateError as problem:
                self._fatal[digest] = str(problem)
                if len(self._fatal) > _REMEMBERED:
                    self._fatal.popitem(last=False)
                raise
        if "problem" in answer:
            raise UnusableTemplateError(answer["problem"])
        return str(answer["text"])

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()

    async def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        process = await self._started()
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process has no pipes")
        line = b""
        try:
            async with asyncio.timeout(self._wall_seconds):
                process.stdin.write(json.dumps(asked).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
        except (TimeoutError, ConnectionError, ValueError):
            line = b""
        finally:
            # Also when this was cancelled: an answer that nobody took must not be the next one's.
            if not line:
                await asyncio.shield(self.close())
        if not line:
            raise UnusableTemplateError("it takes too much time or memory")
        answer: dict[str, Any] = json.loads(line)
        if "end" in answer:
            await self.close()
        return answer

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self.close()
        started = b""
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(_WORKER),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                limit=_ANSWER_BYTES,
            )
            async with asyncio.timeout(_START_SECONDS):
                started = await self._process.stdout.readline() if self._process.stdout else b""
        except (OSError, TimeoutError):
            _LOG.warning("the process that renders templates does not start")
        finally:
            if started != b"ready\n":
                await asyncio.shield(self.close())
        if self._process is None:
            raise _NotStartedError
        return self._process


def template_values(notice: Notice) -> dict[str, Any]:
    """What a template knows: the notice's fields by their names, times as RFC 3339, what is not known empty."""
    values: dict[str, Any] = {**asdict(notice), "duration": notice.duration}
    return {name: _value(value) for name, value in values.items() if name != "key"}


def with_problem(message: Message, problem: str) -> Message:
    """The message, and below it what was wrong."""
    words = shown(problem)
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Message(
        message.title,
        f"{message.text}\n\n{words}",
        (*message.slack, f"_{escaped[:500]}_"),
        message.html.replace("</body>", f'<p style="font-size:12px;color:#57606a">{escaped}</p></body>'),
    )


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return utc_text(value)
    return shown(value) if isinstance(value, str) else value
