"""What can happen in a story. Each step prints as the line of Python that makes it happen again."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, product, starmap
from typing import Any, Literal, Protocol

from hypothesis import strategies as st

from agentschedule.api.fields import utc_text
from agentschedule.constants import ANNOTATION_PAUSED, ANNOTATION_PAUSED_UNTIL

from .node import Behaviour
from .world import NAMESPACE, START, Moment, World

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
        defaults = {"endTime": utc_text(END), "activeDeadlineSeconds": 600, "pauseAfterFailures": 0}
        world.apply(self.name, {**defaults, **self.spec})


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
class Squat:
    """Somebody makes a Job of the name that a schedule's next run will have."""

    name: str

    async def happen(self, world: World) -> None:
        world.squat(self.name)


@dataclass(frozen=True)
class Crash:
    seconds: float

    async def happen(self, world: World) -> None:
        world.crash(self.seconds)


@dataclass(frozen=True)
class CrashAt:
    """Crash at the operator's so-many-th request from now."""

    request: int
    moment: Moment
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


# Drawn from plain lists: hypothesis then gives everything about the same share, also in a few dozen stories.

_NAMES = ("a", "b")
_WHEN: tuple[dict[str, Any], ...] = (
    {"every": "6m"},
    {"every": "7m30s"},
    {"every": "20m"},
    {"schedule": "*/10 * * * *"},
    {"schedule": "H/9 * * * *"},
    {"schedule": "5,20 * * * *"},
    {"every": "13s", "endTime": utc_text(START + timedelta(minutes=5))},
    {"schedules": ["0 * * * *", "*/15 * * * *"], "timeZone": "Asia/Kolkata"},
    {"at": utc_text(START + timedelta(minutes=1))},
    {"at": utc_text(START + timedelta(minutes=33))},
)
_MORE: tuple[dict[str, Any], ...] = (
    {},
    {"jitter": "2m"},
    {"startingDeadlineSeconds": 10},
    {"startingDeadlineSeconds": 120},
    {"catchUp": "None"},
    {"retry": {"limit": 1, "backoff": "5s"}},
    {"retry": {"limit": 2, "backoff": "2m", "retryOn": ["Failed", "TimedOut"]}},
    {"pendingDeadlineSeconds": 1},
    {"pendingDeadlineSeconds": 50},
    {"heartbeat": {}},
    {"session": {"mode": "SharedPersistent", "storage": {"size": "1Gi", "retention": "Delete"}}},
    {"runHistoryLimit": 1},
    {"successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0},
    {"ttlSecondsAfterFinished": 0},
    {"ttlSecondsAfterFinished": 60, "runHistoryLimit": 1},
)
_LIMITS: tuple[dict[str, Any], ...] = (
    {},
    {"concurrencyPolicy": "Replace"},
    {"concurrencyPolicy": "Allow"},
    {"maxConcurrentRuns": 2},
    {"maxConcurrentRuns": 2, "concurrencyPolicy": "Replace"},
)
_EDITS: tuple[dict[str, Any], ...] = (
    {"suspend": True},
    {"suspend": False},
    {"input": "another task"},
    {"every": "8m", "schedule": None, "schedules": None, "at": None},
    {"schedule": "61 * * * *", "every": None, "schedules": None, "at": None},
)
_BEHAVIOURS = (
    Behaviour(),
    Behaviour(lasts=0.05, starts=0.05),
    Behaviour(lasts=500, stops=25),
    Behaviour(lasts=5, exit_code=1, message='{"costUSD": "0.03", "state": {"page": 7}}'),
    Behaviour(lasts=5, exit_code=137, evicted=True),
    Behaviour(lasts=5000, message='{"summary": "so far", "costUSD": "0.07"}'),
    Behaviour(starts=None),
    Behaviour(refused="exceeded quota: small"),
)
_DOWNTIMES = (0.0, 3.0, 100.0, 900.0)
_KINDS = ("agentschedules", "agentruns", "jobs", "pods")
_CASCADES: tuple[Cascade, ...] = ("Background", "Foreground", "Orphan")
_HOW: tuple[Literal["refusing", "silent"], ...] = ("refusing", "silent")
_MOMENTS: tuple[Moment, ...] = ("before", "after")
_WAITS = tuple(Wait(minutes) for minutes in (1, 0.02, 0.5, 6, 7, 10, 21))

_CRASHES: tuple[Step, ...] = (*map(Crash, _DOWNTIMES), Stop())
_CRASHES_AT: tuple[Step, ...] = tuple(starmap(CrashAt, product((1, 2, 3, 5, 9, 20), _MOMENTS, _DOWNTIMES[1:])))
_OLD_LEADERS: tuple[Step, ...] = (*map(Hang, (0.0, 15.0, 300.0)), *map(Awake, (0.01, 2.0, 10.0, 400.0)))
_TROUBLES: tuple[Step, ...] = tuple(starmap(Trouble, product((0.1, 0.4, 0.0), (0.05, 3.0), (0.0, 0.5))))
_OUTAGES: tuple[Step, ...] = tuple(starmap(Down, product(_HOW, (0.3, 4, 13), (False, True))))
_GAPS: tuple[Step, ...] = tuple(starmap(Snap, product(_KINDS, (0.1, 2, 4), (False, True))))
_LAGS: tuple[Step, ...] = tuple(starmap(Lag, product(_KINDS, (2.0, 20.0, 0.0))))
_JUMPS: tuple[Step, ...] = tuple(map(Jump, (1, -1, 60, -60)))
_SQUATTED: tuple[Step, ...] = tuple(map(Squat, _NAMES))
_PODS: tuple[Step, ...] = tuple(map(Pods, _BEHAVIOURS))
_EDITED: tuple[Step, ...] = tuple(starmap(Edit, product(_NAMES, _EDITS)))
_PAUSED: tuple[Step, ...] = (*starmap(Pause, product(_NAMES, (None, 5, 20))), *map(Unpause, _NAMES))
_ASKED: tuple[Step, ...] = (
    *starmap(RunNow, product(_NAMES, ("run-1", "run-2", "run-3"))),
    *map(TakeBack, ("run-1", "run-2")),
)
_DELETED: tuple[Step, ...] = tuple(starmap(Delete, product(_NAMES, _CASCADES)))
_CANCELLED: tuple[Step, ...] = tuple(starmap(Cancel, product(_NAMES, _CASCADES)))

_TROUBLE = (
    _CRASHES,
    _CRASHES_AT,
    _OLD_LEADERS,
    _TROUBLES,
    _TROUBLES,
    _OUTAGES,
    _GAPS,
    _LAGS,
    _JUMPS,
    _PODS,
    _PODS,
    _SQUATTED,
)
_PEOPLE = (_EDITED, _PAUSED, _ASKED, _ASKED, _DELETED, _CANCELLED)


def _applied(name: str) -> st.SearchStrategy[Step]:
    parts = (_WHEN, _MORE, _MORE, _LIMITS)
    return st.tuples(*map(st.sampled_from, parts)).map(lambda given: Apply(name, _together(*given)))


def _together(*parts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}


def _one_of(groups: tuple[tuple[Step, ...], ...]) -> st.SearchStrategy[Step]:
    return st.sampled_from(groups).flatmap(st.sampled_from)


def _story(*what: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Step]]:
    """Between any two things that happen some time passes: trouble in an instant in which nothing is due is none."""
    happenings = st.lists(st.tuples(st.sampled_from(_WAITS), st.one_of(*what)), min_size=1, max_size=8)
    return st.tuples(_applied("a"), st.one_of(st.none(), _applied("b")), happenings).map(
        lambda story: [step for step in (*story[:2], *chain.from_iterable(story[2])) if step is not None]
    )


stories = _story(_one_of(_TROUBLE), _one_of(_PEOPLE), _applied("a"))
untouched = _story(_one_of(_TROUBLE))
"""Where nobody edits a schedule, every slot can be counted from outside."""
