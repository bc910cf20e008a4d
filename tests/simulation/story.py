"""What happened, told so that a reader understands it: when, who did what, and where a promise broke."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_LONGEST = 3000
_AFTER = 12
"""Lines told after a promise was broken."""

_SHOWN = 3
"""How often the same call is told between two other happenings."""


@dataclass(frozen=True)
class Line:
    """One happening. `call`: a request of an operator, which may come often."""

    at: str
    text: str
    call: bool


class Story:
    """The lines of one simulation, the newest few thousand."""

    def __init__(self) -> None:
        self.lines: deque[Line] = deque(maxlen=_LONGEST)
        self._left: int | None = None

    def tell(self, at: str, text: str, *, call: bool = False) -> None:
        if self._left is not None:
            self._left -= 1
        if self._left is None or self._left >= 0:
            self.lines.append(Line(at, text, call))

    def tell_break(self, at: str, how: str) -> None:
        """A promise is broken; what comes soon after that is told too."""
        self.tell(at, f"!!! BROKEN: {how}")
        self._left = _AFTER if self._left is None else self._left

    def count(self, text: str) -> int:
        """How many lines have this in them."""
        return sum(text in line.text for line in self.lines)

    def __str__(self) -> str:
        return "\n".join(self._told())

    def _told(self) -> Iterator[str]:
        """Calls made again and again (as while the API server is down) are told a few times, then counted."""
        often: Counter[str] = Counter()
        for line in self.lines:
            if not line.call:
                yield from _left_out(often)
                often.clear()
            often[line.text] += line.call
            if often[line.text] <= _SHOWN:
                yield f"{line.at}  {'    ' if line.call else ''}{line.text}"
        yield from _left_out(often)


def _left_out(often: Counter[str]) -> Iterator[str]:
    for text, times in often.items():
        if times > _SHOWN:
            yield f"{'':20}  ... and {times - _SHOWN} times more: {text}"


def shown_status(status: dict[str, Any]) -> str:
    """What a patch of a status says, in the words that matter: cursor, runs, skips, phase."""
    cursor = (status.get("scheduling") or {}).get("handledThrough")
    said = [
        f"phase {status['phase']}" if status.get("phase") else "",
        f"handled through {cursor}" if cursor else "",
        *(f"run {run['id']} {run['phase']}" for run in (status.get("runs") or ())[:2]),
        *(f"{skip['count']} skipped ({skip['reason']})" for skip in status.get("skips") or ()),
    ]
    return ", ".join(part for part in said if part)
