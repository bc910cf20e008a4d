"""First sight: can the spec be used, and since when does it count."""

import dataclasses
from typing import Any

import pytest

from agentschedule.planning.actions import CreateJob, DryRun
from agentschedule.planning.observed import DEFAULT_SETTINGS, Verdict
from agentschedule.runs.manifest import Owner

from .builders import World, raw_schedule, slot_id, utc


def test_the_api_server_is_asked_before_anything_starts() -> None:
    world = World(now="09:00", created="08:30")
    world.answer = None
    world.step()

    [asked] = world.take(DryRun)
    assert asked.generation == 1
    assert asked.manifest["metadata"]["name"] == "news-dry-run"
    assert world.take(CreateJob) == []
    assert world.status.conditions == []
    assert "phase" not in world.status.to_json()

    world.verdict = Verdict(1)
    world.step()
    assert world.take(DryRun) == []
    assert world.condition("Accepted").status == "True"
    assert world.condition("Ready").status == "True"
    assert (world.status.phase, world.status.observed_generation) == ("Active", 1)
    assert [job.name for job in world.take(CreateJob)] == [slot_id("09:00")]
    assert world.told() == []


def test_an_accepted_generation_is_not_asked_for_again() -> None:
    world = World().tick()
    assert len(world.take(DryRun)) == 1
    world.verdict = None  # the operator was restarted
    world.tick("09:00")
    assert world.take(DryRun) == []
    assert len(world.take(CreateJob)) == 1


def test_a_verdict_of_an_older_generation_does_not_count() -> None:
    world = World()
    world.tick().edit(input="other")
    world.answer = None
    world.step("09:00")
    assert [ask.generation for ask in world.take(DryRun)] == [1, 2]
    assert world.take(CreateJob) == []
    assert world.condition("Accepted").observed_generation == 1
    assert world.status.phase == "Active", "while it is being checked, people see what was"


def test_a_refused_job_is_told_once_and_picked_up_when_edited() -> None:
    world = World()
    world.answer = Verdict(0, problem="pods is forbidden: violates PodSecurity")
    world.tick("09:00").tick("10:00").tick("11:00")

    accepted = world.condition("Accepted")
    assert (accepted.status, accepted.reason) == ("False", "JobRejected")
    assert accepted.message == "the API server refuses the Job: pods is forbidden: violates PodSecurity"
    assert (world.condition("Ready").status, world.status.phase) == ("False", "Invalid")
    assert world.status.next_run_time is None
    assert world.told() == ["JobRejected"]
    assert world.take(CreateJob) == []

    world.answer = Verdict(0)
    world.edit(input="better").tick("11:30")
    assert (world.condition("Accepted").status, world.status.phase) == ("True", "Active")
    assert world.told() == ["Accepted"]
    assert world.take(CreateJob) == [], "slots that passed while it was refused are gone"
    assert world.status.totals.skipped == 0
    assert [job.name for job in world.tick("12:00").take(CreateJob)] == [slot_id("12:00")]


def test_the_same_refusal_in_other_words_is_no_news() -> None:
    world = World()
    world.answer = Verdict(0, problem="exceeded quota: used 3")
    world.tick("09:00")
    world.verdict = Verdict(1, problem="exceeded quota: used 4")
    world.tick("09:10")
    assert world.told() == ["JobRejected"]
    assert "used 4" in world.condition("Accepted").message

    world.answer = Verdict(0, problem="exceeded quota: used 5")
    world.edit(input="other").tick("09:20")
    assert world.told() == ["JobRejected"], "the answer to an edit is"


def test_warnings_are_shown_and_do_not_refuse() -> None:
    world = World()
    world.answer = Verdict(0, warnings=("would violate PodSecurity", "deprecated"))
    world.tick("09:00").tick("09:30")
    accepted = world.condition("Accepted")
    assert (accepted.status, accepted.reason) == ("True", "AcceptedWithWarnings")
    assert "would violate PodSecurity; deprecated" in accepted.message
    assert world.told() == ["AcceptedWithWarnings"]
    assert len(world.take(CreateJob)) == 1


