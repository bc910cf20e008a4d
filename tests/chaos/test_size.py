"""Bad and huge resources harm no other."""

import json
import time

from tests.chaos.api import SCHEDULES, RefusedError, at_once
from tests.chaos.clearing import cleared
from tests.chaos.conftest import Form
from tests.chaos.scene import Raw, Scene
from tests.controlplane.process import Process

_BROKEN: tuple[Raw, ...] = (
    {"every": None, "schedule": "61 25 * * *"},
    {"every": None, "schedule": "0 0 31 2 *"},
    {"every": None, "schedule": "* * * * *", "timeZone": "Mars/Olympus"},
    {"schedule": None, "every": None, "schedules": ["0 9 * * *", "0 9 * * MONDAY"]},
    {"every": None, "at": "2020-01-01T00:00:00Z"},
    {"budget": {"perRunUSD": "5000"}},
    {"activeDeadlineSeconds": 2_000_000},
    {"jobTemplate": {"spec": {"parallelism": 5}}},
    {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "agent", "imag": "x"}]}}}}},
    {"jobTemplate": {"spec": {"template": {"spec": {"volumes": [{"name": "UPPER", "emptyDir": {}}]}}}}},
)
"""Specs that the CRD's schema lets through and the operator, or the API server when it is asked, refuses."""
_OLD_RUNS = 240


def test_broken_schedules_among_good_ones(scene: Scene, controllers: Process, form: Form) -> None:
    good, broken, step = form.number(50, 1000), form.number(1, 10), form.number(5, 10)
    scene.sow_burst("good", good, step)
    with cleared(scene, controllers):
        scene.operator()
        scene.settle_in()
        with scene.fault("broken schedules", f"{broken * len(_BROKEN)} among {good} good ones"):
            names = [
                name
                for kind, spec in enumerate(_BROKEN)
                for name in scene.sow(f"broken-{kind}", broken, **{"every": "1s", **spec})
            ]
        scene.wait("their refusal", lambda: _refused(scene) == set(names), 60)
        scene.normal_again()
        assert not {name.rsplit("-", 1)[0] for name in scene.history.created(scene.namespace)} & set(names)
        at_once(lambda name: scene.api.delete(f"{SCHEDULES.format(scene.namespace)}/{name}"), names)
        scene.reckon()


def test_a_huge_status(scene: Scene, form: Form) -> None:
    scene.sow_kinds()
    huge = scene.sow("huge", 1, watched=True, every="1s", concurrencyPolicy="Allow", runHistoryLimit=10)[0]
    path = f"{SCHEDULES.format(scene.namespace)}/{huge}"
    scene.operator()
    scene.settle_in()
    times, size = form.number(1, 5), 0
    with scene.fault("status of 500 KiB", ""):
        for _ in range(times):
            size = _inflate(scene, path)
            time.sleep(2)
    scene.outcome.done = f"written by a person through the status subresource, {size // 1024} KiB, {times} times"
    scene.normal_again()
    scene.wait("its history cut", lambda: not _old_runs(scene.api.get(path)), 30)
    scene.reckon()


def _inflate(scene: Scene, path: str) -> int:
    """Put old runs behind those that a status tells of, as many as make it that large. Returns its size in bytes."""
    old = [
        {"id": f"old-{n}", "scheduledAt": "2020-01-01T00:00:00Z", "phase": "Succeeded", "message": "x" * 1000}
        | {"summary": "y" * 500, "outputURI": "z" * 500}
        for n in range(_OLD_RUNS)
    ]
    while True:
        raw = scene.api.get(path)
        version = {"resourceVersion": raw["metadata"]["resourceVersion"]}
        runs = [run for run in raw["status"]["runs"] if run not in _old_runs(raw)]
        try:
            scene.api.patch(f"{path}/status", {"metadata": version, "status": {"runs": [*runs, *old]}})
        except RefusedError as refused:
            if refused.status != 409:
                raise
        else:
            return _size({**raw["status"], "runs": [*runs, *old]})


def _old_runs(schedule: Raw) -> list[Raw]:
    return [run for run in schedule["status"]["runs"] if run["id"].startswith("old-")]


def _size(status: Raw) -> int:
    return len(json.dumps(status))


def _refused(scene: Scene) -> set[str]:
    return {
        raw["metadata"]["name"]
        for raw in scene.api.items(SCHEDULES.format(scene.namespace))
        for condition in (raw.get("status") or {}).get("conditions", ())
        if condition["type"] == "Accepted" and condition["status"] == "False"
    }
