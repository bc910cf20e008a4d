"""What is known: news is told from what is known already, and what is gone is remembered as long as it is needed."""

from typing import Any

import pytest

from agentschedule.api.agentrun import AgentRunStatus
from agentschedule.api.status import AgentScheduleStatus
from agentschedule.engine.entries import Key, RequestEntry, ScheduleEntry
from agentschedule.engine.packing import packed
from agentschedule.engine.registry import Registry
from agentschedule.planning.reading import read_request, read_schedule
from agentschedule.runs.sighting import Sighting
from tests.unit.runs.builders import NAME, raw_job, raw_pod, utc

NEWS = Key("team", "news")
UID = "uid-of-news"


def entry(uid: str = UID, **status: Any) -> ScheduleEntry:
    raw = {
        "metadata": {"namespace": "team", "name": "news", "uid": uid, "creationTimestamp": "2026-11-22T08:30:00Z"},
        "spec": {"schedule": "@hourly", "agent": {"image": "a"}},
    }
    schedule = read_schedule(raw)
    return ScheduleEntry(schedule=schedule, version=1, acked=b"{}", status=AgentScheduleStatus(**status))


def request(name: str = "now", schedule: str = "news", uid: str = "u") -> RequestEntry:
    raw = {"metadata": {"namespace": "team", "name": name, "uid": uid}, "spec": {"scheduleName": schedule}}
    read = read_request(raw)
    assert read is not None
    return RequestEntry(request=read, version=1, acked=b"{}", status=AgentRunStatus())


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    made.schedules[NEWS] = entry()
    return made


def sightings(registry: Registry) -> list[Sighting]:
    observed = registry.observe(NEWS)
    assert observed is not None
    return list(observed.sightings)


def one(registry: Registry) -> Sighting:
    [seen] = sightings(registry)
    return seen


def test_an_unknown_schedule_is_not_observed(registry: Registry) -> None:
    assert registry.observe(Key("team", "other")) is None
    assert registry.observe(Key("other", "news")) is None


def test_a_job_and_its_pod_are_seen_together(registry: Registry) -> None:
    assert registry.put_job(raw_job()) == NEWS
    assert registry.put_pod(raw_pod()) == NEWS
    seen = one(registry)
    assert (seen.job.uid, seen.pod is not None and seen.pod.uid) == ("job-1", "pod-1")
    assert (seen.job_gone, seen.pod_gone) == (False, False)
    assert registry.has_job(UID, "job-1")


def test_another_schedules_jobs_are_not_its_own(registry: Registry) -> None:
    other = raw_job()
    other["metadata"]["labels"]["agentschedule.dev/schedule-uid"] = "another"
    registry.put_job(other)
    assert sightings(registry) == []


@pytest.mark.parametrize(
    ("version", "news"),
    [pytest.param(9, False, id="older"), pytest.param(10, False, id="the same"), pytest.param(11, True, id="newer")],
)
def test_only_newer_versions_are_news(registry: Registry, version: int, news: bool) -> None:
    registry.put_job(raw_job(version=10))
    registry.put_pod(raw_pod(version=10))
    done = {"type": "Complete", "status": "True"}
    assert (registry.put_job(raw_job(version=version, condition=done)) is not None) == news
    assert (registry.put_pod(raw_pod(version=version, status={"phase": "Succeeded"})) is not None) == news
    assert (one(registry).job.finished == "Complete") == news


def test_a_deleted_job_is_remembered_until_it_is_forgotten(registry: Registry) -> None:
    registry.put_job(raw_job())
    registry.put_pod(raw_pod())
    assert registry.drop_job(raw_job(version=11)) == NEWS
    registry.drop_pod(raw_pod(version=21, status={"phase": "Failed"}))
    seen = one(registry)
    assert (seen.job_gone, seen.pod_gone) == (True, True)
    assert seen.pod is not None
    assert seen.pod.phase == "Failed", "its last state is kept"
    assert list(registry.jobs()) == []
    assert list(registry.pods()) == []
    assert not registry.has_job(UID, "job-1")

    registry.forget_job(UID, NAME, "job-1")
    assert sightings(registry) == []
    registry.put_job(raw_job(uid="job-2"))
    assert one(registry).pod is None
    assert not one(registry).job_gone


