"""Creations that were let through a moment ago: they count before they are seen."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from agentschedule.engine.entries import Key
from agentschedule.engine.population import Population

_UNSEEN: Final = 10.0
"""Seconds for which a creation that was let through counts before a watch tells of it: another may have refused it."""
_MOST: Final = 5000
"""Of them at once. Whoever reaches the port can make up requests, and must not fill the memory with them."""


class Newcomers:
    """What the webhook's thread expects, kept in the population, which takes out who has come."""

    def __init__(self, population: Population, clock: Callable[[], float] = time.monotonic) -> None:
        self._expected = population.expected
        self._clock = clock

    def expect(self, key: Key, user: str) -> None:
        """A creation was let through."""
        if len(self._expected) < _MOST:
            self._expected[key.namespace, key.name] = (user, self._clock() + _UNSEEN)

    def by_user(self, but: Key) -> Counter[str]:
        """How many are expected of each user, without this one."""
        return Counter(user for key, user in self._present() if key != but)

    def in_namespace(self, but: Key) -> int:
        """How many are expected in its namespace, without this one."""
        return sum(key.namespace == but.namespace for key, _ in self._present() if key != but)

    def _present(self) -> list[tuple[Key, str]]:
        now, present = self._clock(), []
        for key, (user, until) in tuple(self._expected.items()):
            if until > now:
                present.append((Key(*key), user))
            else:
                self._expected.pop(key, None)
        return present
