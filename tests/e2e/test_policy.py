"""AgentPolicies of the cluster: what of them reaches the agent, and what does not start."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.resources import Place, agent_run, schedule

TELL = [
    "sh",
    "-c",
    r"""grep -oE '"(restrictedOperations|capabilities)":\[[^]]*\]' $AGENT_CONTEXT_FILE > $AGENT_RESULT_FILE""",
]
"""Command of an agent that reports what its context allows and forbids."""

Policy = Callable[..., None]


@pytest.fixture
def policy(place: Place) -> Iterator[Policy]:
    """Makes or changes an AgentPolicy for the test's namespace only."""
    names: set[str] = set()

    def apply(name: str, **spec: Any) -> None:
        full = f"{place.namespace}-{name}"
        names.add(full)
        selector = {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}}
        place.apply(
            {
                "apiVersion": "agentschedule.dev/v1alpha1",
                "kind": "AgentPolicy",
                "metadata": {"name": full},
                "spec": {"namespaceSelector": selector, **spec},
            }
        )

    yield apply
    place("delete", "agentpolicies", *names)


def denials(place: Place, name: str) -> list[str]:
    return [event["message"] for event in place.events_of(name) if event["reason"] == "PolicyDenied"]


def test_what_is_granted_and_forbidden_reaches_the_agent(policy: Policy, place: Place) -> None:
    policy(
        "mail",
        restrictedOperations=["delete_data"],
        grants=[{"name": "mailer", "serviceAccounts": ["mailer"], "capabilities": ["send_email"]}],
    )
    place("create", "serviceaccount", "mailer")
    asked = schedule("mailer", TELL, every="24h", suspend=True, policy={"requireCapabilities": ["send_email"]})
    asked["spec"]["agent"]["serviceAccountName"] = "mailer"
    place.apply(asked)
    place.apply(agent_run("now", "mailer"))
    place.wait("the end of the run", lambda: place.status("now", "agentrun").get("phase") == "Succeeded")
    told = place.status("now", "agentrun")["run"]["summary"]
    assert told.split() == ['"restrictedOperations":["delete_data"]', '"capabilities":["send_email"]']


def test_who_is_not_granted_what_it_needs_does_not_start(policy: Policy, place: Place) -> None:
    policy("mail", grants=[{"name": "mailer", "serviceAccounts": ["mailer"], "capabilities": ["send_email"]}])
    place.apply(schedule("claims", TELL, every="2s", policy={"requireCapabilities": ["send_email"]}))
    place.wait("a skipped slot", lambda: place.status("claims").get("skips"))
    skip = place.status("claims")["skips"][0]
    assert skip["reason"] == "Policy"
    told = place.wait("an Event that says why", lambda: denials(place, "claims"))
    assert "required capabilities send_email are not granted to service account default" in told[0]
    assert not place.jobs_of("claims")

    policy("mail", grants=[{"name": "all", "images": ["local/*"], "capabilities": ["send_email"]}])
    assert "send_email" in place.wait_run("claims", "Succeeded")["summary"]


def test_a_ceiling_that_comes_later_refuses_and_lets_go(policy: Policy, place: Place) -> None:
    place.apply(schedule("cheap", every="2s", budget={"perRunUSD": "3"}))
    place.wait_run("cheap", "Succeeded")
    policy("ceilings", limits={"maxBudgetPerRunUSD": "2"})
    place.wait("a refusal", lambda: place.condition("cheap", "Accepted").get("status") == "False")
    accepted = place.condition("cheap", "Accepted")
    assert accepted["reason"] == "BudgetTooHigh"
    assert f"AgentPolicy {place.namespace}-ceilings allows at most 2" in accepted["message"]
    policy("ceilings", limits={"maxBudgetPerRunUSD": "3"})
    place.wait("that it goes on", lambda: place.condition("cheap", "Accepted").get("status") == "True")


def test_a_mistake_is_told_at_once(place: Place) -> None:
    done = place.kubectl(
        "apply",
        "-f",
        "-",
        manifest={
            "apiVersion": "agentschedule.dev/v1alpha1",
            "kind": "AgentPolicy",
            "metadata": {"name": "open-to-all"},
            "spec": {"grants": [{"name": "all", "capabilities": ["send_email"]}]},
        },
    )
    assert done.returncode != 0
    assert "give serviceAccounts, images or agentPinIssuers" in done.stderr
