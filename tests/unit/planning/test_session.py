"""SharedPersistent: no run starts before the volume that runs share is there."""

from typing import Any

import pytest

from agentschedule.planning.actions import CreateJob, EnsureVolume
from agentschedule.planning.observed import VolumeState
from agentschedule.planning.reading import read_schedule

from .builders import World, raw_schedule, slot_id, utc

NINE, TEN = slot_id("09:00"), slot_id("10:00")
SHARED = {"mode": "SharedPersistent", "storage": {"size": "1Gi"}}
QUOTA = 'persistentvolumeclaims "news-session" is forbidden: exceeded quota: storage'


def shared(**spec: Any) -> World:
    return World(**{"session": SHARED, **spec})


def created(world: World) -> list[str]:
    return [create.name for create in world.take(CreateJob)]


def test_the_volume_is_asked_for_once_and_mounted_at_each_run() -> None:
    world = shared().tick("08:30").tick("09:00").ends(NINE).tick("09:01").tick("09:04")
    [asked, again] = world.take(EnsureVolume)
    assert asked.manifest["metadata"]["name"] == "news-session"
    assert again == asked, "before a run, as it may have been deleted since"
    world.tick("10:00")
    assert created(world) == [NINE, TEN]
    volumes = world.manifests[TEN]["spec"]["template"]["spec"]["volumes"]
    claim = {"claimName": "news-session"}
    assert {"name": "session", "persistentVolumeClaim": claim} in volumes
    assert world.condition("Ready").status == "True"


@pytest.mark.parametrize(
    "session",
    [None, {"mode": "EphemeralWithSummary"}, {"mode": "FullyEphemeral"}],
    ids=["default", "EphemeralWithSummary", "FullyEphemeral"],
)
def test_other_sessions_have_none(session: dict[str, Any] | None) -> None:
    world = World(session=session).tick("09:00")
    assert (created(world), world.take(EnsureVolume)) == ([NINE], [])


def test_no_run_starts_until_it_is_there() -> None:
    world = shared().tick("08:30")
    world.volume = VolumeState("InFlight", 1, utc("08:59"))
    world.tick("09:00")
    assert (created(world), world.take(EnsureVolume)[1:]) == ([], [])
    world.volume = VolumeState("Ready", 1, utc("09:00:01"))
    world.tick("09:00:01")
    assert created(world) == [NINE]
    assert world.skips() == {}


def test_trouble_is_shown_told_once_and_tried_again() -> None:
    world = shared()
    world.volume_trouble = QUOTA
    world.tick("08:30")
    condition = world.condition("Ready")
    assert (condition.status, condition.reason) == ("False", "SessionVolume")
    assert QUOTA in condition.message
    assert world.told().count("SessionVolume") == 1
    assert world.wake_at == utc("08:31")
    world.volume_trouble = QUOTA + " again"
    world.tick("08:31").tick("08:32")
    assert len(world.take(EnsureVolume)) == 3
    assert world.told() == []
    world.tick("09:00")
    assert created(world) == []

    world.volume_trouble = ""
    world.tick("09:01")
    assert world.condition("Ready").status == "True"
    assert created(world) == [NINE]


def test_trouble_lasts_while_it_is_tried_again() -> None:
    world = shared().tick("08:30")
    world.volume = VolumeState("InFlight", 1, utc("08:31"), QUOTA)
    assert world.tick("08:31").condition("Ready").reason == "SessionVolume"


@pytest.mark.parametrize(("retention", "owners"), [("Retain", 0), ("Delete", 1)])
def test_an_edit_of_its_retention_takes_effect_at_once(retention: str, owners: int) -> None:
    world = shared().tick("08:30")
    world.take(EnsureVolume)
    world.edit(session={**SHARED, "storage": {"size": "1Gi", "retention": retention}}).tick("08:31")
    [asked] = world.take(EnsureVolume)
    assert (asked.generation, len(asked.manifest["metadata"]["ownerReferences"])) == (2, owners)


def test_nothing_is_made_for_a_schedule_that_rests() -> None:
    for world in (shared(suspend=True).tick("08:30"), shared(endTime="2026-11-22T08:45:00Z").tick("08:30")):
        world.volume = None  # the operator was started again
        world.take(EnsureVolume)
        assert world.tick("09:00").take(EnsureVolume) == []


def test_also_for_manual_runs_and_further_attempts() -> None:
    world = shared(suspend=True, retry={"backoff": "10s"})
    world.volume_trouble = QUOTA
    world.request("now").tick("08:30")
    assert created(world) == []
    world.volume_trouble = ""
    world.tick("08:31")
    [manual] = created(world)
    world.ends(manual).tick().edit(suspend=False).tick("08:45").tick("09:00").ends(NINE, code=1).tick()
    world.volume = None
    world.volume_trouble = QUOTA
    world.take(CreateJob)
    world.tick("09:02")
    assert created(world) == []
    world.volume_trouble = ""
    world.tick("09:03")
    assert created(world) == [slot_id("09:00", 2)]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        pytest.param({"session": {"mode": "SharedPersistent"}}, "needs spec.session.storage", id="no storage"),
        pytest.param(
            {"jobTemplate": {"spec": {"template": {"spec": {"volumes": [{"name": "session", "emptyDir": {}}]}}}}},
            "the volume session is set by the operator",
            id="volume of that name",
        ),
        pytest.param(
            {
                "jobTemplate": {
                    "spec": {
                        "template": {
                            "spec": {
                                "containers": [
                                    {
                                        "name": "agent",
                                        "volumeMounts": [{"name": "x", "mountPath": "/var/lib/agentschedule/session/"}],
                                    }
                                ]
                            }
                        }
                    }
                }
            },
            "/var/lib/agentschedule/session is set by the operator",
            id="mount at that place",
        ),
    ],
)
def test_mistakes(spec: dict[str, Any], says: str) -> None:
    problem = read_schedule(raw_schedule(**{"session": SHARED, **spec})).problem
    assert problem is not None
    assert says in problem.message
    if "jobTemplate" in spec:
        assert read_schedule(raw_schedule(**spec)).problem is None, "in other sessions it is free"
