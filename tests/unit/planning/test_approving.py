"""Runs that wait for a person: asked for once, started when approved, counted when not."""

from typing import Any

import pytest

from agentschedule.planning.actions import CreateApproval, CreateJob
from agentschedule.planning.observed import Asking, Guarded, Protection

from .builders import World, slot_id
from .people import IN_FORCE
from .stories import restart, started

NINE = slot_id("09:00")
APPROVERS = {"approvers": [{"kind": "User", "name": "alice"}, {"kind": "Group", "name": "sre"}]}
WANTED: dict[str, Any] = {"policy": {"requireApproval": {}}}
BY_BOB = {"agentschedule.dev/created-by": "bob"}


def at_nine(**spec: Any) -> World:
    """An hourly schedule by bob whose first slot is due and waits."""
    world = World(annotations=BY_BOB, created="08:55", now="08:55", **{**WANTED, **spec})
    world.policies = [APPROVERS]
    return world.tick().tick("09:00")


def words(world: World) -> str:
    return "\n".join(f"{note.reason}: {note.message}" for note in world.notes)


def test_a_due_run_waits_and_starts_when_it_is_approved() -> None:
    world = at_nine()
    assert world.people.waiting() == [NINE]
    assert started(world) == []
    assert world.told().count("ApprovalRequested") == 1
    world.people.decide(NINE, by="carol")  # the group is proved by admission
    world.tick("09:20")
    assert started(world) == ["09:00"]
    approval = world.run(NINE).approval
    assert approval is not None
    assert (approval.decided_by, world.run(NINE).policies) == ("carol", ["p0"])
    assert world.status.approval is None
    assert world.told() == ["ApprovalGranted"]
    assert world.people.approvals[NINE].phase == "Approved"


def test_slots_meanwhile_are_skipped_and_counted() -> None:
    world = at_nine(schedule="*/10 * * * *")
    world.tick("09:10").tick("09:25")
    assert world.skips() == {"AwaitingApproval": 2}
    world.people.decide(NINE)
    world.tick("09:26")
    assert started(world) == ["09:00"]
    assert len(world.people.approvals) == 1


def test_a_denied_run_does_not_start_and_says_who_and_why() -> None:
    world = at_nine()
    world.people.decide(NINE, "Denied", reason="not today")
    world.tick("09:20")
    assert started(world) == []
    assert world.skips() == {"Policy": 1}
    assert "alice denied it: not today" in words(world)
    assert "ApprovalDenied" in world.told()
    assert world.people.approvals[NINE].phase == "Denied"
    assert world.tick("10:00").people.waiting() == [slot_id("10:00")]
    assert NINE not in world.people.approvals, "the last refused one stays until another is asked for"


def test_a_run_that_nobody_decides_on_expires() -> None:
    world = at_nine(schedule="0 9 * * *", policy={"requireApproval": {"expiresAfter": "2h"}})
    world.tick("10:59:59")
    assert world.skips() == {}
    world.tick("11:00")
    assert world.skips() == {"ApprovalExpired": 1}
    assert "ApprovalExpired" in world.told()
    world.people.decide(NINE)
    world.tick("11:01")
    assert started(world) == []


def test_a_decision_that_is_seen_too_late_counts_for_nothing() -> None:
    world = at_nine(schedule="0 9 * * *", policy={"requireApproval": {"expiresAfter": "2h"}})
    world.people.decide(NINE)
    world.tick("11:00")
    assert started(world) == []
    assert world.skips() == {"ApprovalExpired": 1}


def test_the_starting_deadline_counts_from_the_decision() -> None:
    world = at_nine(startingDeadlineSeconds=60)
    world.people.decide(NINE)
    world.tick("09:30")
    assert started(world) == ["09:00"]


