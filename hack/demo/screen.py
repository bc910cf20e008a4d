"""Showing lines that change: redrawn in place on a terminal, printed anew on anything else."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from demo import table
from demo.snapshot import Snapshot
from localcluster.report import say

_WIDE, _HIGH = 200, 18
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Screen:
    """Shows one table after the other."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._drawn = 0
        self._marks: object = None

    @property
    def width(self) -> int:
        """Columns that a line may have."""
        return shutil.get_terminal_size().columns - 1 if self._terminal else _WIDE

    @contextmanager
    def held(self) -> Iterator[None]:
        """Without the terminal's cursor, which would jump about."""
        self._write(_HIDE_CURSOR)
        try:
            yield
        finally:
            self._write(_SHOW_CURSOR)

    def show(self, seen: Snapshot, note: str) -> None:
        """Show a table with a note below it; on what is no terminal only if more than the time has changed."""
        now = datetime.now(UTC)
        if self._terminal:
            height = shutil.get_terminal_size().lines - 3
            shown = table.lines(seen, now, self.width, height)
            shown += ["", table.cut(note, self.width)] if note else []
            above = f"\x1b[{self._drawn}A" if self._drawn else ""
            self._write(f"{above}\r" + "".join(f"{line}\x1b[K\n" for line in shown) + "\x1b[J")
            self._drawn = len(shown)
        elif table.marks(seen) != self._marks:
            self._marks = table.marks(seen)
            say("\n".join([f"--- {now:%H:%M:%S} UTC", *table.lines(seen, now, self.width, _HIGH), ""]))

    def _write(self, text: str) -> None:
        if self._terminal:
            sys.stdout.write(text)
            sys.stdout.flush()
