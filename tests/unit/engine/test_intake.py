"""What is seen while this operator leads, and while another does."""

from dataclasses import replace
from typing import Any

import pytest

from agentschedule.engine.afresh import take_afresh
from agentschedule.engine.entries import Key
from agentschedule.engine.intake import Intake
from agentschedule.engine.registry import Registry
from agentschedule.planning.observed import DEFAULT_SETTINGS, Ceilings, Start
from tests.unit.engine.test_registry import NEWS, UID
from tests.unit.runs.builders import NAME, raw_job, utc


class Engine:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def wake(self, key: Key) -> None:
        self.told.append(("wake", key.name))

    def forget(self, kind: str, key: Key) -> None:
        self.told.append((f"forget {kind}", key.name))

    def doubt(self, key: Key) -> None:
        self.told.append(("doubt", key.name))


def raw(version: int, name: str = "news", **status: Any) -> dict[str, Any]:
    meta = {
        "namespace": "team",
        "name": name,
        "uid": f"uid-of-{name}",
        "creationTimestamp": "2026-11-22T08:30:00Z",
        "resourceVersion": str(version),
    }
    return {
        "metadata": meta,
        "spec": {"every": "1h", "agent": {"image": "a"}},
        "status": {"activeCount": 0, **status},
    }


def raw_request(version: int, **status: Any) -> dict[str, Any]:
    meta = {"namespace": "team", "name": "now", "uid": "u", "resourceVersion": str(version)}
    return {"metadata": meta, "spec": {"scheduleName": "news"}, "status": status}


@pytest.fixture
def intake() -> Intake:
    return Intake(Registry(Ceilings(active_runs=1)), DEFAULT_SETTINGS)


def test_who_follows_takes_every_status_as_it_is(intake: Intake) -> None:
    intake.observe_schedule("ADDED", raw(1))
    intake.observe_schedule("MODIFIED", raw(2, phase="Held"))
    known = intake.registry.schedules[NEWS]
    assert (known.status.phase, known.doubted, known.version) == ("Held", False, 2)
    intake.observe_schedule("MODIFIED", raw(3, phase="Bogus"))
    assert (known.status.phase, known.doubted) == (None, False), "what cannot be read is salvaged"


def test_who_leads_doubts_what_another_has_written(intake: Intake) -> None:
    intake.observe_schedule("ADDED", raw(1))
    intake.listener = engine = Engine()
    intake.observe_schedule("MODIFIED", raw(2, phase="Held"))
    known = intake.registry.schedules[NEWS]
    assert (known.status.phase, known.doubted) == (None, True)
    assert engine.told == [("doubt", "news")]


def test_who_leads_is_told_of_everything(intake: Intake) -> None:
    intake.listener = engine = Engine()
    intake.observe_schedule(None, raw(1))
    intake.observe_request(None, raw_request(2))
    intake.observe_job("ADDED", raw_job())
    assert engine.told == [("wake", "news")] * 3
    engine.told.clear()
    intake.requests_listed((), 9)
    intake.schedules_listed((), 9)
    assert engine.told == [
        ("forget agentruns", "now"),
        ("wake", "news"),
        ("forget agentschedules", "news"),
        ("wake", "news"),
    ]


def test_the_end_of_a_term_takes_plans_back(intake: Intake) -> None:
    intake.listener = Engine()
    intake.observe_schedule(None, raw(1, phase="Active"))
    intake.observe_request(None, raw_request(1, phase="Pending"))
    old, asked = intake.registry.schedules[NEWS], intake.registry.requests[Key("team", "now")]
    old.status = old.status.model_copy(update={"phase": "Held"})
    old.sent, old.doubted, old.checking, old.failures = (old.wanted(),), True, 1, {"a": 3}
    old.starts = {"a": Start("InFlight"), "b": Start("Queued")}
    old.locked = {"c": utc("09:00")}
    asked.status = asked.status.model_copy(update={"phase": "Running"})
    asked.request = replace(asked.request, status=asked.status)

    intake.listener = None
    take_afresh(intake.registry, utc("10:00"))
    entry, request = intake.registry.schedules[NEWS], intake.registry.requests[Key("team", "now")]
    assert entry is not old
    assert entry.status.phase == "Active"
    assert (entry.sent, entry.doubted, entry.checking, entry.failures, entry.starts) == ((), False, None, {}, {})
    assert entry.locked == {"a": utc("10:01:30"), "c": utc("09:00")}, "a request may still be carried out"
    assert (request.status.phase, request.request.status.phase) == ("Pending", "Pending")


def test_the_places_of_jobs_that_work_outlast_a_term(intake: Intake) -> None:
    intake.observe_schedule(None, raw(1))
    intake.observe_job("ADDED", raw_job())
    assert intake.registry.admission.taken == 1
    take_afresh(intake.registry, utc("10:00"))
    assert intake.registry.admission.taken == 1
    intake.registry.forget_job(UID, NAME, "job-1")
    assert intake.registry.admission.taken == 0


def test_everyone_is_whom_a_new_term_looks_at(intake: Intake) -> None:
    intake.observe_schedule(None, raw(1, name="other"))
    intake.observe_request(None, raw_request(1))
    assert set(intake.registry.everyone()) == {NEWS, Key("team", "other")}
