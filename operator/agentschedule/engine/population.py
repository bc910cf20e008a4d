"""How many AgentSchedules there are: counted as they come and go, so that nobody has to look at all of them."""

from collections import Counter

from agentschedule.planning.observed import Schedule


class Population:
    """Numbers by namespace, and by the user who is noted to have made them. Reading is safe from any thread."""

    def __init__(self) -> None:
        self._in: Counter[str] = Counter()
        self._by: Counter[str] = Counter()
        self.expected: dict[tuple[str, str], tuple[str, float]] = {}
        """Creations that the webhook let through (namespace and name: user, and until when they are waited for)."""

    def come(self, schedule: Schedule) -> None:
        """A schedule is known now."""
        self.expected.pop((schedule.owner.namespace, schedule.owner.name), None)
        self._in[schedule.owner.namespace] += 1
        if schedule.created_by is not None:
            self._by[schedule.created_by] += 1

    def go(self, schedule: Schedule) -> None:
        """It is known no more."""
        _less(self._in, schedule.owner.namespace)
        if schedule.created_by is not None:
            _less(self._by, schedule.created_by)

    def number_in(self, namespace: str) -> int:
        """How many a namespace has."""
        return self._in.get(namespace, 0)

    def made_by(self, user: str) -> int:
        """How many a user has made, in all namespaces."""
        return self._by.get(user, 0)


def _less(counts: Counter[str], name: str) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]
