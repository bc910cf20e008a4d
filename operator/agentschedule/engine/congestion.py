"""How many API requests may be under way at once, found by what the API server completes rather than by its latency.

Latency alone does not tell a queue from a slow disk, and what was learnt while idle is wrong under load. So two limits
are tried in turn, and both go where more is completed a second, less a small price for each request under way: it
stops them at the knee. The idea is that of PCC Vivace (Dong et al., NSDI 2018) and of the hill climbing in .NET's
thread pool; the slope is a regression over the last rounds, drawn towards a slight optimism the more it is lost in
noise, because a limit too low costs more than one too high. Refusals are dealt with as TCP does with losses (RFC 5681):
half at most once a round trip, slow start up to half of where it broke, then carefully. The place of a 429 is
remembered and kept away from, because its Retry-After costs far more than a limit a little too low.

No clock and no I/O: times are in seconds of a clock that is never set (the event loop's).
"""

import math
from typing import Literal

Outcome = Literal["ok", "refused", "throttled", "failed"]
"""An answer; a refusal of this request only (4xx); 429; 5xx, a time-out or no connection."""

MOST_PAUSE = 30.0
"""Seconds for which a Retry-After is obeyed at most."""
_ROUND, _USED = 64, 0.85
"""Requests that are completed at a limit before it is judged, and the share of it that must have been under way."""
_RATIO = 1.4
"""Between the two limits that are tried in turn."""
_PRICE = 0.05
"""The slope at which it stays: a limit higher by 1 % must complete at least 0.05 % more a second."""
_GAIN, _MEMORY = 0.3, 0.9
"""How far one round moves the limits, and how much of what was learnt before it is kept."""
_PRIOR, _SPREAD = 0.1, 0.1
"""The slope that is expected before anything is known, and the variance of slopes around it."""
_NOISE, _JUMP = 0.02, 0.5
"""Variance of a change of throughput (its logarithm) by chance, as long as it is not known; the most that counts."""
_SHARE = 1 / 16
"""Weight of one answer in the share of failures."""
_HOLD = 60.0
"""How long the limit stays below where a 429 came, in multiples of the pause that it cost."""


class Congestion:
    """The limit and what it was learnt from. Each request is told of by `begun` and exactly one `ended`."""

    def __init__(self, *, most: int = 64, first: int = 16, least: int = 2) -> None:
        if not 1 <= least <= first <= most:
            raise ValueError(f"1 <= least ({least}) <= first ({first}) <= most ({most}) does not hold")
        self.limit = first
        self.under_way = 0
        self._least, self._most, self._base, self._turn = least, most, float(first), 0  # base: the lower of the two
        self._pause_ends = self._decreased = self._newest = -math.inf
        self._failing = 0.0
        # After a decrease: the end of slow start, what is not exceeded until when, and whether nothing went well since.
        self._half, self._ceiling, self._ceiling_ends, self._broken = 0.0, float(most), -math.inf, False
        # A round begins when what was under way before it has ended. Area: requests under way times seconds.
        self._skip, self._goal, self._count, self._full = 1, _ROUND, 0, False
        self._since = self._last = self._area = 0.0
        self._before: tuple[float, float] | None = None
        self._n = self._xx = self._xy = self._yy = 0.0
        self._keep = _MEMORY

    def begun(self, now: float) -> None:
        """A request is sent."""
        self._area += self.under_way * (now - self._last)
        self._last = now
        self.under_way += 1
        if self.under_way >= self.limit:
            self._full = True

    def ended(self, now: float, latency: float, outcome: Outcome, retry_after: float | None = None) -> None:
        """A request that was sent `latency` seconds ago is answered, or given up."""
        self._area += self.under_way * (now - self._last)
        self._last = now
        self.under_way -= 1
        began = now - latency
        if outcome in {"ok", "refused"}:
            self._failing -= self._failing * _SHARE
            self._newest = max(self._newest, began)
            self._completed(now)
            return
        if retry_after is not None:
            self._pause_ends = max(self._pause_ends, now + min(max(0.0, retry_after), MOST_PAUSE))
        if outcome == "failed":
            if began < self._newest:
                return  # one that was sent later has been answered: it is this request, not the server
            self._failing += (1 - self._failing) * _SHARE
        if began >= self._decreased and (outcome == "throttled" or self._failing >= 0.5):
            self._decrease(now, throttled=outcome == "throttled")

    def wait(self, now: float) -> float:
        """Seconds for which nothing at all may be sent."""
        return min(self._pause_ends - now, MOST_PAUSE) if self._pause_ends > now else 0.0

    def _decrease(self, now: float, *, throttled: bool) -> None:
        self._decreased = now
        if not self._broken:  # else it is still the same trouble
            self._half = self.limit / 2
            if throttled:
                self._ceiling = 0.9 * max(self.limit, self.under_way + 1)
        if throttled:
            self._ceiling_ends = now + _HOLD * max(1.0, self.wait(now))
        self._base, self._turn, self._broken, self._before = self.limit / 2, 0, True, None
        self._n = self._xx = self._xy = self._yy = 0.0
        self._begin(now)

    def _completed(self, now: float) -> None:
        if self._skip:
            self._skip -= 1
            if not self._skip:
                self._since, self._area = now, 0.0
            return
        self._count += 1
        if self._count < self._goal or now <= self._since:
            return
        seconds = now - self._since
        if self._full and self._area >= _USED * self.limit * seconds:
            self._judge(now, self._count / seconds)
        else:
            self._before = None
        self._begin(now)

    def _judge(self, now: float, throughput: float) -> None:
        """Grow or shrink by what a round at this limit has told."""
        self._broken = False
        if now >= self._ceiling_ends:
            self._ceiling = min(self._most, self._ceiling + 1)
        if self._base < self._half:
            self._base = min(2 * self._base, self._half)
            return
        move = _GAIN * (max(-1.0, min(self._slope(math.log(self.limit), math.log(throughput)), 1.0)) - _PRICE)
        self._base *= math.exp(move)
        self._keep = _MEMORY * math.exp(-2 * abs(move))  # what was learnt elsewhere says little of here
        self._turn += 1

    def _slope(self, x: float, y: float) -> float:
        """The slope of throughput on limit, both as logarithms, by how they changed from round to round."""
        if self._before is not None:
            dx, dy = x - self._before[0], max(-_JUMP, min(y - self._before[1], _JUMP))
            self._n = self._n * self._keep + 1
            self._xx = self._xx * self._keep + dx * dx
            self._xy = self._xy * self._keep + dx * dy
            self._yy = self._yy * self._keep + dy * dy
        self._before = x, y
        unexplained = self._yy - (self._xy * self._xy / self._xx if self._xx else 0.0)
        doubt = (unexplained + 3 * _NOISE) / (self._n + 3) / _SPREAD
        return (self._xy + doubt * _PRIOR) / (self._xx + doubt)

    def _begin(self, now: float) -> None:
        """A new round, at the one limit or the other."""
        top = max(self._least, int(min(self._most, self._ceiling)))
        self._base = max(self._least, min(self._base, top))
        if self._base < self._half:
            self.limit = self._goal = int(self._base)
        else:
            high = min(top, max(round(self._base * _RATIO), round(self._base) + 1))
            low = max(self._least, round(min(self._base, high / _RATIO)))
            # Where there is no way up, the lower one is tried more rarely.
            self.limit = high if self._turn % (2 if high < top else 8) else low
            self._goal = max(_ROUND, 2 * self.limit)
        self._skip, self._count, self._full = self.under_way, 0, self.under_way >= self.limit
        self._since, self._area = now, 0.0
