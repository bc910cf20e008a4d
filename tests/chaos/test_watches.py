"""Watches end, fall silent, tell of errors, or skip what happened meanwhile."""

import time
from functools import partial

import pytest

from tests.chaos.api import JOBS, SCHEDULES
from tests.chaos.conftest import Form
from tests.chaos.faults import Answer, Fault, Silence, WatchError
from tests.chaos.proxy import Proxy
from tests.chaos.scene import PROMISE, Scene

_SILENCE = 75.0
"""Seconds without even a bookmark after which the operator takes a watch for dead."""
_WATCHES = 4
"""Schedules, AgentRuns, Jobs, pods."""


def test_watches_are_cut(scene: Scene, proxy: Proxy, form: Form) -> None:
    scene.sow_kinds()
    scene.operator(scene.connect(proxy.url))
    scene.settle_in()
    times = form.number(8, 40)
    with scene.fault("watches cut", f"reset {times} times, each 0.5 s"):
        for _ in range(times):
            proxy.cut_watches()
            time.sleep(0.5)
    scene.check()
    assert proxy.hit >= _WATCHES


def test_watches_are_silent(scene: Scene, proxy: Proxy, form: Form) -> None:
    if not form.full:
        pytest.skip("full form only: a watch is taken for dead after 75 s")
    scene.sow_kinds()
    gone = scene.sow("gone", 1, every="1s", concurrencyPolicy="Allow")[0]
    scene.operator(scene.connect(proxy.url))
    scene.settle_in()
    done = "silent for ever, bookmarks too; new ones are well after 10 s"
    with scene.fault("watches half-open", done), proxy.fault(Fault(Silence(), watch=True)):
        proxy.silence_watches()
        time.sleep(10)
    assert proxy.hit >= _WATCHES
    deleted = time.time()
    scene.api.delete(f"{SCHEDULES.format(scene.namespace)}/{gone}")
    scene.sow("late", 1, every="1s", concurrencyPolicy="Allow")
    scene.wait("a new schedule's run", lambda: scene.slots("late-0"), _SILENCE + PROMISE)
    scene.wait("the end of a deleted one", lambda: _is_over(scene, gone), _SILENCE + PROMISE)
    assert max(at for times in scene.slots(gone).values() for at in times) < deleted + _SILENCE + PROMISE
    scene.check()


def test_an_error_comes_by_the_watches(scene: Scene, proxy: Proxy, form: Form) -> None:
    scene.sow_kinds()
    scene.operator(scene.connect(proxy.url))
    scene.settle_in()
    seconds = form.take(2, 15)
    for code in (500, 504):
        done = f"an ERROR event of code {code} in each new watch for {seconds:g} s"
        with scene.fault("errors within watches", done), proxy.fault(Fault(WatchError(code), watch=True)):
            proxy.cut_watches()
            time.sleep(seconds)
        scene.normal_again()
    scene.reckon()


def test_gone_with_deletions_in_the_gap(scene: Scene, proxy: Proxy, form: Form) -> None:
    scene.sow_kinds()
    gone = scene.sow("gone", 2, every="1s", concurrencyPolicy="Allow")
    scene.operator(scene.connect(proxy.url))
    scene.settle_in()
    seconds = form.take(2, 10)
    done = f"watches cut, schedules and Jobs deleted, then 410 to each watch, and within each, for {seconds:g} s"
    with scene.fault("410 Gone with deletions in the gap", done):
        with proxy.fault(Fault(Answer(503), watch=True)):
            proxy.cut_watches()
            time.sleep(1)
            for name in gone:
                scene.api.delete(f"{SCHEDULES.format(scene.namespace)}/{name}")
            for name in scene.jobs()[::2]:
                scene.api.delete(f"{JOBS.format(scene.namespace)}/{name}")
        for act in (Answer(410), WatchError(410)):
            with proxy.fault(Fault(act, watch=True)):
                time.sleep(seconds)
    ended = time.time()
    scene.normal_again()
    over = partial(_is_over, scene)
    scene.wait("the end of the deleted schedules", lambda: all(map(over, gone)), PROMISE + 10)
    late = [at for name in gone for times in scene.slots(name).values() for at in times if at > ended + PROMISE]
    assert not late, f"Jobs of deleted schedules up to {max(late) - ended:.0f} s after the fault's end"
    scene.reckon()


def _is_over(scene: Scene, schedule: str) -> bool:
    """Whether a schedule that ran each second does so no more."""
    return max(at for times in scene.slots(schedule).values() for at in times) < time.time() - 3
