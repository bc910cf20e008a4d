"""Administrators' policies at work: ceilings, denials, and what the agent is told."""

import json
from typing import Any

import pytest

from agentschedule.planning.actions import CreateJob

from .builders import World, slot_id, utc

NIGHT = {"allowedHours": {"start": "22:00", "end": "04:00"}}
IMAGES = {"allowedImages": ["registry.example.com/*"]}


def context_of(job: CreateJob) -> dict[str, Any]:
    notes = job.manifest["spec"]["template"]["metadata"]["annotations"]
    found: dict[str, Any] = json.loads(notes["agentschedule.dev/context"])
    return found


def test_a_slot_outside_the_allowed_hours_is_skipped_with_its_reason() -> None:
    world = World(policy=NIGHT).tick().tick("09:00")
    assert world.take(CreateJob) == []
    [skip] = world.status.skips
    assert (skip.reason, skip.count, skip.first) == ("Policy", 1, utc("09:00"))
    [note] = [note for note in world.notes if note.reason == "PolicyDenied"]
    assert note.warning
    assert "did not run: allowed hours 22:00–04:00 UTC, now 09:00" in note.message


def test_the_next_slot_within_them_runs() -> None:
    world = World(policy={"allowedHours": {"start": "10:00", "end": "11:00"}}).tick().tick("09:00").tick("10:00")
    assert [job.name for job in world.take(CreateJob)] == [slot_id("10:00")]


@pytest.mark.parametrize(
    "template",
    [
        {"initContainers": [{"name": "i", "image": "evil.example.com/x"}]},
        {"containers": [{"name": "side", "image": "evil.example.com/x"}]},
        {"volumes": [{"name": "v", "image": {"reference": "evil.example.com/x"}}]},
    ],
)
def test_no_image_of_the_pod_passes_by_the_job_template(template: dict[str, Any]) -> None:
    agent = {"image": "registry.example.com/agent:1"}
    world = World(agent=agent)
    world.policies = [IMAGES]
    assert [job.name for job in world.tick().tick("09:00").take(CreateJob)] == [slot_id("09:00")]

    other = World(agent=agent, jobTemplate={"spec": {"template": {"spec": template}}})
    other.policies = [IMAGES]
    other.tick().tick("09:00")
    assert other.take(CreateJob) == []
    assert [skip.reason for skip in other.status.skips] == ["Policy"]


@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_the_service_account_is_the_pods(field: str) -> None:
    world = World(jobTemplate={"spec": {"template": {"spec": {field: "payer"}}}})
    world.policies = [{"grants": [{"name": "g", "serviceAccounts": ["payer"], "capabilities": ["pay"]}]}]
    [job] = world.tick().tick("09:00").take(CreateJob)
    assert context_of(job)["capabilities"] == ["pay"]


def test_what_is_restricted_reaches_the_agent() -> None:
    world = World().tick().tick("09:00")
    [job] = world.take(CreateJob)
    operations = ["delete_data", "send_email", "make_purchase", "modify_permissions"]
    assert context_of(job)["restrictedOperations"] == operations
    world.policies = [{"restrictedOperations": ["pay"]}]
    world.ends(job.name).tick("10:00")
    [job] = world.take(CreateJob)
    assert context_of(job)["restrictedOperations"] == ["pay"]


def test_a_manual_run_that_is_not_allowed_fails_and_says_why() -> None:
    world = World(policy=NIGHT).tick()
    world.request("now").tick("09:10")
    assert world.take(CreateJob) == []
    assert world.requests["now"].status.phase == "Failed"
    assert "allowed hours" in (world.requests["now"].status.message or "")


def test_a_retry_is_asked_for_again() -> None:
    world = World(policy={"allowedHours": {"start": "09:00", "end": "09:01"}}, retry={"limit": 3, "backoff": "5m"})
    world.tick().tick("09:00")
    world.ends(slot_id("09:00"), code=1).tick("09:00:30")
    world.tick("09:10")
    [run] = world.status.runs
    assert (run.phase, run.retry_at) == ("Failed", None)
    assert "attempt 2 is not allowed: allowed hours" in (run.message or "")


@pytest.mark.parametrize(
    ("limits", "spec", "reason", "words"),
    [
        (
            {"maxBudgetPerRunUSD": "1"},
            {"budget": {"perRunUSD": "2"}},
            "BudgetTooHigh",
            "p0 allows at most 1",
        ),
        ({"maxActiveDeadlineSeconds": 60}, {"activeDeadlineSeconds": 61}, "DeadlineTooLong", "p0 allows at most 60"),
        ({"minInterval": "2h"}, {}, "TooFrequent", "(AgentPolicy p0)"),
    ],
)
def test_a_policy_refuses_what_was_accepted_before_it_came(
    limits: dict[str, Any], spec: dict[str, Any], reason: str, words: str
) -> None:
    world = World(**spec).tick()
    assert world.condition("Accepted").status == "True"
    world.policies = [{"limits": limits}]
    world.tick("09:00")
    assert world.condition("Accepted").reason == reason
    assert words in world.condition("Accepted").message
    assert world.take(CreateJob) == []
    world.policies = []
    world.tick("09:30").tick("10:00")
    assert [job.name for job in world.take(CreateJob)] == [slot_id("10:00")]


def test_defaults_stay_below_a_policys_ceilings() -> None:
    world = World()
    world.policies = [{"limits": {"maxActiveDeadlineSeconds": 60, "maxBudgetPerRunUSD": "0.5"}}]
    [job] = world.tick().tick("09:00").take(CreateJob)
    assert job.manifest["spec"]["template"]["spec"]["activeDeadlineSeconds"] == 60
    assert context_of(job)["limits"]["maxBudgetUSD"] == "0.5"
