"""Blackouts: stretches of time in which a schedule does not start runs.

Everything is asked of the wall time in the schedule's zone at an instant: an entry with the hours 02:00 to 03:00 covers
both passes where that hour comes twice, and nothing where the clocks jump over it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, Self
from zoneinfo import ZoneInfo

from agentschedule.timing.calendars import Calendar
from agentschedule.timing.errors import TimingError
from agentschedule.timing.sources import LAST_YEAR, read_instant
from agentschedule.timing.zones import first_instant, transition

Action = Literal["Skip", "Defer"]
WEEKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
LOOK_AHEAD: Final = timedelta(days=400)
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_MIDNIGHT: Final = timedelta()
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class BlackoutEntry:
    """One entry as it stands in the resource. ``hours`` is (start, end), ``begin`` the field `from`."""

    name: str
    action: Action = "Skip"
    begin: str | None = None
    to: str | None = None
    weekdays: tuple[str, ...] = ()
    hours: tuple[str, str] | None = None
    country: str | None = None
    subdivision: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """What covers an instant: the entry's name, what it does, and when nothing of that kind covers any more.

    ``end`` is exclusive, in UTC; None: not within 400 days.
    """

    name: str
    action: Action
    end: datetime | None


@dataclass(frozen=True, slots=True)
class _Piece:
    # Instants [begin, end) of one local day and one offset: within it, wall time and UTC run alike.
    begin: datetime
    end: datetime
    day: date
    midnight: datetime


@dataclass(frozen=True, slots=True)
class _Entry:
    # An entry, read. Hours are times from the midnight of the day on which they start; the end may be past the next.
    name: str
    action: Action
    begin: datetime | None
    to: datetime | None
    weekdays: frozenset[int]
    opens: timedelta
    closes: timedelta
    calendar: Calendar | None

    def spans(self, piece: _Piece) -> Iterator[tuple[datetime, datetime]]:
        # What the entry covers of the piece, as [begin, end).
        if (self.begin is not None and self.begin >= piece.end) or (self.to is not None and self.to <= piece.begin):
            return
        low, high = max(piece.begin, self.begin or piece.begin), min(piece.end, self.to or piece.end)
        if self.closes > _DAY and self._holds_on(piece.day - _DAY):
            yield low, min(high, piece.midnight + self.closes - _DAY)
        if self._holds_on(piece.day):
            yield max(low, piece.midnight + self.opens), min(high, piece.midnight + self.closes)

    def covers(self, t: datetime, piece: _Piece) -> bool:
        return any(begin <= t < end for begin, end in self.spans(piece))

    def _holds_on(self, day: date) -> bool:
        if self.weekdays and day.weekday() not in self.weekdays:
            return False
        return self.calendar is None or day in self.calendar


@dataclass(frozen=True, slots=True)
class Blackouts:
    """The blackouts of one schedule, in its zone. Empty: nothing is ever covered."""

    entries: tuple[_Entry, ...] = ()
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    @classmethod
    def build(cls, entries: Sequence[BlackoutEntry], zone: ZoneInfo) -> Self:
        """Read the entries. Raises TimingError with the field that cannot be used ("spec.blackouts[nights].hours")."""
        names = [entry.name for entry in entries]
        for name in names:
            if names.count(name) > 1:
                raise TimingError(f"spec.blackouts[{name}].name", "there are several of this name; rename them")
        return cls(tuple(_read(entry, zone) for entry in entries), zone)

    def at(self, t: datetime) -> Window | None:
        """Return what covers the aware instant ``t``; None when nothing does. Skip wins over Defer.

        Windows of the same action that overlap or touch are one: its end is theirs together. The name is that of the
        first entry, in their order, that covers ``t`` itself.
        """
        if not self.entries:
            return None
        t = t.astimezone(UTC)
        piece = _piece_at(t, self.zone)
        covering = [entry for entry in self.entries if entry.covers(t, piece)]
        if not covering:
            return None
        first = next((entry for entry in covering if entry.action == "Skip"), covering[0])
        return Window(first.name, first.action, self._end(t, first.action))

    def _end(self, t: datetime, action: Action) -> datetime | None:
        entries = [entry for entry in self.entries if entry.action == action]
        reached, limit = t, t + LOOK_AHEAD
        while reached <= limit:
            # What was reached is covered up to there, so the piece that begins there decides.
            piece = _piece_at(reached, self.zone)
            for begin, end in sorted(span for entry in entries for span in entry.spans(piece)):
                if begin <= reached:
                    reached = max(reached, end)
            if reached < piece.end:
                return reached
        return None


def _piece_at(t: datetime, zone: ZoneInfo) -> _Piece:
    # From t on: what lies before it in the same local day does not matter to who asks.
    local = t.astimezone(zone)
    offset = local.utcoffset() or timedelta()
    midnight = datetime(local.year, local.month, local.day, tzinfo=UTC) - offset
    end = midnight + _DAY
    last = end - _SECOND
    if last > t and last.astimezone(zone).utcoffset() != offset:
        end = transition(t, last, zone)
    return _Piece(t, end, local.date(), midnight)


def _read(entry: BlackoutEntry, zone: ZoneInfo) -> _Entry:
    path = f"spec.blackouts[{entry.name[:64]}]"
    conditions = (entry.begin, entry.to, entry.weekdays or None, entry.hours, entry.country)
    if all(condition is None for condition in conditions):
        raise TimingError(path, "it has no condition; give from, to, weekdays, hours or holidays")
    begin = _bound(entry.begin, zone, f"{path}.from", whole_day=False)
    to = _bound(entry.to, zone, f"{path}.to", whole_day=True)
    if begin is not None and to is not None and begin >= to:
        raise TimingError(f"{path}.to", f"{entry.to} is not after from ({entry.begin}), so nothing would be covered")
    opens, closes = _hours(entry.hours, f"{path}.hours")
    return _Entry(
        name=entry.name,
        action=entry.action,
        begin=begin,
        to=to,
        weekdays=frozenset(_weekday(text, f"{path}.weekdays") for text in entry.weekdays),
        opens=opens,
        closes=closes,
        calendar=None
        if entry.country is None
        else Calendar.build(entry.country, entry.subdivision, f"{path}.holidays"),
    )


def _bound(text: str | None, zone: ZoneInfo, path: str, *, whole_day: bool) -> datetime | None:
    if text is None:
        return None
    if not _DATE.fullmatch(text):
        return read_instant(text, zone, path)
    try:
        day = date.fromisoformat(text)
    except ValueError as e:
        raise TimingError(path, f"{text!r} is not a date: {e}") from e
    if not 1970 <= day.year <= LAST_YEAR:
        raise TimingError(path, f"the year of {text!r} must be between 1970 and {LAST_YEAR}")
    if whole_day:
        day += _DAY
    return first_instant(datetime(day.year, day.month, day.day), zone)[0]  # noqa: DTZ001 - a wall time


def _hours(given: tuple[str, str] | None, path: str) -> tuple[timedelta, timedelta]:
    if given is None:
        return _MIDNIGHT, _DAY
    start = _clock(given[0], f"{path}.start")
    end = _DAY if given[1] == "24:00" else _clock(given[1], f"{path}.end")
    if start == end:
        raise TimingError(path, f"start and end are both {given[0]}; for whole days leave hours out")
    return start, end if end > start else end + _DAY


def _clock(text: str, path: str) -> timedelta:
    match = _CLOCK.fullmatch(text)
    if match is None:
        whole = " (24:00 can only be an end)" if text == "24:00" else ""
        raise TimingError(path, f"{text[:64]!r} is not a time of day{whole}; write it like '22:00'")
    return timedelta(hours=int(match[1]), minutes=int(match[2]))


def _weekday(text: str, path: str) -> int:
    if text not in WEEKDAYS:
        raise TimingError(path, f"{text[:64]!r} is not a weekday; allowed: {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(text)
