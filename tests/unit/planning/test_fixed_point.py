"""Whatever happens to a schedule, its plans come to rest, keep count, and can be written down.

Random stories are told to the small world of `builders.py`, and after each step the rules below are checked.
"""

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agentschedule.api.status import AgentScheduleStatus
from agentschedule.planning.actions import (
    Adopt,
    CreateJob,
    DeletePod,
    Deliver,
    DryRun,
    EnsureVolume,
    Explain,
    Plan,
    StopJob,
)
from agentschedule.planning.draft import base_id
from agentschedule.planning.due import place
from agentschedule.planning.observed import Observed, Start, Verdict
from agentschedule.planning.planner import plan

from .builders import World

IDEMPOTENT = (Adopt, DeletePod, Deliver, DryRun, EnsureVolume, Explain, StopJob)
RESULTS = (
    None,
    "all well",
    '{"summary": "ok", "costUSD": "0.25", "usage": {"inputTokens": 3}, "state": {"n": 1}}',
    '{"state": {"a": NaN}, "costUSD": "-0"}',
)

BUDGETS: list[dict[str, Any]] = [
    {"perRunUSD": "0.50", "period": "Hour", "periodUSD": "1"},
    {"totalUSD": "1.5", "onExceeded": "Skip"},
    {"perRunUSD": "0.20", "totalUSD": "0.3", "perRunTokens": 5},
    {"period": "Day", "periodUSD": "0.7", "alertAtPercent": 50},
]
BLACKOUTS: list[list[dict[str, Any]]] = [
    [{"name": "lunch", "hours": {"start": "11:00", "end": "13:00"}}],
    [{"name": "lunch", "action": "Defer", "hours": {"start": "10:30", "end": "12:15"}}],
    [
        {"name": "first", "action": "Defer", "hours": {"start": "09:00", "end": "10:30"}},
        {"name": "second", "hours": {"start": "10:00", "end": "11:00"}},
    ],
]
DELIVERIES: list[list[dict[str, Any]]] = [
    [{"name": "a", "stdout": {}}],
    [
        {"name": "a", "stdout": {}, "cooldown": "2h", "events": ["Succeeded", "Failed", "Recovered", "BudgetAlert"]},
        {"name": "b", "webhook": {"url": "https://hooks.example.com", "retries": 1}, "onlyOnChange": True},
    ],
]
specs = st.fixed_dictionaries(
    {},
    optional={
        "every": st.sampled_from(["10m", "1h", "90s"]),
        "jitter": st.sampled_from(["1m", "20m"]),
        "catchUp": st.sampled_from(["None", "All"]),
        "startingDeadlineSeconds": st.sampled_from([30, 600]),
        "concurrencyPolicy": st.sampled_from(["Replace", "Allow", "Queue"]),
        "maxRuns": st.sampled_from([1, 3]),
        "pauseAfterFailures": st.sampled_from([0, 1, 2]),
        "budget": st.sampled_from(BUDGETS),
        "blackouts": st.sampled_from(BLACKOUTS),
        "retry": st.sampled_from(
            [
                {"backoff": "30s"},
                {"limit": 0},
                {"limit": 1, "backoff": "20m"},
                {"limit": 0, "onExhausted": "DeadLetter"},
            ]
        ),
        "runHistoryLimit": st.just(1),
        "successfulJobsHistoryLimit": st.just(0),
        "failedJobsHistoryLimit": st.just(0),
        "ttlSecondsAfterFinished": st.just(60),
        "session": st.sampled_from(
            [{"mode": "FullyEphemeral"}, {"mode": "SharedPersistent", "storage": {"size": "1Gi"}}]
        ),
        "pendingDeadlineSeconds": st.sampled_from([1, 900]),
        "heartbeat": st.just({}),
        "delivery": st.sampled_from(DELIVERIES),
        "endTime": st.just("2026-11-22T12:00:00Z"),
    },
)
Event = tuple[str, int]
events = st.tuples(
    st.sampled_from(
        [
            *["pass"] * 3,
            *["run", "end", "end", "fail", "evict"],
            *["lose", "lose job", "delete", "stopped", "late pod", "waiting"],
            *["hold", "defer", "reject", "conflict", "create", "answer"],
            *[
                "ask",
                "withdraw",
                "suspend",
                "pause",
                "resume",
                "unwanted",
                "edit",
                "edit when",
                "refuse",
                "back",
                "unsettle",
                "forget",
                "outcome",
                "edit delivery",
                "redeliver",
            ],
        ]
    ),
    st.integers(0, 7),
)


