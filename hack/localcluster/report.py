"""What the user reads: one line a step, and the one sentence that ends a run that cannot go on."""

from __future__ import annotations

import sys
import time


class Problem(Exception):  # noqa: N818 - it is a finding told to the user, not a fault of this program
    """Something is missing or in the way; the text is one sentence that says what it is and what to do."""


def say(text: str) -> None:
    """Print one line at once, also where the output is a pipe."""
    print(text, flush=True)


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``8 s``, ``3 min 05 s``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02d} s"


class Progress:
    """A long step's progress: one line rewritten on a terminal, a new line now and then elsewhere."""

    _TERMINAL_INTERVAL = 0.5
    _LOG_INTERVAL = 20.0

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._started = time.monotonic()
        self._shown = self._started

    def elapsed(self) -> str:
        """Time since the step began."""
        return duration(time.monotonic() - self._started)

    def show(self, text: str) -> None:
        """Show the state, unless it was shown a moment ago."""
        interval = self._TERMINAL_INTERVAL if self._terminal else self._LOG_INTERVAL
        now = time.monotonic()
        if now - self._shown < interval:
            return
        self._shown = now
        if self._terminal:
            print(f"\r\x1b[2K  {text}, {self.elapsed()}", end="", flush=True)
        else:
            say(f"  {text}, {self.elapsed()}")

    def close(self) -> None:
        """Leave the terminal's line empty for what is printed next."""
        if self._terminal:
            print("\r\x1b[2K", end="", flush=True)
