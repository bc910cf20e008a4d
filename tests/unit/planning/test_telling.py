"""Who is told of what a schedule does: from an event to an attempt, and from its outcome to the status."""

from dataclasses import replace
from typing import Any

import pytest

from agentschedule.api.delivery import Delivery
from agentschedule.planning.actions import DeleteJob, Deliver, Tried
from agentschedule.policy.reach import Outlets

from .builders import World, slot_id

HOOK = {"name": "hook", "webhook": {"url": "https://hooks.example.com/x", "retries": 1}}
OUT = {"name": "out", "stdout": {}, "events": ["Alert", "Recovered", "BudgetAlert", "DeadLettered", "Held"]}
LOW = '{"alert": {"severity": "warning", "message": "low"}}'


def outbox(world: World) -> list[Delivery]:
    return list(world.status.deliveries or [])


def entries(world: World) -> list[tuple[str, str, str, str]]:
    return [(e.run.removeprefix("news-"), e.target, e.event, e.phase) for e in outbox(world)]


def ended(world: World, at: str = "09:00", **end: Any) -> str:
    job = slot_id(at)
    world.tick(at).runs(job).tick().ends(job, **end).tick()
    return job


def test_without_targets_nothing_is_kept() -> None:
    world = World()
    ended(world, code=1)
    assert (world.status.deliveries, world.status.telling) == (None, None)
    assert not world.take(Deliver)


def test_an_entry_is_written_before_its_first_attempt() -> None:
    world = World(delivery=[HOOK])
    world.tick("09:00").runs(slot_id("09:00")).tick()
    world.settled = False
    world.ends(slot_id("09:00")).tick()
    assert entries(world) == [(slot_id("09:00")[5:], "hook", "Succeeded", "Pending")]
    assert world.take(Deliver) == []
    world.settled = True
    world.tick()
    assert world.take(Deliver)[0] == Deliver(slot_id("09:00"), "hook", "Succeeded")


def test_delivered() -> None:
    world = World(delivery=[HOOK])
    world.outcome = "Delivered"
    ended(world)
    (entry,) = outbox(world)
    assert (entry.phase, entry.attempts, entry.settled_at) == ("Delivered", 1, world.now)
    assert "DeliveryFailed" not in world.told()


def test_what_came_of_attempts_is_counted() -> None:
    world = World(delivery=[HOOK])
    ended(world)
    world.outcome = "Again"
    world.step()
    assert world.step().tried == (Tried("webhook", "Retried"),)
    world.wait(minutes=1)
    assert outbox(world)[0].phase == "Failed"
    assert world.told().count("DeliveryFailed") == 1


def test_given_up_and_asked_for_again() -> None:
    world = World(delivery=[HOOK])
    world.outcome = "Refused"
    job = ended(world, code=1)
    (note,) = [note for note in world.notes if note.reason == "DeliveryFailed"]
    assert note.warning
    assert f"agentschedule.dev/redeliver={job}/hook" in note.message
    world.outcome = "Delivered"
    world.tick()
    assert entries(world)[0][3] == "Failed"
    world.annotate(redeliver=f"{job}/hook").tick()
    assert entries(world)[0][3] == "Delivered"


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param({"successfulJobsHistoryLimit": 0}, id="history limit"),
        pytest.param({"ttlSecondsAfterFinished": 0}, id="time to live"),
    ],
)
def test_a_job_is_kept_until_its_deliveries_are_settled(limits: dict[str, Any]) -> None:
    world = World(delivery=[HOOK], **limits)
    job = ended(world)
    world.wait(minutes=30)
    assert world.take(DeleteJob) == []
    world.outcome = "Delivered"
    world.wait(minutes=5)
    assert [action.name for action in world.take(DeleteJob)] == [job]


def test_a_run_stays_in_the_history_until_its_deliveries_are_settled() -> None:
    world = World(delivery=[HOOK], runHistoryLimit=1)
    jobs = [ended(world, at) for at in ("09:00", "10:00", "11:00")]
    assert [run.id for run in world.status.runs] == jobs[::-1]
    world.outcome = "Delivered"
    world.tick()
    assert [run.id for run in world.status.runs] == jobs[-1:]
    assert [entry[0] for entry in entries(world)] == [jobs[-1][5:]]


