"""Bad and huge resources harm no other."""

import time

from tests.chaos.api import SCHEDULES
from tests.chaos.conftest import Form
from tests.chaos.scene import Raw, Scene

_BROKEN: tuple[Raw, ...] = (
    {"every": None, "schedule": "61 25 * * *"},
    {"every": None, "schedule": "0 0 31 2 *"},
    {"every": None, "schedule": "* * * * *", "timeZone": "Mars/Olympus"},
    {"every": "1ms"},
    {"every": None, "at": "yesterday"},
    {"budget": {"perRunUSD": "5000"}},
    {"activeDeadlineSeconds": 2_000_000},
    {"jobTemplate": {"spec": {"parallelism": 5}}},
    {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "agent", "imag": "x"}]}}}}},
    {"jobTemplate": {"spec": {"template": {"spec": {"volumes": [{"name": "UPPER", "emptyDir": {}}]}}}}},
)
"""Specs that the CRD's schema lets through and the operator, or the API server when it is asked, refuses."""


def test_broken_schedules_among_good_ones(scene: Scene, form: Form) -> None:
    good, broken = form.number(50, 1000), form.number(1, 10)
    step = form.number(5, 20)
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() // step * step - step))
    scene.sow("good", good, watched=True, every=f"{step}s", startTime=start, concurrencyPolicy="Allow")
    scene.operator()
    scene.settle_in()
    with scene.fault("broken schedules", f"{10 * broken} among {good} good ones"):
        names = [
            name
            for kind, spec in enumerate(_BROKEN)
            for name in scene.sow(f"broken-{kind}", broken, **{"every": "1s", **spec})
        ]
    scene.wait("their refusal", lambda: _refused(scene) == set(names), 30)
    scene.normal_again()
    for name in names:
        scene.api.delete(f"{SCHEDULES.format(scene.namespace)}/{name}")
    scene.reckon()


def _refused(scene: Scene) -> set[str]:
    return {
        raw["metadata"]["name"]
        for raw in scene.api.items(SCHEDULES.format(scene.namespace))
        for condition in (raw.get("status") or {}).get("conditions", ())
        if condition["type"] == "Accepted" and condition["status"] == "False"
    }
