"""Limits on a real cluster: failures, dead letters, budgets, the queue; and people who resume, ask and skip."""

from itertools import pairwise
from typing import Any

from tests.resources import SLEEP, Place, agent_run, in_seconds, say, schedule

FAIL = ["sh", "-c", """echo '{"summary": "no", "costUSD": "0.03"}' > $AGENT_RESULT_FILE; exit 1"""]


def held(place: Place, name: str, phase: str = "Held") -> dict[str, Any]:
    """The hold, once the schedule is held."""
    place.wait(phase, lambda: place.status(name).get("phase") == phase)
    hold: dict[str, Any] = place.status(name)["hold"]
    return hold


def resume(place: Place, name: str, hold_id: str) -> None:
    place("annotate", "--overwrite", "agentschedule", name, f"agentschedule.dev/resume={hold_id}")


def asked(place: Place, name: str) -> str | None:
    """Phase of an AgentRun."""
    phase: str | None = (place.get("agentrun", name).get("status") or {}).get("phase")
    return phase


def reasons(place: Place, name: str) -> set[str]:
    """Reasons of the Events on an object."""
    return set(place("get", "events", "--field-selector", f"involvedObject.name={name}", "-o",
                     "jsonpath={.items[*].reason}").split())  # fmt: skip


def test_failures_in_a_row_hold_a_schedule_until_it_is_resumed(place: Place) -> None:
    place.apply(schedule("failing", FAIL, every="2s", pauseAfterFailures=2))
    hold = held(place, "failing")
    assert (hold["reason"], hold["probation"]) == ("ConsecutiveFailures", False)
    assert hold["id"] in hold["message"]
    assert place.condition("failing", "Suspended")["reason"] == "ConsecutiveFailures"
    assert place.condition("failing", "Ready")["status"] == "True"
    assert len(place.status("failing")["runs"]) == 2

    resume(place, "failing", "0123456789")
    place.wait("the answer", lambda: "ResumeIgnored" in reasons(place, "failing"))
    assert place.status("failing")["hold"]["id"] == hold["id"]

    resume(place, "failing", hold["id"])
    place.wait("another hold", lambda: place.status("failing")["hold"]["id"] != hold["id"])
    assert held(place, "failing")["message"].startswith("it failed again after it was resumed")
    assert len(place.status("failing")["runs"]) == 3
    assert {"Held", "Resumed", "RunFailed"} <= reasons(place, "failing")


def test_a_one_shot_that_failed_is_a_dead_letter_and_can_be_run_by_hand(place: Place) -> None:
    command = ["sh", "-c", "[ $AGENT_TRIGGER = Manual ]"]
    place.apply(schedule("letter", command, at=in_seconds(2), retry={"limit": 1, "backoff": "1s"}))
    hold = held(place, "letter", "DeadLetter")
    assert place.status("letter")["runs"][0]["attempt"] == 2
    place.apply(agent_run("again", "letter"))
    place.wait("the manual run", lambda: asked(place, "again") == "Succeeded")
    assert place.status("letter")["phase"] == "DeadLetter"
    resume(place, "letter", hold["id"])
    place.wait("completion", lambda: place.status("letter")["phase"] == "Complete")


def test_a_budget_stops_a_schedule_until_it_is_raised(place: Place) -> None:
    budget = {"perRunUSD": "0.50", "totalUSD": "1.00", "alertAtPercent": 50}
    place.apply(schedule("spender", say("bought", "0.40"), every="2s", budget=budget))
    hold = held(place, "spender")
    assert hold["reason"] == "BudgetExceeded"
    status = place.status("spender")
    assert status["budget"] == {"totalUSD": "0.8", "periodSpentUSD": "0", "reservedUSD": "0"}
    assert status["effective"]["maxBudgetUSD"] == "0.5"
    assert {skip["reason"] for skip in status["skips"]} >= {"Budget"}
    assert {"BudgetAlert", "BudgetExceeded"} <= reasons(place, "spender")

    place.apply(agent_run("too-dear", "spender"))
    place.wait("refusal", lambda: asked(place, "too-dear") == "Failed")
    assert "budget exceeded: of 1 USD in all 0.8 are spent" in place.get("agentrun", "too-dear")["status"]["message"]

    place.apply(schedule("spender", say("bought", "0.40"), every="2s", budget={**budget, "totalUSD": "1.50"}))
    place.wait("one more run", lambda: place.status("spender")["totals"]["runs"] == 3)
    assert held(place, "spender")["id"] != hold["id"]
    assert place.status("spender")["budget"]["totalUSD"] == "1.2"