def _world(spec: dict[str, Any]) -> World:
    return World(**{**spec, "schedule": None} if "every" in spec else spec)


def happen(world: World, event: str, number: int) -> None:
    """One thing that happens outside."""
    jobs = [name for name, job in world.jobs.items() if job.finished is None and job.uid not in world.gone]
    job = jobs[number % len(jobs)] if jobs else None
    if job is not None and event in _TO_A_JOB:
        _TO_A_JOB[event](world, job)
    elif event in _TO_THE_WORLD:
        _TO_THE_WORLD[event](world, number)


_TO_A_JOB: dict[str, Callable[[World, str], object]] = {
    "run": lambda world, job: world.runs(job),
    "end": lambda world, job: world.ends(job, result=RESULTS[len(job) % 3 + 1]),
    "fail": lambda world, job: world.ends(job, code=1),
    "evict": lambda world, job: world.ends(job, code=137, disrupted=True),
    "lose": lambda world, job: world.lose(job),
    "lose job": lambda world, job: world.lose(job, pod=False),
    "delete": lambda world, job: world.job(job, deleting=True),
    "stopped": lambda world, job: world.ends(job, code=143, deleted_at=world.now).lose(job),
    "late pod": lambda world, job: world.job(job, finished="Complete", finished_at=world.now),
    "waiting": lambda world, job: world.pod(job, waiting=("ErrImagePull", "no such image")),
    "forget": lambda world, job: world.jobs.pop(job),
}


def _creates(start: Start | None) -> Callable[[World, int], object]:
    return lambda world, number: setattr(world, "creates", start)


def _answer(world: World, number: int) -> None:
    """What was on its way has arrived, or has not."""
    for name in [name for name, start in world.starts.items() if start.state == "InFlight"]:
        asked = next(a for a in world.asked if isinstance(a, CreateJob) and a.name == name)
        del world.starts[name]
        if number % 2 and name not in world.jobs:
            world.put_job(asked)
        elif number % 2 == 0:
            world.starts[name] = Start("Rejected", message="no")


def _toggle(world: World, number: int) -> None:
    world.edit(suspend=not world.raw["spec"].get("suspend"))


_TO_THE_WORLD: dict[str, Callable[[World, int], object]] = {
    "pass": lambda world, number: setattr(world, "now", world.now + timedelta(seconds=(1, 60, 900, 3600)[number % 4])),
    "back": lambda world, number: setattr(world, "now", world.now - timedelta(minutes=number)),
    "hold": _creates(Start("InFlight")),
    "reject": _creates(Start("Rejected", message="no")),
    "conflict": _creates(Start("NameConflict", message="taken")),
    "create": _creates(None),
    "defer": lambda world, number: setattr(
        world, "creates", Start("Deferred", until=world.now + timedelta(seconds=number + 1))
    ),
    "answer": _answer,
    "ask": lambda world, number: world.request(f"r{len(world.requests)}"),
    "withdraw": lambda world, number: world.requests.pop(f"r{number}", None),
    "suspend": _toggle,
    "pause": lambda world, number: world.annotate(
        paused="x" if number % 2 else None, paused_until=f"2026-11-22T1{number}:00:00Z" if number > 3 else None
    ),
    "resume": lambda world, number: world.annotate(
        resume=world.status.hold.id if world.status.hold and number else f"no-{number}"
    ),
    "unwanted": lambda world, number: world.annotate(skip=f"2026-11-22T{9 + number:02}:00:00Z, rubbish"),
    "edit": lambda world, number: world.edit(input=str(number)),
    "edit when": lambda world, number: world.edit(schedule=None, every=f"{number + 1}h"),
    "refuse": lambda world, number: setattr(world, "answer", Verdict(0, problem="no") if number % 2 else Verdict(0)),
    "outcome": lambda world, number: setattr(world, "outcome", (None, "Delivered", "Again", "Refused")[number % 4]),
    "edit delivery": lambda world, number: world.edit(delivery=[None, *DELIVERIES][number % 3]),
    "redeliver": lambda world, number: world.annotate(
        redeliver=",".join(f"{entry.run}/{entry.target}" for entry in world.status.deliveries or ()) if number else None
    ),
    "unsettle": lambda world, number: setattr(world, "settled", not world.settled),
}


