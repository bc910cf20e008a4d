"""Jobs of a burst are deleted instead of run: pods of so many would keep the machine busy for longer than the burst."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.api import JOBS, SCHEDULES, at_once
from tests.chaos.ledger import epoch, slot_of
from tests.chaos.scene import Scene
from tests.controlplane.process import Process

_PAUSE = 1.0


@contextmanager
def cleared(scene: Scene, controllers: Process) -> Iterator[None]:
    """Nothing runs in the namespace: each Job is deleted as soon as its run is in the schedule's status, not before.

    One that went earlier, while the operator is down, would have left no trace for anybody to know it by.
    """
    over, failures = threading.Event(), list[Exception]()
    gone: set[str] = set()

    def work() -> None:
        while not over.wait(_PAUSE):
            try:
                _clear(scene, gone)
            except Exception as error:  # noqa: BLE001 - raised in the test's own thread
                failures.append(error)
                return

    thread = threading.Thread(target=work)
    controllers.freeze()
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        controllers.thaw()
    if failures:
        raise failures[0]


def _clear(scene: Scene, gone: set[str]) -> None:
    handled = {
        raw["metadata"]["name"]: epoch(raw.get("status", {}).get("scheduling", {}).get("handledThrough"))
        for raw in scene.api.items(SCHEDULES.format(scene.namespace))
    }
    left = {name: slot for name in set(scene.history.created(scene.namespace)) - gone if (slot := slot_of(name))}
    recorded = [name for name, (schedule, slot) in left.items() if slot <= handled.get(schedule, 0)]
    at_once(lambda name: scene.api.delete(f"{JOBS.format(scene.namespace)}/{name}"), recorded)
    gone.update(recorded)
