"""Who allowed a run, and who was told of it? Approval, pin, delivery and audit together, as one operator has them."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agentschedule.audit.record import AuditRecord
from tests.kubectl import Kubectl
from tests.receivers import Webhooks, webhooks
from tests.resources import agent_run, in_seconds, say, schedule

from .guarded import Guarded, guarded

POLICY = {"approvers": [{"kind": "User", "name": "alice"}]}
APPROVED = {"requireApproval": {"expiresAfter": "10m"}}
EVERY_EVENT = ["Succeeded", "Failed", "ApprovalRequested"]


class Office(Guarded):
    """A guarded place whose operator delivers to `hooks` and writes its audit into a file."""

    hooks: Webhooks
    file: Path

    def wait_record(self, name: str, kind: str) -> AuditRecord:
        """Wait for an audit record of a schedule; returns the newest."""

        def look() -> list[AuditRecord]:
            lines = self.file.read_text().splitlines() if self.file.exists() else []
            records = [AuditRecord.model_validate_json(line) for line in lines]
            return [record for record in records if (record.schedule, record.type) == (name, kind)]

        found: list[AuditRecord] = self.place.wait(f"{kind} of {name} in the audit", look)
        return found[-1]

    def target(self, path: str = "/hook") -> list[dict[str, Any]]:
        """`spec.delivery` with one webhook."""
        return [{"name": "team", "events": EVERY_EVENT, "webhook": {"url": self.hooks.url(path), "retries": 0}}]

    def has_run(self, request: str) -> bool:
        """Whether an AgentRun has succeeded."""
        return bool(self.place.status(request, "agentrun").get("phase") == "Succeeded")

    def delivered(self, name: str, phase: str) -> list[str]:
        """Events that were told, or could not be."""
        entries = self.place.status(name).get("deliveries", [])
        return sorted(entry["event"] for entry in entries if entry["phase"] == phase)


@pytest.fixture(scope="module")
def office(
    alone: None, kubectl: Kubectl, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    file = tmp_path_factory.mktemp("audit") / "audit"
    with webhooks() as hooks:
        allowed = {"http": True, "ports": [hooks.port], "private_networks": ["127.0.0.0/8"]}
        settings = {"audit_log": str(file), "delivery": json.dumps(allowed)}
        with guarded(kubectl, kubeconfig, [POLICY], **settings) as place:
            found = Office(place.place, place.release, place.operator)
            found.hooks, found.file = hooks, file
            yield found


def test_of_an_approved_run_kubectl_tells_who_allowed_it_and_who_was_told(office: Office) -> None:
    office.create("bob", schedule("news", say("five bullets"), at=in_seconds(2), policy=APPROVED,
                                  delivery=office.target()))  # fmt: skip
    name = office.waiting("news")["metadata"]["name"]
    office.place.wait("people to be asked", lambda: office.delivered("news", "Delivered") == ["ApprovalRequested"])
    assert office.decide("alice", name).returncode == 0
    run = office.place.wait_run("news", "Succeeded")
    assert (run["approval"]["decidedBy"], run["approval"]["reason"]) == ("alice", "alice says so")
    assert run["policies"] == ["policy-0"]
    both = ["ApprovalRequested", "Succeeded"]
    office.place.wait("the result to be told", lambda: office.delivered("news", "Delivered") == both)
    assert {entry["run"] for entry in office.place.status("news")["deliveries"]} == {name}
    [job] = office.place.jobs_of("news")
    assert job["metadata"]["annotations"]["agentschedule.dev/approved-by"] == "alice"

    told = [json.loads(request.body)["data"] for request in office.hooks.to("/hook")]
    assert [one["event"] for one in told] == both
    assert told[1]["run"]["summary"] == "five bullets"

    assert office.wait_record("news", "ScheduleCreated").actor == "bob"
    assert office.wait_record("news", "ApprovalRequested").run == name
    decided = office.wait_record("news", "ApprovalDecided")
    assert (decided.actor, decided.reason, decided.run) == ("alice", "Approved", name)
    started = office.wait_record("news", "RunStarted")
    assert (started.policy, started.run) == ("policy-0", name)
    assert office.wait_record("news", "RunSucceeded").run == name


def test_a_manual_run_tells_who_asked_for_it(office: Office) -> None:
    office.create("bob", schedule("by-hand", schedule="0 0 1 1 *"))
    for user, name in (("carol", "asked"), ("dave", "silent")):
        request = agent_run(name, "by-hand")
        if user == "carol":
            request["metadata"]["annotations"] = {"agentschedule.dev/created-by": user}
            claimed = office.refusal("mallory", "create", "-f", "-", manifest=request)
            assert "created-by" in claimed
        assert office.attempt(user, "create", "-f", "-", manifest=request).returncode == 0
        office.place.wait("its end", partial(office.has_run, name))
        assert office.wait_record("by-hand", "RunStarted").actor == (user if user == "carol" else None)


def test_a_denied_run_and_one_that_nobody_approved(office: Office) -> None:
    office.create("bob", schedule("denied", at=in_seconds(2), policy=APPROVED))
    assert office.decide("alice", office.waiting("denied")["metadata"]["name"], "Denied").returncode == 0
    decided = office.wait_record("denied", "ApprovalDecided")
    assert (decided.actor, decided.reason) == ("alice", "Denied")
    office.create("bob", schedule("late", at=in_seconds(2), policy={"requireApproval": {"expiresAfter": "3s"}}))
    expired = office.wait_record("late", "ApprovalExpired")
    assert (expired.actor, office.skips("late")) == (None, {"ApprovalExpired": 1})


def test_a_pin_that_does_not_verify(office: Office) -> None:
    pin = {
        "requireAgentPin": True,
        "agentPin": {"secretRef": {"name": "none", "key": "token"}, "domain": "example.com"},
    }
    office.create("bob", schedule("pinned", at=in_seconds(2), policy=pin))
    failed = office.wait_record("pinned", "AgentPinVerificationFailed")
    assert "AgentPin" in failed.message
    assert office.wait_record("pinned", "RunDenied").run == failed.run


def test_a_delivery_that_fails(office: Office) -> None:
    office.hooks.codes.append(410)
    office.create("bob", schedule("unheard", at=in_seconds(2), delivery=office.target("/gone")))
    office.place.wait("it to be given up", lambda: office.delivered("unheard", "Failed") == ["Succeeded"])
    failed = office.wait_record("unheard", "DeliveryFailed")
    assert "410" in failed.message
    assert failed.run == office.place.newest_run("unheard")["id"]
    assert "DeliveryFailed" in office.reasons("unheard")
