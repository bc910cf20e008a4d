"""What can happen in a story. Each step prints as the line of Python that makes it happen again."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Protocol

from hypothesis import strategies as st

from agentschedule.api.fields import utc_text
from agentschedule.constants import ANNOTATION_PAUSED, ANNOTATION_PAUSED_UNTIL

from .node import Behaviour
from .world import NAMESPACE, START, World

MINUTE = 60
END = START + timedelta(minutes=75)
"""No slot is due after this, so that every story comes to rest."""

Cascade = Literal["Background", "Foreground", "Orphan"]


class Step(Protocol):
    """Something that happens."""

    async def happen(self, world: World) -> None: ...


@dataclass(frozen=True)
class Wait:
    minutes: float

    async def happen(self, world: World) -> None:
        await world.sleep(self.minutes * MINUTE)


@dataclass(frozen=True)
class Apply:
    name: str
    spec: dict[str, Any]

    async def happen(self, world: World) -> None:
        world.apply(self.name, {"endTime": utc_text(END), "activeDeadlineSeconds": 600, **self.spec})


@dataclass(frozen=True)
class Edit:
    name: str
    fields: dict[str, Any]

    async def happen(self, world: World) -> None:
        world.edit(self.name, self.fields)


@dataclass(frozen=True)
class Pause:
    name: str
    minutes: int | None

    async def happen(self, world: World) -> None:
        until = utc_text(world.clock.true() + timedelta(minutes=self.minutes)) if self.minutes else None
        world.annotate(self.name, {ANNOTATION_PAUSED: "maintenance", ANNOTATION_PAUSED_UNTIL: until})


@dataclass(frozen=True)
class Unpause:
    name: str

    async def happen(self, world: World) -> None:
        world.annotate(self.name, {ANNOTATION_PAUSED: None, ANNOTATION_PAUSED_UNTIL: None})


@dataclass(frozen=True)
class RunNow:
    name: str
    run: str

    async def happen(self, world: World) -> None:
        world.run_now(self.run, self.name)


@dataclass(frozen=True)
class TakeBack:
    """Delete an AgentRun."""

    run: str

    async def happen(self, world: World) -> None:
        world.delete("agentruns", self.run)


@dataclass(frozen=True)
class Cancel:
    """Delete the Job of a schedule's oldest active run, as its status shows it."""

    name: str
    cascade: Cascade

    async def happen(self, world: World) -> None:
        raw = world.cluster.get("agentschedules", NAMESPACE, self.name) or {}
        for run in ((raw.get("status") or {}).get("active") or ())[:1]:
            world.delete("jobs", run, self.cascade)


@dataclass(frozen=True)
class Delete:
    name: str
    cascade: Cascade

    async def happen(self, world: World) -> None:
        world.delete("agentschedules", self.name, self.cascade)


@dataclass(frozen=True)
class Crash:
    seconds: float

    async def happen(self, world: World) -> None:
        world.crash(self.seconds)


@dataclass(frozen=True)
class CrashAt:
    """Crash at the operator's so-many-th request from now."""

    request: int
    moment: Literal["before", "after"]
    seconds: float

    async def happen(self, world: World) -> None:
        world.crash_at(self.request, self.moment, self.seconds)


@dataclass(frozen=True)
class Stop:
    """The operator is stopped as SIGTERM does, with 20 s to end, and is started again."""

    async def happen(self, world: World) -> None:
        await world.stop()
        world.start()


@dataclass(frozen=True)
class Hang:
    """The operator hangs, and another takes over after so many seconds."""

    seconds: float

    async def happen(self, world: World) -> None:
        world.pause_operator(self.seconds)


@dataclass(frozen=True)
class Awake:
    """Operators that hung go on with what they knew, for so many seconds."""

    seconds: float

    async def happen(self, world: World) -> None:
        world.wake_old(self.seconds)


@dataclass(frozen=True)
class Lag:
    """The watch of one kind is behind the others by up to so many seconds."""

    kind: str
    seconds: float

    async def happen(self, world: World) -> None:
        world.faults.lags[self.kind] = self.seconds


@dataclass(frozen=True)
class Trouble:
    """From now on this share of requests fails, and requests and events take up to so many seconds."""

    rate: float
    delay: float
    doubled: float

    async def happen(self, world: World) -> None:
        world.faults.rate, world.faults.longest_delay, world.faults.doubled = self.rate, self.delay, self.doubled


@dataclass(frozen=True)
class Down:
    """No API server for a while."""

    how: Literal["refusing", "silent"]
    minutes: float
    losing: bool

    async def happen(self, world: World) -> None:
        if not world.faults.down:
            world.take_down(self.how, self.minutes * MINUTE, losing=self.losing)


@dataclass(frozen=True)
class Snap:
    """One watch breaks for a while."""

    kind: str
    minutes: float
    losing: bool

    async def happen(self, world: World) -> None:
        world.snap(self.kind, self.minutes * MINUTE, losing=self.losing)


