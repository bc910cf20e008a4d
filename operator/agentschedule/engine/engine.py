"""The engine: sleeps until something is due or has changed, has it planned, and hands the plan on."""

import asyncio
import dataclasses
import heapq
import itertools
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from agentschedule.engine.ahead import Upcoming
from agentschedule.engine.approver import Approver
from agentschedule.engine.auditor import Auditor
from agentschedule.engine.clock import loop_time, utc_now
from agentschedule.engine.courier import Courier, Outgoing
from agentschedule.engine.crew import Crew
from agentschedule.engine.dispatcher import Dispatcher, Urgency
from agentschedule.engine.entries import Key, ScheduleEntry
from agentschedule.engine.executor import Executor
from agentschedule.engine.intake import Intake
from agentschedule.engine.pins import PinVerifier
from agentschedule.engine.ports import Cluster, attended
from agentschedule.engine.reconciler import Reconciler
from agentschedule.engine.recorder import Recorder
from agentschedule.engine.rereader import Rereader
from agentschedule.engine.starter import Starter
from agentschedule.engine.writer import StatusWriter
from agentschedule.metrics import Metrics

logger = logging.getLogger(__name__)

LONGEST_SLEEP = 5.0
"""Seconds after which the wall clock is looked at again: it may have been set while we slept by the monotonic one."""

_BATCH = 20
_SETTLED = 5
"""Starts whose answer is looked at, for each schedule that has news: they come first, and are news themselves."""
_STARTS_AHEAD = 2
"""Starts that wait to be sent, for each that may be under way: while there are that many, nothing more is planned."""
_BURST = 3.0
_TRICKLE = 2
_TRICKLE_EVERY = 0.05
"""While starts keep the API server busy, nothing else is looked at for `_BURST` seconds, and from then on so many
schedules at a time, with so many seconds between. What came of a burst's starts is recorded after it."""
_WARM = timedelta(seconds=2)
_AFTER_ERROR = timedelta(seconds=30)
_FLUSH = 1.0
"""Seconds for which an operator that stops writes what waits."""


