"""Cron expressions: what is accepted, and when they are due.

croniter walks the calendar in naive wall time; what a change of the clocks means is decided here.
"""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from agentschedule.timing import cronfields, zones
from agentschedule.timing.errors import CronError

MAX_LENGTH: Final = 256
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_SHORTHANDS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
# croniter looks 50 years ahead; within 2000-2050 every combination of day, month and weekday that exists comes up.
_PROBE: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall time


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression, read: ``text`` as written, ``plain`` as croniter gets it (H drawn, names as numbers).

    ``any_hour``: the hour is left open ("*", "*/n", …), so the expression counts elapsed hours: nothing is made up
    for a wall time that does not exist, and one that exists twice is due twice.
    """

    text: str
    plain: str
    any_hour: bool

    def next_after(self, t: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the first slot strictly after the instant ``t`` in UTC; None when there is none within 50 years.

        A wall time in a gap is due at the first instant after the gap, one in an overlap at its first instant.
        """
        # Bases are whole minutes, so that all who ask within one share an answer.
        slot = _next(self.plain, self.any_hour, zone, t.replace(second=0, microsecond=0))
        while slot is not None and slot <= t:
            slot = _next(self.plain, self.any_hour, zone, slot)
        return slot

    def stands_in_for(self, slot: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the first wall time that does not exist and for which ``slot``, at a gap's end, is due; else None."""
        begin, end = zones.wall_of(slot - _SECOND, zone) + _SECOND, zones.wall_of(slot, zone)
        if self.any_hour or begin >= end:
            return None
        wall = next(_walls_after(self.plain, begin - _SECOND), None)
        return wall if wall is not None and wall < end else None


def parse_cron(text: str, hash_id: str) -> Cron:
    """Return the expression ``text``, with H drawn from ``hash_id`` (the schedule's namespace/name).

    Five fields as in Vixie cron and CronJob, with L, # and H. Raises CronError, which says what to write instead.
    """
    if len(text) > MAX_LENGTH:
        raise CronError(f"the expression has {len(text)} characters, at most {MAX_LENGTH} are allowed")
    if not text.isascii():
        raise CronError("the expression has a character outside ASCII; type it anew, it may come from a word processor")
    return _parse(text, hash_id if cronfields.uses_hash(text) else "")


@lru_cache(maxsize=8192)
def _parse(text: str, hash_id: str) -> Cron:
    fields = _split(text)
    plain = " ".join(
        cronfields.plain(field, part, hash_id) for field, part in zip(cronfields.FIELDS, fields, strict=True)
    )
    day, week = plain.split()[2], plain.split()[4]
    special = ["#" in element or "l" in element for element in week.split(",")]
    if any(special) and (day != "*" or not all(special)):
        raise CronError(
            f"'#' and 'L' in the day of week field {fields[4].upper()!r} cannot be combined with other days; "
            "write two expressions in spec.schedules"
        )
    _check_fires(plain)
    return Cron(text=text, plain=plain, any_hour=cronfields.is_wildcard(cronfields.HOUR, fields[1]))


def _split(text: str) -> list[str]:
    lowered = text.strip().lower()
    if not lowered:
        raise CronError("the expression is empty; write five fields such as '0 9 * * 1-5'")
    if match := re.match(r"(?:cron_)?tz=(\S*)\s*(.*)", text.strip(), re.IGNORECASE):
        raise CronError(f"a time zone cannot stand in the expression; use spec.timeZone: {match[1] or 'UTC'}")
    if lowered.startswith("@"):
        return _shorthand(lowered).split()
    fields = lowered.split()
    if len(fields) in (6, 7):
        surplus = "the seconds field" if len(fields) == 6 else "the seconds and year fields"
        raise CronError(
            f"the expression has {len(fields)} fields, cron here has 5; remove {surplus}; "
            "for intervals below a minute use spec.every"
        )
    if len(fields) != 5:
        count = f"{len(fields)} field{'s' if len(fields) > 1 else ''}"
        raise CronError(f"the expression has {count}, it needs 5: minute, hour, day of month, month, day of week")
    return fields


def _shorthand(text: str) -> str:
    if text.startswith("@every"):
        raise CronError(f"'@every' is not a cron expression; use spec.every: {text[6:].strip() or '5m'}")
    if text == "@reboot":
        raise CronError("'@reboot' has no meaning in a cluster; for one run now create an AgentRun, else use spec.at")
    if text not in _SHORTHANDS:
        raise CronError(f"unknown shorthand {text!r}; known: {', '.join(sorted(_SHORTHANDS))}")
    return _SHORTHANDS[text]


@lru_cache(maxsize=4096)
def _check_fires(plain: str) -> None:
    try:
        croniter.expand(plain, strict=True)
    except CroniterError as e:
        if "can never occur" in str(e):
            _, _, day, month, _ = plain.split()
            raise CronError(f"day {day} never comes in month {month}; for the last day of a month write 'L'") from e
        raise CronError(f"it cannot be read: {e}") from e
    if next(_walls_after(plain, _PROBE), None) is None:
        raise CronError("it never fires: no date has this combination of day of month, month and day of week")


@lru_cache(maxsize=4096)
def _template(plain: str) -> "croniter[datetime]":
    return croniter(plain, _PROBE, ret_type=datetime, implement_cron_bug=True)


def _walls_after(plain: str, wall: datetime) -> Iterator[datetime]:
    # A copy, because croniter keeps its position in itself and the template is shared.
    cursor = copy.copy(_template(plain))
    cursor.set_current(wall)
    while True:
        try:
            found = cursor.get_next(datetime)
        except (ValueError, OverflowError):  # nothing within 50 years, or past the year 9999
            return
        yield found


@lru_cache(maxsize=32768)
def _next(plain: str, any_hour: bool, zone: ZoneInfo, base: datetime) -> datetime | None:
    slots = (_next_first(plain, any_hour, zone, base), _next_second(plain, zone, base) if any_hour else None)
    return min((slot for slot in slots if slot is not None), default=None)


def _next_first(plain: str, any_hour: bool, zone: ZoneInfo, base: datetime) -> datetime | None:
    # Wall times in order give first instants in order, so the first one past the base is the next.
    for wall in _walls_after(plain, zones.wall_of(base, zone)):
        slot, exists = zones.first_instant(wall, zone)
        if slot > base and (exists or not any_hour):
            return slot
    return None


def _next_second(plain: str, zone: ZoneInfo, base: datetime) -> datetime | None:
    # Only from within an overlap: before it, the first instants come first.
    wall = zones.wall_of(base, zone)
    if zones.second_instant(wall, zone) is None:
        return None
    for candidate in _walls_after(plain, zones.overlap_start(wall, zone) - _SECOND):
        slot = zones.second_instant(candidate, zone)
        if slot is None or slot > base:
            return slot
    return None