def check(world: World) -> None:
    """The rules."""
    before = world.observed()
    made = world.step()
    _check_status(world)
    if made.wake_at is None or made.wake_at > world.now:  # else it asks to go on at once
        again = plan(_as_planned(before, made), world.settings, world.now)
        assert again.status == made.status
        assert again.notes == ()
        assert (again.ended, again.skipped, again.tried) == ((), (), ())
        assert all(isinstance(action, IDEMPOTENT) and action in made.actions for action in again.actions)
        assert all(again.requests[name] == made.requests.get(name, again.requests[name]) for name in again.requests)
    world.tick()
    _check_status(world)
    rest = world.plan()
    assert rest.status == world.status
    assert (rest.notes, rest.ended, rest.skipped) == ((), (), ())
    deferred = world.creates is not None and world.creates.state == "Deferred"
    assert deferred or not any(isinstance(action, CreateJob) for action in rest.actions)


def _as_planned(before: Observed, made: Plan) -> Observed:
    """What is known right after a plan, before anything it asks for is done."""
    starts = {name: start for name, start in before.starts.items() if name not in made.consumed}
    asked = {action.name: Start("InFlight") for action in made.actions if isinstance(action, CreateJob)}
    requests = (dataclasses.replace(r, status=made.requests.get(r.name, r.status)) for r in before.requests)
    return dataclasses.replace(
        before, status=made.status, starts={**starts, **asked}, requests=tuple(requests), settled=False, attempted=()
    )


def _check_status(world: World) -> None:
    status = world.status
    written = json.loads(json.dumps(status.to_json(), allow_nan=False))
    read = AgentScheduleStatus.model_validate(written)
    assert read.to_json() == written
    assert read.model_copy(update={"scheduling": None}) == status.model_copy(update={"scheduling": None})
    totals = status.totals
    assert totals.succeeded + totals.failed <= totals.runs
    assert sum(skip.count for skip in status.skips) == totals.skipped
    assert len({base_id(run.id) for run in status.runs}) == len(status.runs)
    assert status.active_count == len(status.active)
    if world.raw["spec"].get("concurrencyPolicy") != "Allow":
        assert status.active_count <= 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spec=specs, story=st.lists(events, max_size=14))
@example(spec={}, story=[("defer", 0), ("ask", 0)])
@example(
    spec={"concurrencyPolicy": "Replace", "retry": {"backoff": "30s"}},
    story=[("pass", 3), ("fail", 0), ("hold", 0), ("pass", 3), ("answer", 1), ("create", 0), ("pass", 1)],
)
@example(spec={}, story=[("pass", 3), ("ask", 0), ("hold", 0), ("end", 0), ("pass", 3), ("withdraw", 0), ("pass", 3)])
def test_stories(spec: dict[str, Any], story: list[Event]) -> None:
    world = _world(spec)
    check(world)
    for event, number in story:
        happen(world, event, number)
        check(world)


def _never_held(spec: dict[str, Any]) -> dict[str, Any]:
    """While it is held, slots are gone and count nowhere."""
    goes_on: dict[str, Any] = {"pauseAfterFailures": 0}
    if "budget" in spec:
        goes_on["budget"] = {**spec["budget"], "onExceeded": "Skip"}
    if spec.get("retry", {}).get("onExhausted"):
        goes_on["retry"] = {"limit": 0}
    return {key: value for key, value in spec.items() if key != "maxRuns"} | goes_on


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    spec=specs,
    story=st.lists(
        st.tuples(
            st.sampled_from(["pass", "pass", "end", "fail", "run", "hold", "defer", "reject", "create", "answer"]),
            st.integers(0, 7),
        ),
        max_size=16,
    ),
)
def test_every_slot_runs_or_is_counted_as_skipped(spec: dict[str, Any], story: list[Event]) -> None:
    spec = _never_held(spec)
    world = _world(spec)
    world.tick()
    for event, number in [*story, ("create", 0), ("answer", 1), ("pass", 3)]:
        happen(world, event, number)
        world.tick()
    schedule = world.observed().schedule
    assert schedule.when is not None
    assert world.status.scheduling is not None
    through = world.status.scheduling.handled_through
    due = schedule.when.slots_between(schedule.created, through, 10_000) if through else []
    ran = {job for job in world.manifests if base_id(job) == job}
    assert len(due) == len(ran) + world.status.totals.skipped + len(world.status.queued)
    waiting = [
        slot
        for slot in schedule.when.slots_between(through or schedule.created, world.now, 10)
        if place(schedule, schedule.when, slot).start <= world.now
    ]
    makes_room = spec.get("concurrencyPolicy") == "Replace"
    assert len(waiting) <= makes_room or spec.get("catchUp") == "All" or "blackouts" in spec
