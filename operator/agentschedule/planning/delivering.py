"""The outbox: which events are told to which targets, when an attempt is due, and what its outcome makes of an entry.

At least once: an entry is in the status before its first attempt and leaves `Pending` only by an outcome, so that after
a crash it goes again, with the key that (schedule, run, target, event) give.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from agentschedule.api.delivery import Delivery, Event, Target, Told
from agentschedule.api.status import Run
from agentschedule.constants import MESSAGE_BYTES
from agentschedule.runs.result import clean
from agentschedule.timing import TimingError, parse_duration

MOST_ENTRIES = 100
"""Of the outbox: what a status, an object of bounded size, can hold."""
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
DEFAULT_RETRIES = 5
"""Further attempts of channels whose target does not say how many."""
_SPREAD = 0.1
_REMEMBERED = 10
"""Settled entries of runs that are told of in the status no more."""


@dataclass(frozen=True, slots=True)
class Occurred:
    """An event. `run` is the run's id, or of what else it is: a hold's id. `message`: what the run's entry does not
    say."""

    event: Event
    run: str
    at: datetime
    summary: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Attempted:
    """What became of an attempt. `after` is the wait that the other side asks for."""

    run: str
    target: str
    event: Event
    result: Literal["Delivered", "Again", "Refused"]
    at: datetime
    reason: str = ""
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Outbox:
    """Entries, oldest first, and what targets were told last."""

    entries: tuple[Delivery, ...] = ()
    told: tuple[Told, ...] = ()


def events_of(run: Run, *, troubled: bool) -> tuple[Event, ...]:
    """The events of a run that has ended for good. `troubled`: the one before it failed or had an alert."""
    events: list[Event] = []
    if run.phase == "Succeeded":
        events.append("Succeeded")
        if troubled and run.alert is None:
            events.append("Recovered")
    elif run.phase == "Failed":
        events.append("Failed")
    elif run.phase == "TimedOut":
        events.append("TimedOut")
    if run.alert is not None:
        events.append("Alert")
    return tuple(events)


def troubles(run: Run) -> bool | None:
    """Whether the next success is a recovery; None: this run changes nothing about that."""
    if run.alert is not None or run.phase in {"Failed", "TimedOut"}:
        return True
    return False if run.phase == "Succeeded" else None


def put(outbox: Outbox, targets: Sequence[Target], occurred: Occurred) -> Outbox:
    """The outbox with an entry for each target that wants this event and is not spared it.

    A cooldown counts what it keeps back; `onlyOnChange` does not, for nothing new was said. An entry that is there
    stays as it is.
    """
    entries = list(outbox.entries)
    told = {(t.target, t.event): t for t in outbox.told}
    there = {(e.run, e.target, e.event) for e in entries}
    for target in targets:
        if occurred.event not in target.events or (occurred.run, target.name, occurred.event) in there:
            continue
        last = told.get((target.name, occurred.event))
        digest = _digest(occurred.summary or occurred.message)
        if last is not None and target.only_on_change and _nothing_new(outbox.told, target, occurred, digest):
            continue
        if last is not None and occurred.at < last.at + _cooldown(target):
            told[target.name, occurred.event] = last.model_copy(update={"suppressed": last.suppressed + 1})
            continue
        entries.append(
            Delivery(
                run=occurred.run,
                target=target.name,
                event=occurred.event,
                at=occurred.at,
                next_attempt=occurred.at,
                suppressed=(last.suppressed if last else 0) or None,
                message=clean(occurred.message, MESSAGE_BYTES) or None,
            )
        )
        told[target.name, occurred.event] = Told(
            target=target.name, event=occurred.event, at=occurred.at, summary_hash=digest
        )
    return Outbox(tuple(entries), tuple(told.values()))


def settle(outbox: Outbox, uid: str, targets: Sequence[Target] | None, attempted: Attempted) -> Outbox:
    """The outbox with an attempt's outcome. One for an entry that is not pending any more changes nothing.

    `targets` None: nobody knows them at present.
    """
    retries = {target.name: retries_of(target) for target in targets or ()}
    unknown = DEFAULT_RETRIES if targets is None else 0
    return Outbox(
        tuple(
            _settled(entry, uid, retries.get(entry.target, unknown), attempted)
            if (entry.run, entry.target, entry.event) == (attempted.run, attempted.target, attempted.event)
            and entry.phase == "Pending"
            else entry
            for entry in outbox.entries
        ),
        outbox.told,
    )


def without_target(outbox: Outbox, targets: Sequence[Target], now: datetime) -> Outbox:
    """The outbox after an edit: what waits for a target that is gone is given up."""
    names = {target.name for target in targets}
    entries = tuple(
        _failed(entry, "the target was removed from spec.delivery", now)
        if entry.phase == "Pending" and entry.target not in names
        else entry
        for entry in outbox.entries
    )
    return Outbox(entries, tuple(told for told in outbox.told if told.target in names))


def abandoned(outbox: Outbox, reason: str, now: datetime) -> Outbox:
    """The outbox with all that waits given up."""
    entries = tuple(_failed(entry, reason, now) if entry.phase == "Pending" else entry for entry in outbox.entries)
    return Outbox(entries, outbox.told)


def redeliver(outbox: Outbox, asked: str | None, now: datetime) -> Outbox:
    """What people ask for by the annotation, `RUN/TARGET` or several with commas: failed entries go again.

    Each goes once while the annotation stands; one that is gone can be set anew.
    """
    names = {part.strip() for part in (asked or "").split(",")[:MOST_ENTRIES]}
    return Outbox(tuple(_asked_for(entry, names, now) for entry in outbox.entries), outbox.told)


def due(outbox: Outbox, now: datetime) -> tuple[Delivery, ...]:
    """Entries whose attempt is due, those that wait longest first."""
    waiting = [e for e in outbox.entries if e.phase == "Pending" and (e.next_attempt or e.at) <= now]
    return tuple(sorted(waiting, key=lambda e: (e.next_attempt or e.at, e.at, e.target)))


def next_attempt(outbox: Outbox, now: datetime) -> datetime | None:
    """When the next entry becomes due that is not due yet."""
    later = [time for e in outbox.entries if e.phase == "Pending" and (time := e.next_attempt or e.at) > now]
    return min(later, default=None)


def unsettled(outbox: Outbox) -> frozenset[str]:
    """Runs whose Jobs are kept, for their logs may be read again."""
    return frozenset(entry.run for entry in outbox.entries if entry.phase == "Pending")


def forgotten(outbox: Outbox, runs: Iterable[str]) -> Outbox:
    """The outbox without settled entries of runs that the status does not tell of any more, but for the newest ones:
    those of what is no run, and failed ones, which may go again."""
    known = frozenset(runs)
    old = [e for e in outbox.entries if e.phase != "Pending" and e.run not in known]
    kept = [e for e in old if e.phase == "Failed" or e.message is not None][-_REMEMBERED:]
    gone = {id(e) for e in old} - {id(e) for e in kept}
    return Outbox(tuple(e for e in outbox.entries if id(e) not in gone), outbox.told) if gone else outbox


def bounded(outbox: Outbox) -> tuple[Outbox, tuple[Delivery, ...]]:
    """The outbox within its bound, and pending entries that had to be given up for it, which people are to be told.

    Delivered ones go first, then failed ones, then pending ones, always the oldest.
    """
    entries = list(outbox.entries)
    for phase in ("Delivered", "Failed"):
        over = len(entries) - MOST_ENTRIES
        gone = {id(e) for e in [e for e in entries if e.phase == phase][: max(0, over)]}
        entries = [e for e in entries if id(e) not in gone]
    over = max(0, len(entries) - MOST_ENTRIES)
    return Outbox(tuple(entries[over:]), outbox.told), tuple(entries[:over])


def retries_of(target: Target) -> int:
    """Further attempts after the first that a target gets."""
    return target.webhook.retries if target.webhook is not None else DEFAULT_RETRIES


def _settled(entry: Delivery, uid: str, retries: int, attempted: Attempted) -> Delivery:
    attempts = entry.attempts + 1
    tried = entry.model_copy(update={"attempts": attempts})
    if attempted.result == "Delivered":
        note = clean(attempted.reason, MESSAGE_BYTES) or None
        done = {"phase": "Delivered", "next_attempt": None, "last_error": note, "settled_at": _second(attempted.at)}
        return tried.model_copy(update=done)
    if attempted.result == "Refused" or attempts > retries:
        return _failed(tried, attempted.reason, attempted.at)
    wait = max(_wait(entry, uid, attempts), min(attempted.after or timedelta(), LONGEST_WAIT))
    return tried.model_copy(
        update={"next_attempt": _second(attempted.at) + wait, "last_error": clean(attempted.reason, MESSAGE_BYTES)}
    )


def _failed(entry: Delivery, reason: str, now: datetime) -> Delivery:
    why = {"last_error": clean(reason, MESSAGE_BYTES), "settled_at": _second(now)}
    return entry.model_copy(update={"phase": "Failed", "next_attempt": None, **why})


def _asked_for(entry: Delivery, names: set[str], now: datetime) -> Delivery:
    if f"{entry.run}/{entry.target}" not in names:
        return entry.model_copy(update={"redelivered": None}) if entry.redelivered else entry
    if entry.phase != "Failed" or entry.redelivered:
        return entry
    again = {"phase": "Pending", "attempts": 0, "next_attempt": _second(now), "settled_at": None, "redelivered": True}
    return entry.model_copy(update=again)


def _second(time: datetime) -> datetime:
    """As the API holds times: what is read back equals what was written."""
    return time.replace(microsecond=0)


def _wait(entry: Delivery, uid: str, attempts: int) -> timedelta:
    """Doubling, and varied a little: the same for the same attempt, also after a restart."""
    seconds = min(FIRST_WAIT.total_seconds() * 2 ** min(attempts - 1, 20), LONGEST_WAIT.total_seconds())
    named = f"{uid}/{entry.run}/{entry.target}/{entry.event}/{attempts}"
    fraction = int.from_bytes(hashlib.sha256(named.encode()).digest()[:4], "big") / 2**32
    return timedelta(seconds=round(seconds * (1 - _SPREAD * fraction)))


def _cooldown(target: Target) -> timedelta:
    if target.cooldown is None:
        return timedelta()
    try:
        return parse_duration(target.cooldown, "spec.delivery.cooldown")
    except TimingError:
        return timedelta()


def _nothing_new(told: Iterable[Told], target: Target, occurred: Occurred, digest: str) -> bool:
    """Whether the last thing that this target was told is this event with this summary: another event is news."""
    mine = [t for t in told if t.target == target.name]
    newest = max(mine, key=lambda t: t.at, default=None)
    return newest is not None and newest.event == occurred.event and newest.summary_hash == digest


def _digest(summary: str) -> str:
    return hashlib.sha256(summary.encode(errors="replace")).hexdigest()[:32]
