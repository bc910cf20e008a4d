"""The API server answers with errors, late, not at all, or its answers are lost."""

import time
from collections.abc import Sequence

from tests.chaos.conftest import Form
from tests.chaos.faults import Answer, Delay, Fault, Hang, Reset
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene

_ERRORS = (Answer(429, retry_after=1), Answer(500), Answer(503))


def _disturb(scene: Scene, proxy: Proxy, seconds: float, fault: str, done: str, faults: Sequence[Fault]) -> None:
    """Do these faults for so long, and see that all is normal after them."""
    with scene.fault(fault, f"{done} for {seconds:g} s"), proxy.fault(*faults):
        before = proxy.hit
        time.sleep(seconds)
    assert proxy.hit > before
    scene.normal_again()


def test_a_third_of_the_requests_fail(scene: Scene, proxy: Proxy, form: Form) -> None:
    scene.sow_kinds()
    scene.operator(scene.connect(proxy.url))
    scene.settle_in()
    mixed = [Fault(act, share) for act, share in zip(_ERRORS, (0.1, 0.11, 0.125), strict=True)]
    _disturb(scene, proxy, form.take(5, 30), "errors, 30 % of the requests", "429, 500 and 503", mixed)
    scene.reckon()


def test_all_requests_fail(scene: Scene, proxy: Proxy, form: Form) -> None:
    scene.sow_kinds()
    scene.operator(scene.connect(proxy.url))
    scene.settle_in()
    for act in _ERRORS:
        name, seconds = "errors, all requests", form.take(2, 20)
        _disturb(scene, proxy, seconds, name, f"{act.status}", [Fault(act)])
    scene.reckon()


def test_connections_are_reset(scene: Scene, proxy: Proxy, form: Form) -> None:
    scene.sow_kinds()
    scene.operator(scene.connect(proxy.url))
    scene.settle_in()
    for act, when in ((Reset.BEFORE, "before"), (Reset.AFTER, "after"), (Reset.MIDWAY, "amid the answer to")):
        fault, seconds = "connections reset", form.take(2, 15)
        _disturb(scene, proxy, seconds, fault, f"{when} 30 % of the requests", [Fault(act, 0.3)])
        _disturb(scene, proxy, seconds, fault, f"{when} all writes", [Fault(act, method="POST|PATCH|DELETE")])
    scene.reckon()


def test_answers_are_late_or_never_come(scene: Scene, proxy: Proxy, form: Form) -> None:
    scene.sow_kinds()
    scene.operator(scene.connect(proxy.url), settings={"api_timeout": f"{form.take(2, 15):g}"})
    scene.settle_in()
    seconds, fault = form.take(4, 40), "answers late, or none"
    _disturb(scene, proxy, seconds, fault, "half of the requests 2 s late", [Fault(Delay(2), 0.5, watch=False)])
    done = "all writes without an answer, then carried out,"
    _disturb(scene, proxy, seconds, fault, done, [Fault(Hang(), method="POST|PATCH|DELETE")])
    scene.reckon(strays=True)
