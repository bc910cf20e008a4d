"""AgentRuns: runs that people ask for and take back."""

import dataclasses
import json
from typing import Any, Literal

import pytest

from agentschedule.planning.actions import Adopt, CreateJob, StopJob
from agentschedule.planning.observed import Start, Verdict
from agentschedule.planning.reading import read_request

from .builders import World, slot_id, utc

FIRST, SECOND = "news-m00000001aa", "news-m00000002aa"
NINE = slot_id("09:00")


def asked(**spec: Any) -> World:
    """08:45: somebody has asked for a run, and it runs."""
    world = World(**spec).tick("08:40").request("now", created="08:44:59").tick("08:45")
    return world.runs(FIRST).tick("08:45:05")


def test_a_run_is_started_adopted_and_reported() -> None:
    world = asked()
    [created] = world.take(CreateJob)
    assert (created.name, created.slot, created.trigger) == (FIRST, utc("08:44:59"), "Manual")
    notes = created.manifest["metadata"]["annotations"]
    assert notes["agentschedule.dev/agent-run"] == "now"
    assert notes["agentschedule.dev/agent-run-uid"] == world.requests["now"].uid
    assert [(adopt.name, adopt.uid) for adopt in world.take(Adopt)] == [("now", world.requests["now"].uid)]
    status = world.requests["now"].status
    assert (status.phase, status.run) == ("Running", world.run(FIRST))
    assert world.status.last_schedule_time is None, "it is no slot"

    world.ends(FIRST, result='{"summary": "at your service", "costUSD": "2"}').tick("08:50")
    status = world.requests["now"].status
    assert status.phase == "Succeeded"
    assert status.run is not None
    assert (status.run.summary, str(status.run.cost_usd)) == ("at your service", "2.000000000")
    told = [(n.reason, n.agent_run) for n in world.notes]
    assert told == [("RunStarted", "now"), ("SawCompletedJob", None), ("RunSucceeded", "now")]
    assert world.status.totals.runs == 1
    assert world.take(Adopt) == []


def test_its_own_input_and_context_go_before_the_schedules() -> None:
    world = World(input="daily", context={"a": 1}).tick()
    world.request("plain").tick().ends(FIRST).tick()
    world.request("other", input="now!", context={"b": 2}).tick()

    def document(job: str) -> dict[str, Any]:
        pod = world.manifests[job]["spec"]["template"]
        read: dict[str, Any] = json.loads(pod["metadata"]["annotations"]["agentschedule.dev/context"])
        return {key: read[key] for key in ("input", "context", "background", "restrictedOperations")}

    free = {"background": False, "restrictedOperations": []}
    assert document(FIRST) == {"input": "daily", "context": {"a": 1}, **free}
    assert document(SECOND) == {"input": "now!", "context": {"b": 2}, **free}


def test_it_runs_while_the_schedule_is_suspended_or_complete() -> None:
    world = asked(suspend=True)
    assert world.requests["now"].status.phase == "Running"
    world = asked(schedule=None, at="2026-11-22T08:30:00Z", concurrencyPolicy="Allow")
    assert world.requests["now"].status.phase == "Running"


def test_it_waits_at_the_limit() -> None:
    world = World().tick("09:00").request("now").tick("09:01")
    assert [job.trigger for job in world.take(CreateJob)] == ["Schedule"]
    status = world.requests["now"].status
    assert (status.phase, status.message) == ("Pending", "waits: 1 of 1 runs are active")
    world.ends(NINE).tick("09:10")
    assert [job.name for job in world.take(CreateJob)] == [FIRST]


def test_the_oldest_request_comes_first() -> None:
    world = World().tick().request("b", created="08:31").request("a", created="08:31").request("z", created="08:30:30")
    world.tick("08:32")
    assert [job.name for job in world.take(CreateJob)] == ["news-m00000003aa"]
    world.ends("news-m00000003aa").tick("08:33")
    assert [job.name for job in world.take(CreateJob)] == [SECOND], "by name where they came together"


def test_it_takes_a_place_from_a_slot() -> None:
    world = asked().tick("09:00")
    assert world.skips() == {"Concurrency": 1}


def test_while_its_job_is_on_its_way_it_says_so() -> None:
    world = World().tick().request("now")
    world.creates = Start("InFlight")
    world.step("08:45")
    world.step("08:45:01")
    assert world.requests["now"].status.message == "its Job is being created"
    assert len(world.take(CreateJob)) == 1


def test_one_whose_job_could_not_be_created_says_so_and_is_tried_again() -> None:
    world = World().tick().request("now")
    world.creates = Start("Deferred", until=utc("08:45:04"), message="the API server is down")
    world.step("08:45")
    world.creates = None
    world.step("08:45:01")
    assert world.requests["now"].status.message == "its Job could not be created yet: the API server is down"
    assert world.wake_at == utc("08:45:04")
    assert len(world.take(CreateJob)) == 1
    assert len(world.tick("08:45:04").take(CreateJob)) == 1


def test_it_waits_for_the_schedule_to_be_accepted() -> None:
    world = World()
    world.answer = None
    world.request("now").step()
    status = world.requests["now"].status
    assert (status.phase, status.run) == ("Pending", None)
    assert "not accepted" in (status.message or "")
    assert world.take(CreateJob) == []
    world.verdict = Verdict(1)
    assert len(world.tick().take(CreateJob)) == 1


