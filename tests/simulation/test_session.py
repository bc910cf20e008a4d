"""A session's volume, from its making to what becomes of it when its schedule goes."""

from typing import Any

import pytest

from agentschedule.cluster.errors import ApiError

from .clock import simulate
from .promises import check_quiet
from .world import NAMESPACE, World

MINUTE = 60
CLAIMS = "persistentvolumeclaims"
END = "2026-11-22T10:35:00Z"


def spec(**storage: Any) -> dict[str, Any]:
    session = {"mode": "SharedPersistent", "storage": {"size": "1Gi", **storage}}
    return {"schedule": "*/10 * * * *", "endTime": END, "session": session}


def owners(world: World) -> list[str]:
    claim = world.cluster.get(CLAIMS, NAMESPACE, "report-session") or {"metadata": {}}
    return [owner["uid"] for owner in claim["metadata"].get("ownerReferences", ())]


@pytest.mark.parametrize(("retention", "left"), [("Retain", 1), ("Delete", 0)])
def test_what_becomes_of_it_when_the_schedule_goes(retention: str, left: int) -> None:
    async def story() -> None:
        async with World() as world:
            world.apply("report", spec(retention=retention))
            world.start()
            await world.sleep(21 * MINUTE)
            assert world.status("report")["totals"]["succeeded"] == 2
            world.delete("agentschedules", "report")
            await world.sleep(MINUTE)
            assert len(world.cluster.items(CLAIMS)) == left
            before = [claim["metadata"]["uid"] for claim in world.cluster.items(CLAIMS)]

            world.apply("report", spec(retention=retention))
            await check_quiet(world)
            assert world.status("report")["totals"]["succeeded"] == 1
            [claim] = world.cluster.items(CLAIMS)
            assert (claim["metadata"]["uid"] in before) == bool(left)
            uid = world.schedule("report")["metadata"]["uid"]
            assert claim["metadata"]["annotations"]["agentschedule.dev/schedule-uid"] == uid

    simulate(story())


def test_an_edit_of_its_retention_changes_its_owner() -> None:
    async def story() -> None:
        async with World() as world:
            world.apply("report", spec())
            world.start()
            await world.sleep(5)
            assert owners(world) == []
            world.edit("report", {"session": {"storage": {"retention": "Delete"}}})
            await world.sleep(5)
            assert owners(world) == [world.schedule("report")["metadata"]["uid"]]
            world.kill()
            world.edit("report", {"session": {"storage": {"retention": "Retain"}}})
            world.start()
            await world.sleep(5)
            assert owners(world) == []

    simulate(story())


def test_a_claim_of_somebody_elses_is_left_alone() -> None:
    async def story() -> None:
        async with World() as world:
            foreign = {"metadata": {"name": "report-session", "namespace": NAMESPACE, "labels": {}}}
            world.cluster.add(CLAIMS, foreign)
            world.apply("report", spec())
            world.start()
            await world.sleep(11 * MINUTE)
            status = world.status("report")
            [ready] = [c for c in status["conditions"] if c["type"] == "Ready"]
            assert (ready["status"], ready["reason"]) == ("False", "SessionVolume")
            assert "does not belong to this schedule" in ready["message"]
            assert world.cluster.items("jobs") == []
            assert [reason for _, _, reason, _ in world.cluster.events].count("SessionVolume") == 1

            world.delete(CLAIMS, "report-session")
            await world.sleep(2 * MINUTE)
            [ready] = [c for c in world.status("report")["conditions"] if c["type"] == "Ready"]
            assert ready["status"] == "True"
            assert world.status("report")["totals"]["runs"] == 1
            await check_quiet(world)

    simulate(story())


def test_a_claim_that_was_deleted_is_made_anew() -> None:
    async def story() -> None:
        async with World() as world:
            world.apply("report", spec())
            world.start()
            await world.sleep(11 * MINUTE)
            world.delete(CLAIMS, "report-session")
            await world.sleep(11 * MINUTE)
            assert world.status("report")["totals"]["succeeded"] == 2
            assert len(world.cluster.items(CLAIMS)) == 1

    simulate(story())


def test_a_refusal_is_tried_again() -> None:
    async def story() -> None:
        async with World() as world:
            world.faults.refuse = lambda verb, kind, _: (
                ApiError(403, "Forbidden", "exceeded quota: storage") if (verb, kind) == ("create", CLAIMS) else None
            )
            world.apply("report", spec())
            world.start()
            await world.sleep(10 * MINUTE + 30)
            assert world.cluster.items("jobs") == []
            world.faults.refuse = lambda *_: None
            await world.sleep(2 * MINUTE)
            assert world.status("report")["totals"]["runs"] == 1
            assert "skips" not in world.status("report") or not world.status("report")["skips"]

    simulate(story())


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 8))
def test_a_crash_at_each_request(call: int, moment: Any) -> None:
    async def story() -> None:
        async with World() as world:
            world.start()
            await world.sleep(MINUTE)
            world.apply("report", spec())
            world.crash_at(call, moment, 30)
            await check_quiet(world)
            assert world.status("report")["totals"]["succeeded"] == 3
            assert len(world.cluster.items(CLAIMS)) == 1

    simulate(story())
