"""Runs that people have to approve, before a real API server, with users, groups and service accounts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kubectl import Kubectl
from tests.resources import in_seconds, schedule

from .guarded import Guarded, guarded

ROBOT = {"kind": "ServiceAccount", "name": "robot", "namespace": "default"}
POLICY = {
    "approvers": [{"kind": "User", "name": "alice"}, {"kind": "Group", "name": "sre"}, ROBOT],
}
APPROVAL: dict[str, Any] = {"policy": {"requireApproval": {"expiresAfter": "10m"}}}


@pytest.fixture(scope="module")
def here(alone: None, kubectl: Kubectl, kubeconfig: Path) -> Iterator[Guarded]:
    with guarded(kubectl, kubeconfig, [POLICY]) as found:
        yield found


def test_a_run_starts_when_somebody_else_approves_it(here: Guarded) -> None:
    here.create("bob", schedule("news", at=in_seconds(2), input="Summarise.", **APPROVAL))
    waiting = here.waiting("news")
    spec = waiting["spec"]
    assert (spec["input"], spec["authors"], spec["trigger"]) == ("Summarise.", ["bob"], "Schedule")
    assert "ApprovalRequested" in here.reasons("news")
    assert here.place.jobs_of("news") == []
    shown = here.place("get", "agentapprovals")
    assert waiting["metadata"]["name"] in shown
    assert "Waiting" in shown

    assert here.decide("alice", spec["runId"]).returncode == 0
    run = here.place.wait_run("news", "Succeeded")
    assert (run["id"], run["approval"]["decidedBy"]) == (spec["runId"], "alice")
    assert run["approval"]["reason"] == "alice says so"
    assert run["policies"] == ["policy-0"]
    [job] = here.place.jobs_of("news")
    notes = job["metadata"]["annotations"]
    assert notes["agentschedule.dev/approved-by"] == "alice"
    assert notes["agentschedule.dev/policies"] == "policy-0"
    assert here.place.get("agentapproval", spec["runId"])["status"]["phase"] == "Approved"
    assert "ApprovalGranted" in here.reasons("news")
