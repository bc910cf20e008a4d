"""The operator is killed at random points of a burst, again and again."""

import queue
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.api import JOBS, RefusedError
from tests.chaos.conftest import Form
from tests.chaos.scene import Scene

_STAMP = "%Y-%m-%dT%H:%M:%SZ"
_COMPLETERS = 4
_OURS = {"spec": {"managedBy": "example.com/tests"}}
"""Kubernetes' own controller leaves such Jobs alone: it would need longer for so many."""


def test_the_operator_is_killed_amid_a_burst(scene: Scene, form: Form) -> None:
    number, kills, step = form.number(60, 500), form.number(3, 50), form.number(5, 8)
    start = time.strftime(_STAMP, time.gmtime(time.time() // step * step - step))
    spec = {"every": f"{step}s", "startTime": start, "successfulJobsHistoryLimit": 1, "jobTemplate": _OURS}
    scene.sow("burst", number, watched=True, **spec)
    operator = scene.operator()
    moments = random.Random(4711)
    with _completed(scene):
        with scene.fault("operator killed", f"SIGKILL at random points of a burst of {number}, {kills} times over"):
            for _ in range(kills):
                now = time.time()
                time.sleep(step - now % step + moments.uniform(0, 3))
                operator.kill()
                operator.start(wait=False)
        scene.normal_again()
        scene.reckon()


@contextmanager
def _completed(scene: Scene) -> Iterator[None]:
    """Every Job of the namespace completes at once."""
    jobs: queue.Queue[str | None] = queue.Queue()
    path = JOBS.format(scene.namespace)

    def complete() -> None:
        while (name := jobs.get()) is not None:
            now = time.strftime(_STAMP, time.gmtime())
            done = {"status": "True", "lastTransitionTime": now, "reason": "CompletionsReached"}
            conditions = [{"type": kind, **done} for kind in ("SuccessCriteriaMet", "Complete")]
            status = {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": conditions}
            try:
                scene.api.patch(f"{path}/{name}/status", {"status": status})
            except RefusedError as refused:
                if refused.status != 404:
                    raise

    threads = [threading.Thread(target=complete) for _ in range(_COMPLETERS)]
    for thread in threads:
        thread.start()
    with scene.history.told(scene.namespace, jobs.put):
        try:
            yield
        finally:
            for _ in threads:
                jobs.put(None)
            for thread in threads:
                thread.join()
