"""May a run start? Policies and people are asked at that moment, and what they allow is what it gets."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from agentschedule.api.status import RunApproval
from agentschedule.planning.approving import Granted, Wanted, approval_of
from agentschedule.planning.auditing import allowed_by
from agentschedule.planning.awaited import awaits, give_up_awaited
from agentschedule.planning.draft import Draft
from agentschedule.planning.observed import Start
from agentschedule.planning.pinning import with_pin
from agentschedule.policy.gate import PIN, Allow, Asked, Deny, RequireApproval, evaluate, evaluate_approved


@dataclass(frozen=True, slots=True)
class Permit:
    """It may start, with what is granted, for so many US dollars; `approval` says who allowed it, where one had to."""

    allow: Allow
    budget: Decimal
    approval: RunApproval | None = None


def permission(draft: Draft, wanted: Wanted) -> Permit | Start | Literal["Waiting"]:
    """A permit; that it has to wait; or that it was refused, and why."""
    asked: Asked | Literal["Waiting"] = wanted.question
    if wanted.question.policy.agent_pin is not None and not _is_undecided(draft, wanted):
        asked = with_pin(draft, wanted.question)
    if asked == "Waiting":
        return "Waiting"
    decision = evaluate(asked, draft.policy, draft.now)
    granted = Granted()
    if isinstance(decision, RequireApproval) or awaits(draft, wanted.name):
        answer = approval_of(draft, wanted)
        if not isinstance(answer, Granted):
            return answer
        granted, decision = answer, evaluate_approved(asked, draft.policy, draft.now)
    if isinstance(decision, Deny):
        give_up_awaited(draft, wanted.name)
        _tell_denied(draft, wanted, decision)
        return Start("Denied", message=decision.reason)
    draft.decisions.append(("all", "allow"))
    budget = wanted.budget if granted.budget is None else min(wanted.budget, granted.budget)
    return Permit(decision, budget, granted.by)


def _is_undecided(draft: Draft, wanted: Wanted) -> bool:
    """Whether people are still thinking: the pin counts when the run would start."""
    waiting = draft.status.approval
    return waiting is not None and waiting.name == wanted.name and waiting.decided_at is None


def _tell_denied(draft: Draft, wanted: Wanted, decision: Deny) -> None:
    """The one place where a denial is known together with its rule."""
    draft.decisions.append((decision.rule, "deny"))
    told = {"run": wanted.name, "reason": "Policy", "policy": allowed_by(draft)}
    if decision.rule == PIN:
        draft.note("AgentPinVerificationFailed", f"run {wanted.name}: {decision.reason}", warning=True)
        draft.record("AgentPinVerificationFailed", wanted.name, decision.reason, **told)
    draft.record("RunDenied", wanted.name, decision.reason, **told)
