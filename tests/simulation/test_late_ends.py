"""Ends that are told late: after an outage the Job's may come before the pod's, which has the result."""

import pytest

from .clock import simulate
from .steps import Apply, Down, Step, Wait
from .test_stories import tell


@pytest.mark.parametrize("seed", [1, 8, 15, 18])
def test_a_job_whose_end_is_told_before_its_pods_after_an_outage(seed: int) -> None:
    story: list[Step] = [Apply("a", {"every": "7m30s"}), Wait(7.52), Apply("a", {"every": "6m"})]
    simulate(tell(seed, [*story, Down("refusing", 13, losing=False)]))
