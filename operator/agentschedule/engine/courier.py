"""Deliveries made: each attempt that a plan asks for, in places of its own, its outcome put into the registry.

Nothing here goes through the dispatcher of API requests: a slow or dead endpoint keeps no start waiting.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

from agentschedule.api.delivery import Custom, Delivery, Event, SecretKey, Slack, Target, ValueSource, Webhook
from agentschedule.cluster.errors import ApiError
from agentschedule.constants import AGENT_CONTAINER
from agentschedule.delivery.notice import Notice
from agentschedule.delivery.outcome import Again, Delivered, Outcome
from agentschedule.delivery.sending import wanted_secrets
from agentschedule.engine.entries import Key, ScheduleEntry
from agentschedule.engine.lanes import Lane, Lanes
from agentschedule.engine.notices import notice_of
from agentschedule.engine.registry import Registry
from agentschedule.metrics import Metrics
from agentschedule.planning.actions import Deliver
from agentschedule.planning.delivering import Attempted, retries_of
from agentschedule.policy.addresses import Reach

logger = logging.getLogger(__name__)

PER_HOST = 2
"""Attempts under way to one host."""
_MEANWHILE = 2
"""Attempts under way in all while a burst of starts keeps the API server busy."""
_LOOK_AGAIN = 0.25


class Post(Protocol):
    """What sends: `delivery.sending.Sender`."""

    async def send(
        self, target: Target, notice: Notice, secrets: dict[SecretKey, str], reach: Reach | None = None
    ) -> Outcome:
        """Send it once. Never fails."""


class Sources(Protocol):
    """Where Secrets and logs are read: `cluster.reading.Reading`. Both raise `ApiError`."""

    async def secret(self, namespace: str, name: str) -> dict[str, str]:
        """The entries of a Secret; empty when there is none."""

    async def log(self, namespace: str, pod: str, container: str) -> tuple[str, bool]:
        """The end of a log, and whether there was more."""


class Outgoing(NamedTuple):
    """What deliveries are made with. `most`: attempts under way at once; `reach`: what the settings allow; `leads`:
    whether this operator may still send anything."""

    post: Post
    sources: Sources
    reach: Reach
    most: int = 32
    leads: Callable[[], bool] = lambda: True


class _Parcel(NamedTuple):
    """One entry of a schedule's outbox, whose attempt was asked for."""

    key: Key
    uid: str
    run: str
    target: str
    event: Event


class _UnreadableError(Exception):
    """What is needed for a delivery cannot be read now."""


