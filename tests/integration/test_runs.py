"""Schedules that run real containers under the operator, and what of it stands in their status."""

import json
from typing import Any

import pytest

from tests.operator_process import OperatorProcess
from tests.resources import IMAGE, SLEEP, Place, agent_run, in_seconds, schedule

COUNT = """
n=$(sed -n 's/.*"state":{"n":\\([0-9]*\\)}.*/\\1/p' $AGENT_CONTEXT_FILE)
n=$((${n:-0} + 1))
result='{"summary": "run %s", "costUSD": "0.25", "usage": {"inputTokens": 10}, "state": {"n": %s}}'
printf "$result" $n $n > $AGENT_RESULT_FILE
"""


def test_results_stand_in_status_and_are_handed_on(place: Place) -> None:
    spec: dict[str, Any] = {"every": "2s", "timeZone": "Asia/Tokyo", "successfulJobsHistoryLimit": 2}
    place.apply(schedule("counter", ["sh", "-c", COUNT], **spec))
    place.wait_run("counter", "Succeeded", 3)
    place.apply(schedule("counter", ["sh", "-c", COUNT], suspend=True, **spec))
    place.wait("suspension", lambda: place.status("counter")["phase"] == "Paused")
    place.wait("the last run's end", lambda: place.status("counter")["activeCount"] == 0)
    status = place.status("counter")
    ended = [run for run in status["runs"] if run["phase"] == "Succeeded"]
    assert [run["summary"] for run in reversed(ended)] == [f"run {n + 1}" for n in range(len(ended))]
    assert status["totals"]["costUSD"] == f"{0.25 * len(ended):g}"
    assert status["totals"]["succeeded"] == len(ended)
    assert status["previous"]["state"] == {"n": len(ended)}
    assert ended[0]["usage"] == {"inputTokens": 10}
    place.wait("surplus Jobs deleted", lambda: len(place.jobs_of("counter")) == 2)


def test_one_shot_runs_once_and_is_complete(place: Place) -> None:
    place.apply(schedule("once", at=in_seconds(3)))
    run = place.wait_run("once", "Succeeded")
    assert run["summary"] == "done"
    assert run["costUSD"] == "0.02"
    assert run["trigger"] == "Schedule"
    place.wait("completion", lambda: place.condition("once", "Complete").get("status") == "True")
    status = place.status("once")
    assert status["phase"] == "Complete"
    assert "nextRunTime" not in status
    assert len(place.jobs_of("once")) == 1


def test_columns_of_kubectl_get(place: Place) -> None:
    place.apply(schedule("columns", schedule="0 9 * * 1-5", timeZone="Asia/Tokyo"))
    place.wait("acceptance", lambda: place.condition("columns", "Accepted").get("status") == "True")
    header, row = place("get", "agentschedules", "columns").splitlines()
    assert header.split("  ")[0] == "NAME"
    assert [h.strip() for h in header.split("  ") if h.strip()] == [
        "NAME", "SCHEDULE", "PHASE", "ACTIVE", "LAST RUN", "RESULT", "NEXT RUN", "COST", "AGE",
    ]  # fmt: skip
    assert "0 9 * * 1-5" in row
    assert "09:00 JST" in row
    assert "Active" in row


def test_the_agent_sees_its_run(place: Place) -> None:
    show = "env | grep ^AGENT_ | sort; cat $AGENT_CONTEXT_FILE"
    place.apply(schedule("seeing", ["sh", "-c", show], at=in_seconds(3), input="Grüße", context={"a": [1, 2]}))
    run = place.wait_run("seeing", "Succeeded")
    *environment, document = place("logs", f"job/{run['id']}").splitlines()
    variables = dict(line.split("=", 1) for line in environment)
    assert variables["AGENT_RUN_ID"] == run["id"]
    assert variables["AGENT_SCHEDULED_AT"] == run["scheduledAt"]
    assert (variables["AGENT_TRIGGER"], variables["AGENT_ATTEMPT"]) == ("Schedule", "1")
    context = json.loads(document)
    assert context["input"] == "Grüße"
    assert context["context"] == {"a": [1, 2]}
    assert context["limits"] == {"maxBudgetUSD": "10", "deadlineSeconds": 3600, "resultBytes": 4096}
    assert context["background"] is True


