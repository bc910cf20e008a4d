"""Runs that people have to approve, before a real API server, with users, groups and service accounts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kubectl import Kubectl
from tests.resources import agent_run, in_seconds, schedule

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


def test_nobody_but_the_operator_makes_or_touches_one(here: Guarded) -> None:
    here.create("bob", schedule("guarded", at=in_seconds(2), **APPROVAL))
    waiting = here.waiting("guarded")
    name, spec = waiting["metadata"]["name"], waiting["spec"]
    forged = {**waiting, "metadata": {"name": "guarded-1", "labels": waiting["metadata"]["labels"]}, "status": {}}
    decision = {"decision": "Approved", "decidedBy": "alice"}
    for user in ("alice", "mallory", "admin"):
        for made in (forged, {**forged, "spec": {**spec, **decision}}):
            assert "only the operator creates" in here.refusal(user, "create", "-f", "-", manifest=made)
        for arguments in (("delete", "agentapproval", name), ("delete", "agentapprovals", "--all")):
            assert "only the operator deletes" in here.refusal(user, *arguments)
        status = json.dumps({"status": {"phase": "Approved"}})
        patch = ("patch", "agentapproval", name, "--type=merge", "-p")
        assert "only the operator touches" in here.refusal(user, *patch, status, "--subresource=status")
        here.refusal(user, *patch, json.dumps({"metadata": {"labels": {"agentschedule.dev/schedule": "other"}}}))
    own: list[dict[str, Any]] = [
        {"labels": {"a": "b"}},
        {"annotations": {"a": "b"}},
        {"finalizers": ["example.com/stay"]},
        {"ownerReferences": None},
    ]
    for metadata in own:
        body = json.dumps({"metadata": metadata, "spec": {"decision": "Approved", "decidedBy": "alice"}})
        assert "touches no metadata" in here.refusal(
            "alice", "patch", "agentapproval", name, "--type=merge", "-p", body
        )
    assert here.place.get("agentapproval", name)["metadata"]["resourceVersion"]
    assert here.place.jobs_of("guarded") == []


EDITS: dict[str, Any] = {
    "scheduleName": "other",
    "runId": "other-1",
    "scheduledAt": "2030-01-01T00:00:00Z",
    "attempt": 2,
    "trigger": "Manual",
    "agentRun": "mine",
    "agent": "other",
    "images": ["registry.example.com/evil:1"],
    "serviceAccount": "root",
    "input": "Do something else.",
    "budgetUSD": "1000",
    "deadlineSeconds": 1,
    "capabilities": ["everything"],
    "digest": "0" * 64,
    "requiredBy": "me",
    "approvers": [{"policy": "policy-0", "subjects": [{"kind": "User", "name": "mallory"}]}],
    "authors": [],
    "authorMayApprove": True,
    "expiresAt": "2030-01-01T00:00:00Z",
}


def test_no_field_but_the_decision_can_be_edited(here: Guarded) -> None:
    here.create("bob", schedule("frozen", at=in_seconds(2), input="Summarise.", **APPROVAL))
    waiting = here.waiting("frozen")
    name = waiting["metadata"]["name"]
    fields = set(waiting["spec"]) | {"agentRun"}
    assert fields == set(EDITS), "every field is tried"
    for field, value in EDITS.items():
        edit = here.attempt("alice", "patch", "agentapproval", name, "--type=merge", "-p",
                            json.dumps({"spec": {field: value}}))  # fmt: skip
        assert edit.returncode != 0, field
        with_decision = here.decide("alice", name, **{field: value})
        assert with_decision.returncode != 0, field
        assert "cannot be changed" in with_decision.stderr + edit.stderr
    assert here.place.get("agentapproval", name)["spec"] == waiting["spec"]


def test_only_an_approver_decides_and_only_once_and_by_name(here: Guarded) -> None:
    here.create("bob", schedule("decided", at=in_seconds(2), **APPROVAL))
    name = here.waiting("decided")["metadata"]["name"]
    assert "you are not one of spec.approvers" in here.decide("mallory", name).stderr
    assert "you are not one of spec.approvers" in here.decide("sre", name).stderr
    assert "your own user name" in here.decide("alice", name, decidedBy="carol").stderr
    assert "decidedBy must be your own" in here.decide("alice", name, decidedBy=None).stderr
    assert here.decide("alice", name, "Perhaps").returncode != 0
    assert "somebody else must decide" in here.decide("bob", name, groups=["sre"]).stderr
    assert here.decide("carol", name, "Denied", groups=["sre"]).returncode == 0
    for user, decision in (("carol", "Approved"), ("alice", "Approved"), ("alice", "Denied")):
        assert "a decision is made once" in here.decide(user, name, decision, groups=["sre"]).stderr
    here.place.wait("the skip", lambda: here.skips("decided") == {"Policy": 1})
    assert "carol denied run" in here.reasons("decided")["ApprovalDenied"]
    assert "carol says so" in here.reasons("decided")["PolicyDenied"]
    assert here.place.get("agentapproval", name)["status"]["phase"] == "Denied"
    assert here.place.jobs_of("decided") == []


def test_a_group_and_a_service_account_approve(here: Guarded, kubectl: Kubectl) -> None:
    here.create("bob", schedule("by-group", at=in_seconds(2), **APPROVAL))
    name = here.waiting("by-group")["metadata"]["name"]
    assert here.decide("carol", name, groups=["sre"]).returncode == 0
    assert here.place.wait_run("by-group", "Succeeded")["approval"]["decidedBy"] == "carol"

    here.create("bob", schedule("by-robot", at=in_seconds(2), **APPROVAL))
    name = here.waiting("by-robot")["metadata"]["name"]
    # One of the same name in the schedule's own namespace is somebody else.
    wrong, right = (f"system:serviceaccount:{where}:robot" for where in (here.place.namespace, "default"))
    assert "you are not one of spec.approvers" in here.decide(wrong, name).stderr
    assert here.decide(right, name).returncode == 0
    assert here.place.wait_run("by-robot", "Succeeded")["approval"]["decidedBy"] == right


def test_a_run_that_nobody_approves_expires(here: Guarded) -> None:
    policy = {"requireApproval": {"expiresAfter": "3s"}}
    here.create("bob", schedule("late", at=in_seconds(2), policy=policy))
    here.place.wait("expiry", lambda: here.skips("late") == {"ApprovalExpired": 1})
    assert {"ApprovalRequested", "ApprovalExpired"} <= set(here.reasons("late"))
    [left] = [one for one in here.place.every("agentapprovals") if one["spec"]["scheduleName"] == "late"]
    here.place.wait("its phase", lambda: here.place.status(left["metadata"]["name"], "agentapproval"))
    assert here.place.get("agentapproval", left["metadata"]["name"])["status"]["phase"] == "Expired"
    assert here.decide("alice", left["metadata"]["name"]).returncode == 0
    here.place.wait("completion", lambda: here.place.status("late").get("phase") == "Complete")
    assert here.place.jobs_of("late") == []


def test_a_decision_made_while_the_operator_was_away_counts(here: Guarded) -> None:
    here.create("bob", schedule("away", at=in_seconds(2), **APPROVAL))
    name = here.waiting("away")["metadata"]["name"]
    here.place.wait("its record", lambda: (here.place.status("away").get("approval") or {}).get("uid"))
    here.operator.kill()
    assert here.decide("alice", name).returncode == 0
    here.operator.start()
    assert here.place.wait_run("away", "Succeeded")["approval"]["decidedBy"] == "alice"


def test_a_schedule_that_is_edited_meanwhile_is_asked_for_anew(here: Guarded) -> None:
    here.create("bob", schedule("edited", at=in_seconds(2), input="Be nice.", **APPROVAL))
    first = here.waiting("edited")
    edit = {"spec": {"input": "Be rude."}, "metadata": {"annotations": {"agentschedule.dev/changed-by": "dave"}}}
    assert here.attempt("dave", "patch", "agentschedule", "edited", "--type=merge", "-p",
                        json.dumps(edit)).returncode == 0  # fmt: skip

    def anew() -> Any:
        found = here.place.get("agentapproval", first["metadata"]["name"])
        return found if found and found["metadata"]["uid"] != first["metadata"]["uid"] else None

    second = here.place.wait("another approval", anew)
    assert (second["spec"]["input"], second["spec"]["authors"]) == ("Be rude.", ["bob", "dave"])
    assert "ApprovalVoid" in here.reasons("edited")
    assert "somebody else must decide" in here.decide("dave", second["metadata"]["name"], groups=["sre"]).stderr
    assert here.place.jobs_of("edited") == []
    assert here.decide("alice", second["metadata"]["name"]).returncode == 0
    here.place.wait_run("edited", "Succeeded")


def test_a_retry_is_approved_by_itself(here: Guarded) -> None:
    here.create("bob", schedule("again", ["false"], at=in_seconds(2), retry={"limit": 1, "backoff": "1s"}, **APPROVAL))
    first = here.waiting("again")["metadata"]["name"]
    assert here.decide("alice", first).returncode == 0
    here.place.wait("another approval", lambda: here.waiting("again")["metadata"]["name"] != first)
    second = here.waiting("again")
    assert (second["metadata"]["name"], second["spec"]["attempt"]) == (f"{first}-r2", 2)
    assert here.decide("carol", f"{first}-r2", groups=["sre"]).returncode == 0
    here.place.wait("the second attempt's end", lambda: here.place.newest_run("again").get("attempt") == 2)
    run = here.place.wait_run("again", "Failed")
    assert (run["attempt"], run["approval"]["decidedBy"]) == (2, "carol")


def test_a_run_by_hand_is_approved_too(here: Guarded) -> None:
    here.create("bob", schedule("by-hand", at=in_seconds(3600), **APPROVAL))
    asked = agent_run("ask", "by-hand", input="My own words.")
    asked["metadata"]["annotations"] = {"agentschedule.dev/created-by": "alice"}
    assert here.attempt("alice", "create", "-f", "-", manifest=asked).returncode == 0
    waiting = here.waiting("by-hand")
    assert (waiting["spec"]["trigger"], waiting["spec"]["input"]) == ("Manual", "My own words.")
    assert "somebody else must decide" in here.decide("alice", waiting["metadata"]["name"]).stderr
    assert here.decide("carol", waiting["metadata"]["name"], groups=["sre"]).returncode == 0
    here.place.wait("its end", lambda: here.place.status("ask", "agentrun").get("phase") == "Succeeded")
    assert here.place.status("ask", "agentrun")["run"]["approval"]["decidedBy"] == "carol"


def test_who_wrote_a_schedule_cannot_be_forged(here: Guarded) -> None:
    def stamped(name: str, **stamps: str) -> dict[str, Any]:
        made = schedule(name, at=in_seconds(3600))
        made["metadata"]["annotations"] = {f"agentschedule.dev/{k.replace('_', '-')}": v for k, v in stamps.items()}
        return made

    for stamps in ({"created_by": "alice"}, {"changed_by": "alice"}):
        words = here.refusal("mallory", "create", "-f", "-", manifest=stamped("forged", **stamps))
        assert "your own user name" in words
    here.create("bob", stamped("written"))

    def patch(user: str, body: dict[str, Any]) -> str:
        done = here.attempt(user, "patch", "agentschedule", "written", "--type=merge", "-p", json.dumps(body))
        return done.stderr if done.returncode else ""

    def notes(**stamps: str | None) -> dict[str, Any]:
        return {"metadata": {"annotations": {f"agentschedule.dev/{k.replace('_', '-')}": v for k, v in stamps.items()}}}

    for who in ("mallory", None):
        assert "never change it" in patch("mallory", notes(created_by=who))
    assert "put your own user name" in patch("mallory", notes(changed_by="bob"))
    assert patch("carol", {"spec": {"input": "new"}, **notes(changed_by="carol")}) == ""
    assert "put your own user name" in patch("mallory", {"spec": {"input": "newer"}})
    assert "put your own user name" in patch("mallory", {"spec": {"suspend": True, "retry": {"limit": 1}}})
    for suspend in (True, False):
        assert patch("mallory", {"spec": {"suspend": suspend}}) == "", "anybody may stop it"
    assert "cannot be removed" in patch("mallory", notes(changed_by=None))
    assert patch("mallory", {"spec": {"input": "newer"}, **notes(changed_by=None)}) == ""

    here.create("bob", schedule("unsigned", at=in_seconds(4), **APPROVAL))
    assert here.attempt("mallory", "patch", "agentschedule", "unsigned", "--type=merge", "-p",
                        json.dumps({"spec": {"input": "evil"}})).returncode == 0  # fmt: skip
    here.place.wait("the skip", lambda: here.skips("unsigned") == {"Policy": 1})
    assert "nobody knows who wrote this" in here.reasons("unsigned")["PolicyDenied"]


def test_a_deleted_schedule_takes_its_approvals_with_it(here: Guarded) -> None:
    here.create("bob", schedule("gone", at=in_seconds(2), **APPROVAL))
    name = here.waiting("gone")["metadata"]["name"]
    here.place("delete", "agentschedule", "gone")
    here.place.wait("its approval to go", lambda: not here.place.get("agentapproval", name))


def test_without_the_admission_policies_nothing_is_trusted(alone: None, kubectl: Kubectl, kubeconfig: Path) -> None:
    with guarded(kubectl, kubeconfig, [POLICY, {"approvers": [{"kind": "User", "name": "carol"}]}]) as other:
        other.create("bob", schedule("both", at=in_seconds(2), **APPROVAL))
        waiting = other.waiting("both")
        # An approver must be one in each policy that names approvers.
        assert [one["policy"] for one in waiting["spec"]["approvers"]] == ["policy-0", "policy-1"]
        assert "not one of spec.approvers" in other.decide("alice", waiting["metadata"]["name"]).stderr
        assert "not one of spec.approvers" in other.decide("carol", waiting["metadata"]["name"]).stderr
        kubectl("delete", "validatingadmissionpolicybinding", f"{other.release}-approvals", check=True)
        other.place.wait("the skip", lambda: other.skips("both") == {"Policy": 1})
        assert "no decision can be trusted: there is no" in other.reasons("both")["PolicyDenied"]
        other.create("bob", schedule("after", at=in_seconds(2), **APPROVAL))
        other.place.wait("the skip", lambda: other.skips("after") == {"Policy": 1})
        other.place.wait("nothing waits", lambda: other.place.every("agentapprovals") == [])
