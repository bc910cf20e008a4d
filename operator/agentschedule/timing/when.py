"""Everything that a schedule says about "when", ready to be asked for slots."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self
from zoneinfo import ZoneInfo

from agentschedule.timing.cron import Cron, parse_cron
from agentschedule.timing.durations import parse_duration
from agentschedule.timing.errors import CronError, TimingError
from agentschedule.timing.sources import (
    LAST_YEAR,
    SECOND,
    CronUnion,
    Moment,
    Source,
    parse_interval,
    parse_moment,
    whole_second_from,
)
from agentschedule.timing.zones import load_zone

MAX_EXPRESSIONS: Final = 10
_MILLISECOND: Final = timedelta(milliseconds=1)
_TICK: Final = timedelta(microseconds=1)
_FIRST_STEP_BACK: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class When:
    """The slots of one schedule: its ``source`` within start and end time, and the jitter of their starts.

    A slot is the nominal time of a run, an aware datetime in UTC at a whole second. All times handed in must be aware.
    """

    zone: ZoneInfo
    source: Source
    start_time: datetime | None
    end_time: datetime | None
    jitter: timedelta
    created: datetime
    uid: str

    @classmethod
    def build(  # noqa: PLR0913 - one parameter for each field of the section, and what the object gives
        cls,
        *,
        schedule: str | None,
        schedules: Sequence[str],
        every: str | None,
        at: str | None,
        time_zone: str,
        start_time: datetime | None,
        end_time: datetime | None,
        jitter: str | None,
        created: datetime,
        uid: str,
        hash_id: str,
    ) -> Self:
        """Read the fields of the section; ``created``, ``uid`` and ``hash_id`` (namespace/name) are the object's.

        Raises TimingError with the field that cannot be used. An end time that has passed is no error: there are no
        slots.
        """
        zone = load_zone(time_zone)
        created = created.astimezone(UTC)
        start, end = _window(start_time, end_time)
        _check_one(schedule=schedule, schedules=schedules, every=every, at=at)
        source: Source
        if every is not None:
            source = parse_interval(every, start, created)
        elif at is not None:
            source = parse_moment(at, zone, created)
        else:
            source = _cron_union(schedule, schedules, zone, hash_id)
        return cls(
            zone=zone,
            source=source,
            start_time=start,
            end_time=end,
            jitter=parse_duration(jitter, "spec.jitter") if jitter is not None else timedelta(),
            created=created,
            uid=uid,
        )

    @property
    def one_shot(self) -> bool:
        """Whether there is one slot only (``at``)."""
        return isinstance(self.source, Moment)

    def next_after(self, t: datetime) -> datetime | None:
        """Return the first slot strictly after ``t``; None when there is none any more.

        The start and end time themselves can be slots.
        """
        if self.start_time is not None and t < self.start_time:
            t = self.start_time - _TICK
        slot = self.source.next_after(t.astimezone(UTC))
        if slot is None or (self.end_time is not None and slot > self.end_time):
            return None
        return slot

    def latest_at_or_before(self, t: datetime, after: datetime) -> datetime | None:
        """Return the newest slot in (``after``, ``t``], None when there is none.

        Slots in between are not enumerated: a year without anyone asking costs some tens of steps.
        """
        slot = self.next_after(after)
        if slot is None or slot > t:
            return None
        step = _FIRST_STEP_BACK
        while (later := self.next_after(max(slot, t - step))) is None or later > t:
            if t - step <= slot:
                return slot
            step *= 4
        return self._newest(later, t)

    def _newest(self, slot: datetime, t: datetime) -> datetime:
        # The newest slot lies in [slot, until]; no slot lies in (until, t].
        until = t
        while until - slot >= SECOND:
            middle = slot + (until - slot) / 2
            later = self.next_after(middle)
            if later is not None and later <= t:
                slot = later
            else:
                until = middle
        return slot

    def slots_between(self, after: datetime, through: datetime, limit: int) -> list[datetime]:
        """Return the slots in (``after``, ``through``], oldest first, at most ``limit`` of them."""
        slots: list[datetime] = []
        slot = self.next_after(after)
        while slot is not None and slot <= through and len(slots) < limit:
            slots.append(slot)
            slot = self.next_after(slot)
        return slots

    def start_of(self, slot: datetime) -> datetime:
        """Return when the run of ``slot`` is to start: the slot and 0..jitter, in milliseconds, before the next slot.

        The delay is drawn from (uid, slot), so it is the same after a restart.
        """
        following = self.next_after(slot) if self.jitter else None
        most = self.jitter if following is None else min(self.jitter, following - slot - _MILLISECOND)
        drawn = hashlib.sha256(f"{self.uid}/{int(slot.timestamp())}".encode()).digest()
        return slot + int.from_bytes(drawn[:8], "big") % (most // _MILLISECOND + 1) * _MILLISECOND

    def origin(self) -> datetime:
        """Return the instant after which slots count for a new object: its creation.

        For ``at`` one second earlier: a time equal to the creation's is not in the past.
        """
        return self.created - SECOND if self.one_shot else self.created

    def describe(self) -> str:
        """Return it for people in at most 60 characters: "0 9 * * 1-5", "every 5m", "at 2026-12-01 09:00"."""
        return self.source.describe()


def _check_one(**given: str | Sequence[str] | None) -> None:
    named = [f"spec.{name}" for name, value in given.items() if isinstance(value, str) or value]
    if len(named) != 1:
        found = f"found {' and '.join(named)}" if named else "found none"
        raise TimingError(
            named[0] if named else "spec.schedule",
            f"exactly one of spec.schedule, spec.schedules, spec.every and spec.at must be set; {found}",
        )


def _window(start: datetime | None, end: datetime | None) -> tuple[datetime | None, datetime | None]:
    for field, value in (("spec.startTime", start), ("spec.endTime", end)):
        if value is not None and value.tzinfo is None:
            raise TimingError(field, "the time has no offset; write it with one, such as '2026-12-01T09:00:00Z'")
    if start is not None:
        if not 1970 <= start.year <= LAST_YEAR:
            raise TimingError("spec.startTime", f"the year must be between 1970 and {LAST_YEAR}")
        start = whole_second_from(start)
    if start is not None and end is not None and start > end:
        raise TimingError("spec.startTime", "it lies after spec.endTime, so there would never be a run; swap them")
    return start, end


def _cron_union(schedule: str | None, schedules: Sequence[str], zone: ZoneInfo, hash_id: str) -> CronUnion:
    if schedule is not None:
        return CronUnion((_cron(schedule, hash_id, "spec.schedule"),), zone, "spec.schedule")
    if len(schedules) > MAX_EXPRESSIONS:
        raise TimingError("spec.schedules", f"has {len(schedules)} expressions, at most {MAX_EXPRESSIONS} are allowed")
    crons = [_cron(text, hash_id, f"spec.schedules[{index}]") for index, text in enumerate(schedules)]
    return CronUnion(tuple(dict.fromkeys(crons)), zone, "spec.schedules")


def _cron(text: str, hash_id: str, field: str) -> Cron:
    try:
        return parse_cron(text, hash_id)
    except CronError as e:
        raise TimingError(field, f"{e} (in {text[:64]!r})" if text.strip() else str(e)) from e
