"""Who goes next, when few may go at once: so many in all, few to one host, and no namespace takes all places."""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Lane(NamedTuple):
    """What waits in one line: for one host, from one namespace."""

    host: str
    namespace: str


class Lanes(Generic[T]):
    """Lines of what waits, taken from in turn. At most `most` are under way, `per_host` of them to one host, and half
    of them of one namespace."""

    def __init__(self, most: int, per_host: int) -> None:
        self._most = most
        self._per_host = per_host
        self._per_namespace = max(1, most // 2)
        self._waiting: OrderedDict[Lane, deque[T]] = OrderedDict()
        self._hosts: Counter[str] = Counter()
        self._namespaces: Counter[str] = Counter()
        self.under_way = 0

    def __len__(self) -> int:
        """How many wait."""
        return sum(len(line) for line in self._waiting.values())

    def put(self, lane: Lane, item: T) -> None:
        """It waits for its turn."""
        self._waiting.setdefault(lane, deque()).append(item)

    def take(self, most: int | None = None) -> Iterator[tuple[Lane, T]]:
        """Those that may go now; each is under way until `done`. `most`: a lower bound for now."""
        limit = self._most if most is None else min(most, self._most)
        progress = True
        while progress and self.under_way < limit:
            progress = False
            for lane in list(self._waiting):
                if self.under_way >= limit:
                    return
                if self._hosts[lane.host] < self._per_host and self._namespaces[lane.namespace] < self._per_namespace:
                    progress = True
                    yield lane, self._next_of(lane)

    def done(self, lane: Lane) -> None:
        """One is under way no longer."""
        self.under_way -= 1
        for counts, name in ((self._hosts, lane.host), (self._namespaces, lane.namespace)):
            counts[name] -= 1
            if not counts[name]:
                del counts[name]

    def clear(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()

    def _next_of(self, lane: Lane) -> T:
        line = self._waiting[lane]
        item = line.popleft()
        if line:
            self._waiting.move_to_end(lane)
        else:
            del self._waiting[lane]
        self.under_way += 1
        self._hosts[lane.host] += 1
        self._namespaces[lane.namespace] += 1
        return item
