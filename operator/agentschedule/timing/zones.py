"""Time zones by name, and the way between wall time and UTC where clocks are changed.

A wall time is a naive datetime. All instants are aware and in UTC.
"""

import difflib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from agentschedule.timing.errors import TimingError

FIELD: Final = "spec.timeZone"
_SECOND: Final = timedelta(seconds=1)
# What people write for a zone and IANA does not have as a name.
_ABBREVIATIONS: Final = {
    "aest": "Australia/Sydney",
    "bst": "Europe/London",
    "cest": "Europe/Berlin",
    "edt": "America/New_York",
    "ist": "Asia/Kolkata",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "pdt": "America/Los_Angeles",
    "pst": "America/Los_Angeles",
}
# Names that zoneinfo finds but that mean the machine's own zone, or none.
_NOT_A_PLACE: Final = frozenset({"localtime", "posixrules", "Factory"})


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo:
    """Return the IANA time zone ``name`` ("Europe/Berlin", "UTC"), exactly as spelled there.

    Raises TimingError for field spec.timeZone with the closest names, up to three, when there is no such zone.
    """
    if name not in _known_names():
        raise TimingError(FIELD, f"unknown time zone {name[:64]!r}: {_advice(name)}")
    return ZoneInfo(name)


def local_text(t: datetime, zone: ZoneInfo) -> str:
    """Return the aware instant ``t`` as people in ``zone`` read it: "2026-11-23 09:00 JST".

    Seconds are shown only when they are not zero. A zone without an abbreviation shows its offset ("+03").
    """
    local = t.astimezone(zone)
    clock = "%H:%M:%S" if local.second else "%H:%M"
    return f"{local:%Y-%m-%d} {local.strftime(clock)} {local.tzname()}"


def wall_of(t: datetime, zone: ZoneInfo) -> datetime:
    """Return the wall time in ``zone`` at the instant ``t``."""
    return t.astimezone(zone).replace(tzinfo=None, fold=0)


def first_instant(wall: datetime, zone: ZoneInfo) -> tuple[datetime, bool]:
    """Return the first instant at which ``wall`` is shown in ``zone``, and True.

    For a wall time that the clocks jump over: the first instant after that gap, and False.
    """
    early, late = _readings(wall, zone)
    if early <= late:
        return early, True
    return transition(late, early, zone), False


def second_instant(wall: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the second instant at which ``wall`` is shown in ``zone``; None when there is only one, or none."""
    first, second = _readings(wall, zone)
    return second if second > first else None


def overlap_start(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first wall time that is shown twice, of the overlap in which the ambiguous ``wall`` lies."""
    return wall_of(transition(*_readings(wall, zone), zone), zone)


def _readings(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    # PEP 495: in an overlap fold=0 is the earlier of both; in a gap fold=0 takes the offset before it, and lies later.
    aware = wall.replace(tzinfo=zone, fold=0)
    return aware.astimezone(UTC), aware.replace(fold=1).astimezone(UTC)


def transition(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first whole second in (``before``, ``after``] with another offset than the one at ``before``.

    Between both the clocks must be changed exactly once.
    """
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


@lru_cache(maxsize=1)
def _known_names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_A_PLACE


@lru_cache(maxsize=1)
def _spellings() -> dict[str, list[str]]:
    # What people write, in lower case, to the names they may mean. Not Etc: "Etc/GMT+9" lies nine hours west of UTC.
    spellings = {abbreviation: [name] for abbreviation, name in _ABBREVIATIONS.items()}
    for name in sorted(_known_names()):
        if not name.startswith("Etc/"):
            for spelling in {name.lower(), name.lower().rpartition("/")[2]}:
                spellings.setdefault(spelling, []).append(name)
    return spellings


def _advice(name: str) -> str:
    wanted = name[:64].strip().replace(" ", "_").lower()
    spellings = _spellings()
    if re.search(r"[+-][0-9]", wanted):
        return "a fixed offset is no time zone; use the IANA name of the place, such as 'Europe/Berlin' or 'Asia/Tokyo'"
    exact = spellings.get(wanted)
    close = [wanted] if exact else difflib.get_close_matches(wanted, spellings, n=3, cutoff=0.7)
    names = list(dict.fromkeys(zone for spelling in close for zone in spellings[spelling]))[:3]
    if not names:
        return "use an IANA name such as 'UTC', 'Europe/Berlin' or 'Asia/Tokyo'"
    quoted = [f"'{zone}'" for zone in names]
    return "did you mean " + " or ".join([", ".join(quoted[:-1]), quoted[-1]] if quoted[:-1] else quoted) + "?"
