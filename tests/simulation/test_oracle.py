"""A quiet system runs what a clock on the wall says, whatever the zone does to its clocks."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import assume, event, given, note, target
from hypothesis import strategies as st

from agentschedule.runs.facts import job_facts

from . import oracle
from .clock import simulate
from .node import Behaviour
from .profile import DEEP, stories
from .promises import check_promises, slots_skipped
from .world import World

CHANGES = (
    ("Europe/Berlin", "2027-03-28T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("America/New_York", "2027-03-14T07:00"),
    ("America/Havana", "2027-03-14T05:00"),
    ("America/Santiago", "2026-09-06T04:00"),
    ("America/Santiago", "2027-04-04T03:00"),
    ("Africa/Cairo", "2026-04-23T22:00"),
    ("Africa/Casablanca", "2026-02-15T02:00"),
    ("Africa/Casablanca", "2026-03-22T02:00"),
    ("Asia/Beirut", "2026-03-28T22:00"),
    ("Antarctica/Troll", "2026-03-29T01:00"),
    ("Antarctica/Troll", "2026-10-25T01:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("Australia/Lord_Howe", "2027-04-03T15:00"),
    ("Pacific/Chatham", "2026-09-26T14:00"),
    ("Pacific/Apia", "2011-12-30T10:00"),
    ("Asia/Kathmandu", "2027-01-01T00:00"),
    ("UTC", "2028-02-29T00:00"),
)
MOST = 200 if DEEP else 25
"""Slots of one story."""

LONGEST = timedelta(days=800 if DEEP else 3)

_minutes = st.one_of(
    st.sampled_from(["0", "30", "*/20", "59", "15,45", "0-10/5", "50-5/8"]), st.integers(0, 59).map(str)
)
_hours = st.sampled_from(["*", "*/3", "0", "1", "2", "3", "1-3", "23", "22-2", "0,12", "2/9", "*/24", "5"])
_days = st.sampled_from(["*", "*", "*", "L", "28-2", "*/2", "1,15", "29", "31"])
_months = st.sampled_from(["*", "*", "*", "*", "*/2", "MAR-APR", "OCT-JAN", "2"])
_weekdays = st.sampled_from(["*", "*", "*", "SUN", "7", "MON-FRI", "SAT-MON", "SUN#1", "LSUN", "5#4,2#1", "*/2"])
_expressions = st.one_of(
    st.tuples(_minutes, _hours, _days, _months, _weekdays).map(" ".join),
    st.sampled_from(sorted(oracle.SHORTHANDS)),
)
_every = st.sampled_from(["5s", "45s", "7m", "1h", "90m", "1h1m1s", "11h", "24h", "70h"])


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], datetime, list[datetime]]:
    """A spec, when it is created, and the first slots after that."""
    zone, change = draw(st.sampled_from(CHANGES))
    around = datetime.fromisoformat(change).replace(tzinfo=UTC)
    created = around - timedelta(minutes=draw(st.integers(0, 1500)), seconds=draw(st.sampled_from([0, 1, 59])))
    spec: dict[str, Any] = draw(
        st.one_of(
            *[st.fixed_dictionaries({"schedule": _expressions})] * 3,
            st.fixed_dictionaries({"schedules": st.lists(_expressions, min_size=2, max_size=3, unique=True)}),
            st.fixed_dictionaries({"every": _every}),
            st.integers(1, 3000).map(
                lambda minutes: {
                    "at": f"{created.astimezone(ZoneInfo(zone)) + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:00}"
                },
            ),
        )
    )
    spec["timeZone"] = zone
    if draw(st.integers(0, 3)) == 0:
        spec["startTime"] = (created + timedelta(minutes=draw(st.integers(-600, 1500)))).isoformat()
    if draw(st.integers(0, 3)) == 0:
        spec["endTime"] = (created + timedelta(minutes=draw(st.integers(1500, 6000)))).isoformat()
    return spec, created, list(islice(oracle.slots(spec, created, created + LONGEST), MOST))


async def slots_run(spec: dict[str, Any], created: datetime, until: datetime) -> list[datetime]:
    """Which slots an operator runs that nothing disturbs."""
    day = timedelta(days=1)
    async with World(start=created, sweep_interval=day, resync_interval=86400.0, longest_sleep=6 * 3600.0) as world:
        world.behaviour = Behaviour(starts=0.1, lasts=0.5)
        world.apply("quiet", {**spec, "runHistoryLimit": 1, "successfulJobsHistoryLimit": 1})
        world.start()
        await world.sleep((until - world.clock.true()).total_seconds())
        check_promises(world)
        (life,) = world.cluster.history.lives.values()
        if life.status["phase"] == "Invalid":
            event(f"refused: {life.status['conditions'][0]['message'][:60]}")
            assume(False)
        assert slots_skipped(life) == 0
        return sorted(job_facts(job).slot for job in life.jobs.values())


@stories(40)
@given(cases())
def test_a_quiet_system_runs_what_the_wall_says(case: tuple[dict[str, Any], datetime, list[datetime]]) -> None:
    spec, created, due = case
    until = (due[-1] if len(due) == MOST else created + LONGEST) + timedelta(seconds=3)
    note(f"created {created}, looked at until {until}")
    ran = simulate(slots_run(spec, created, until))
    target(float(len(ran)), label="slots")
    wrong = sorted(set(ran) ^ set(due))
    assert not wrong, f"{wrong[0]} is {'a slot that did not run' if wrong[0] in due else 'no slot, and ran'}"
