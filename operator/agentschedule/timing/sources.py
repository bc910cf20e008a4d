"""The three ways to say when: cron expressions, an interval, one instant. Each can be asked for its next slot."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from agentschedule.timing.cron import Cron
from agentschedule.timing.durations import format_duration, parse_duration
from agentschedule.timing.errors import TimingError
from agentschedule.timing.zones import first_instant

SECOND: Final = timedelta(seconds=1)
# Room for arithmetic below datetime's own end.
LAST_YEAR: Final = 9000
_DESCRIPTION_LENGTH: Final = 60
_AT: Final = re.compile(
    r"(?P<clock>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)(\.(?P<fraction>[0-9]+))?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)


@dataclass(frozen=True, slots=True)
class CronUnion:
    """The slots of one or several cron expressions; a slot that several have is one. ``field`` is where they stand."""

    crons: tuple[Cron, ...]
    zone: ZoneInfo
    field: str

    def next_after(self, t: datetime) -> datetime | None:
        """Return the first slot strictly after ``t`` in UTC; None when there is none."""
        if len(self.crons) == 1:
            return self.crons[0].next_after(t, self.zone)
        slots = (cron.next_after(t, self.zone) for cron in self.crons)
        return min((slot for slot in slots if slot is not None), default=None)

    def describe(self) -> str:
        """Return the expressions as written, separated by semicolons, at most 60 characters."""
        text = "; ".join(cron.text.strip() for cron in self.crons)
        return text if len(text) <= _DESCRIPTION_LENGTH else f"{text[: _DESCRIPTION_LENGTH - 1]}…"


@dataclass(frozen=True, slots=True)
class Interval:
    """Slots at ``anchor`` + n * ``every`` for n >= ``first``; never drifts, however long nobody asks."""

    anchor: datetime
    every: timedelta
    first: int

    def next_after(self, t: datetime) -> datetime | None:
        """Return the first slot strictly after ``t`` in UTC; None past the calendar's end."""
        try:
            return self.anchor + max(self.first, (t - self.anchor) // self.every + 1) * self.every
        except OverflowError:
            return None

    def describe(self) -> str:
        """Return it for people: "every 5m"."""
        return f"every {format_duration(self.every)}"


@dataclass(frozen=True, slots=True)
class Moment:
    """One slot."""

    at: datetime
    zone: ZoneInfo

    def next_after(self, t: datetime) -> datetime | None:
        """Return the slot when it lies strictly after ``t``, else None."""
        return self.at if self.at > t else None

    def describe(self) -> str:
        """Return it for people, in the schedule's zone: "at 2026-12-01 09:00"."""
        local = self.at.astimezone(self.zone)
        return f"at {local:%Y-%m-%d %H:%M:%S}" if local.second else f"at {local:%Y-%m-%d %H:%M}"


Source = CronUnion | Interval | Moment


def parse_interval(text: str, start_time: datetime | None, created: datetime) -> Interval:
    """Return the interval ``text`` (GEP-2257), anchored at ``start_time``, else at ``created``.

    The anchor at the start time is itself a slot; the one at the creation is not. Raises TimingError for field
    spec.every unless it is whole seconds, at least one.
    """
    every = parse_duration(text, "spec.every")
    if every < SECOND or every % SECOND:
        raise TimingError("spec.every", f"{text!r} must be whole seconds, at least '1s'")
    if start_time is not None:
        return Interval(start_time, every, 0)
    return Interval(created, every, 1)


def parse_moment(text: str, zone: ZoneInfo, created: datetime) -> Moment:
    """Return the instant ``text``: RFC 3339, or without an offset the wall time in ``zone``.

    A wall time in a gap of the clocks means the first instant after it, one that comes twice the first. Raises
    TimingError for field spec.at when it is neither, has a fraction of a second, or lies before ``created``.
    """
    instant = read_instant(text, zone, "spec.at")
    if instant < created:
        raise TimingError(
            "spec.at",
            f"{text!r} ({instant:%Y-%m-%dT%H:%M:%SZ}) lies before the schedule's creation "
            f"({created:%Y-%m-%dT%H:%M:%SZ}); choose a time to come, or create an AgentRun to run now",
        )
    return Moment(instant, zone)


def read_instant(text: str, zone: ZoneInfo, field: str) -> datetime:
    """Return the instant ``text`` in UTC: RFC 3339, or without an offset the wall time in ``zone``.

    A wall time in a gap of the clocks means the first instant after it, one that comes twice the first. Raises
    TimingError naming ``field`` when it is neither, or has a fraction of a second.
    """
    shape = "write an instant such as '2026-12-01T09:00:00Z', or a local time such as '2026-12-01T09:00'"
    match = _AT.fullmatch(text.strip())
    if match is None:
        raise TimingError(field, f"{text[:64]!r} is not a time; {shape}")
    if (match["fraction"] or "0").strip("0"):
        raise TimingError(field, f"{text[:64]!r} has a fraction of a second; write whole seconds")
    try:
        read = datetime.fromisoformat(match["clock"].upper() + (match["offset"] or "").upper())
    except ValueError as e:
        raise TimingError(field, f"{text[:64]!r} is not a time: {e}; {shape}") from e
    if not 1970 <= read.year <= LAST_YEAR:
        raise TimingError(field, f"the year of {text[:64]!r} must be between 1970 and {LAST_YEAR}")
    return first_instant(read, zone)[0] if read.tzinfo is None else read.astimezone(UTC)


def whole_second_from(t: datetime) -> datetime:
    """Return the first whole second at or after ``t``, in UTC."""
    t = t.astimezone(UTC)
    return t if not t.microsecond else t.replace(microsecond=0) + SECOND
