"""What a case is: a situation, what happens in it here and elsewhere, and the proof that it happens here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from agentschedule.planning.actions import CreateJob, Plan, StopJob
from agentschedule.planning.observed import DEFAULT_SETTINGS, PlannerSettings
from agentschedule.planning.reading import read_schedule
from agentschedule.timing import When, local_text
from tests.unit.planning.builders import DAY, World, raw_schedule

Spec = Mapping[str, Any]
Outcome = dict[str, object]
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What another system does in the same situation, and where that was read (a key of `SOURCES`)."""

    does: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """On the days from `first` through `last`, in the schedule's own zone, these slots are due, as people read them."""

    first: str
    last: str | None = None
    created: str = "2000-01-01 00:00"
    due: tuple[str, ...]

    def expected(self) -> Outcome:
        """What is to come of it."""
        return {"due": list(self.due)}

    def happens(self, spec: Spec) -> Outcome:
        """What comes of it."""
        return {"due": slots_on(read_when(spec, self.created), self.first, self.last)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The spec is refused with this reason, in words that contain `says`."""

    reason: str
    says: str
    settings: PlannerSettings = DEFAULT_SETTINGS

    def expected(self) -> Outcome:
        """What is to come of it."""
        return {"accepted": "False", "reason": self.reason, "says": self.says, "phase": "Invalid"}

    def happens(self, spec: Spec) -> Outcome:
        """What comes of it."""
        world = World(settings=self.settings, **spec).tick()
        accepted = world.condition("Accepted")
        says = self.says if self.says in accepted.message else accepted.message
        return {"accepted": accepted.status, "reason": accepted.reason, "says": says, "phase": world.status.phase}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happens to one schedule, on 2026-11-22 in UTC, and what comes of it.

    `started`: Jobs asked for, as "09:00" (a slot, on time), "12:00 at 12:20, CatchUp", "09:00 attempt 2 at 09:00:27",
    "manual at 08:45". `stopped`: Jobs stopped, as "09:00 Replaced". `shows`: values in the status by dotted path, where
    conditions, runs and skips are looked up by type, "news-…" suffix and reason.
    """

    story: Callable[["Told"], World]
    started: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    skips: Mapping[str, int] = field(default_factory=dict)
    shows: Mapping[str, object] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    created: str = "08:30"
    settings: PlannerSettings = DEFAULT_SETTINGS

    def expected(self) -> Outcome:
        """What is to come of it."""
        return {
            "started": list(self.started),
            "stopped": list(self.stopped),
            "skips": dict(self.skips),
            **self.shows,
            **{f"run {name}": phase for name, phase in self.requests.items()},
        }

    def happens(self, spec: Spec) -> Outcome:
        """What comes of it."""
        world = Told(settings=self.settings, created=self.created, now=self.created, **spec)
        self.story(world)
        return {
            "started": world.started,
            "stopped": world.stopped,
            "skips": world.skips(),
            **{path: world.shown(path) for path in self.shows},
            **{f"run {name}": world.requests[name].status.phase for name in self.requests},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row of the table. Another system is None where it has no such thing and no source was found for that."""

    id: str
    situation: str
    spec: Spec = field(default_factory=dict)
    proof: Slots | Refused | Story
    ours: str
    cronjob: Elsewhere | None = None
    furiko: Elsewhere | None = None
    temporal: Elsewhere | None = None
    why: str = ""
    """Why we differ on purpose; empty where we do as one of them does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Cases that belong together, under one heading."""

    title: str
    cases: tuple[Case, ...]


class Told(World):
    """A world that writes down what was started and stopped, and when."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.started: list[str] = []
        self.stopped: list[str] = []

    def step(self, at: str | datetime | None = None) -> Plan:
        """Plan once, and write down."""
        made = super().step(at)
        for action in made.actions:
            if isinstance(action, CreateJob):
                self.started.append(self._start(action))
            elif isinstance(action, StopJob):
                self.stopped.append(f"{self._slot(action.name)} {action.why}")
        return made

    def operator_restarts(self) -> Self:
        """Everything that is only remembered is forgotten."""
        self.starts.clear()
        self.verdict = None
        self.served_at = None
        return self

    def shown(self, path: str) -> object:
        """A value of the status by its dotted path; None where there is none."""
        value: Any = self.status.model_dump(mode="json", by_alias=True, exclude_none=True)
        value["conditions"] = {item["type"]: item for item in value.get("conditions", ())}
        value["skips"] = {item["reason"]: item for item in value.get("skips", ())}
        value["runs"] = {item["id"].removeprefix("news-"): item for item in value.get("runs", ())}
        value["newest"] = next(iter(value["runs"].values()), {})
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def _start(self, job: CreateJob) -> str:
        due = job.trigger != "Manual" and "-r" not in job.name and job.slot == self.now
        at = "" if due else f" at {clock(self.now)}"
        return f"{self._slot(job.name)}{at}" + (", CatchUp" if job.trigger == "CatchUp" else "")

    def _slot(self, name: str) -> str:
        seconds, _, attempt = name.removeprefix("news-").partition("-r")
        if seconds.startswith("m"):
            return "manual"
        slot = clock(datetime.fromtimestamp(int(seconds), UTC))
        return f"{slot} attempt {attempt}" if attempt else slot


def clock(moment: datetime) -> str:
    """ "09:00" on the day of the stories, with seconds and date where they say something."""
    day = "" if f"{moment:%Y-%m-%d}" == DAY else f"{moment:%m-%d} "
    return f"{day}{moment:%H:%M:%S}" if moment.second else f"{day}{moment:%H:%M}"


def read_when(spec: Spec, created: str) -> When:
    """When a schedule is due, read as the operator reads it."""
    schedule = read_schedule(raw_schedule(created=created, **spec))
    assert schedule.problem is None, schedule.problem
    assert schedule.when is not None
    return schedule.when


def slots_on(when: When, first: str, last: str | None = None) -> list[str]:
    """The slots on these days of the schedule's own zone, as people read them."""
    begin = datetime.fromisoformat(first).replace(tzinfo=when.zone)
    end = _day_after(last or first, when.zone)
    return [local_text(slot, when.zone) for slot in when.slots_between(begin - _TICK, end - _TICK, 500)]


def _day_after(day: str, zone: ZoneInfo) -> datetime:
    return (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=zone)