@pytest.mark.parametrize("decided", [False, True], ids=["waiting", "approved"])
def test_an_edited_spec_makes_it_void_and_it_is_asked_anew(decided: bool) -> None:
    world = at_nine()
    first = world.people.approvals[NINE]
    if decided:
        world.people.decide(NINE)
    world.edit(input="something else").annotate(changed_by="bob").tick("09:10")
    second = world.people.approvals[NINE]
    assert started(world) == []
    assert second.uid != first.uid
    assert second.digest != first.digest
    assert len(world.people.void) == 1
    world.people.decide(NINE)
    assert started(world.tick("09:20")) == ["09:00"]


@pytest.mark.parametrize(
    "policy",
    [
        {"approvers": [{"kind": "User", "name": "dave"}]},
        {
            "allowedImages": ["agent:*"],
            **APPROVERS,
            "grants": [{"name": "g", "images": ["*"], "capabilities": ["pay"]}],
        },
    ],
    ids=["other approvers", "more is granted"],
)
def test_what_changes_its_meaning_makes_it_void(policy: dict[str, Any]) -> None:
    world = at_nine()
    world.people.decide(NINE)
    world.policies = [policy]
    world.tick("09:10")
    assert started(world) == []
    assert world.people.approvals[NINE].uid == "approval-2"


def test_suspending_is_no_change_and_holds_what_is_approved() -> None:
    world = at_nine(startingDeadlineSeconds=3600)
    world.edit(suspend=True).annotate(changed_by="bob").tick("09:05")
    world.people.decide(NINE)
    world.tick("09:10")
    assert started(world) == []
    world.edit(suspend=False).tick("09:30")
    assert started(world) == ["09:00"]
    assert world.people.void == []


def test_after_a_restart_a_decision_is_found() -> None:
    world = restart(at_nine())
    world.people.asking = None
    world.people.decide(NINE)
    assert started(world.tick("09:10")) == ["09:00"]


def test_one_that_was_made_and_not_written_down_is_made_anew() -> None:
    world = World(annotations=BY_BOB, **WANTED)
    world.policies = [APPROVERS]
    world.tick()
    before = world.status
    world.tick("09:00")
    world.people.decide(NINE)
    world.status, world.people.asking = before, None
    world.tick("09:01")
    assert started(world) == [], "nobody knows who made it"
    assert world.people.waiting() == [NINE]
    assert world.people.approvals[NINE].uid == "approval-2"


def test_a_deleted_one_is_asked_for_again() -> None:
    world = at_nine()
    del world.people.approvals[NINE]
    world.tick("09:10")
    assert world.people.waiting() == [NINE]
    assert started(world) == []


def test_the_gate_is_asked_again_when_it_is_approved() -> None:
    world = at_nine(policy={"requireApproval": {}, "allowedHours": {"start": "09:00", "end": "09:30"}})
    world.people.decide(NINE)
    world.tick("09:40")
    assert started(world) == []
    assert world.skips() == {"Policy": 1}
    assert "allowed hours" in words(world)


def test_each_retry_is_approved_by_itself() -> None:
    world = at_nine(schedule="0 9 * * *", retry={"limit": 1, "backoff": "1m"})
    world.people.decide(NINE)
    world.tick("09:01").ends(NINE, code=1).tick("09:02").tick("09:05")
    second = slot_id("09:00", 2)
    assert world.people.waiting() == [second]
    assert started(world) == ["09:00"]
    world.people.decide(second)
    world.tick("09:06")
    [job] = world.take(CreateJob)
    assert (job.name, job.due) == (second, world.now), "nobody was late but people"
    assert world.run(second).approval is not None


def test_a_retry_that_is_denied_ends_the_run() -> None:
    world = at_nine(schedule="0 9 * * *", retry={"limit": 1, "backoff": "1m"})
    world.people.decide(NINE)
    world.tick("09:01").ends(NINE, code=1).tick("09:02").tick("09:05")
    world.people.decide(slot_id("09:00", 2), "Denied", reason="enough")
    world.tick("09:06")
    [run] = world.status.runs
    assert (run.phase, run.retry_at) == ("Failed", None)
    assert "alice denied it: enough" in (run.message or "")


