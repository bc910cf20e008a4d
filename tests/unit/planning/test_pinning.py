"""AgentPins at the moment of a start: looked at each time, refused with a reason, granting what is theirs."""

import json
from typing import Any

from agentschedule.planning.actions import CreateJob, VerifyPin
from agentschedule.planning.observed import PinState

from .builders import World, slot_id
from .people import People
from .stories import started

SECRET = {"name": "pin", "key": "token"}
PIN = {"secretRef": SECRET, "domain": "agents.example.com"}
TRUST = {"agentPin": {"trust": [{"domain": "agents.example.com", "jwksSecretRef": {"name": "keys", "key": "jwks"}}]}}
WANTED: dict[str, Any] = {
    "policy": {"requireAgentPin": True, "agentPin": PIN},
    "agent": {"name": "payer", "image": "a"},
}


def world(*policies: dict[str, Any], **spec: Any) -> World:
    made = World(**{**WANTED, **spec})
    made.policies = list(policies)
    return made.tick()


def why(made: World) -> str:
    return "\n".join(f"{note.reason}: {note.message}" for note in made.notes)


def test_a_run_starts_when_its_pin_verifies_just_then() -> None:
    made = world(TRUST).tick("09:00")
    [look] = made.take(VerifyPin)
    assert (look.question.name, look.question.domain, look.question.accept_der) == (
        "payer",
        "agents.example.com",
        False,
    )
    assert started(made) == ["09:00"]
    made.ends(slot_id("09:00")).tick("09:01")
    made.tick("10:00")
    assert len(made.take(VerifyPin)) == 1, "it is looked at again for each run"
    assert started(made) == ["10:00"]


def test_one_that_does_not_verify_keeps_its_run_from_starting() -> None:
    made = world(TRUST)
    made.pin_refusal = "it has expired (exp)"
    made.tick("09:00")
    assert started(made) == []
    assert made.skips() == {"Policy": 1}
    assert (
        "PolicyDenied: slot 2026-11-22 09:00:00 UTC did not run: the AgentPin does not verify: it has expired"
        in why(made)
    )
    assert made.told().count("AgentPinVerificationFailed") == 1


def test_while_nobody_knows_the_run_waits() -> None:
    made = world(TRUST).tick("09:00")
    [look] = made.take(VerifyPin)
    made.ends(slot_id("09:00")).tick("09:01")
    made.take(CreateJob)
    made.pin = PinState("InFlight", look.question, made.now)
    made.tick("10:00")
    assert (started(made), made.skips(), made.take(VerifyPin)) == ([], {}, [])
    made.pin = PinState("Failed", look.question, made.now, "no answer", until=made.now.replace(second=20))
    made.tick("10:00:10")
    assert (started(made), made.take(VerifyPin)) == ([], [])
    made.tick("10:00:20")
    assert started(made) == ["10:00"]


def test_a_domain_that_a_policy_does_not_trust() -> None:
    other = {"agentPin": {"trust": [{"domain": "other.example.com", "jwksSecretRef": SECRET}]}}
    made = world(TRUST, other).tick("09:00")
    assert (started(made), made.take(VerifyPin)) == ([], [])
    assert "AgentPolicy p1 does not trust the domain agents.example.com" in why(made)


def test_nobody_says_whose_pins_count() -> None:
    made = world().tick("09:00")
    assert started(made) == []
    assert "no AgentPolicy for this namespace says whose pins count" in why(made)


def test_a_policy_demands_pins_but_of_those_that_are_exempt() -> None:
    made = world({"requireAgentPin": True, **TRUST}, policy=None).tick("09:00")
    assert started(made) == []
    assert "name its Secret and domain in spec.policy.agentPin" in why(made)
    exempt = {"serviceAccounts": ["default"]}
    made = world({"requireAgentPin": True, "exempt": exempt, **TRUST}, policy=None).tick("09:00")
    assert started(made) == ["09:00"]


def test_der_is_accepted_only_where_every_policy_says_so() -> None:
    accepting = {"agentPin": {**TRUST["agentPin"], "acceptDERSignatures": True}}
    for policies, accepted in (([accepting], True), ([accepting, TRUST], False)):
        [look] = world(*policies).tick("09:00").take(VerifyPin)
        assert look.question.accept_der is accepted


def test_a_pin_grants_what_its_issuer_is_granted() -> None:
    grant = {"name": "g", "agentPinIssuers": ["agents.example.com/payer"], "capabilities": ["make_purchase"]}
    for issuer, refusal, granted in (
        ("agents.example.com/payer", "", ["make_purchase"]),
        ("agents.example.com/*", "", ["make_purchase"]),
        ("agents.example.com/other", "", []),
        ("other.example.com/*", "", []),
        ("agents.example.com/payer", "forged", []),
    ):
        made = world({**TRUST, "grants": [{**grant, "agentPinIssuers": [issuer]}]}, policy={"agentPin": PIN})
        made.pin_refusal = refusal
        [job] = made.tick("09:00").take(CreateJob)
        notes = job.manifest["spec"]["template"]["metadata"]["annotations"]
        assert json.loads(notes["agentschedule.dev/context"])["capabilities"] == granted


def test_a_pin_nobody_asks_for_is_not_looked_at() -> None:
    made = world(TRUST, policy={"agentPin": PIN}).tick("09:00")
    assert (started(made), made.take(VerifyPin)) == (["09:00"], [])


def test_with_an_approval_the_pin_counts_when_the_run_starts() -> None:
    made = World(
        annotations={"agentschedule.dev/created-by": "bob"},
        **{**WANTED, "policy": {**WANTED["policy"], "requireApproval": {}}},
    )
    made.people = People()
    made.policies = [{**TRUST, "approvers": [{"kind": "User", "name": "alice"}]}]
    made.tick().tick("09:00").tick("09:30")
    assert len(made.take(VerifyPin)) == 1, "not while people think"
    made.pin_refusal = "it has expired (exp)"
    made.people.decide(slot_id("09:00"))
    made.tick("09:40")
    assert started(made) == []
    assert made.skips() == {"Policy": 1}
