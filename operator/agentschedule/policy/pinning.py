"""What is asked about an AgentPin: where it is, whose it must be, and by whose keys it must verify."""

from dataclasses import dataclass

from agentschedule.policy.effective import Effective
from agentschedule.policy.gate import Asked, demands_pin


@dataclass(frozen=True, slots=True)
class SecretValue:
    """One value of a Secret."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class PinQuestion:
    """`token` is in the schedule's namespace, each of `keys` in the operator's own; it must verify by all of them."""

    name: str
    domain: str
    token: SecretValue
    keys: tuple[SecretValue, ...]
    accept_der: bool


def pin_question(asked: Asked, policies: Effective, name: str) -> PinQuestion | str | None:
    """What is to be verified; why that is in vain; or None: nobody wants to know. `name` is the agent's."""
    pin = asked.policy.agent_pin
    if pin is None or not (policies.grants_by_pin or demands_pin(asked, policies)):
        return None
    if not policies.pin_trust:
        return "no AgentPolicy for this namespace says whose pins count (agentPin.trust)"
    keys = list[SecretValue]()
    for bound in policies.pin_trust:
        trusted = next((one for one in bound.value.trust if one.domain == pin.domain), None)
        if trusted is None:
            return f"{bound.by} does not trust the domain {pin.domain}"
        keys.append(SecretValue(trusted.jwks_secret_ref.name, trusted.jwks_secret_ref.key))
    return PinQuestion(
        name=name,
        domain=pin.domain,
        token=SecretValue(pin.secret_ref.name, pin.secret_ref.key),
        keys=tuple(dict.fromkeys(keys)),
        accept_der=all(bound.value.accept_der_signatures for bound in policies.pin_trust),
    )
