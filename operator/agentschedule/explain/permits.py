"""What a file cannot tell of a start: what its AgentPin proves, and what people will say."""

import dataclasses

from agentschedule.policy.effective import Effective
from agentschedule.policy.gate import Asked, RequireApproval, demands_pin
from agentschedule.policy.pinning import pin_question


def assume_pin(asked: Asked, policies: Effective, name: str) -> tuple[Asked, str]:
    """The question as if the agent's pin verified, and words that say so; `name` is the agent's."""
    wanted = pin_question(asked, policies, name)
    if wanted is None:
        return asked, ""
    if isinstance(wanted, str):
        return dataclasses.replace(asked, pin_problem=wanted), ""
    demanded = "demanded, and " if demands_pin(asked, policies) else ""
    words = f"{demanded}verified when it starts: Secret {wanted.token.name}, by the keys of {wanted.domain}"
    return dataclasses.replace(asked, pin=f"{wanted.domain}/{wanted.name}"), words


def whom(needed: RequireApproval) -> str:
    """Who demands an approval, and who may give it: somebody who is in each of the sets."""
    sets = [
        f"{', '.join(f'{one.kind} {one.name}' for one in bound.value)} (AgentPolicy {bound.by})"
        for bound in needed.approvers
    ]
    but = "" if needed.author_may_approve else ", but not by its author"
    return f"waits for an approval ({needed.by}) by {'; and by '.join(sets)}{but}"