def test_failed_attempts_are_tried_again(place: Place) -> None:
    command = ["sh", "-c", 'echo "attempt $AGENT_ATTEMPT" > $AGENT_RESULT_FILE; [ $AGENT_ATTEMPT = 3 ]']
    place.apply(schedule("flaky", command, at=in_seconds(2), retry={"limit": 2, "backoff": "1s"}))
    run = place.wait_run("flaky", "Succeeded")
    assert (run["attempt"], run["summary"]) == (3, "attempt 3")
    assert run["id"].endswith("-r3")
    assert place.status("flaky")["totals"] == {"runs": 1, "succeeded": 1, "failed": 0, "skipped": 0, "costUSD": "0"}
    assert len(place.jobs_of("flaky")) == 3


def test_exhausted_attempts_fail(place: Place) -> None:
    place.apply(schedule("hopeless", ["sh", "-c", "exit 7"], at=in_seconds(2), retry={"limit": 1, "backoff": "1s"}))
    run = place.wait_run("hopeless", "Failed")
    place.wait("the last attempt", lambda: place.status("hopeless")["totals"]["failed"] == 1)
    run = place.status("hopeless")["runs"][0]
    assert run["attempt"] == 2
    assert "exited with code 7" in run["message"]
    assert "RunFailed" in {event["reason"] for event in place.events_of("hopeless")}


def test_deadline_ends_a_run_as_timed_out_with_its_last_result(place: Place) -> None:
    script = "trap 'echo half done > $AGENT_RESULT_FILE; exit 0' TERM; sleep 100 & wait"
    place.apply(schedule("long", ["sh", "-c", script], at=in_seconds(2), activeDeadlineSeconds=3))
    run = place.wait_run("long", "TimedOut")
    assert run["reason"] == "DeadlineExceeded"
    assert run["summary"] == "half done"


def test_replace_stops_the_old_run_first(place: Place) -> None:
    script = "trap 'sleep 1; echo replaced > $AGENT_RESULT_FILE; exit 0' TERM; sleep 100 & wait"
    place.apply(schedule("replacing", ["sh", "-c", script], every="6s", concurrencyPolicy="Replace"))
    old = place.wait_run("replacing", "Replaced")
    assert old["summary"] == "replaced"
    new = place.wait("the newer run", lambda: next(iter(place.status("replacing").get("active", ())), None))
    started = place.wait("its start", lambda: place.status("replacing")["runs"][0].get("startedAt"))
    assert started >= old["completedAt"]
    assert new != old["id"]
    place("delete", "agentschedule", "replacing")


def test_forbid_skips_and_says_so(place: Place) -> None:
    place.apply(schedule("busy", ["sleep", "7"], every="2s"))
    skip = place.wait("a skip", lambda: next(iter(place.status("busy").get("skips", ())), None))
    assert skip["reason"] == "Concurrency"
    place.wait("its Event", lambda: "JobAlreadyActive" in {e["reason"] for e in place.events_of("busy")})
    place("delete", "agentschedule", "busy")


def test_deleting_the_job_cancels_the_run(place: Place) -> None:
    script = "trap 'echo spent some > $AGENT_RESULT_FILE; exit 1' TERM; sleep 100 & wait"
    place.apply(schedule("cancelled", ["sh", "-c", script], at=in_seconds(2), retry={"limit": 3, "backoff": "1s"}))
    run = place.wait_run("cancelled", "Running")
    place("delete", "job", run["id"])
    run = place.wait_run("cancelled", "Cancelled")
    assert run["summary"] == "spent some"
    assert run["reason"] == "JobDeleted"
    assert place.status("cancelled")["phase"] == "Complete"


def test_a_job_deleted_without_its_pods_is_cancelled_with_them(place: Place) -> None:
    place.apply(schedule("left", SLEEP, at=in_seconds(2)))
    run = place.wait_run("left", "Running")
    place("delete", "job", run["id"], "--cascade=orphan")
    place.wait_run("left", "Cancelled")
    place.wait("its pod gone", lambda: not place.pods_of("left"))