def test_a_run_that_reports_no_cost_is_charged_what_was_set_aside(place: Place) -> None:
    place.apply(schedule("silent", ["true"], at=in_seconds(2), budget={"perRunUSD": "0.70", "totalUSD": "1"}))
    place.wait_run("silent", "Succeeded")
    place.wait("the charge", lambda: place.status("silent")["budget"]["totalUSD"] == "0.7")
    assert place.status("silent")["totals"]["costUSD"] == "0"


def test_the_queue(place: Place) -> None:
    end = in_seconds(9)
    spec: dict[str, Any] = {"concurrencyPolicy": "Queue", "maxQueuedRuns": 2}
    place.apply(schedule("queued", ["sleep", "5"], every="2s", endTime=end, **spec))
    place.wait("two that wait", lambda: len(place.status("queued").get("queued") or ()) == 2)
    waiting = place.status("queued")["queued"]
    assert waiting == sorted(waiting)
    place.wait("its end", lambda: place.status("queued").get("phase") == "Complete")
    status = place.status("queued")
    ran = sorted(run["scheduledAt"] for run in status["runs"])
    assert set(waiting) <= set(ran)
    assert {skip["reason"] for skip in status.get("skips") or ()} <= {"QueueFull"}
    started = sorted((run["scheduledAt"], run["startedAt"], run["completedAt"]) for run in status["runs"])
    assert all(before[2] <= after[1] for before, after in pairwise(started)), "one at a time"


def test_max_runs_and_unwanted_slots(place: Place) -> None:
    place.apply(schedule("counted", every="2s", maxRuns=3))
    place.wait("completion", lambda: place.status("counted").get("phase") == "Complete")
    assert place.condition("counted", "Complete")["reason"] == "MaxRuns"
    assert (place.status("counted")["iteration"], place.status("counted")["totals"]["runs"]) == (3, 3)

    slot = in_seconds(4)
    unwanted = schedule("unwanted", at=slot)
    unwanted["metadata"]["annotations"] = {"agentschedule.dev/skip": f"{slot}, nonsense"}
    place.apply(unwanted)
    place.wait("completion", lambda: place.status("unwanted").get("phase") == "Complete")
    [skip] = place.status("unwanted")["skips"]
    assert (skip["reason"], skip["first"]) == ("Requested", slot)
    assert "nonsense" in place.condition("unwanted", "Ready")["message"]


def test_a_run_by_hand_while_held_counts_for_nothing(place: Place) -> None:
    place.apply(schedule("stuck", FAIL, every="2s", pauseAfterFailures=1))
    hold = held(place, "stuck")
    place.apply(agent_run("by-hand", "stuck"))
    place.wait("its end", lambda: asked(place, "by-hand") == "Failed")
    status = place.status("stuck")
    assert (status["hold"]["id"], status["consecutiveFailures"]) == (hold["id"], 1)


def test_a_blackout(place: Place) -> None:
    every_day = [{"name": "always", "weekdays": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]}]
    place.apply(schedule("dark", SLEEP, every="2s", blackouts=every_day))
    place.wait("skips", lambda: (place.status("dark").get("skips") or [{}])[0].get("count", 0) >= 2)
    [skip] = place.status("dark")["skips"]
    assert (skip["reason"], skip["name"]) == ("Blackout", "always")
    assert place.jobs_of("dark") == []
