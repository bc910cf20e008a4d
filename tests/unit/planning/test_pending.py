"""Runs whose pod does not start: what keeps them from it is told, and after a time they are stopped."""

from typing import Any

import pytest

from agentschedule.planning.actions import CreateJob, Explain, StopJob

from .builders import World, slot_id, utc

NINE, SECOND = slot_id("09:00"), slot_id("09:00", 2)
QUOTA = ("FailedCreate", 'Error creating: pods "news-x" is forbidden: exceeded quota: small')


def due(**spec: Any) -> World:
    """The Job of 09:00 is there, and nothing of it has started."""
    world = World(**{"pendingDeadlineSeconds": 900, **spec}).tick("09:00")
    return world.job(NINE, started_at=utc("09:00")).tick()


def stops(world: World) -> list[tuple[str, str]]:
    return [(stop.name, stop.why) for stop in world.take(StopJob)]


@pytest.mark.parametrize(
    ("waiting", "says"),
    [
        pytest.param(("ErrImagePull", "no such image"), "ErrImagePull: no such image", id="no image"),
        pytest.param(("ImagePullBackOff", "Back-off"), "ErrImagePull: Back-off", id="no image, tried again"),
        pytest.param(("Unschedulable", "0/3 nodes"), "Unschedulable: 0/3 nodes", id="no node"),
        pytest.param(
            ("CreateContainerConfigError", 'secret "x" not found'),
            'CreateContainerConfigError: secret "x" not found',
            id="no secret",
        ),
        pytest.param(None, "the cluster does not say why", id="nobody knows"),
    ],
)
def test_a_pod_that_does_not_start_in_time_is_stopped(waiting: tuple[str, str] | None, says: str) -> None:
    world = due().pod(NINE, waiting=waiting).tick("09:00:05").tick("09:14:59")
    assert stops(world) == []
    world.tick("09:15")
    assert stops(world) == [(NINE, "NeverStarted")]
    assert world.run(NINE).phase == "Pending", "until it is gone"
    world.lose(NINE).tick("09:15:02")
    run = world.run(NINE)
    assert (run.phase, run.reason, run.started_at) == ("Failed", "NeverStarted", None)
    assert run.message == f"never started within 900 s: {says}"
    assert "RunFailed" in world.told()
    assert (world.status.totals.failed, world.status.consecutive_failures) == (1, 1)


def test_a_job_that_gets_no_pod_is_asked_about_and_then_stopped() -> None:
    world = due()
    world.events[f"uid-{NINE}"] = QUOTA
    world.tick("09:00:19")
    assert world.take(Explain) == []
    world.tick("09:00:20")
    assert world.take(Explain) == [Explain(NINE, f"uid-{NINE}")]
    run = world.run(NINE)
    assert (run.phase, run.reason, run.message) == ("Pending", *QUOTA)
    assert "RunWaiting" in world.told()
    world.tick("09:15")
    assert stops(world) == [(NINE, "NeverStarted")]
    assert world.run(NINE).message == f"never started within 900 s: {QUOTA[0]}: {QUOTA[1]}"


@pytest.mark.parametrize(
    ("limit", "questions"),
    [
        pytest.param(900, [20, 40, 80, 160, 320, 640], id="default"),
        pytest.param(30, [15], id="short"),
        pytest.param(2, [1], id="very short"),
        pytest.param(100, [20, 40, 80], id="not after the end"),
    ],
)
def test_questions_become_rarer(limit: int, questions: list[int]) -> None:
    world = due(pendingDeadlineSeconds=limit, schedule="0 9 * * *")
    asked: list[int] = []
    while not world.take(StopJob):
        if world.take(Explain):
            asked.append(round((world.now - utc("09:00")).total_seconds()))
        assert world.wake_at is not None
        world.tick(world.wake_at)
    assert asked == questions
    assert (world.now - utc("09:00")).total_seconds() == limit


def test_a_job_that_its_controller_has_not_come_to_is_asked_about_later() -> None:
    world = due().job(NINE, started_at=None).tick("09:01:19")
    assert world.take(Explain) == []
    world.tick("09:01:20")
    assert world.take(Explain) == [Explain(NINE, f"uid-{NINE}")]


def test_a_pod_that_says_nothing_is_asked_about_itself() -> None:
    world = due().pod(NINE)
    pod = world.pods[f"uid-{NINE}"].uid
    world.events[pod] = ("FailedMount", 'secret "x" not found')
    world.tick("09:00:20")
    assert world.take(Explain) == [Explain(NINE, pod)]
    assert world.run(NINE).reason == "FailedMount"


def test_a_pod_that_says_why_is_not_asked_about() -> None:
    world = due().pod(NINE, waiting=("Unschedulable", "0/3 nodes")).tick("09:05")
    assert world.take(Explain) == []


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"phase": "Running", "started_at": utc("09:00:30")}, id="the agent runs"),
        pytest.param({"others_started": True}, id="an init container has run"),
        pytest.param({"phase": "Running"}, id="a sidecar runs"),
    ],
)
def test_what_has_started_is_left_alone(facts: dict[str, Any]) -> None:
    world = due(schedule="0 9 * * *").pod(NINE, **facts).tick("09:01").tick("15:00")
    assert stops(world) == []
    assert world.take(Explain) == []