def test_deleting_the_job_between_two_attempts_cancels_the_run(place: Place) -> None:
    place.apply(
        schedule("given-up", ["false"], at=in_seconds(2), retry={"limit": 3, "backoff": "1h", "maxBackoff": "2h"})
    )
    run = place.wait(
        "the wait", lambda: place.newest_run("given-up") if place.newest_run("given-up").get("retryAt") else None
    )
    place("delete", "job", run["id"])
    assert place.wait_run("given-up", "Cancelled")["reason"] == "JobDeleted"
    place.wait("completion", lambda: place.status("given-up")["phase"] == "Complete")


def test_agent_runs(place: Place) -> None:
    show = ["sh", "-c", 'sed \'s/.*"input":"\\([^"]*\\)".*/\\1/\' $AGENT_CONTEXT_FILE > $AGENT_RESULT_FILE']
    place.apply(schedule("on-demand", show, schedule="0 0 1 1 *", suspend=True, input="usual"))
    place.apply(agent_run("now", "on-demand", input="this time only"))
    place.wait("its end", lambda: place.status("now", "agentrun").get("phase") == "Succeeded")
    status = place.status("now", "agentrun")
    assert status["run"]["summary"] == "this time only"
    assert status["run"]["trigger"] == "Manual"
    assert place.status("on-demand")["runs"][0]["id"] == status["run"]["id"]
    owners = place.get("agentrun", "now")["metadata"]["ownerReferences"]
    assert [owner["name"] for owner in owners] == ["on-demand"]


def test_deleting_an_agent_run_cancels_it(place: Place) -> None:
    place.apply(schedule("withdrawn", SLEEP, schedule="0 0 1 1 *"))
    place.apply(agent_run("regret", "withdrawn"))
    place.wait_run("withdrawn", "Running")
    place("delete", "agentrun", "regret")
    run = place.wait_run("withdrawn", "Cancelled")
    assert run["trigger"] == "Manual"
    assert place.status("withdrawn")["consecutiveFailures"] == 0


def test_an_agent_run_of_nothing_says_so(place: Place) -> None:
    place.apply(agent_run("lost", "no-such-schedule"))
    message = place.wait("its status", lambda: place.status("lost", "agentrun").get("message"))
    assert "no AgentSchedule named no-such-schedule" in message
    assert "ScheduleNotFound" in {event["reason"] for event in place.events_of("lost")}


def test_pausing_by_annotation(place: Place) -> None:
    place.apply(schedule("paused", every="2s"))
    until = in_seconds(6)
    notes = [
        "agentschedule.dev/paused=too loud",
        f"agentschedule.dev/paused-until={until}",
        "agentschedule.dev/paused-by=ann",
    ]
    place("annotate", "agentschedule", "paused", *notes)
    place.wait("the pause", lambda: place.status("paused").get("phase") == "Paused")
    condition = place.condition("paused", "Suspended")
    assert condition["reason"] == "Annotation"
    assert "too loud" in condition["message"]
    assert "ann" in condition["message"]
    place.wait("the end of the pause", lambda: place.status("paused").get("phase") == "Active")
    assert in_seconds(0) >= until
    place("delete", "agentschedule", "paused")


def test_finished_jobs_go_after_their_time_to_live(place: Place) -> None:
    place.apply(schedule("short-lived", at=in_seconds(2), ttlSecondsAfterFinished=1))
    place.wait_run("short-lived", "Succeeded")
    place.wait("its Job gone", lambda: not place.jobs_of("short-lived"))
    assert place.status("short-lived")["runs"][0]["summary"] == "done"


