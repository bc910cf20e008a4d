"""The coming slots of a schedule, and what would become of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agentschedule.planning.observed import Schedule
from agentschedule.timing import When, Window, clock_note, format_duration, local_text
from agentschedule.timing.blackouts import LOOK_AHEAD

HORIZON: Final = timedelta(days=5 * 365 + 1)
"""How far ahead runs are looked for."""
_MOST_STEPS: Final = 5000
_SHOWN: Final = 2
"""Slots of one blackout that are shown one by one; the rest of it is passed over."""
_TICK: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One slot: whether it runs, its delay by jitter, and what there is to say of it."""

    slot: datetime
    runs: bool
    delay: str = ""
    note: str = ""


class Forecast:
    """What would become of the slots of a schedule that has a usable `when`.

    `exact`: whether its uid is known, from which jitter is drawn.
    """

    def __init__(self, schedule: Schedule, when: When, *, exact: bool) -> None:
        self._blackouts = schedule.blackouts
        self._when = when
        self._at = schedule.spec.at if schedule.spec is not None else None
        self._requested = schedule.unwanted.slots
        self._exact = exact

    def rows(self, since: datetime) -> Iterator[Row]:
        """The slots from ``since`` on, oldest first; ends after five years, or when none is left."""
        slot = self._when.next_after(since - _TICK)
        for _ in range(_MOST_STEPS):
            if slot is None or slot > since + HORIZON:
                return
            window = None if slot in self._requested else self._window(slot)
            if window is None:
                yield self._plain(slot)
                slot = self._when.next_after(slot)
                continue
            yield from self._skipped(slot, window) if window.action == "Skip" else self._deferred(slot, window)
            slot = self._when.next_after(slot + LOOK_AHEAD if window.end is None else window.end - _TICK)

    def _window(self, slot: datetime) -> Window | None:
        # A start that jitter moves into a blackout is subject to it as well.
        window = self._blackouts.at(slot)
        return self._blackouts.at(self._when.start_of(slot)) if window is None and self._exact else window

    def _plain(self, slot: datetime) -> Row:
        if slot in self._requested:
            return Row(slot, runs=False, note="requested: skipped")
        return Row(slot, runs=True, delay=self._delay(slot), note=self._clock(slot))

    def _clock(self, slot: datetime) -> str:
        changed = clock_note(self._when, slot, self._at)
        return f"DST: {changed}" if changed else ""

    def _delay(self, slot: datetime) -> str:
        if not self._when.jitter:
            return ""
        if not self._exact:
            return f"+0s..{format_duration(self._when.jitter)}"
        return f"+{format_duration((self._when.start_of(slot) - slot) // _SECOND * _SECOND)}"

    def _skipped(self, slot: datetime, window: Window) -> Iterator[Row]:
        # No Skip window is left before its end, so what lies within needs no look.
        note = f"blackout {window.name}: skipped"
        if window.end is None:
            yield Row(slot, runs=False, note=f"{note}, like all others for {LOOK_AHEAD.days} days")
            return
        within = self._within(slot, window.end)
        yield from (Row(each, runs=False, note=note) for each in within[:_SHOWN])
        if len(within) > _SHOWN:
            yield Row(within[_SHOWN], runs=False, note=f"{note}, like all others until {self._local(window.end)}")

    def _deferred(self, slot: datetime, window: Window) -> Iterator[Row]:
        # The newest slot of the window runs when it is over; older ones are skipped.
        note = f"blackout {window.name}:"
        if window.end is None:
            yield Row(slot, runs=False, note=f"{note} deferred to its end, more than {LOOK_AHEAD.days} days away")
            return
        newest = self._newest(slot, window.end)
        older = [each for each in self._within(slot, window.end) if each < newest]
        yield from (Row(each, runs=False, note=f"{note} skipped, a later one is deferred") for each in older[:_SHOWN])
        if len(older) > _SHOWN:
            yield Row(older[_SHOWN], runs=False, note=f"{note} skipped, like all others before {self._local(newest)}")
        changed = self._clock(newest)
        note = f"{changed}; {note}" if changed else note
        there = self._blackouts.at(window.end)
        if self._is_slot(window.end):
            yield Row(newest, runs=False, note=f"{note} skipped, as another is due at its end")
        elif there is None:
            yield Row(newest, runs=True, note=f"{note} deferred to {self._local(window.end)}")
        else:
            yield Row(newest, runs=False, note=f"{note} deferred to {self._local(window.end)}, skipped by {there.name}")

    def _is_slot(self, t: datetime) -> bool:
        return self._when.next_after(t - _TICK) == t and t not in self._requested

    def _within(self, slot: datetime, end: datetime) -> list[datetime]:
        return [slot, *self._when.slots_between(slot, end - _TICK, _SHOWN + 1)]

    def _newest(self, slot: datetime, end: datetime) -> datetime:
        # Of the slots in [slot, end) that are to be deferred; the oldest is one.
        newest = self._when.latest_at_or_before(end - _SECOND, slot - _SECOND) or slot
        for _ in range(_MOST_STEPS):
            window = self._blackouts.at(newest)
            if newest <= slot or (newest not in self._requested and window is not None and window.action == "Defer"):
                return max(newest, slot)
            newest = self._when.latest_at_or_before(newest - _SECOND, slot - _SECOND) or slot
        return slot

    def _local(self, t: datetime) -> str:
        return local_text(t, self._when.zone)
