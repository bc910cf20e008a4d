"""How long the simulation may search: briefly with every change, for longer by `HYPOTHESIS_PROFILE=deep`."""

import os

from hypothesis import HealthCheck, Phase, settings

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"

STORIES = settings(
    max_examples=int(os.environ.get("SIMULATION_STORIES", "2000" if DEEP else "20")),
    derandomize=not DEEP,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
"""The short search is the same every time: a change is judged by what it does, not by the day's dice."""
