"""The operator is killed at random points of a burst, again and again."""

import random
import time
from functools import partial

from tests.chaos.clearing import cleared
from tests.chaos.conftest import Form
from tests.chaos.pod import Pod
from tests.chaos.scene import Scene
from tests.controlplane.process import Process


def test_the_operator_is_killed_amid_a_burst(scene: Scene, controllers: Process, form: Form) -> None:
    size, kills, step = form.number(60, 500), form.number(3, 50), form.number(5, 14)
    scene.sow_burst("burst", size, step)
    moments, longest = random.Random(4711), form.take(0.6, 3)
    with cleared(scene, controllers):
        operator = scene.operator()
        scene.settle_in()
        done = f"SIGKILL at random points of a burst of {size} schedules, {kills} times over"
        with scene.fault("operator killed", done):
            begun = 0
            for number in range(kills):
                if number % 5 != 4:  # each fifth kill may come before it has begun
                    scene.wait("its work", partial(_works, operator, begun), 60)
                time.sleep(step - time.time() % step + moments.uniform(0, longest))
                operator.kill()
                begun = operator.terms()
                operator.start(wait=False)
        scene.check()


def _works(operator: Pod, begun: int) -> bool:
    return operator.terms() > begun