def test_late_news_of_a_deleted_job_bring_it_back_to_nobody(registry: Registry) -> None:
    registry.put_job(raw_job())
    registry.drop_job(raw_job(version=11))
    assert registry.put_job(raw_job(version=10)) is None
    assert one(registry).job_gone


def test_a_job_deleted_before_it_was_ever_seen_is_remembered_too(registry: Registry) -> None:
    registry.drop_job(raw_job())
    assert one(registry).job_gone


def test_a_job_of_nobody_is_not_remembered() -> None:
    registry = Registry()
    registry.put_job(raw_job())
    registry.drop_job(raw_job(version=11))
    registry.schedules[NEWS] = entry()
    assert sightings(registry) == []


def test_the_deletion_of_an_earlier_job_of_that_name_changes_nothing(registry: Registry) -> None:
    registry.put_job(raw_job(uid="job-2", version=12))
    registry.drop_job(raw_job(uid="job-1", version=11))
    assert not one(registry).job_gone


def test_forgetting_names_the_uid(registry: Registry) -> None:
    registry.put_job(raw_job())
    registry.forget_job(UID, NAME, "another")
    assert one(registry).job.uid == "job-1"
    registry.forget_job("nobody", NAME, "job-1")
    assert one(registry).job.uid == "job-1"


def test_of_several_pods_the_newest_counts(registry: Registry) -> None:
    registry.put_job(raw_job())
    registry.put_pod(raw_pod(uid="pod-2", created="2026-11-22T09:00:20Z", version=25))
    assert registry.put_pod(raw_pod(uid="pod-1", created="2026-11-22T09:00:02Z", version=30)) is None
    pod = one(registry).pod
    assert pod is not None
    assert pod.uid == "pod-2"
    registry.drop_pod(raw_pod(uid="pod-1", version=31))
    assert not one(registry).pod_gone


def test_a_pod_that_was_lost_leaves_its_last_words(registry: Registry) -> None:
    registry.put_job(raw_job())
    registry.put_pod(raw_pod())
    registry.drop_pod(raw_pod(version=21, status={"phase": "Succeeded"}))
    seen = one(registry)
    assert (seen.pod_gone, seen.pod_alive) == (True, False)
    assert registry.put_pod(raw_pod(version=20)) is None


def test_a_pod_of_no_job_is_not_kept(registry: Registry) -> None:
    registry.put_pod(raw_pod())
    registry.drop_pod(raw_pod(version=21))
    registry.put_job(raw_job())
    assert one(registry).pod is None


# Lists


def test_what_a_list_lacks_is_gone_unless_it_is_newer(registry: Registry) -> None:
    registry.put_job(raw_job("a", uid="a", version=10))
    registry.put_job(raw_job("b", uid="b", version=30))
    registry.put_job(raw_job("c", uid="c", version=11))
    assert registry.list_jobs([raw_job("c", uid="c", version=11)], 20) == {NEWS}
    assert {seen.id: seen.job_gone for seen in sightings(registry)} == {"a": True, "b": False, "c": False}
    assert registry.list_jobs([raw_job("c", uid="c", version=11), raw_job("b", uid="b", version=30)], 40) == set()


def test_a_list_of_pods_likewise(registry: Registry) -> None:
    for name in "abc":
        registry.put_job(raw_job(name, uid=name))
    registry.put_pod(raw_pod(uid="pa", job_uid="a", version=10))
    registry.put_pod(raw_pod(uid="pb", job_uid="b", version=30))
    assert registry.list_pods([raw_pod(uid="pc", job_uid="c", version=11)], 20) == {NEWS}
    assert {seen.id: seen.pod_gone for seen in sightings(registry)} == {"a": True, "b": False, "c": False}