def test_a_manual_run_is_approved_too_one_at_a_time() -> None:
    world = at_nine()
    world.request("now").tick("09:05")
    assert world.people.waiting() == [NINE]
    assert "one at a time" in (world.requests["now"].status.message or "")
    world.people.decide(NINE)
    world.tick("09:06").ends(NINE).tick("09:07")
    [name] = world.people.waiting()
    assert name.startswith("news-m")
    world.people.decide(name, "Denied", reason="no need")
    world.tick("09:08")
    assert world.requests["now"].status.phase == "Failed"
    assert "no need" in (world.requests["now"].status.message or "")


def test_manual_runs_can_be_exempt() -> None:
    world = World(annotations=BY_BOB)
    world.policies = [{**APPROVERS, "requireApproval": True, "exempt": {"manualRuns": True}}]
    world.tick().request("now").tick("08:40")
    [name] = started(world)
    world.ends(name).tick("08:50")
    world.tick("09:00")
    assert world.people.waiting() == [NINE]


def test_an_input_of_ones_own_needs_a_known_author() -> None:
    world = World(annotations=BY_BOB, schedule="0 12 * * *", **WANTED)
    world.policies = [APPROVERS]
    world.tick().request("now", input="my own").tick("08:40")
    assert world.requests["now"].status.phase == "Failed"
    assert "does not say who created it" in (world.requests["now"].status.message or "")


@pytest.mark.parametrize(
    ("annotations", "policies", "protection", "says"),
    [
        pytest.param(BY_BOB, [], None, "no AgentPolicy for this namespace names approvers", id="nobody to ask"),
        pytest.param({}, [APPROVERS], None, "nobody knows who wrote this", id="unknown author"),
        pytest.param(
            BY_BOB,
            [APPROVERS],
            Protection(Guarded(known=True, problem="there is no policy"), IN_FORCE),
            "no decision can be trusted: there is no policy",
            id="unprotected",
        ),
        pytest.param(
            BY_BOB,
            [APPROVERS],
            Protection(IN_FORCE, Guarded(known=True, problem="there is no policy")),
            "nobody knows who wrote this: there is no policy",
            id="authors unprotected",
        ),
    ],
)
def test_where_nobody_can_be_asked_the_run_is_denied(
    annotations: dict[str, str], policies: list[dict[str, Any]], protection: Protection | None, says: str
) -> None:
    world = World(annotations=annotations, **WANTED)
    world.policies = policies
    world.people.protection = protection or world.people.protection
    world.tick().tick("09:00")
    assert world.skips() == {"Policy": 1}
    assert says in words(world)
    assert world.people.approvals == {}


def test_before_it_is_known_whether_decisions_can_be_trusted_a_run_waits() -> None:
    world = World(annotations=BY_BOB, **WANTED)
    world.policies = [APPROVERS]
    in_force, world.people.protection = world.people.protection, Protection()
    world.tick().tick("09:00")
    assert (world.skips(), world.people.approvals) == ({}, {})
    world.people.protection = in_force
    world.tick("09:00:10")
    assert world.people.waiting() == [NINE]


def test_an_author_decides_only_where_a_policy_says_so() -> None:
    world = at_nine()
    world.people.decide(NINE, by="bob")  # no admission policy was asked
    world.tick("09:10")
    assert started(world) == []
    assert world.people.void == ["its decision is not one that an approver may make; it is asked for anew"]


def test_a_decision_by_nobody_who_may_is_void() -> None:
    world = World(annotations=BY_BOB, **WANTED)
    world.policies = [{"approvers": [{"kind": "User", "name": "alice"}]}]
    world.tick().tick("09:00").people.decide(NINE, by="mallory")
    world.tick("09:10")
    assert started(world) == []
    assert world.people.void == ["mallory is not one of the approvers; it is asked for anew"]
    assert "ApprovalGranted" not in world.told()


