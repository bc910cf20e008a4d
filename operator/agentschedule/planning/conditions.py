"""Conditions as the API conventions have them: the transition time moves only when the status does."""

from collections.abc import Iterable
from datetime import datetime

from agentschedule.api.status import Condition
from agentschedule.runs.result import clean

_MESSAGE_BYTES = 4096
"""The API server and templates can be wordier than people can read or a status can hold."""


def condition(
    kind: str, *, status: bool, reason: str, message: str, generation: int, now: datetime, known: Iterable[Condition]
) -> Condition:
    """A condition at `now`, given the ones that are `known` so far."""
    value = "True" if status else "False"
    old = next((c for c in known if c.type == kind), None)
    return Condition(
        type=kind,
        status="True" if status else "False",
        reason=reason,
        message=clean(message, _MESSAGE_BYTES),
        last_transition_time=old.last_transition_time if old and old.status == value else now.replace(microsecond=0),
        observed_generation=generation,
    )
