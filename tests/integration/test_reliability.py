"""What must never happen: slots doubled or lost, results lost, deleted schedules that go on running."""

import random
import subprocess
import time
from collections.abc import Callable

from tests.integration.steady import Steady
from tests.kubectl import ROOT, Kubectl
from tests.operator_process import OperatorProcess
from tests.resources import IMAGE, SLEEP, Place, schedule

MakeOperator = Callable[..., OperatorProcess]


def test_kill_9_at_any_moment_neither_doubles_nor_loses_a_slot(
    kubectl: Kubectl, namespace: str, make_operator: MakeOperator
) -> None:
    place = Place(kubectl, namespace)
    operator = make_operator([namespace])
    operator.start()
    steady = Steady(place, 5)
    moments = random.Random(4711)
    for _ in range(6):
        time.sleep(moments.uniform(0.3, 2.5))
        operator.kill()
        time.sleep(moments.uniform(0, 1.5))
        operator.start(wait=False)
        time.sleep(moments.uniform(0, 2))
    steady.end()
    steady.check_every_slot()
    assert operator.stop() == 0


def test_jobs_of_a_schedule_deleted_with_orphans_go(place: Place) -> None:
    place.apply(schedule("orphaned", SLEEP, every="2s", concurrencyPolicy="Allow", maxConcurrentRuns=None))
    place.wait("two runs", lambda: len(place.jobs_of("orphaned")) >= 2)
    spared = place.jobs_of("orphaned")[0]["metadata"]["name"]
    place("annotate", "job", spared, "agentschedule.dev/keep=true")
    place("delete", "agentschedule", "orphaned", "--cascade=orphan")
    place.wait("its Jobs gone", lambda: [j["metadata"]["name"] for j in place.jobs_of("orphaned")] == [spared])
    place.wait("its pods gone", lambda: len(place.pods_of("orphaned")) == 1)
    events = place("get", "events", "--field-selector=reason=OrphanDeleted")
    assert "is gone" in events
    place("delete", "job", spared)


def test_a_schedule_re_created_under_its_name_does_not_keep_the_old_jobs(place: Place) -> None:
    place.apply(schedule("phoenix", SLEEP, every="2s"))
    old = place.wait("a run", lambda: place.jobs_of("phoenix"))[0]["metadata"]["name"]
    place("delete", "agentschedule", "phoenix", "--cascade=orphan")
    place.apply(schedule("phoenix", schedule="0 0 1 1 *"))
    place.wait("the old Job gone", lambda: not place.get("job", old))
    place.wait("acceptance", lambda: place.condition("phoenix", "Accepted").get("status") == "True")
    assert place.status("phoenix").get("runs", []) == []


def test_a_name_that_is_taken_is_a_skip(place: Place) -> None:
    at = int(time.time()) + 4
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    container = {"name": "x", "image": IMAGE, "command": ["true"]}
    secure = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    pod = {
        "restartPolicy": "Never",
        "containers": [{**container, "securityContext": secure}],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    foreign = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"taken-{at}"},
        "spec": {"template": {"spec": pod}},
    }
    place("create", "-f", "-", manifest=foreign)
    place.apply(schedule("taken", at=text))
    skip = place.wait("the skip", lambda: next(iter(place.status("taken").get("skips", ())), None))
    assert (skip["reason"], skip["count"], skip["first"]) == ("NameConflict", 1, text)
    assert place.get("job", f"taken-{at}")["metadata"].get("ownerReferences") is None


def test_status_is_repaired(place: Place) -> None:
    place.apply(schedule("wiped", every="3s"))
    place.wait_run("wiped", "Succeeded", 2)
    place(
        "patch",
        "agentschedule",
        "wiped",
        "--subresource=status",
        "--type=merge",
        "-p",
        '{"status":{"runs":null,"phase":"Invalid"}}',
    )
    place.wait("the phase", lambda: place.status("wiped").get("phase") == "Active")
    place.wait_run("wiped", "Succeeded", 1)
    place("delete", "agentschedule", "wiped")


def test_slots_missed_while_down_are_made_up_for_once_and_counted(
    kubectl: Kubectl, namespace: str, make_operator: MakeOperator
) -> None:
    place = Place(kubectl, namespace)
    operator = make_operator([namespace], late_after="3")
    operator.start()
    place.apply(schedule("latest", every="2s"))
    place.apply(schedule("none", every="2s", catchUp="None", startingDeadlineSeconds=1))
    place.wait_run("latest", "Succeeded")
    place.wait_run("none", "Succeeded")
    operator.kill()
    place.wait("the end of what runs", lambda: all(j["status"].get("completionTime") for j in place.every("jobs")))
    time.sleep(9)
    operator.start()
    place.wait("skips", lambda: place.status("latest").get("skips") and place.status("none").get("skips"))
    skip = next(s for s in place.status("latest")["skips"] if s["reason"] == "CatchUp")
    assert skip["count"] >= 3
    assert "MissSchedule" in {event["reason"] for event in place.events_of("latest")}


def test_bad_settings_are_told_and_end_with_2() -> None:
    command = [ROOT / ".venv" / "bin" / "agentschedule-operator"]
    done = subprocess.run(command, env={"AGENTSCHEDULE_HTTP_PORT": "many"}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "http_port" in done.stderr
    assert "many" in done.stderr


def test_no_cluster_is_told_and_ends_with_1() -> None:
    command = [ROOT / ".venv" / "bin" / "agentschedule-operator"]
    environment = {"KUBECONFIG": "/nonexistent", "AGENTSCHEDULE_HTTP_PORT": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "KUBECONFIG" in done.stderr