def test_time_in_a_queue_system_does_not_count() -> None:
    world = due().job(NINE, suspended=True).tick("12:00")
    assert (stops(world), world.take(Explain)) == ([], [])
    world.job(NINE, suspended=False, started_at=utc("12:00")).tick("12:00").tick("12:14:59")
    assert stops(world) == []
    world.tick("12:15")
    assert stops(world) == [(NINE, "NeverStarted")]


def test_an_end_of_the_deadline_before_a_start_is_no_time_out() -> None:
    world = due(activeDeadlineSeconds=60).pod(NINE, waiting=("Unschedulable", "0/3 nodes are available"))
    world.tick("09:00:05").pod(NINE, phase="Failed", reason="DeadlineExceeded", waiting=None).tick("09:01")
    run = world.run(NINE)
    assert (run.phase, run.reason) == ("Failed", "NeverStarted")
    assert run.message == (
        "never started within its deadline (activeDeadlineSeconds): Unschedulable: 0/3 nodes are available"
    )


def test_an_agent_that_waits_for_its_init_container_in_vain_timed_out() -> None:
    world = due(activeDeadlineSeconds=60).pod(NINE, waiting=("CrashLoopBackOff", "again"), others_started=True)
    world.tick("09:00:05").pod(NINE, phase="Failed", reason="DeadlineExceeded").tick("09:01")
    assert world.run(NINE).phase == "TimedOut"


def test_it_is_tried_again_like_any_failure() -> None:
    world = due(pendingDeadlineSeconds=60, retry={"backoff": "10s", "limit": 1}, schedule="0 9 * * *")
    world.pod(NINE, waiting=("ErrImagePull", "no such image")).tick("09:01").lose(NINE).tick("09:01:01")
    assert world.run(NINE).retry_at is not None
    world.take(CreateJob)
    world.tick("09:01:15")
    assert [create.name for create in world.take(CreateJob)] == [SECOND]
    world.runs(SECOND).tick().ends(SECOND).tick("09:02")
    assert (world.run(SECOND).phase, world.run(SECOND).message) == ("Succeeded", None)


def test_one_that_started_while_it_was_being_stopped_still_counts() -> None:
    world = due(pendingDeadlineSeconds=60).pod(NINE).tick("09:01").runs(NINE).tick("09:01:01")
    assert stops(world) == [(NINE, "NeverStarted")], "asked for once"
    world.ends(NINE, code=143, result='{"costUSD": "0.3", "state": {"page": 7}}', finished_at=utc("09:01:05"))
    world.lose(NINE).tick("09:01:06")
    run = world.run(NINE)
    assert (run.phase, run.reason) == ("Failed", "NeverStarted")
    assert world.status.totals.cost_usd == run.cost_usd != 0
    assert world.status.previous is not None
    assert world.status.previous.state == {"page": 7}


def test_an_init_container_that_starts_before_the_stop_saves_the_run() -> None:
    world = due(pendingDeadlineSeconds=60).pod(NINE, waiting=("ErrImagePull", "no such image")).tick("09:00:05")
    world.settled = False  # the end is not written down yet
    world.tick("09:01")
    assert (stops(world), world.run(NINE).reason) == ([], "NeverStarted")
    world.settled = True
    world.pod(NINE, waiting=None, others_started=True).tick("09:01:01")
    assert (stops(world), world.run(NINE).reason) == ([], None)


def test_a_stop_that_was_noted_but_not_done_is_done() -> None:
    world = due().job(NINE, stopped="NeverStarted").runs(NINE).tick("09:00:30")
    assert stops(world) == [(NINE, "NeverStarted")]


def test_a_withdrawn_run_is_cancelled_however_long_it_waited() -> None:
    world = World(suspend=True, pendingDeadlineSeconds=60).request("now").tick("09:00")
    [job] = world.jobs
    world.requests.clear()
    world.tick("09:00:30")
    assert stops(world) == [(job, "Cancelled")]
    assert world.tick("09:05").run(job).phase == "Cancelled"


def test_also_of_a_schedule_that_cannot_be_used_any_more() -> None:
    world = due().edit(timeZone="Nowhere").tick("09:14").tick("09:15")
    assert stops(world) == [(NINE, "NeverStarted")]


def test_the_words_outlive_a_restart() -> None:
    world = due().pod(NINE, waiting=("ErrImagePull", "no such image")).tick("09:00:05").tick("09:15")
    world.explained.clear()
    world.pod(NINE, phase="Failed", waiting=None).tick("09:15:01").lose(NINE).tick("09:15:02")
    assert world.run(NINE).message == "never started within 900 s: ErrImagePull: no such image"
