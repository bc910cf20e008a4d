"""Heartbeat: which iteration a run is. `status.iteration` counts scheduled runs, as `recording` finds them."""

from agentschedule.api.status import Trigger
from agentschedule.planning.draft import Draft, base_id


def iteration_of(draft: Draft, name: str, trigger: Trigger) -> int | None:
    """The iteration of the run whose Job has this name; None: its schedule has no heartbeat.

    A further attempt has its first one's number. A manual run is none itself: it is told how many there were.
    """
    spec = draft.observed.schedule.spec
    if spec is None or spec.heartbeat is None:
        return None
    if trigger == "Manual":
        return draft.status.iteration
    run = draft.runs.get(base_id(name))
    if run is None:
        return draft.status.iteration + 1
    return run.iteration if run.iteration is not None else draft.status.iteration