class Engine:
    """Keeps the due heap, reconciles, and has done what is decided: for one term of leadership.

    What is known (`intake` and its registry) is there before it and after it. All of it belongs to one event loop.
    """

    def __init__(
        self,
        cluster: Cluster,
        intake: Intake,
        metrics: Metrics,
        *,
        concurrency: int = 64,
        status_interval: float = 1.0,
        clock: Callable[[], datetime] = utc_now,
        outgoing: Outgoing | None = None,
    ) -> None:
        self.intake = intake
        self.registry = intake.registry
        self.dispatcher = Dispatcher(concurrency, metrics)
        cluster = attended(cluster, self.dispatcher.failed)
        self.auditor = Auditor(metrics, clock)
        self.auditor.busy = self._is_bursting
        self.recorder = Recorder(cluster, self.dispatcher, metrics)
        self._cluster = cluster
        self._metrics = metrics
        self._clock = clock
        self._starter = Starter(
            self.registry, cluster, self.dispatcher, self.recorder, metrics, clock=clock, wake=self.wake
        )
        self._courier = outgoing and Courier(
            outgoing, self.registry, metrics, clock=clock, wake=self.wake, busy=self._is_bursting
        )
        approver = Approver(self.registry, cluster, self.dispatcher, self.recorder, clock=clock, wake=self.wake)
        keys = intake.settings.keys_namespace
        pins = PinVerifier(self.registry, cluster, self.dispatcher, keys, clock=clock, wake=self.wake)
        crew = Crew(self._starter, approver, pins, self._courier)
        executor = Executor(self.registry, cluster, self.dispatcher, crew, clock=clock, wake=self.wake)
        self._rereader = Rereader(self.registry, cluster, self.dispatcher)
        self._writer = StatusWriter(
            self.registry,
            cluster,
            self.dispatcher,
            interval=status_interval,
            on_writing=self.auditor.flush,
            on_written=self._written,
            on_read=self._observe,
        )
        self._reconciler = Reconciler(
            intake,
            executor,
            self._writer,
            self.recorder,
            self.auditor,
            clock=clock,
            wake_at=self._wake_at,
        )
        self._heap: list[tuple[datetime, Key]] = []
        self._due: OrderedDict[Key, None] = OrderedDict()
        self._woken: OrderedDict[Key, None] = OrderedDict()
        self._upcoming = Upcoming()
        self._bursts: Counter[datetime] = Counter()
        """How many plans were made ahead for each time."""
        self._news = asyncio.Event()
        self._trickles_at = 0.0
        self.dispatcher.on_starts_low = self._news.set
        self._closing = False
        self._unseen = 0
        self._begun = False
        self.on_begun: Callable[[], None] = lambda: None
        """Called when every schedule has been looked at once."""
        self.on_schedule_gone: Callable[[], None] = lambda: None

    def wake(self, key: Key) -> None:
        """Something is news of this schedule: reconcile it soon. What was planned ahead does not hold any more."""
        entry = self.registry.schedules.get(key)
        if entry is not None:
            entry.ahead = None
        self._woken[key] = None
        if not self.dispatcher.starts_fill_it():
            self._news.set()

    def forget(self, kind: str, key: Key) -> None:
        """An object is gone."""
        self._writer.forget(kind, key)
        if kind != "agentschedules":
            return
        gone = self.registry.schedules[key]
        self.auditor.record(gone.schedule, "ScheduleDeleted", "", "")
        self._step_back(key, gone)
        self.on_schedule_gone()

    def _step_back(self, key: Key, entry: ScheduleEntry) -> None:
        """Whatever of a schedule waits for its turn, or has got it, gives that up. What is under way ends by itself."""
        for name, start in list(entry.starts.items()):
            if start.state in {"Queued", "Granted"}:
                del entry.starts[name]
                self.registry.admission.leave((key.namespace, name))

    def doubt(self, key: Key) -> None:
        """Another has written its status."""
        self._rereader.read(key, self.intake)

    def _observe(self, kind: str, raw: dict[str, Any]) -> None:
        """One of our own kinds was read afresh."""
        if kind == "agentschedules":
            self.intake.observe_schedule(None, raw)
        else:
            self.intake.observe_request(None, raw)

    # The loop

    async def run(self) -> None:
        """Look at every schedule, then reconcile what is due or woken, until cancelled: nothing is sent after that."""
        self.registry.began = self._clock()
        self.registry.spending.forget()
        self.dispatcher.start()
        auditing = asyncio.create_task(self.auditor.run(), name="audit")
        self._woken.update(dict.fromkeys(sorted(self.registry.everyone(), key=self._is_late, reverse=True)))
        self._unseen = len(self._woken)
        try:
            while not self._closing:
                await self._turn()
            await asyncio.Event().wait()  # the workers go on until this task is cancelled
        finally:
            auditing.cancel()
            if self._courier is not None:
                await self._courier.stop()
            await self.dispatcher.stop()

    def _is_late(self, key: Key) -> bool:
        """Whether a slot was due while nobody acted: those are looked at first."""
        entry = self.registry.schedules.get(key)
        due = entry.status.next_run_time if entry is not None else None
        return due is not None and self.registry.began is not None and due <= self.registry.began

    async def close(self, seconds: float) -> None:
        """Plan and start nothing any more; let what is under way end, for at most this long.

        What is known is written while that takes no time: another waits to lead, and would find it out by itself.
        """
        self._closing = True
        self.dispatcher.only(Urgency.STATUS, Urgency.EVENT)
        self._writer.hurry()
        self._starter.hurry()
        begun = loop_time()
        self.auditor.flush_all()
        if self._courier is not None:
            await self._courier.close(min(_FLUSH, seconds))
            for key in [key for key, entry in self.registry.schedules.items() if entry.attempted]:
                self._safely(key, self._reconciler.reconcile)
        await self.dispatcher.drain(min(_FLUSH, seconds))
        self.dispatcher.only()
        if not await self.dispatcher.drain(begun + seconds - loop_time()):
            logger.warning("stopping with requests unfinished")

    async def _turn(self) -> None:
        self._collect_due()
        share = self._share()
        for _ in range(min(max(share, self._starts_wanted()), _BATCH, len(self._due))):
            self._safely(self._due.popitem(last=False)[0], self._reconciler.serve)
        settled = self._starter.settle(_SETTLED * share)
        for _ in range(min(share, len(self._woken)) if settled or self._is_bursting() else 0):
            key, _ = self._woken.popitem(last=False)
            self._safely(key, self._reconciler.reconcile)
            self._unseen -= 1
        self._call_next()
        if self._is_quiet():
            self._plan_ahead()
            self._warm_up()
        if (self._due and self._starts_wanted()) or ((self._woken or not settled) and not self._is_bursting()):
            await asyncio.sleep(0)
            return
        await self._sleep()

    def _collect_due(self) -> None:
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            at, key = heapq.heappop(self._heap)
            entry = self.registry.schedules.get(key)
            if entry is not None and entry.wake_at == at:
                entry.wake_at = None
                self._due[key] = None

    def _starts_wanted(self) -> int:
        """How many schedules that are due are looked at now: enough that the API server never waits for us."""
        return max(0, _STARTS_AHEAD * self.dispatcher.limit - self.dispatcher.waiting(Urgency.START))

    def _share(self) -> int:
        """How many schedules that have news are looked at now."""
        now = loop_time()
        if not self._is_bursting():
            self._trickles_at = now + _BURST
            return _BATCH
        if now < self._trickles_at:
            return 0
        self._trickles_at = now + _TRICKLE_EVERY
        return _TRICKLE

    def _is_bursting(self) -> bool:
        """Whether starts keep the API server busy: they come before everything else."""
        return self._unseen <= 0 and (bool(self._due) or self.dispatcher.starts_fill_it())

    def _is_quiet(self) -> bool:
        return not (self._due or self._woken or self.dispatcher.starts_fill_it())

    def _plan_ahead(self) -> None:
        """Use a quiet moment for what will be due."""
        for key, at in itertools.islice(self._upcoming.take(self._clock()), _BATCH):
            entry = self.registry.schedules.get(key)
            if entry is None or entry.expected != at:
                continue
            entry.expected = None
            if entry.wake_at == at and entry.ahead is None and not entry.doubted:
                self._safely(key, partial(self._plan_for, entry=entry, at=at))

    def _plan_for(self, key: Key, *, entry: ScheduleEntry, at: datetime) -> None:
        if self._reconciler.plan_ahead(key, entry, at):
            self._bursts[at] += 1

    def _warm_up(self) -> None:
        """Open connections before a burst rather than in it."""
        soon = self._clock() + _WARM
        bursts = [at for at in self._bursts if at <= soon]
        most = max((self._bursts.pop(at) for at in bursts), default=0)
        if most:
            connections = min(most, self.dispatcher.limit)
            self.dispatcher.submit(Urgency.CHECK, lambda: self._cluster.warm(connections))

    def _call_next(self) -> None:
        """Starts whose turn has come are planned anew: a run is made from what holds when it starts."""
        if self._unseen <= 0 and not self._begun:
            self._begun = True
            self.registry.admission.begin()
            self.on_begun()
        for claim in self.registry.admission.turns(loop_time()):
            key = Key(claim.namespace, claim.schedule)
            entry = self.registry.schedules.get(key)
            start = entry.starts.get(claim.job) if entry is not None else None
            if entry is None or start is None or start.state != "Queued":
                self.registry.admission.leave(claim.place)
                continue
            entry.starts[claim.job] = dataclasses.replace(start, state="Granted")
            self.wake(key)

    async def _sleep(self) -> None:
        seconds = min(LONGEST_SLEEP, self.registry.admission.look_again(loop_time()) or LONGEST_SLEEP)
        upcoming = self._upcoming.next() if self._is_quiet() else None
        burst = min(self._bursts) - _WARM if self._bursts and self._is_quiet() else None
        for at in (self._heap[0][0] if self._heap else None, upcoming, burst):
            if at is not None:
                seconds = min(seconds, (at - self._clock()).total_seconds())
        if self._is_bursting():
            seconds = min(seconds, _TRICKLE_EVERY)
        self._news.clear()
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass

    def _safely(self, key: Key, work: Callable[[Key], None]) -> None:
        """One bad resource never disturbs another."""
        try:
            work(key)
        except Exception:
            self._metrics.reconcile_errors.inc()
            logger.exception("reconciling failed", extra={"namespace": key.namespace, "object": key.name})
            entry = self.registry.schedules.get(key)
            if entry is not None:
                self._step_back(key, entry)
                self._wake_at(key, entry, self._clock() + _AFTER_ERROR)

    def _wake_at(self, key: Key, entry: ScheduleEntry, at: datetime) -> None:
        if entry.wake_at != at:
            entry.wake_at = at
            heapq.heappush(self._heap, (at, key))
        if entry.expected != at and self._upcoming.expect(key, at, self._clock()):
            entry.expected = at

    def _written(self, kind: str, key: Key) -> None:
        """A status is settled: what waited for that can go on."""
        if kind == "agentruns":
            request = self.registry.requests.get(key)
            if request is None:
                return
            key = Key(key.namespace, request.request.spec.schedule_name)
        self.wake(key)
