"""A slot at the moment of its start, whether it is due just now or has waited in the queue."""

from datetime import datetime

from agentschedule.api.status import SkipReason, Trigger
from agentschedule.planning.budget import Shortage
from agentschedule.planning.draft import Draft
from agentschedule.planning.observed import Start
from agentschedule.planning.skipping import out_of_budget, skip_slot
from agentschedule.planning.spending import allowance
from agentschedule.planning.starting import start_run
from agentschedule.timing import Window

REFUSED: dict[str, SkipReason] = {
    "NameConflict": "NameConflict",
    "Denied": "Policy",
    "Expired": "ApprovalExpired",
}
"""What a start that is refused is counted as."""

Refusal = tuple[SkipReason, str, str | None]
"""Why a slot does not start: reason, message, and the name of the blackout."""


def too_late(draft: Draft, start: datetime, window: Window | None) -> Refusal | None:
    """Its starting deadline is over, or `window`, the blackout of this moment, skips what would start in it."""
    spec = draft.observed.schedule.spec
    if spec is not None and draft.past_deadline(start):
        return "DeadlineMissed", f"could not start within {spec.starting_deadline_seconds} s", None
    if window is not None and (window.action == "Skip" or window.end is None):
        return "Blackout", f"would start within the blackout {window.name}", window.name
    return None


def launch(draft: Draft, slot: datetime, start: datetime, trigger: Trigger) -> bool:
    """Set money aside and have the Job created. True: the slot is dealt with, as its Job is there or it is skipped."""
    budget = allowance(draft)
    if isinstance(budget, Shortage):
        out_of_budget(draft, slot, budget)
        return True
    outcome = start_run(draft, slot=slot, attempt=1, trigger=trigger, due=start, budget=budget)
    if isinstance(outcome, Start):
        reason: SkipReason = REFUSED.get(outcome.state, "Rejected")
        skip_slot(draft, slot, reason, f"did not run: {outcome.message}")
        return True
    if outcome == "There":
        draft.handled(slot)
    return outcome == "There"
