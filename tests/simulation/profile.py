"""How long the simulation may search: briefly with every change, for longer by `HYPOTHESIS_PROFILE=deep`."""

import os

from hypothesis import HealthCheck, Phase, settings

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"


def stories(few: int, many: int = 50) -> settings:
    """How many examples of a test: few and always the same with every change, ever new ones in the deep search."""
    return settings(
        max_examples=int(os.environ.get("SIMULATION_STORIES", many)) if DEEP else few,
        derandomize=not DEEP,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
        print_blob=False,
    )


STORIES = stories(35)
"""The short search is the same every time: a change is judged by what it does, not by the day's dice."""