def test_a_large_job_template_works(place: Place) -> None:
    notes = {f"example.com/note-{n}": "x" * 1000 for n in range(100)}
    template = {
        "metadata": {"annotations": notes},
        "spec": {"template": {"spec": {"terminationGracePeriodSeconds": 3}}},
    }
    place.apply(schedule("large", at=in_seconds(3), jobTemplate=template))
    run = place.wait_run("large", "Succeeded")
    job = place.get("job", run["id"])
    assert job["metadata"]["annotations"]["example.com/note-99"] == "x" * 1000
    assert job["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 3


def test_health_and_metrics(shared: tuple[Place, OperatorProcess]) -> None:
    place, operator = shared
    place.apply(schedule("measured", at=in_seconds(2)))
    before = operator.metric("agentschedule_runs_total")
    place.wait_run("measured", "Succeeded")
    assert operator.get("/healthz") == operator.get("/readyz") == "ok"
    place.wait("the count", lambda: operator.metric("agentschedule_runs_total") > before)
    assert operator.metric("agentschedule_start_lateness_seconds_count") > 0


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        pytest.param({"schedule": "0 25 * * *"}, "UnparseableSchedule", "hour", id="bad cron"),
        pytest.param({"schedule": "0 0 31 2 *"}, "UnparseableSchedule", "never", id="never fires"),
        pytest.param({"every": "1h", "timeZone": "Europe/Berln"}, "UnknownTimeZone", "'Europe/Berlin'", id="bad zone"),
        pytest.param({"at": "2020-01-01T00:00:00Z"}, "UnparseableSchedule", "2020", id="at in the past"),
        pytest.param({"every": "1h", "activeDeadlineSeconds": 99999}, "DeadlineTooLong", "86400", id="long deadline"),
        pytest.param(
            {"every": "1h", "jobTemplate": {"spec": {"backoffLimit": 3}}},
            "InvalidJobTemplate", "spec.retry.limit", id="owned field",
        ),
        pytest.param(
            {"every": "1h", "jobTemplate": {"spec": {"template": {"spec": {"nodeSelectr": {}}}}}},
            "JobRejected", "nodeSelectr", id="typo in the template",
        ),
        pytest.param(
            {"every": "1h", "jobTemplate": {"spec": {"template": {"spec": {"containers": [
                {"name": "agent", "volumeMounts": [{"name": "nope", "mountPath": "/x"}]}]}}}}},
            "JobRejected", "nope", id="refused template",
        ),
    ],
)  # fmt: skip
def test_mistakes_show_and_are_picked_up_when_edited(
    place: Place, request: pytest.FixtureRequest, spec: dict[str, Any], reason: str, words: str
) -> None:
    name = "mistake-" + request.node.callspec.id.replace(" ", "-")
    place.apply(schedule(name, **spec))
    place.wait("the verdict", lambda: place.condition(name, "Accepted").get("status") == "False")
    condition = place.condition(name, "Accepted")
    assert condition["reason"] == reason
    assert words in condition["message"]
    assert place.status(name)["phase"] == "Invalid"
    events = place.wait("the Event", lambda: [e for e in place.events_of(name) if e["reason"] == reason])
    assert (events[0]["type"], len(events)) == ("Warning", 1)
    place("delete", "agentschedule", name)
    place.apply(schedule(name, **spec))
    place.wait("the verdict", lambda: place.condition(name, "Accepted").get("status") == "False")
    repaired = [{"op": "replace", "path": "/spec", "value": schedule(name, every="2s")["spec"]}]
    place("patch", "agentschedule", name, "--type=json", "-p", json.dumps(repaired))
    place.wait_run(name, "Succeeded")
    place("delete", "agentschedule", name)


def test_an_image_that_does_not_exist_is_told_in_the_clusters_words(place: Place) -> None:
    broken = schedule("no-image", at=in_seconds(2), activeDeadlineSeconds=10)
    broken["spec"]["agent"]["image"] = "registry.example.com/no-such-agent:1"
    place.apply(broken)
    place.apply(schedule("good", at=in_seconds(4)))
    place.wait("the reason", lambda: place.newest_run("no-image").get("reason") == "ErrImagePull")
    assert "no-such-agent" in place.newest_run("no-image")["message"]
    assert "RunWaiting" in {event["reason"] for event in place.events_of("no-image")}
    place.wait_run("good", "Succeeded")
    ended = place.wait_run("no-image", "Failed")
    assert ended["reason"] == "NeverStarted"
    assert ended["message"].startswith("never started within its deadline (activeDeadlineSeconds): ErrImagePull: ")


def test_image_in_the_template_only(place: Place) -> None:
    manifest = schedule("templated", at=in_seconds(2))
    del manifest["spec"]["agent"]
    container = {
        "name": "agent",
        "image": IMAGE,
        "command": ["sh", "-c", "echo from the template > $AGENT_RESULT_FILE"],
    }
    manifest["spec"]["jobTemplate"] = {"spec": {"template": {"spec": {"containers": [container]}}}}
    place.apply(manifest)
    assert place.wait_run("templated", "Succeeded")["summary"] == "from the template"
