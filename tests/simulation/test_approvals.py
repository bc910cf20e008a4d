"""People approve runs, or do not, while operators die and requests fail."""

import pytest

from .clock import simulate
from .promises import check_quiet
from .test_metrics import shown
from .world import World

MINUTE = 60
HOUR = 3600
HOURLY = {
    "schedule": "0 * * * *",
    "endTime": "2026-11-22T13:30:00Z",
    "policy": {"requireApproval": {"expiresAfter": "2h"}},
}
BOB: dict[str, str | None] = {"agentschedule.dev/created-by": "bob"}
APPROVERS = {"approvers": [{"kind": "User", "name": "alice"}]}


def begin(world: World) -> None:
    world.policy("base", APPROVERS)
    world.apply("report", HOURLY)
    world.annotate("report", BOB)
    world.start()


def jobs(world: World) -> int:
    return len(world.cluster.history.life("report").jobs)


def skipped(world: World) -> dict[str, int]:
    return {skip["reason"]: skip["count"] for skip in world.status("report").get("skips") or ()}


def test_a_run_waits_starts_and_is_told_of() -> None:
    async def story() -> None:
        async with World() as world:
            begin(world)
            await world.sleep(61 * MINUTE)
            assert (jobs(world), len(world.waiting())) == (0, 1)
            assert shown(world, "approvals_waiting") == 1
            assert 50 <= (shown(world, "oldest_approval_seconds") or 0) <= 61
            world.decide(world.waiting()[0])
            await world.sleep(MINUTE)
            assert jobs(world) == 1
            [run] = world.status("report")["runs"]
            assert run["approval"]["decidedBy"] == "alice"
            assert (shown(world, "approvals_waiting"), shown(world, "oldest_approval_seconds")) == (0, 0)
            await check_quiet(world, settle=8 * HOUR)
            assert skipped(world) == {"AwaitingApproval": 1, "ApprovalExpired": 1}

    simulate(story())


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 9))
def test_an_operator_dies_at_any_request_around_an_approval(call: int, moment: str) -> None:
    async def story() -> None:
        async with World(seed=call) as world:
            begin(world)
            await world.sleep(59 * MINUTE)
            world.crash_at(call, moment, seconds=20)  # type: ignore[arg-type]
            await world.sleep(5 * MINUTE)
            [waiting] = world.waiting()
            world.crash_at(call, moment, seconds=20)  # type: ignore[arg-type]
            world.decide(waiting)
            await world.sleep(5 * MINUTE)
            assert jobs(world) == 1
            [run] = world.status("report")["runs"]
            assert run["approval"]["decidedBy"] == "alice"
            await check_quiet(world, settle=8 * HOUR)

    simulate(story())


def test_requests_fail_and_nothing_is_approved_twice() -> None:
    async def story() -> None:
        async with World(seed=3) as world:
            world.faults.rate, world.faults.doubled = 0.2, 0.2
            begin(world)
            for _ in range(3 * 60):
                await world.sleep(MINUTE)
                for name in world.waiting():
                    world.decide(name)
            await world.calm()
            assert jobs(world) >= 2
            await check_quiet(world, settle=8 * HOUR)

    simulate(story())


def test_a_decision_that_came_in_a_gap_of_the_watch() -> None:
    async def story() -> None:
        async with World() as world:
            begin(world)
            await world.sleep(61 * MINUTE)
            world.snap("agentapprovals", 5 * MINUTE, losing=True)
            world.decide(world.waiting()[0])
            await world.sleep(10 * MINUTE)
            assert jobs(world) == 1
            await check_quiet(world, settle=8 * HOUR)

    simulate(story())


@pytest.mark.parametrize("claims", [False, True], ids=["somebody else's", "forged as the operator's"])
def test_one_that_was_there_before_is_believed_in_nothing(claims: bool) -> None:
    async def story() -> None:
        async with World() as world:
            begin(world)
            await world.sleep(30 * MINUTE)
            world.forge_approval("report", claims=claims)
            await world.sleep(35 * MINUTE)
            assert jobs(world) == 0
            reasons = {reason for name, _, reason, _ in world.cluster.events if name == "report"}
            if claims:
                assert "ApprovalVoid" in reasons
                assert len(world.waiting()) == 1, "it is asked for anew"
            else:
                assert (skipped(world), "NameConflict" in reasons) == ({"NameConflict": 1}, True)
                await world.sleep(HOUR)
                assert len(world.waiting()) == 1, "the next run is asked for"
            await check_quiet(world, settle=8 * HOUR)

    simulate(story())


def test_approvals_of_a_schedule_that_is_gone_are_found() -> None:
    async def story() -> None:
        async with World() as world:
            begin(world)
            await world.sleep(61 * MINUTE)
            world.delete("agentschedules", "report", "Orphan")
            await world.sleep(30 * MINUTE)
            assert world.waiting() == []

    simulate(story())