@dataclass(frozen=True)
class Jump:
    """The operator's clock is set."""

    minutes: int

    async def happen(self, world: World) -> None:
        world.log(f"the clock is set by {self.minutes} min")
        world.clock.step(timedelta(minutes=self.minutes))


@dataclass(frozen=True)
class Pods:
    """How pods behave from now on."""

    behaviour: Behaviour

    async def happen(self, world: World) -> None:
        world.behaviour = self.behaviour


_names = st.sampled_from(["a", "b"])
_runs = st.sampled_from(["run-1", "run-2", "run-3"])
_cascades: st.SearchStrategy[Cascade] = st.sampled_from(["Background", "Foreground", "Orphan"])
_when: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.sampled_from(["6m", "7m30s", "20m"]).map(lambda every: {"every": every}),
    st.sampled_from(["*/10 * * * *", "H/9 * * * *", "5,20 * * * *"]).map(lambda cron: {"schedule": cron}),
    st.just({"every": "13s", "endTime": utc_text(START + timedelta(minutes=5))}),
    st.just({"schedules": ["0 * * * *", "*/15 * * * *"], "timeZone": "Asia/Kolkata"}),
    st.integers(1, 60).map(lambda minutes: {"at": utc_text(START + timedelta(minutes=minutes))}),
    st.just({"schedule": "61 * * * *"}),
)
_more: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "jitter": st.just("2m"),
        "startingDeadlineSeconds": st.sampled_from([10, 120]),
        "catchUp": st.just("None"),
        "retry": st.sampled_from(
            [{"limit": 1, "backoff": "5s"}, {"limit": 2, "backoff": "2m", "retryOn": ["Failed", "TimedOut"]}]
        ),
        "runHistoryLimit": st.just(1),
        "successfulJobsHistoryLimit": st.just(0),
        "failedJobsHistoryLimit": st.just(0),
        "ttlSecondsAfterFinished": st.sampled_from([0, 60]),
    },
)
_limits: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        {"concurrencyPolicy": "Replace"},
        {"concurrencyPolicy": "Allow"},
        {"maxConcurrentRuns": 2},
        {"maxConcurrentRuns": 2, "concurrencyPolicy": "Replace"},
    ]
)
_specs = st.builds(lambda *parts: {k: v for part in parts for k, v in part.items()}, _when, _more, _limits)
_edits: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"suspend": True},
        {"suspend": False},
        {"input": "another task"},
        {"every": "8m", "schedule": None, "schedules": None, "at": None},
    ]
)
_behaviours = st.sampled_from(
    [
        Behaviour(),
        Behaviour(lasts=0.05, starts=0.05),
        Behaviour(lasts=500, stops=25),
        Behaviour(lasts=5, exit_code=1, message='{"costUSD": "0.03", "state": {"page": 7}}'),
        Behaviour(lasts=5, exit_code=137, evicted=True),
        Behaviour(lasts=5000, message='{"summary": "so far", "costUSD": "0.07"}'),
        Behaviour(starts=None),
    ]
)
_downtimes = st.sampled_from([0.0, 3.0, 100.0, 900.0])

_kinds = st.sampled_from(["agentschedules", "agentruns", "jobs", "pods"])

applications = st.builds(Apply, _names, _specs)
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(Wait, st.sampled_from([0.02, 1, 7, 21])),
    st.builds(Wait, st.sampled_from([0.5, 6, 10])),
    applications,
    st.builds(Edit, _names, _edits),
    st.builds(Pause, _names, st.sampled_from([None, 5, 20])),
    st.builds(Unpause, _names),
    st.builds(RunNow, _names, _runs),
    st.builds(TakeBack, _runs),
    st.builds(Cancel, _names, _cascades),
    st.builds(Delete, _names, _cascades),
    st.builds(Crash, _downtimes),
    st.builds(CrashAt, st.integers(1, 40), st.sampled_from(["before", "after"]), _downtimes),
    st.builds(Trouble, st.sampled_from([0.0, 0.1, 0.4]), st.sampled_from([0.05, 3.0]), st.sampled_from([0.0, 0.5])),
    st.builds(Down, st.sampled_from(["refusing", "silent"]), st.sampled_from([0.3, 4, 13]), st.booleans()),
    st.builds(Snap, _kinds, st.sampled_from([0.1, 2, 4]), st.booleans()),
    st.builds(Lag, _kinds, st.sampled_from([0.0, 2.0, 20.0])),
    st.just(Stop()),
    st.builds(Hang, st.sampled_from([0.0, 15.0, 300.0])),
    st.builds(Awake, st.sampled_from([0.01, 2.0, 10.0, 400.0])),
    st.builds(Jump, st.sampled_from([-60, -1, 1, 60])),
    st.builds(Pods, _behaviours),
)
