"""AgentPins: looked at when a run would start, by reading Secrets; what was found is good for some seconds only."""

import dataclasses
from datetime import timedelta
from typing import Literal

from agentschedule.planning.actions import VerifyPin
from agentschedule.planning.draft import Draft
from agentschedule.planning.observed import PinState
from agentschedule.policy.gate import Asked
from agentschedule.policy.pinning import PinQuestion, pin_question

FRESH = timedelta(seconds=10)


def with_pin(draft: Draft, asked: Asked) -> Asked | Literal["Waiting"]:
    """The question with what is known of the agent's pin just now; it is looked at where somebody wants to know."""
    schedule = draft.observed.schedule
    named = schedule.spec.agent.name if schedule.spec and schedule.spec.agent else None
    wanted = pin_question(asked, draft.policy, named or schedule.owner.name)
    if wanted is None:
        return asked
    if isinstance(wanted, str):
        return dataclasses.replace(asked, pin_problem=wanted)
    known = _fresh(draft, wanted)
    if known is None:
        return "Waiting"
    if known.state == "Refused":
        return dataclasses.replace(asked, pin_problem=known.reason)
    return dataclasses.replace(asked, pin=f"{wanted.domain}/{wanted.name}")


def _fresh(draft: Draft, wanted: PinQuestion) -> PinState | None:
    """What was found just now. None: it is being looked at, or that was asked for."""
    known = draft.observed.pin
    if known is not None and known.question == wanted:
        if known.state == "InFlight":
            return None
        if known.until is not None and known.until > draft.now:
            draft.wake(known.until)
            return None
        if known.state != "Failed" and draft.now - known.at < FRESH:
            return known
    draft.do_once(VerifyPin(wanted))
    return None
