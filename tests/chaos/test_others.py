"""Others meddle: they delete Jobs and pods, write statuses, delete a whole namespace."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.chaos.api import JOBS, NAMESPACES, PODS, SCHEDULES
from tests.chaos.conftest import Form
from tests.chaos.proxy import Proxy
from tests.chaos.scene import PROMISE, Scene


@contextmanager
def _meddling(meddle: Callable[[], None], pause: float) -> Iterator[None]:
    """Do it again and again, in a thread of its own, until the context is left."""
    over = threading.Event()
    failures: list[Exception] = []

    def work() -> None:
        while not over.wait(pause):
            try:
                meddle()
            except Exception as error:  # noqa: BLE001 - raised in the test's own thread
                failures.append(error)
                return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failures:
        raise failures[0]


def test_jobs_and_pods_are_deleted_at_every_moment(scene: Scene, form: Form) -> None:
    scene.sow_kinds()
    scene.operator()
    scene.settle_in()
    chance = random.Random(4711)
    counts = {"Jobs": 0, "pods": 0}
    propagations = ("Background", "Foreground", "Orphan")

    def delete_some() -> None:
        for kind, path in (("Jobs", JOBS.format(scene.namespace)), ("pods", PODS.format(scene.namespace))):
            names = [raw["metadata"]["name"] for raw in scene.api.items(path)]
            for name in chance.sample(names, min(len(names), 3)):
                scene.api.delete(f"{path}/{name}", chance.choice(propagations) if kind == "Jobs" else "Background")
                counts[kind] += 1

    seconds = form.take(6, 45)
    with scene.fault("Jobs and pods deleted", f"at random for {seconds:g} s"), _meddling(delete_some, 0.1):
        time.sleep(seconds)
    assert min(counts.values()) >= 10
    scene.outcome.done += f": {counts['Jobs']} Jobs, {counts['pods']} pods"
    scene.check()


def test_another_writes_statuses(scene: Scene, form: Form) -> None:
    scene.sow_kinds()
    scene.operator()
    scene.settle_in()
    path = SCHEDULES.format(scene.namespace)
    names = [raw["metadata"]["name"] for raw in scene.api.items(path)]
    chance = random.Random(4711)
    written = 0

    def write() -> None:
        nonlocal written
        name = chance.choice(names)
        lies = {"phase": "Invalid", "activeCount": 99, "nextRunLocal": f"nonsense {written}", "conditions": []}
        field = chance.choice(list(lies))
        scene.api.patch(f"{path}/{name}/status", {"status": {field: lies[field]}})
        written += 1

    seconds = form.take(6, 45)
    with scene.fault("statuses written by another", f"all the time for {seconds:g} s"), _meddling(write, 0.02):
        time.sleep(seconds)
    scene.outcome.done += f": {written} writes"
    scene.check()
    for raw in scene.api.items(path):
        assert raw["status"]["phase"] == "Paused"
        assert {c["type"] for c in raw["status"]["conditions"]} >= {"Accepted", "Ready", "Suspended"}


def test_a_namespace_is_deleted(scene: Scene, proxy: Proxy, form: Form) -> None:
    doomed = f"{scene.namespace}-doomed"
    scene.make_namespace(doomed)
    scene.sow_kinds()
    scene.sow("doomed", form.number(5, 20), namespace=doomed, every="1s", concurrencyPolicy="Allow")
    scene.operator(scene.connect(proxy.url), environment={"AGENTSCHEDULE_NAMESPACES": ""})
    scene.settle_in()
    scene.wait("runs there", lambda: len(scene.history.created(doomed)) >= 5)
    with scene.fault("namespace deleted", "with schedules in it, others go on"):
        scene.api.delete(f"{NAMESPACES}/{doomed}")
        scene.wait("its end", lambda: not _exists(scene, doomed), 120)
    scene.normal_again()
    time.sleep(form.take(3, PROMISE))
    before = len(proxy.asked)
    time.sleep(form.take(3, 10))
    assert [ask for ask in proxy.asked[before:] if doomed in ask[1] and "/events" not in ask[1]] == []
    scene.reckon()
    assert all(len(times) == 1 for times in scene.history.created(doomed).values())


def _exists(scene: Scene, namespace: str) -> bool:
    return any(raw["metadata"]["name"] == namespace for raw in scene.api.items(NAMESPACES))
