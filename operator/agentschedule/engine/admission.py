"""Which starts may be made now: ceilings on active runs and the pace of catch-up starts, over all schedules.

No clock and no I/O: `now` is in seconds of a clock that is never set (the event loop's). A start that may not be made
yet waits in the order of its slot, then of namespace and name. One that waits for its own namespace stands aside and
keeps no other waiting. Every operation costs at most O(log n) in the number of those that wait.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from agentschedule.planning.observed import NO_CEILINGS, Ceilings
from agentschedule.policy.effective import SETTINGS, Bound

_LEAST_WAIT = 0.02
"""Seconds between two looks at the pace: several starts at a time rather than a wake-up for each."""
_MOST_STALE = 64


class Claim(NamedTuple):
    """A start that is asked for. Compared as it stands here, which is the order in which claims wait."""

    slot: datetime
    namespace: str
    job: str
    schedule: str
    catch_up: bool = False

    @property
    def place(self) -> "Place":
        """What it asks for."""
        return self.namespace, self.job


Place = tuple[str, str]
"""Namespace and name of a Job."""

Most = Callable[[str], Bound[int] | None]
"""How many runs may be active in a namespace, and who says so; None: any number."""


class Admission:
    """Counts the places that are taken and keeps those who wait for one.

    A place is taken by a Job from when its start is admitted (`ask`, `turns`) until that start is given up (`leave`)
    or its Job is seen, and then for as long as the Job works (`seen`). Nothing is granted to claims that compete
    before `begin`: after a restart those who wait ask again in any order, and their order counts.
    """

    def __init__(self, ceilings: Ceilings = NO_CEILINGS, most_in: Most | None = None) -> None:
        self._ceilings = ceilings
        setting = Bound(ceilings.active_runs_per_namespace, SETTINGS) if ceilings.active_runs_per_namespace else None
        self._most_in: Most = most_in or (lambda _: setting)
        self._begun = False
        self._working: dict[str, Place] = {}
        self._reserved: set[Place] = set()
        self._taken = 0
        self._taken_in: Counter[str] = Counter()
        self._waiting: dict[Place, Claim] = {}
        self._ready: list[Claim] = []
        self._paced: list[Claim] = []
        self._aside: defaultdict[str, list[Claim]] = defaultdict(list)
        self._stale = 0
        self._called: dict[Place, Claim] = {}
        self._burst = max(1.0, ceilings.catch_up_starts_per_second)
        self._allowance = self._burst
        self._refilled: float | None = None

    @property
    def waiting(self) -> int:
        """How many starts wait."""
        return len(self._waiting)

    @property
    def taken(self) -> int:
        """How many places are taken, in all namespaces."""
        return self._taken

    def taken_in(self, namespace: str) -> int:
        """How many places are taken in a namespace."""
        return self._taken_in[namespace]

    def renewed(self) -> "Admission":
        """What a new term begins with: the places of Jobs that work. Nobody has asked for one yet."""
        anew = Admission(self._ceilings, self._most_in)
        for uid, place in self._working.items():
            anew.seen(uid, place, works=True)
        return anew

    def begin(self) -> None:
        """Every schedule has been looked at once: who waits by now can be called in order."""
        self._begun = True
        self.reconsider()

    def reconsider(self) -> None:
        """Policies may have changed how many runs may be active in a namespace: everybody who waits for one is looked
        at again, in order."""
        for claims in self._aside.values():
            for claim in claims:
                heappush(self._ready, claim)
        self._aside.clear()

    # What happens

    def ask(self, claim: Claim, now: float) -> str | None:
        """Ask for a place. None: it is taken. Else the claim waits, and the text says for what."""
        if claim.place in self._reserved:
            self._called.pop(claim.place, None)
            return None
        if claim.place not in self._waiting:
            self._waiting[claim.place] = claim
            paced = claim.catch_up and self._ceilings.catch_up_starts_per_second > 0
            heappush(self._paced if paced else self._ready, claim)
            self._advance(now)
        if self._called.pop(claim.place, None) is not None:
            return None
        return f"waits for its turn: {self._obstacle(claim)}"

    def leave(self, place: Place) -> None:
        """A start is given up, or its outcome is known: it waits no longer, nor does it hold a place."""
        if self._waiting.pop(place, None) is not None:
            self._stale += 1
            if self._stale > max(_MOST_STALE, len(self._waiting)):
                self._clear_away()
        elif place in self._reserved:
            self._reserved.discard(place)
            self._called.pop(place, None)
            self._free(place[0])

    def seen(self, uid: str, place: Place, works: bool) -> None:
        """A Job was seen, working or not (any more). It takes over the place that its start had."""
        if not works:
            if uid in self._working:
                self._free(self._working.pop(uid)[0])
        elif uid not in self._working:
            self._working[uid] = place
            if place in self._reserved:
                self._reserved.discard(place)
                self._called.pop(place, None)
            else:
                self._take(place[0])

    def turns(self, now: float) -> list[Claim]:
        """Claims whose turn has come since one last asked. Their places are taken; `leave` gives one back."""
        self._advance(now)
        called, self._called = list(self._called.values()), {}
        return called

    def look_again(self, now: float) -> float | None:
        """Seconds until the pace lets another one go; None: nobody waits for that."""
        if not self._paced or not self._begun:
            return None
        self._refill(now)
        return max(_LEAST_WAIT, (1 - self._allowance) / self._ceilings.catch_up_starts_per_second)

    # How it is decided

    def _advance(self, now: float) -> None:
        """Call those whose turn it is, in order."""
        if self._begun:
            self._let_go(now)
        while self._ready and not self._full() and (self._begun or not self._ceilings.active_runs):
            claim = heappop(self._ready)
            if self._waiting.get(claim.place) is not claim:
                self._stale -= 1
                self._bring_back(claim.namespace)
            elif self._full_in(claim.namespace):
                heappush(self._aside[claim.namespace], claim)
            else:
                del self._waiting[claim.place]
                self._reserved.add(claim.place)
                self._called[claim.place] = claim
                self._take(claim.namespace)

    def _let_go(self, now: float) -> None:
        """Catch-up starts join the others at their pace."""
        if self._paced:
            self._refill(now)
        while self._paced and self._allowance >= 1:
            claim = heappop(self._paced)
            if self._waiting.get(claim.place) is claim:
                self._allowance -= 1
                heappush(self._ready, claim)
            else:
                self._stale -= 1

    def _refill(self, now: float) -> None:
        passed = now - self._refilled if self._refilled is not None else 0.0
        self._refilled = now
        more = max(0.0, passed) * self._ceilings.catch_up_starts_per_second
        self._allowance = min(self._burst, self._allowance + more)

    def _full(self) -> bool:
        return 0 < self._ceilings.active_runs <= self._taken

    def _full_in(self, namespace: str) -> bool:
        most = self._most_in(namespace)
        return most is not None and (not self._begun or most.value <= self._taken_in[namespace])

    def _take(self, namespace: str) -> None:
        self._taken += 1
        self._taken_in[namespace] += 1

    def _free(self, namespace: str) -> None:
        self._taken -= 1
        self._taken_in[namespace] -= 1
        if not self._taken_in[namespace]:
            del self._taken_in[namespace]
        self._bring_back(namespace)

    def _bring_back(self, namespace: str) -> None:
        """One claim may go back among the ready for each place that is freed, and for each that left unused."""
        aside = self._aside.get(namespace)
        if aside:
            heappush(self._ready, heappop(aside))
        if not aside:
            self._aside.pop(namespace, None)

    def _clear_away(self) -> None:
        """Drop the claims that have left: each once in a while, as many at a time as there are others."""
        paced = {id(claim) for claim in self._paced}
        self._paced = [claim for claim in self._waiting.values() if id(claim) in paced]
        self._ready = [claim for claim in self._waiting.values() if id(claim) not in paced]
        self._aside.clear()
        self._stale = 0
        heapify(self._paced)
        heapify(self._ready)

    def _obstacle(self, claim: Claim) -> str:
        limits = self._ceilings
        if self._full():
            return f"{self._taken} of {limits.active_runs} runs are active in all namespaces"
        if not self._begun:
            return "the operator has just started and looks at all schedules first"
        most = self._most_in(claim.namespace)
        if most is not None and most.value <= self._taken_in[claim.namespace]:
            by = "" if most.by == SETTINGS else f" ({most.by})"
            active = self._taken_in[claim.namespace]
            return f"{active} of {most.value} runs are active in namespace {claim.namespace}{by}"
        return f"missed slots are made up for at {limits.catch_up_starts_per_second:g} a second over all schedules"
