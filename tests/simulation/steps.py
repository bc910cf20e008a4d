"""What can happen in a story. Each step prints as the line of Python that makes it happen again."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Protocol

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
class Resume:
    """The annotation that ends the present hold; or one that names no hold."""

    name: str
    rightly: bool

    async def happen(self, world: World) -> None:
        world.resume(self.name, None if self.rightly else "0123456789")


@dataclass(frozen=True)
class SkipNext:
    """The annotation that takes the next slot out."""

    name: str

    async def happen(self, world: World) -> None:
        world.skip_next(self.name)


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