def test_alerts_and_the_recovery_after_them() -> None:
    world = World(delivery=[OUT])
    world.outcome = "Delivered"
    ended(world, "09:00", result=LOW)
    ended(world, "10:00")
    ended(world, "11:00")
    assert [entry[:3] for entry in entries(world)] == [
        (slot_id("09:00")[5:], "out", "Alert"),
        (slot_id("10:00")[5:], "out", "Recovered"),
    ]
    assert world.status.telling is not None
    assert world.status.telling.troubled is None


def test_a_cancelled_run_is_no_recovery_and_no_failure() -> None:
    world = World(delivery=[OUT], concurrencyPolicy="Forbid")
    ended(world, "09:00", code=1)
    world.tick("10:00").lose(slot_id("10:00")).tick()
    assert world.status.telling is not None
    assert world.status.telling.troubled is True


def test_a_dead_letter_is_of_its_run() -> None:
    world = World(schedule=None, at="2026-11-22T09:00:00Z", delivery=[OUT])
    job = ended(world, code=1)
    assert [(e.run, e.event) for e in outbox(world)] == [(job, "DeadLettered")]
    assert world.status.hold is not None
    assert outbox(world)[0].message == world.status.hold.message


def test_a_hold_for_the_budget_is_told_of_by_its_id() -> None:
    world = World(delivery=[OUT], budget={"totalUSD": "1"})
    ended(world, "09:00", result='{"costUSD": "1"}')
    world.tick("10:00")
    assert world.status.hold is not None
    assert [(e.run, e.event) for e in outbox(world)] == [
        (slot_id("09:00"), "BudgetAlert"),
        (world.status.hold.id, "Held"),
    ]
    assert "1 of 1 USD are spent" in str(outbox(world)[0].message)


@pytest.mark.parametrize("how", ["suspended", "refused", "complete", "held"])
def test_deliveries_go_on_whatever_the_schedule_does(how: str) -> None:
    ends: dict[str, dict[str, Any]] = {"complete": {"maxRuns": 1}, "held": {"pauseAfterFailures": 1}}
    world = World(delivery=[HOOK], **ends.get(how, {}))
    ended(world, code=1)
    if how == "suspended":
        world.edit(suspend=True)
    elif how == "refused":
        world.edit(agent={})
    world.tick()
    world.outcome = "Delivered"
    world.tick()
    assert {entry[3] for entry in entries(world)} == {"Delivered"}
    assert world.status.phase == {"suspended": "Paused", "refused": "Invalid", "complete": "Complete"}.get(how, "Held")


def test_what_waits_for_a_removed_target_is_given_up() -> None:
    world = World(delivery=[HOOK])
    ended(world)
    world.edit(delivery=[OUT]).tick()
    (entry,) = outbox(world)
    assert (entry.phase, entry.last_error) == ("Failed", "the target was removed from spec.delivery")


def test_when_deliveries_are_switched_off_nothing_waits_and_no_job_is_kept() -> None:
    world = World(delivery=[HOOK], successfulJobsHistoryLimit=0)
    job = ended(world)
    world.settings = replace(world.settings, outlets=Outlets(enabled=False))
    world.tick()
    assert entries(world)[0][3] == "Failed"
    assert "switched off" in str(outbox(world)[0].last_error)
    assert [action.name for action in world.take(DeleteJob)] == [job]
    assert "switched off" in world.condition("Accepted").message


def test_while_the_spec_cannot_be_read_what_waits_goes_on_waiting() -> None:
    world = World(delivery=[HOOK])
    ended(world)
    world.take(Deliver)
    good = world.raw["spec"]["delivery"]
    world.edit(delivery=[{"name": 1}]).tick()
    assert entries(world)[0][3] == "Pending"
    assert world.take(Deliver) == []
    world.outcome = "Delivered"
    world.edit(delivery=good).tick()
    assert entries(world)[0][3] == "Delivered"


def test_more_than_the_outbox_holds_is_told_of() -> None:
    world = World(delivery=[HOOK])
    job = ended(world)
    (waiting,) = outbox(world)
    more = [waiting.model_copy(update={"run": f"old-{number}"}) for number in range(100)]
    world.status = world.status.model_copy(update={"deliveries": [*more, waiting]})
    world.notes.clear()
    world.tick()
    kept: list[Delivery] = outbox(world)
    assert (len(kept), kept[-1].run) == (100, job)
    (note,) = [note for note in world.notes if note.reason == "DeliveryFailed"]
    assert "old-0 could not be delivered to hook" in note.message
