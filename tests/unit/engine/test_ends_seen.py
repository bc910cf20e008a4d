"""When a Job's end was seen: its pod's end, which has the result, is waited for from then on."""

from datetime import timedelta

from agentschedule.engine.registry import Registry
from agentschedule.runs.sighting import RESULT_PATIENCE, judge
from tests.unit.engine.test_registry import NEWS, UID, entry, one, sightings
from tests.unit.runs.builders import NAME, raw_job, raw_pod, utc

ENDED = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-11-22T09:05:00Z"}
RUNNING = {"phase": "Running"}


def registry(*times: str) -> Registry:
    clock = iter([utc(text) for text in times])
    made = Registry(clock=lambda: next(clock))
    made.schedules[NEWS] = entry()
    made.recall_left_pods()
    return made


def test_an_end_is_dated_when_it_is_first_seen() -> None:
    made = registry("09:30", "09:40")
    made.put_job(raw_job(version=1))
    assert one(made).end_seen is None
    made.put_job(raw_job(version=2, condition=ENDED))
    made.put_job(raw_job(version=3, condition=ENDED))
    assert one(made).end_seen == utc("09:30")
    made.forget_job(UID, NAME, "job-1")
    assert sightings(made) == []


def test_after_an_outage_the_pods_end_is_still_waited_for() -> None:
    """Both ended at 09:05, which is told at 09:30: first of the Job."""
    made = registry("09:30")
    made.put_pod(raw_pod(status=RUNNING))
    made.put_job(raw_job(condition=ENDED))
    assert not judge(one(made), utc("09:30:01")).ended
    assert judge(one(made), utc("09:30:01")).look_again == utc("09:30") + RESULT_PATIENCE
    assert judge(one(made), utc("09:30") + RESULT_PATIENCE + timedelta(seconds=1)).ended, "but not for ever"


def test_what_had_ended_when_we_began_to_look_is_waited_for_no_longer() -> None:
    """Pods are listed before Jobs: a pod that is not there then is gone for certain."""
    made = Registry(clock=lambda: utc("09:30"))
    made.schedules[NEWS] = entry()
    made.list_pods([], 50)
    made.list_jobs([raw_job(condition=ENDED)], 51)
    made.recall_left_pods()
    assert one(made).end_seen is None
    assert judge(one(made), utc("09:30:01")).ended