class Courier:
    """Makes attempts for one term of leadership. `busy` tells whether starts need all there is."""

    def __init__(
        self,
        outgoing: Outgoing,
        registry: Registry,
        metrics: Metrics,
        *,
        clock: Callable[[], datetime],
        wake: Callable[[Key], None],
        busy: Callable[[], bool],
    ) -> None:
        self._outgoing = outgoing
        self._registry = registry
        self._clock = clock
        self._wake = wake
        self._busy = busy
        self._lanes: Lanes[_Parcel] = Lanes(outgoing.most, PER_HOST)
        self._known: set[_Parcel] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._open = True
        metrics.deliveries_under_way.set_function(lambda: self._lanes.under_way)

    def deliver(self, key: Key, entry: ScheduleEntry, action: Deliver) -> None:
        """Make an attempt when there is a place for it. What waits or is under way is not asked for twice."""
        parcel = _Parcel(key, entry.schedule.owner.uid, action.run, action.target, action.event)
        target = _target(entry, action.target)
        if not self._open or parcel in self._known or target is None:
            return
        self._known.add(parcel)
        self._lanes.put(Lane(_host(key, target), key.namespace), parcel)
        self._pump()

    async def close(self, seconds: float) -> None:
        """Begin nothing new, and let what is under way end, for at most so long."""
        self._open = False
        self._lanes.clear()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=max(0.0, seconds))

    async def stop(self) -> None:
        """Give up what is under way: whoever leads next makes those attempts again, with the same keys."""
        self._open = False
        self._lanes.clear()
        if self._timer is not None:
            self._timer.cancel()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _pump(self) -> None:
        if not self._open:
            return
        busy = self._busy()
        for lane, parcel in self._lanes.take(_MEANWHILE if busy else None):
            task = asyncio.get_running_loop().create_task(self._attempt(parcel))
            self._tasks.add(task)
            task.add_done_callback(partial(self._done, lane))
        if busy and self._lanes and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_AGAIN, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self._pump()

    def _done(self, lane: Lane, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._lanes.done(lane)
        self._pump()

    async def _attempt(self, parcel: _Parcel) -> None:
        entry = self._entry(parcel)
        delivery = _pending(entry, parcel) if entry is not None else None
        target = _target(entry, parcel.target) if entry is not None else None
        if entry is None or delivery is None or target is None:
            self._known.discard(parcel)
            return  # deleted or settled meanwhile, or for a target that is gone
        outcome: Outcome
        try:
            outcome = await self._send(parcel, entry, delivery, target)
        except _UnreadableError as error:
            outcome = Again(str(error))
        except Exception as error:  # noqa: BLE001 - one delivery harms no other; texts of exceptions may hold secrets
            extra = {**_where(parcel), "error": type(error).__name__}
            logger.error("a delivery failed in an unforeseen way", extra=extra)  # noqa: TRY400
            outcome = Again(f"unexpected failure ({type(error).__name__})")
        self._tell(parcel, outcome)

    async def _send(self, parcel: _Parcel, entry: ScheduleEntry, delivery: Delivery, target: Target) -> Outcome:
        namespace = parcel.key.namespace
        policy = self._registry.policies.of(namespace)
        if policy.unreadable:
            raise _UnreadableError(f"nobody knows what is allowed: {policy.unreadable[0]}")
        reach = policy.reach(self._outgoing.reach)
        pod, there = self._registry.pod_of(parcel.uid, delivery.run) or (None, False)
        notice = notice_of(entry, delivery, pod.result if pod is not None else None)
        if target.output == "Log" and notice.run:
            notice = await self._with_log(notice, pod.name if pod is not None and there else None, delivery, target)
        secrets = await self._secrets(namespace, target)
        if not self._outgoing.leads():
            raise _UnreadableError("this operator does not lead any more")
        return await self._outgoing.post.send(target, notice, secrets, reach)

    async def _secrets(self, namespace: str, target: Target) -> dict[SecretKey, str]:
        """The entries that are there. What is missing is told by whoever needs it."""
        wanted = wanted_secrets(target)
        found: dict[SecretKey, str] = {}
        for name in sorted({key.name for key in wanted}):
            try:
                entries = await self._outgoing.sources.secret(namespace, name)
            except ApiError as error:
                why = "the operator's role does not allow it" if error.status == 403 else error.status or error.reason
                raise _UnreadableError(f"the Secret {name} could not be read: {why}") from None
            found |= {key: entries[key.key] for key in wanted if key.name == name and key.key in entries}
        return found

    async def _with_log(self, notice: Notice, pod: str | None, delivery: Delivery, target: Target) -> Notice:
        """The notice with the end of the agent's log, or with words where there is none."""
        if pod is None:
            return notice.with_output("(the agent's log is not there any more: its pod is gone)", truncated=False)
        try:
            text, truncated = await self._outgoing.sources.log(notice.namespace, pod, AGENT_CONTAINER)
        except ApiError as error:
            last = delivery.attempts >= retries_of(target)
            if error.passes and not last:
                raise _UnreadableError("the agent's log could not be read") from None
            text, truncated = f"(the agent's log cannot be read: {_why(error)})", False
        return notice.with_output(text, truncated=truncated)

    def _tell(self, parcel: _Parcel, outcome: Outcome) -> None:
        self._known.discard(parcel)
        entry = self._entry(parcel)
        if entry is None:
            return
        result: Literal["Delivered", "Again", "Refused"]
        reason, after = "", None
        if isinstance(outcome, Delivered):
            result, reason = "Delivered", outcome.note
        elif isinstance(outcome, Again):
            result, reason = "Again", outcome.reason
            after = timedelta(seconds=outcome.after) if outcome.after is not None else None
        else:
            result, reason = "Refused", outcome.reason
        attempted = Attempted(parcel.run, parcel.target, parcel.event, result, self._clock(), reason, after)
        entry.attempted = (*entry.attempted, attempted)
        extra = {**_where(parcel), "result": result, "reason": reason}
        logger.info("an attempt to deliver was made", extra=extra)
        self._wake(parcel.key)

    def _entry(self, parcel: _Parcel) -> ScheduleEntry | None:
        entry = self._registry.schedules.get(parcel.key)
        return entry if entry is not None and entry.schedule.owner.uid == parcel.uid else None


def _pending(entry: ScheduleEntry, parcel: _Parcel) -> Delivery | None:
    wanted = (parcel.run, parcel.target, parcel.event)
    for delivery in entry.status.deliveries or ():
        if delivery.phase == "Pending" and (delivery.run, delivery.target, delivery.event) == wanted:
            return delivery
    return None


def _target(entry: ScheduleEntry, name: str) -> Target | None:
    spec = entry.schedule.spec
    return next((target for target in (spec.delivery or () if spec else ()) if target.name == name), None)


def _host(key: Key, target: Target) -> str:
    """What attempts that may hold each other up have in common: a host, or where that is secret, its secret."""
    match target.channel:
        case Webhook(url=str(url)):
            try:
                return (urlsplit(url).hostname or "").rstrip(".").lower()
            except ValueError:
                return ""
        case Webhook(url_from=ValueSource(secret_key_ref=ref)):
            return f"secret {key.namespace}/{ref.name}/{ref.key}"
        case Slack():
            return "slack.com"
        case Custom(type=kind):
            return f"custom {kind} of {key.namespace}"
        case _:
            return f"channel {target.channel_name}"


def _why(error: ApiError) -> str:
    if error.status == 404:
        return "its pod is gone"
    return "the operator may not read logs" if error.status == 403 else "the cluster does not have it"


def _where(parcel: _Parcel) -> dict[str, str]:
    return {
        "namespace": parcel.key.namespace,
        "object": parcel.key.name,
        "run": parcel.run,
        "target": parcel.target,
        "event": parcel.event,
    }
