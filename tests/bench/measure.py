"""What every measure is given, and what it gives back."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.figures import Line

SIZE = 1000
"""Schedules due at once; all other sizes are in proportion."""

_STARTED = time.monotonic()


@dataclass(frozen=True)
class Options:
    """How much is measured, and where the control planes have their files."""

    folder: Path
    rounds: int = 3
    size: int = SIZE

    def place(self, name: str) -> Path:
        """A folder for a control plane."""
        return self.folder / name


@dataclass
class Result:
    """Lines of the table, and for the plot the lateness of each contender's Jobs, in seconds."""

    lines: list[Line] = field(default_factory=list)
    curves: dict[str, Sequence[float]] = field(default_factory=dict)


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    sys.stderr.write(f"{time.monotonic() - _STARTED:6.0f} s  {text}\n")
    sys.stderr.flush()