def test_a_pod_left_by_a_job_deleted_while_nobody_looked_recalls_it(registry: Registry) -> None:
    registry.list_pods([raw_pod(), raw_pod(uid="pod-2", job="other", job_uid="job-2")], 50)
    registry.list_jobs([raw_job("other", uid="job-2")], 51)
    registry.recall_left_pods()
    gone = {seen.id: seen.job_gone for seen in sightings(registry)}
    assert gone == {NAME: True, "other": False}
    left = next(seen for seen in sightings(registry) if seen.job_gone)
    assert (left.job.attempt, left.job.trigger, left.pod_alive) == (1, "Schedule", True)
    registry.forget_job(UID, NAME, "job-1")
    registry.recall_left_pods()
    assert [seen.id for seen in sightings(registry)] == ["other"], "once"


def test_a_left_pod_of_another_schedule_recalls_nothing(registry: Registry) -> None:
    registry.schedules[NEWS] = entry(uid="created anew")
    registry.list_pods([raw_pod()], 50)
    registry.recall_left_pods()
    assert sightings(registry) == []
    assert [pod.uid for pod in registry.pods()] == ["pod-1"], "an orphan, for the sweeper to find"


# AgentRuns


def test_what_was_said_of_a_job_and_of_its_pod(registry: Registry) -> None:
    words, others = ("FailedCreate", "quota"), ("FailedMount", "no secret")
    registry.put_job(raw_job())
    registry.asked("job-1", utc("09:00:20"))
    assert (one(registry).explanation, one(registry).explained_at) == (None, utc("09:00:20"))
    assert [registry.explained("job-1", words), registry.explained("job-1", words)] == [True, False]
    registry.asked("job-1", utc("09:00:40"))
    assert (one(registry).explanation, one(registry).explained_at) == (words, utc("09:00:40"))
    registry.put_pod(raw_pod())
    assert (one(registry).explanation, one(registry).explained_at) == (None, None), "that was the Job's"
    registry.asked("pod-1", utc("09:01"))
    registry.explained("pod-1", others)
    assert one(registry).explanation == others


def test_what_was_said_of_a_job_goes_with_it(registry: Registry) -> None:
    registry.put_job(raw_job())
    registry.asked("job-1", utc("09:00:20"))
    registry.drop_job(raw_job())
    registry.forget_job(UID, NAME, "job-1")
    assert not registry.explained("job-1", ("FailedCreate", "too late"))


def test_requests_are_found_by_their_schedule(registry: Registry) -> None:
    registry.put_request(Key("team", "now"), request())
    registry.put_request(Key("team", "other"), request("other", "weather"))
    registry.put_request(Key("elsewhere", "now"), request())
    assert [r.request.name for r in registry.requests_of(NEWS)] == ["now"]
    observed = registry.observe(NEWS)
    assert observed is not None
    assert [r.name for r in observed.requests] == ["now"]
    registry.put_request(Key("team", "now"), request(schedule="weather", uid="v"))
    assert list(registry.requests_of(NEWS)) == []
    registry.drop_request(Key("team", "now"))
    registry.drop_request(Key("team", "now"))
    assert [r.request.name for r in registry.requests_of(Key("team", "weather"))] == ["other"]


def test_settled_means_that_the_api_server_holds_it_all(registry: Registry) -> None:
    def settled() -> bool:
        observed = registry.observe(NEWS)
        assert observed is not None
        return observed.settled

    schedule = registry.schedules[NEWS]
    assert not settled()
    schedule.acked = packed(schedule.status.to_json())
    assert settled()
    schedule.status = AgentScheduleStatus(consecutive_failures=1)
    assert not settled()
    schedule.acked = packed(schedule.status.to_json())
    assert settled()
    asked = request()
    registry.put_request(Key("team", "now"), asked)
    asked.status = AgentRunStatus(phase="Pending")
    assert not settled()
    asked.acked = packed({"phase": "Pending", "conditions": []})
    assert settled()


