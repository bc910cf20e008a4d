"""Namespaces that refuse (403): a quota is used up, a right is missing. That ends for all of a namespace at once.

Each who is refused asks again after ever longer waits. But one of a namespace does so every few seconds, and a success
is the sign for two others: so many are back soon, and a quota with room for one is not stormed.

No clock and no I/O: `now` is in seconds of a clock that is never set (the event loop's).
"""

from collections.abc import Callable, Hashable

SOON = 5.0
"""Seconds between two who ask for all of a namespace."""
_SIGN_FOR = 2

What = tuple[str, str]
"""What is refused, for instance the making of Jobs, and the namespace."""


class Refusals:
    """Who waits, and how they are told that it is over."""

    def __init__(self) -> None:
        self._waiting: dict[What, dict[Hashable, Callable[[], None]]] = {}
        self._next: dict[What, float] = {}

    def refused(self, what: What, who: Hashable, own: float, now: float, ask: Callable[[], None]) -> float:
        """One that would wait for `own` seconds is refused. Returns how long it is to wait; `ask` has it ask sooner."""
        self._waiting.setdefault(what, {})[who] = ask
        if own > SOON and now < self._next.get(what, 0.0):
            return own
        wait = min(own, SOON)
        self._next[what] = now + wait
        return wait

    def taken(self, what: What, who: Hashable) -> None:
        """One is not refused any more: others ask."""
        waiting = self._waiting.get(what)
        if waiting is None:
            return
        waiting.pop(who, None)
        for other in list(waiting)[:_SIGN_FOR]:
            waiting.pop(other)()
        if not waiting:
            del self._waiting[what]
            self._next.pop(what, None)
