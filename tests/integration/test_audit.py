"""The audit on a real cluster: each type provoked by what a user does, and read from the operator's own stream."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agentschedule.audit.record import AuditRecord
from tests.kubectl import Kubectl
from tests.operator_process import OperatorProcess
from tests.resources import SLEEP, Place, agent_run, in_seconds, say, schedule

from .admission import apply_as, asked, authors, certificates, port_of
from .test_limits import FAIL, held, resume

POLICY = """
apiVersion: agentschedule.dev/v1alpha1
kind: AgentPolicy
metadata: {name: base}
spec:
  allowedImages: ["local/*"]
---
apiVersion: agentschedule.dev/v1alpha1
kind: AgentPolicy
metadata: {name: poor}
spec:
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE-too}}
  limits: {namespaceBudget: {period: Month, limitUSD: "0.50"}}
"""
FAR: dict[str, Any] = {"schedule": "0 0 1 1 *"}


def is_phase(place: Place, name: str, phase: str) -> bool:
    return bool(place.status(name).get("phase") == phase)


def rests(place: Place, name: str) -> bool:
    return not place.status(name).get("activeCount")


class Audit:
    """The records of an operator so far."""

    def __init__(self, place: Place, operator: OperatorProcess, file: Path) -> None:
        self.place = place
        self.operator = operator
        self.file = file

    def records(self, name: str | None = None, kind: str | None = None) -> list[AuditRecord]:
        """Of a schedule and a type. Every line must be a record."""
        text = self.file.read_text() if self.file.exists() else ""
        records = [AuditRecord.model_validate_json(line) for line in text.splitlines()]
        return [r for r in records if name in {None, r.schedule} and kind in {None, r.type}]

    def wait(self, name: str, kind: str, number: int = 1) -> AuditRecord:
        """Wait for so many different records; returns the newest."""

        def look() -> list[AuditRecord]:
            found = self.records(name, kind)
            return found if len({record.id for record in found}) >= number else []

        newest: AuditRecord = self.place.wait(f"{number} {kind} of {name}", look)[-1]
        return newest


@pytest.fixture(scope="module")
def audit(alone: None, kubectl: Kubectl, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audit]:
    folder = tmp_path_factory.mktemp("audit")
    name = f"test-audit-{folder.stat().st_ino % 100_000}"
    for each in (name, f"{name}-too"):
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}}
        kubectl("create", "-f", "-", manifest=manifest, check=True)
    authority = certificates(folder)
    (folder / "policies.yaml").write_text(POLICY.replace("NAMESPACE", name))
    operator = OperatorProcess(
        kubeconfig,
        folder / "log",
        [name, f"{name}-too"],
        policies_file=str(folder / "policies.yaml"),
        audit_log=str(folder / "audit"),
        webhook_certificates=str(folder),
        webhook_host="127.0.0.1",
        webhook_port="0",
    )
    operator.start()
    place = Place(kubectl, name)
    place.wait("the webhook", lambda: any(line["message"] == "serving admission requests" for line in operator.log()))
    authors(place, "alice", "bob")
    try:
        with asked(kubectl, name, port_of(operator), authority):
            bad = schedule("bad", schedule="nonsense")
            place.wait("the API server to ask", lambda: apply_as(place, "alice", bad, "--dry-run=server").returncode)
            yield Audit(place, operator, folder / "audit")
    finally:
        operator.stop()
        for each in (name, f"{name}-too"):
            kubectl("delete", "namespace", each, "--wait=false", check=True)


def test_who_made_changed_and_suspended_a_schedule(audit: Audit) -> None:
    assert apply_as(audit.place, "alice", schedule("news", **FAR)).returncode == 0
    created = audit.wait("news", "ScheduleCreated")
    assert (created.actor, created.generation, created.reason) == ("alice", 1, "Accepted")
    assert apply_as(audit.place, "bob", schedule("news", **FAR, input="More.")).returncode == 0
    updated = audit.wait("news", "ScheduleUpdated")
    assert (updated.actor, updated.generation) == ("bob", 2)
    suspend = json.dumps({"spec": {"suspend": True}})
    audit.place("patch", "--as", "alice", "agentschedule", "news", "--type=merge", "-p", suspend)
    paused = audit.wait("news", "SchedulePaused")
    assert (paused.actor, paused.reason) == ("alice", "Spec")
    go_on = json.dumps({"spec": {"suspend": False}})
    audit.place("patch", "--as", "bob", "agentschedule", "news", "--type=merge", "-p", go_on)
    assert audit.wait("news", "ScheduleResumed").actor == "bob"
    audit.place("delete", "agentschedule", "news")
    gone = audit.wait("news", "ScheduleDeleted")
    assert gone.actor is None
    assert len({record.schedule_uid for record in audit.records("news")}) == 1


def test_an_annotation_proves_nobody(audit: Audit) -> None:
    audit.place.apply(schedule("claimed", **FAR))
    audit.wait("claimed", "ScheduleCreated")
    notes = ("agentschedule.dev/paused=holidays", "agentschedule.dev/paused-by=the king")
    audit.place("annotate", "agentschedule", "claimed", *notes)
    paused = audit.wait("claimed", "SchedulePaused")
    assert (paused.actor, paused.reason) == (None, "Annotation")
    assert "the king" in paused.message


def test_runs_that_succeed_fail_are_skipped_and_hold_their_schedule(audit: Audit) -> None:
    audit.place.apply(schedule("good", say("fine"), at=in_seconds(2)))
    started = audit.wait("good", "RunStarted")
    ended = audit.wait("good", "RunSucceeded")
    assert started.run == ended.run == audit.place.newest_run("good")["id"]
    assert (started.policy, started.reason) == ("base", "Schedule")
    assert "cost 0.02 USD" in ended.message

    audit.place.apply(schedule("failing", FAIL, every="2s", pauseAfterFailures=2))
    assert audit.wait("failing", "RunFailed", 2).reason == "Failed"
    assert audit.wait("failing", "Held").reason == "ConsecutiveFailures"
    resume(audit.place, "failing", held(audit.place, "failing")["id"])
    assert audit.wait("failing", "ScheduleResumed").reason == "ConsecutiveFailures"

    audit.place.apply(schedule("letter", FAIL, at=in_seconds(2)))
    assert audit.wait("letter", "DeadLettered").message

    audit.place.apply(schedule("busy", SLEEP, every="2s"))
    skipped = audit.wait("busy", "RunSkipped")
    assert (skipped.reason, skipped.count) == ("Concurrency", 1)
    audit.place("delete", "agentschedule", "failing", "busy")


def test_what_policies_and_budgets_refuse(audit: Audit) -> None:
    night = {"allowedHours": {"start": "00:00", "end": "00:01", "timeZone": "Etc/GMT+12"}}
    audit.place.apply(schedule("nightly", every="2s", policy=night))
    denied = audit.wait("nightly", "RunDenied")
    assert "allowed hours 00:00–00:01 Etc/GMT+12" in denied.message
    assert denied.policy == "base"
    audit.place.apply(agent_run("nightly-now", "nightly"))
    audit.wait("nightly", "RunDenied", 2)
    audit.place("delete", "agentschedule", "nightly")

    budget = {"perRunUSD": "0.50", "totalUSD": "1.00", "alertAtPercent": 50}
    audit.place.apply(schedule("spender", say("bought", "0.40"), every="2s", budget=budget))
    assert audit.wait("spender", "BudgetAlert").message.startswith("0.8 of 1 USD")
    assert audit.wait("spender", "BudgetExceeded").reason == "BudgetExceeded"

    other = Place(audit.place.kubectl, f"{audit.place.namespace}-too")
    for number in range(2):
        other.apply(schedule(f"poor-{number}", say("bought", "0.40"), every="2s", budget={"perRunUSD": "0.40"}))
    exceeded = audit.wait("poor-0", "BudgetExceeded")
    assert (exceeded.policy, exceeded.reason) == ("AgentPolicy poor", "Skip")
    audit.wait("poor-1", "BudgetExceeded")
    started = [record for name in ("poor-0", "poor-1") for record in audit.records(name, "RunStarted")]
    assert len(started) == 1, "together they may spend 0.50"


def test_an_orphan_that_is_deleted(audit: Audit) -> None:
    audit.place.apply(schedule("left", SLEEP, at=in_seconds(2)))
    audit.place.wait_run("left", "Running")
    audit.place("delete", "agentschedule", "left", "--cascade=orphan")
    orphan = audit.wait("left", "OrphanDeleted")
    assert orphan.run is not None
    assert orphan.run.startswith("left-")


def test_after_a_kill_nothing_is_missing_and_nothing_is_invented(
    audit: Audit, kubectl: Kubectl, make_operator: Callable[..., OperatorProcess], namespace: str, tmp_path: Path
) -> None:
    place = Place(kubectl, namespace)
    operator = make_operator([namespace], audit_log=str(tmp_path / "audit"))
    mine = Audit(place, operator, tmp_path / "audit")
    operator.start()
    for number in range(5):
        place.apply(schedule(f"s-{number}", every="2s"))
    for _ in range(4):
        place.wait_run("s-0", "Succeeded")
        operator.kill()
        operator.start()
    for number in range(5):
        suspend = json.dumps({"spec": {"suspend": True}})
        place("patch", "agentschedule", f"s-{number}", "--type=merge", "-p", suspend)
        place.wait("a rest", partial(is_phase, place, f"s-{number}", "Paused"))
        place.wait("its end", partial(rests, place, f"s-{number}"))
    operator.stop()
    for number in range(5):
        status, name = place.status(f"s-{number}"), f"s-{number}"
        assert len({record.id for record in mine.records(name, "ScheduleCreated")}) == 1
        ended = {record.id: record.run for record in mine.records(name, "RunSucceeded")}
        assert len(ended) == status["totals"]["runs"]
        assert {run["id"] for run in status["runs"]} <= set(ended.values())
        assert {record.run for record in mine.records(name, "RunStarted")} == set(ended.values())
        skipped = {record.id: record.count or 0 for record in mine.records(name, "RunSkipped")}
        assert sum(skipped.values()) == status["totals"]["skipped"]