@pytest.mark.parametrize(
    ("state", "message"),
    [
        pytest.param("Rejected", "denied by a webhook", id="rejected"),
        pytest.param("Rejected", "x" * 100_000, id="rejected at length"),
        pytest.param("NameConflict", "not ours", id="name taken"),
    ],
)
def test_a_refused_one_has_failed(state: Literal["Rejected", "NameConflict"], message: str) -> None:
    world = World().tick().request("now")
    world.creates = Start(state, message=message)
    world.tick("08:45").tick("08:46")
    status = world.requests["now"].status
    assert (status.phase, status.run) == ("Failed", None)
    assert (status.message or "")[:5] == message[:5]
    assert len(status.message or "") <= 1024
    assert [(note.reason, note.agent_run) for note in world.notes] == [("FailedCreate", "now")]
    assert len(world.take(CreateJob)) == 1, "and is not tried again"
    assert world.starts == {}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        pytest.param({"input": "ä" * 8193}, "spec.input", id="input in bytes"),
        pytest.param({"context": {"a": "ä" * 8190}}, "spec.context", id="context in bytes"),
    ],
)
def test_one_that_is_too_large_has_failed(spec: dict[str, Any], says: str) -> None:
    world = World().tick().request("now", **spec).tick()
    status = world.requests["now"].status
    assert status.phase == "Failed"
    assert says in (status.message or "")
    assert world.take(CreateJob) == []


def test_deleting_it_cancels_its_run() -> None:
    world = asked()
    world.told()
    del world.requests["now"]
    world.tick("08:46").tick("08:47")
    [stop] = world.take(StopJob)
    assert (stop.name, stop.why) == (FIRST, "Cancelled")
    assert world.told() == [], "the end is told, once"
    world.ends(FIRST, code=143, result="stopped early").lose(FIRST).tick("08:48")
    run = world.run(FIRST)
    assert (run.phase, run.reason, run.message) == ("Cancelled", "Cancelled", "its AgentRun was deleted")
    assert run.summary == "stopped early"
    assert world.told() == ["RunCancelled"]
    assert world.status.consecutive_failures == 0


def test_deleting_it_later_changes_nothing() -> None:
    world = asked().ends(FIRST).tick("08:50")
    del world.requests["now"]
    world.tick("08:51")
    assert world.take(StopJob) == []
    assert world.run(FIRST).phase == "Succeeded"


def test_one_that_is_being_deleted_starts_nothing() -> None:
    world = World().tick().request("now")
    world.requests["now"] = dataclasses.replace(world.requests["now"], deleting=True)
    assert world.tick("08:45").take(CreateJob) == []


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (1, "Failed")])
def test_it_never_feeds_retries_or_failure_counters(code: int, phase: str) -> None:
    world = World(retry={}).tick("09:00").ends(NINE, code=3, result="x")
    world.edit(retry=None).tick("09:01")
    assert world.status.consecutive_failures == 1
    world.edit(retry={}).request("now").tick("09:02").ends(FIRST, code=code).tick("09:03")
    assert world.requests["now"].status.phase == phase
    assert world.run(FIRST).retry_at is None
    assert world.status.consecutive_failures == 1
    assert world.status.totals.runs == 2


def test_a_finished_one_stays_as_it_is() -> None:
    world = asked(runHistoryLimit=1, successfulJobsHistoryLimit=9).ends(FIRST, result="done").tick("08:50")
    before = world.requests["now"].status
    world.tick("09:00").ends(NINE).tick("09:05")
    assert world.phases() == [(NINE[5:], "Succeeded")], "its entry is trimmed, its Job is still there"
    assert world.tick("09:30").requests["now"].status == before
    assert world.status.totals.runs == 2
    assert [job.name for job in world.take(CreateJob)] == [FIRST, NINE]


def test_its_job_stays_until_its_own_status_is_written_too() -> None:
    world = asked(successfulJobsHistoryLimit=0).ends(FIRST)
    world.settled = False
    world.step("08:50")
    world.step("08:50")
    assert FIRST in world.jobs
    world.settled = True
    world.tick("08:51")
    assert FIRST not in world.jobs


def test_an_agent_run_is_read_from_json() -> None:
    meta = {"name": "now", "namespace": "team", "uid": "u", "creationTimestamp": "2026-11-22T08:44:59Z"}
    raw = {"metadata": meta, "spec": {"scheduleName": "news", "context": {"a": None}}}
    request = read_request(raw)
    assert request is not None
    assert (request.created, request.adopted, request.deleting) == (utc("08:44:59"), False, False)
    assert request.spec.context == {"a": None}
    assert request.status.phase is None
    owned = {**meta, "ownerReferences": [{"kind": "AgentSchedule"}], "deletionTimestamp": "2026-11-22T09:00:00Z"}
    request = read_request({**raw, "metadata": owned})
    assert request is not None
    assert (request.adopted, request.deleting) == (True, True)
    assert read_request({**raw, "spec": {}}) is None


def test_an_event_says_once_what_a_run_waits_for() -> None:
    world = World().tick("09:00").runs(slot_id("09:00"))
    world.told()
    world.request("now").tick("09:01").tick("09:02")
    assert [(n.reason, n.message) for n in world.notes if n.agent_run] == [
        ("RunWaiting", "waits: 1 of 1 runs are active")
    ]
