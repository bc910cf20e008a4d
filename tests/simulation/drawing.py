"""Stories drawn at random: which schedules there are, what people do, and which trouble comes when."""

from datetime import timedelta
from itertools import chain, product, starmap
from typing import Any, Literal

from hypothesis import strategies as st

from agentschedule.api.fields import utc_text

from .node import Behaviour
from .steps import (
    Apply,
    Awake,
    Cancel,
    Cascade,
    Crash,
    CrashAt,
    Delete,
    Down,
    Edit,
    Hang,
    Jump,
    Lag,
    Pause,
    Pods,
    Resume,
    RunNow,
    SkipNext,
    Snap,
    Squat,
    Step,
    Stop,
    TakeBack,
    Trouble,
    Unpause,
    Wait,
)
from .world import START, Moment

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
_DELIVERY: list[dict[str, Any]] = [
    {"name": "out", "stdout": {}, "events": ["Succeeded", "Failed", "TimedOut", "Held", "Recovered"]},
    {"name": "hook", "webhook": {"url": "https://hooks.example.com", "retries": 1}, "cooldown": "10m", "output": "Log"},
]
_MORE: tuple[dict[str, Any], ...] = (
    {},
    {"jitter": "2m"},
    {"startingDeadlineSeconds": 10},
    {"startingDeadlineSeconds": 120},
    {"catchUp": "None"},
    {"catchUp": "All"},
    {"catchUp": "All", "catchUpLimit": 2},
    {"pauseAfterFailures": 1},
    {"pauseAfterFailures": 2},
    {"maxRuns": 2},
    {"blackouts": [{"name": "noon", "hours": {"start": "10:20", "end": "10:40"}}]},
    {"blackouts": [{"name": "noon", "hours": {"start": "10:20", "end": "10:40"}, "action": "Defer"}]},
    {"retry": {"limit": 1, "backoff": "30s", "onExhausted": "DeadLetter"}},
    {"retry": {"limit": 1, "backoff": "5s"}},
    {"retry": {"limit": 2, "backoff": "2m", "retryOn": ["Failed", "TimedOut"]}},
    {"pendingDeadlineSeconds": 1},
    {"pendingDeadlineSeconds": 50},
    {"heartbeat": {}},
    {"delivery": _DELIVERY},
    {"delivery": _DELIVERY, "runHistoryLimit": 1, "successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0},
    {"session": {"mode": "SharedPersistent", "storage": {"size": "1Gi", "retention": "Delete"}}},
    {"runHistoryLimit": 1},
    {"successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0},
    {"ttlSecondsAfterFinished": 0},
    {"ttlSecondsAfterFinished": 60, "runHistoryLimit": 1},
)
_BUDGETS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"budget": {"perRunUSD": "0.50", "period": "Hour", "periodUSD": "1.20"}},
    {"budget": {"totalUSD": "2", "onExceeded": "Skip"}},
    {"budget": {"perRunUSD": "1", "period": "Day", "periodUSD": "2.50", "totalUSD": "4", "onExceeded": "Skip"}},
    {"budget": {"perRunUSD": "0.02", "totalUSD": "0.05"}},
)
_LIMITS: tuple[dict[str, Any], ...] = (
    {},
    {"concurrencyPolicy": "Replace"},
    {"concurrencyPolicy": "Allow"},
    {"maxConcurrentRuns": 2},
    {"maxConcurrentRuns": 2, "concurrencyPolicy": "Replace"},
    {"concurrencyPolicy": "Queue"},
    {"concurrencyPolicy": "Queue", "maxQueuedRuns": 3, "maxConcurrentRuns": 2},
)
_EDITS: tuple[dict[str, Any], ...] = (
    {"suspend": True},
    {"suspend": False},
    {"input": "another task"},
    {"budget": {"totalUSD": "9"}},
    {"maxRuns": 3},
    {"delivery": _DELIVERY[:1]},
    {"delivery": None},
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
    Behaviour(lasts=30, message='{"costUSD": "0.70"}'),
    Behaviour(lasts=90, message="done, and no word of money"),
    Behaviour(lasts=30, exit_code=1, message="failed"),
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
_HELD: tuple[Step, ...] = (*starmap(Resume, product(_NAMES, (True, True, False))), *map(SkipNext, _NAMES))
_PEOPLE = (_HELD, _EDITED, _PAUSED, _ASKED, _ASKED, _DELETED, _CANCELLED)


def _applied(name: str) -> st.SearchStrategy[Step]:
    parts = (_WHEN, _MORE, _MORE, _LIMITS, _BUDGETS)
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