@pytest.mark.parametrize(
    ("spec", "reason", "says"),
    [
        pytest.param({"schedule": "99 * * * *"}, "UnparseableSchedule", "spec.schedule", id="cron"),
        pytest.param({"schedule": "0 0 31 2 *"}, "UnparseableSchedule", "never", id="a cron that never fires"),
        pytest.param({"schedule": None}, "UnparseableSchedule", "exactly one of", id="no when at all"),
        pytest.param({"timeZone": "Europe/Berlim"}, "UnknownTimeZone", "Europe/Berlin", id="zone, with the nearest"),
        pytest.param(
            {"schedule": None, "at": "2026-11-22T08:29:59Z"}, "UnparseableSchedule", "creation", id="at, before it was"
        ),
        pytest.param({"schedule": None, "every": "59s"}, "TooFrequent", "minimum interval of 1m", id="too often"),
        pytest.param({"maxConcurrentRuns": 0}, "InvalidSpec", "spec.maxConcurrentRuns", id="out of bounds"),
        pytest.param({"input": "ä" * 8193}, "InvalidSpec", "16384 bytes", id="input in bytes"),
        pytest.param({"context": {"a": "ä" * 8190}}, "InvalidSpec", "16388 bytes", id="context in bytes"),
        pytest.param({"activeDeadlineSeconds": 86401}, "DeadlineTooLong", "at most 86400", id="ceiling"),
        pytest.param(
            {"jobTemplate": {"spec": {"backoffLimit": 3}}}, "InvalidJobTemplate", "spec.retry.limit", id="owned field"
        ),
        pytest.param({"agent": {}}, "InvalidJobTemplate", "spec.agent.image", id="no image"),
        pytest.param({"jobTemplate": {"spec": {"template": None}}}, "InvalidJobTemplate", "an object", id="no pod"),
    ],
)
def test_what_cannot_be_used_says_why_once(spec: dict[str, Any], reason: str, says: str) -> None:
    world = World(**spec)
    world.tick().tick("09:00").tick("10:00")
    accepted = world.condition("Accepted")
    assert (accepted.status, accepted.reason) == ("False", reason)
    assert says in accepted.message
    assert (world.status.phase, world.condition("Ready").reason) == ("Invalid", reason)
    assert world.told() == [reason]
    assert world.asked == [], "there is nothing to ask the API server about"


def test_a_time_error_leaves_what_is_active_alone() -> None:
    world = World().tick("09:00").runs(slot_id("09:00")).tick()
    world.edit(schedule="bad").tick("09:05")
    assert world.phases() == [(slot_id("09:00")[5:], "Running")]
    world.ends(slot_id("09:00"), result='{"summary": "done"}').tick("09:06")
    assert world.run(slot_id("09:00")).summary == "done"
    world.edit(schedule="0 * * * *").tick("10:30")
    assert world.tick("11:00").take(CreateJob)[-1].name == slot_id("11:00")
    assert world.skips() == {}, "10:00 passed while nobody could say when it was due"


def test_an_image_may_come_from_the_template() -> None:
    template = {"spec": {"template": {"spec": {"containers": [{"name": "agent", "image": "other:2"}]}}}}
    world = World(agent=None, jobTemplate=template).tick()
    assert world.status.phase == "Active"


def test_a_message_of_any_length_fits_the_status() -> None:
    world = World()
    world.answer = Verdict(0, problem="x" * 100_000)
    world.tick()
    assert len(world.condition("Accepted").message) < 5_000
    assert world.told() == ["JobRejected"]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"activeDeadlineSeconds": 86400}, id="deadline"),
        pytest.param({"schedule": None, "every": "60s"}, id="interval"),
        pytest.param({"input": "ä" * 8192}, id="input"),
    ],
)
def test_limits_themselves_are_accepted(spec: dict[str, Any]) -> None:
    assert World(**spec).tick().condition("Accepted").status == "True"


def test_a_name_that_is_too_long_is_refused_whatever_the_api_server_let_through() -> None:
    world = World()
    world.raw["metadata"]["name"] = "n" * 49
    world.tick()
    assert world.condition("Accepted").reason == "InvalidName"


def test_a_lower_ceiling_refuses_what_was_accepted() -> None:
    world = World(activeDeadlineSeconds=600).tick()
    world.settings = dataclasses.replace(DEFAULT_SETTINGS, max_active_deadline_seconds=599)
    world.tick("09:00")
    assert world.condition("Accepted").reason == "DeadlineTooLong"
    assert world.take(CreateJob) == []


def test_slots_since_creation_run_once_it_is_accepted() -> None:
    world = World(created="08:59", now="08:59")
    world.answer = None
    world.step()
    world.verdict = Verdict(1)
    world.tick("09:00:30")
    [created] = world.take(CreateJob)
    assert (created.slot, created.trigger) == (utc("09:00"), "Schedule")


@pytest.mark.parametrize(
    ("at", "runs"),
    [
        pytest.param("2026-11-22T08:30:00Z", True, id="at its creation"),
        pytest.param("2026-11-22T08:30:10Z", True, id="before it is seen"),
        pytest.param("2026-11-22T09:00:00Z", False, id="to come"),
    ],
)
def test_one_shot(at: str, runs: bool) -> None:
    world = World(created="08:30", now="08:30:20", schedule=None, at=at).tick()
    assert len(world.take(CreateJob)) == runs
    assert world.condition("Complete").status == "False"


def test_the_queue_of_the_schedule_is_known_from_its_label() -> None:
    world = World()
    world.raw = raw_schedule(labels={"kueue.x-k8s.io/queue-name": "gpu"})
    assert world.observed().schedule.owner == Owner("team", "news", world.raw["metadata"]["uid"], "gpu")