def test_the_list_of_a_namespace_says_nothing_of_another(registry: Registry) -> None:
    registry.put_job(raw_job())
    registry.put_pod(raw_pod())
    assert registry.list_jobs([], 10**9, "elsewhere") == set()
    assert registry.list_pods([], 10**9, "elsewhere") == set()
    assert (one(registry).job_gone, one(registry).pod_gone) == (False, False)
    assert registry.list_jobs([], 10**9, "team") == {NEWS}
    assert registry.list_pods([], 10**9, "team") == {NEWS}
    assert (one(registry).job_gone, one(registry).pod_gone) == (True, True)


# Whether Jobs work, and so take a place

_DONE = {"type": "Failed", "status": "True"}
_OTHERS = raw_job(labels={**raw_job()["metadata"]["labels"], "agentschedule.dev/schedule-uid": "another"})


@pytest.mark.parametrize(
    ("story", "taken"),
    [
        pytest.param([("put_job", raw_job())], 1, id="a Job"),
        pytest.param([("put_job", raw_job()), ("put_job", raw_job(version=11))], 1, id="a Job that changes"),
        pytest.param([("put_pod", raw_pod()), ("put_job", raw_job())], 1, id="a pod seen before its Job"),
        pytest.param([("put_job", _OTHERS)], 1, id="an orphan"),
        pytest.param([("put_job", raw_job(condition=_DONE))], 0, id="one that has ended"),
        pytest.param(
            [("put_job", raw_job()), ("put_job", raw_job(version=11, condition=_DONE))], 0, id="one that ends"
        ),
        pytest.param(
            [("put_job", raw_job(condition=_DONE)), ("put_pod", raw_pod())], 0, id="a pod that outlives its ended Job"
        ),
        pytest.param([("put_job", raw_job()), ("put_pod", raw_pod(status={"phase": "Failed"}))], 0, id="its pod ends"),
        pytest.param(
            [("put_job", raw_job()), ("put_pod", raw_pod()), ("drop_pod", raw_pod(version=21))], 0, id="its pod goes"
        ),
        pytest.param([("put_job", raw_job()), ("drop_job", raw_job(version=11))], 0, id="a Job deleted without a pod"),
        pytest.param(
            [("put_job", raw_job()), ("put_pod", raw_pod()), ("drop_job", raw_job(version=11))],
            1,
            id="a Job deleted, its pod still running",
        ),
        pytest.param(
            [("put_job", _OTHERS), ("put_pod", raw_pod()), ("drop_job", _OTHERS), ("drop_pod", raw_pod(version=21))],
            0,
            id="an orphan deleted with its pod",
        ),
        pytest.param([("put_job", raw_job()), ("put_job", raw_job(uid="job-2", version=12))], 1, id="a Job made anew"),
    ],
)
def test_places_taken(registry: Registry, story: list[tuple[str, dict[str, Any]]], taken: int) -> None:
    for what, raw in story:
        getattr(registry, what)(raw)
    assert (registry.admission.taken, registry.admission.taken_in("team")) == (taken, taken)


def test_jobs_and_pods_that_a_list_lacks_have_no_place(registry: Registry) -> None:
    registry.put_job(raw_job())
    registry.put_pod(raw_pod())
    registry.list_jobs([], 50)
    assert registry.admission.taken == 1, "its pod may be running"
    registry.list_pods([], 50)
    assert registry.admission.taken == 0


def test_who_follows_forgets_what_is_gone_for_long(registry: Registry) -> None:
    """Another records what comes of it; whoever is to lead soon still knows what was gone just now."""
    registry.put_job(raw_job())
    registry.put_pod(raw_pod(status={"phase": "Running"}))
    registry.drop_job(raw_job())
    registry.forget_gone()
    assert one(registry).job_gone
    registry.forget_gone()
    assert sightings(registry) == []
    assert registry.admission.taken == 1, "its pod runs"
    registry.drop_pod(raw_pod(status={"phase": "Running"}))
    assert registry.admission.taken == 0
    assert list(registry.pods()) == []


def test_what_is_there_is_not_forgotten(registry: Registry) -> None:
    registry.put_job(raw_job())
    for _ in range(3):
        registry.forget_gone()
    assert not one(registry).job_gone