def test_a_denial_by_nobody_who_may_is_void() -> None:
    world = World(annotations=BY_BOB, **WANTED)
    world.policies = [{"approvers": [{"kind": "User", "name": "alice"}]}]
    world.tick().tick("09:00").people.decide(NINE, "Denied", by="mallory")
    world.tick("09:10")
    assert (world.skips(), world.people.waiting()) == ({}, [NINE])


def test_one_older_than_what_protects_it_is_void() -> None:
    world = at_nine()
    world.people.decide(NINE)
    later = Guarded(known=True, since=world.now.replace(minute=5))
    world.people.protection = Protection(later, IN_FORCE)
    world.tick("09:10")
    assert started(world) == []
    assert world.people.waiting() == [NINE]


def test_a_name_that_is_taken_harms_only_its_slot() -> None:
    world = World(annotations=BY_BOB, **WANTED)
    world.policies = [APPROVERS]
    world.people.trouble = Asking("NameConflict", "", 0, message="an AgentApproval of that name exists")
    world.tick().tick("09:00")
    assert world.skips() == {"NameConflict": 1}
    world.people.trouble = None
    world.tick("10:00")
    assert world.people.waiting() == [slot_id("10:00")]


def test_what_cannot_be_asked_now_is_asked_later() -> None:
    world = World(annotations=BY_BOB, **WANTED)
    world.policies = [APPROVERS]
    world.people.trouble = Asking("Failed", "", 0)
    world.tick().tick("09:00")
    assert len(world.take(CreateApproval)) == 1
    world.people.trouble = None
    world.tick("09:01")
    assert world.people.waiting() == [NINE]


def test_no_more_than_what_was_approved_is_spent() -> None:
    world = at_nine(budget={"perRunUSD": "1"})
    world.people.decide(NINE)
    world.tick("09:10")
    [job] = world.take(CreateJob)
    assert str(job.budget) == "1"


def test_a_one_shot_is_not_complete_while_it_waits() -> None:
    world = World(annotations=BY_BOB, schedule=None, at="2026-11-22T09:00:00Z", **WANTED)
    world.policies = [APPROVERS]
    world.tick().tick("09:00")
    assert world.condition("Complete").status == "False"
    world.people.decide(NINE)
    world.tick("09:10").ends(NINE).tick("09:11")
    assert world.condition("Complete").status == "True"


def test_a_plan_of_what_a_plan_has_left_changes_nothing() -> None:
    world = at_nine(retry={"limit": 1, "backoff": "1m"})

    def rests() -> bool:
        again = world.plan()
        return (again.status, again.notes, again.actions) == (world.status, (), ())

    assert rests()
    world.people.decide(NINE)
    world.tick("09:10")
    assert rests()
    world.ends(NINE, code=1).tick("09:11").tick("09:15")
    assert rests()
    world.people.decide(slot_id("09:00", 2), "Denied")
    world.tick("09:16")
    assert rests()


def test_a_decision_that_only_the_status_tells_of_is_none() -> None:
    world = at_nine()
    assert world.status.approval is not None
    forged = world.status.approval.model_copy(update={"decided_at": world.now})
    world.status = world.status.model_copy(update={"approval": forged})
    world.tick("09:10")
    assert started(world) == []


def test_what_the_watch_tells_before_its_creation_is_answered_is_left_alone() -> None:
    world = at_nine()
    assert world.people.asking is not None
    assert world.status.approval is not None
    made = world.people.asking
    world.people.asking = Asking("InFlight", made.name, made.number)
    world.status = world.status.model_copy(update={"approval": world.status.approval.model_copy(update={"uid": None})})
    world.tick("09:00:01")
    assert world.people.approvals[NINE].uid == "approval-1"
    world.people.asking = made
    world.tick("09:00:02")
    assert world.status.approval is not None
    assert world.status.approval.uid == "approval-1"
    assert world.people.void == []
