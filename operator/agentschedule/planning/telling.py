"""Telling people: what happened becomes entries of the outbox, attempts become due, outcomes settle them.

The outbox itself is `delivering.py`. Nothing here is done for schedules without `spec.delivery`.
"""

from collections.abc import Sequence

from agentschedule.api.delivery import Delivery, Target, Telling
from agentschedule.api.status import AgentScheduleStatus, Run
from agentschedule.constants import ANNOTATION_REDELIVER
from agentschedule.planning import delivering
from agentschedule.planning.actions import Deliver, Tried
from agentschedule.planning.delivering import Attempted, Outbox
from agentschedule.planning.draft import Draft

Place = tuple[str, str, str]
"""Run, target and event of an entry: its key."""

_NOTHING = frozenset[str]()


def notify_end(draft: Draft, run: Run) -> None:
    """A run ended for good: its events, and whether the next success is a recovery."""
    if not _targets(draft):
        return
    telling = draft.status.telling or Telling()
    for event in delivering.events_of(run, troubled=bool(telling.troubled)):
        draft.occurred(event, run.id, summary=run.summary or "")
    troubled = delivering.troubles(run)
    if troubled is not None and troubled != bool(telling.troubled):
        draft.update(telling=telling.model_copy(update={"troubled": troubled or None}))


def awaited(status: AgentScheduleStatus) -> frozenset[str]:
    """Runs of which somebody is still to be told."""
    if not status.deliveries:
        return _NOTHING
    return delivering.unsettled(Outbox(tuple(status.deliveries)))


def keep_outbox(draft: Draft) -> None:
    """Outcomes are taken, what happened is put in, what people want sent once more is due again."""
    status, targets = draft.status, _targets(draft)
    if not targets and not status.deliveries and status.telling is None:
        return
    telling = status.telling or Telling()
    before = Outbox(tuple(status.deliveries or ()), tuple(telling.last))
    outbox, given_up = delivering.bounded(_changed(draft, before, targets))
    for entry in given_up:
        _tell_failure(draft, entry, "too many other deliveries wait")
    _count(draft, before, outbox, targets or ())
    telling = telling.model_copy(update={"last": list(outbox.told)})
    kept = telling if outbox.told or telling.troubled else None
    draft.update(deliveries=list(outbox.entries) or None, telling=kept)


def deliver_due(draft: Draft) -> None:
    """Ask for the attempts that are due: of entries that the API server holds, so that no crash loses them."""
    status, targets = draft.status, _targets(draft)
    if not status.deliveries:
        return
    outbox = delivering.forgotten(Outbox(tuple(status.deliveries)), [run.id for run in status.runs])
    draft.update(deliveries=list(outbox.entries) or None)
    if targets is None:
        return  # where to send it is not known before the spec can be read again
    held = set(_places(draft.observed.status)) if draft.observed.settled else set()
    for entry in delivering.due(outbox, draft.now):
        if _place(entry) in held:
            draft.do(Deliver(entry.run, entry.target, entry.event))
    draft.wake(delivering.next_attempt(outbox, draft.now))


def _changed(draft: Draft, outbox: Outbox, targets: Sequence[Target] | None) -> Outbox:
    for attempted in draft.observed.attempted:
        outbox = delivering.settle(outbox, draft.observed.schedule.owner.uid, targets, attempted)
    if targets is None:
        return outbox
    for occurred in draft.happened:
        outbox = delivering.put(outbox, targets, occurred)
    outbox = delivering.without_target(outbox, targets, draft.now)
    if not draft.settings.outlets.enabled:
        return delivering.abandoned(outbox, "the operator's settings have deliveries switched off", draft.now)
    return delivering.redeliver(outbox, draft.observed.schedule.redeliver, draft.now)


def _count(draft: Draft, before: Outbox, after: Outbox, targets: Sequence[Target]) -> None:
    """What came of attempts, for metrics; what is given up, for people."""
    channels = {target.name: target.channel_name for target in targets}
    pending = {_place(entry) for entry in before.entries if entry.phase == "Pending"}
    attempts: dict[Place, Attempted] = {(a.run, a.target, a.event): a for a in draft.observed.attempted}
    for entry in after.entries:
        attempted = attempts.get(_place(entry))
        if _place(entry) not in pending:
            continue
        if attempted is not None:
            draft.tried.append(_told(entry, attempted, channels.get(entry.target, "none")))
        if entry.phase == "Failed":
            _tell_failure(draft, entry, entry.last_error or "")


def _told(entry: Delivery, attempted: Attempted, channel: str) -> Tried:
    if entry.phase == "Delivered":
        seconds = None if entry.redelivered else max(0.0, (attempted.at - entry.at).total_seconds())
        return Tried(channel, "Delivered", seconds)
    return Tried(channel, "Failed" if entry.phase == "Failed" else "Retried")


def _tell_failure(draft: Draft, entry: Delivery, why: str) -> None:
    text = (
        f"{entry.event} of {entry.run} could not be delivered to {entry.target}"
        f" ({entry.attempts} attempts): {why}; to try again, set the annotation"
        f" {ANNOTATION_REDELIVER}={entry.run}/{entry.target}"
    )
    draft.note("DeliveryFailed", text, warning=True)
    cause = f"{entry.run}/{entry.target}/{entry.event}/{entry.attempts}"
    draft.record("DeliveryFailed", cause, text, run=entry.run, reason=entry.event)


def _targets(draft: Draft) -> Sequence[Target] | None:
    """Who hears of it; None: the spec cannot be read."""
    spec = draft.observed.schedule.spec
    return None if spec is None else spec.delivery or ()


def _place(entry: Delivery) -> Place:
    return entry.run, entry.target, entry.event


def _places(status: AgentScheduleStatus) -> list[Place]:
    return [_place(entry) for entry in status.deliveries or () if entry.phase == "Pending"]
