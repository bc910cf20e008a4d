"""The admission webhook on a real API server, asked by users: what they are told, and that nothing gets stuck."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.kubectl import Kubectl
from tests.operator_process import OperatorProcess
from tests.resources import Place, schedule

from .admission import apply_as, asked, authors, certificates, port_of

POLICIES = """
apiVersion: agentschedule.dev/v1alpha1
kind: AgentPolicy
metadata: {name: base}
spec:
  limits: {minInterval: 5m, maxBudgetPerRunUSD: "2", maxActiveDeadlineSeconds: 600}
---
apiVersion: agentschedule.dev/v1alpha1
kind: AgentPolicy
metadata: {name: users}
spec:
  limits: {maxSchedulesPerUser: 3, exemptUsers: [gitops]}
---
apiVersion: agentschedule.dev/v1alpha1
kind: AgentPolicy
metadata: {name: images}
spec:
  allowedImages: ["local/*", "registry.example.com/*"]
"""
FAR: dict[str, Any] = {"schedule": "0 0 1 1 *"}
STAMPS = ("agentschedule.dev/created-by", "agentschedule.dev/changed-by")


def stamps(place: Place, name: str) -> list[str | None]:
    notes = place.get("agentschedule", name)["metadata"].get("annotations") or {}
    return [notes.get(stamp) for stamp in STAMPS]


def is_ready(operator: OperatorProcess) -> bool:
    try:
        return operator.get("/readyz") == "ok"
    except HTTPError:
        return False


@pytest.fixture(scope="module")
def guarded(
    alone: None, kubectl: Kubectl, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Place, OperatorProcess]]:
    """A namespace whose AgentSchedules an operator is asked about."""
    folder = tmp_path_factory.mktemp("admission")
    name = f"test-admission-{folder.stat().st_ino % 100_000}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    kubectl("create", "-f", "-", manifest=manifest, check=True)
    authority = certificates(folder)
    (folder / "policies.yaml").write_text(POLICIES)
    operator = OperatorProcess(
        kubeconfig,
        folder / "log",
        [name],
        policies_file=str(folder / "policies.yaml"),
        webhook_certificates=str(folder),
        webhook_host="127.0.0.1",
        webhook_port="0",
    )
    operator.start()
    place = Place(kubectl, name)
    place.wait("the webhook", lambda: any(line["message"] == "serving admission requests" for line in operator.log()))
    authors(place, "alice", "bob", "gitops")
    try:
        with asked(kubectl, name, port_of(operator), authority):
            place.wait("the API server to ask", lambda: apply_as(place, "alice", BAD, "--dry-run=server").returncode)
            yield place, operator
    finally:
        operator.stop()
        kubectl("delete", "namespace", name, "--wait=false", check=True)


@pytest.fixture
def place(guarded: tuple[Place, OperatorProcess]) -> Place:
    return guarded[0]


BAD = schedule("bad", schedule="61 * * * *")


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        pytest.param({"schedule": "61 * * * *"}, "spec.schedule: ", id="cron"),
        pytest.param({"schedule": "0 0 31 2 *"}, "spec.schedule: ", id="never"),
        pytest.param({**FAR, "timeZone": "Europe/Berlni"}, "Europe/Berlin", id="zone"),
        pytest.param({"schedule": "* * * * *"}, "spec.schedule: ", id="interval"),
        pytest.param({"every": "10s"}, "spec.every: ", id="every"),
        pytest.param({"at": "2020-01-01T00:00:00Z"}, "spec.at: ", id="past"),
        pytest.param({**FAR, "budget": {"perRunUSD": "5"}}, "perRunUSD is 5; AgentPolicy base", id="budget"),
        pytest.param(
            {**FAR, "budget": {"perRunUSD": "2", "totalUSD": "1"}},
            "spec.budget.perRunUSD is 2, above",
            id="sums",
        ),
        pytest.param({**FAR, "activeDeadlineSeconds": 6000}, "spec.activeDeadlineSeconds is 6000", id="deadline"),
        pytest.param({**FAR, "agent": {"image": "elsewhere/x:1"}}, "spec.agent.image: image elsewhere/x:1", id="image"),
        pytest.param({**FAR, "jobTemplate": {"spec": {"parallelism": 2}}}, "parallelism", id="template"),
    ],
)
def test_kubectl_apply_is_told_what_is_wrong_and_where(place: Place, spec: dict[str, Any], told: str) -> None:
    done = apply_as(place, "alice", schedule("bad", **spec))
    assert done.returncode != 0
    assert 'admission webhook "judge.agentschedule.dev" denied the request' in done.stderr
    assert told in done.stderr
    assert not place.get("agentschedule", "bad")


def test_what_runs_would_lack_is_a_warning(place: Place) -> None:
    policy = {"requireCapabilities": ["make_purchase"]}
    done = apply_as(place, "alice", schedule("lacking", **FAR, policy=policy), "--dry-run=server")
    assert done.returncode == 0
    assert "Warning: runs would not start: required capabilities make_purchase" in done.stderr


def test_stamps_say_who_and_cannot_be_forged(place: Place) -> None:
    forged = schedule("stamped", **FAR)
    forged["metadata"]["annotations"] = dict.fromkeys(STAMPS, "mallory")
    assert apply_as(place, "alice", forged).returncode == 0
    assert stamps(place, "stamped") == ["alice", "alice"]
    place("annotate", "--as", "bob", "--overwrite", "agentschedule", "stamped", *(f"{s}=bob" for s in STAMPS))
    assert stamps(place, "stamped") == ["alice", "alice"]
    place("annotate", "--as", "bob", "agentschedule", "stamped", *(f"{s}-" for s in STAMPS))
    assert stamps(place, "stamped") == ["alice", "alice"]
    assert apply_as(place, "bob", schedule("stamped", **FAR, input="Other.")).returncode == 0
    assert stamps(place, "stamped") == ["alice", "bob"]
    server_side = ("--server-side", "--force-conflicts")
    assert apply_as(place, "gitops", schedule("stamped", **FAR, input="More."), *server_side).returncode == 0
    assert stamps(place, "stamped") == ["alice", "gitops"]

    def replaced() -> bool:
        document = place.get("agentschedule", "stamped")
        document["metadata"]["annotations"] = {}
        document["metadata"].pop("managedFields", None)
        done = place.kubectl("-n", place.namespace, "replace", "--as", "bob", "-f", "-", manifest=document)
        assert done.returncode == 0 or "the object has been modified" in done.stderr  # by the operator: its status
        return done.returncode == 0

    place.wait("replaced", replaced)
    assert stamps(place, "stamped") == ["alice", "gitops"]
    place("delete", "agentschedule", "stamped")


def test_a_user_makes_no_more_than_he_may_and_a_gitops_controller_any_number(place: Place) -> None:
    for number in range(3):
        assert apply_as(place, "bob", schedule(f"bobs-{number}", **FAR)).returncode == 0
    done = apply_as(place, "bob", schedule("bobs-3", **FAR))
    assert "user bob has made 3 AgentSchedules; AgentPolicy users allows 3 of a user" in done.stderr
    assert apply_as(place, "bob", schedule("bobs-1", **FAR, input="Changed.")).returncode == 0
    for number in range(5):
        assert apply_as(place, "gitops", schedule(f"deployed-{number}", **FAR)).returncode == 0
    place("delete", "--as", "bob", "agentschedule", "bobs-0")

    def again() -> bool:
        return apply_as(place, "bob", schedule("bobs-3", **FAR)).returncode == 0

    place.wait("room", again)
    place("delete", "agentschedules", "--all")


def test_a_dry_run_leaves_nothing(place: Place) -> None:
    for number in range(5):
        done = apply_as(place, "bob", schedule(f"tried-{number}", **FAR), "--dry-run=server")
        assert done.returncode == 0, done.stderr
    for number in range(3):
        assert apply_as(place, "bob", schedule(f"made-{number}", **FAR)).returncode == 0, "dry runs count"
    place("delete", "agentschedules", "--all")


def test_what_became_bad_can_still_be_labelled_suspended_and_deleted(
    place: Place, kubectl: Kubectl, guarded: tuple[Place, OperatorProcess]
) -> None:
    """It was there before the webhook was: made in another way, and not allowed."""
    path = f"/apis/agentschedule.dev/v1alpha1/namespaces/{place.namespace}/agentschedules"
    document = schedule("old", schedule="* * * * *")
    document["metadata"]["finalizers"] = ["example.com/hold"]
    hooks = kubectl("get", "validatingwebhookconfigurations", "-o", "name").stdout.split()
    (own,) = [hook for hook in hooks if place.namespace in hook]
    saved = json.loads(kubectl("get", own, "-o", "json").stdout)
    del saved["metadata"]["resourceVersion"], saved["metadata"]["uid"]
    kubectl("delete", own, check=True)
    place.wait("no judge", lambda: apply_as(place, "alice", document).returncode == 0)
    kubectl("apply", "-f", "-", manifest=saved, check=True)
    place.wait("the judge", lambda: apply_as(place, "alice", BAD, "--dry-run=server").returncode)
    place.wait("refusal", lambda: place.condition("old", "Accepted").get("reason") == "TooFrequent")

    edit = json.dumps({"spec": {"input": "Another."}})
    done = place.kubectl("-n", place.namespace, "patch", "agentschedule", "old", "--type=merge", "-p", edit)
    assert "spec.schedule: " in done.stderr
    place("label", "--as", "alice", "agentschedule", "old", "team=a")
    suspend = json.dumps({"spec": {"suspend": True}})
    place("patch", "--as", "bob", "agentschedule", "old", "--type=merge", "-p", suspend)
    assert stamps(place, "old") == ["alice", "bob"]
    place("delete", "--as", "alice", "agentschedule", "old", "--wait=false")
    free = json.dumps({"metadata": {"finalizers": None}})
    place("patch", "--as", "alice", "agentschedule", "old", "--type=merge", "-p", free)
    place.wait("its end", lambda: not place.get("agentschedule", "old"))
    assert path


def test_while_nobody_answers_runs_go_on_and_nothing_but_specs_waits(
    kubectl: Kubectl, namespace: str, make_operator: Callable[..., OperatorProcess], tmp_path: Path
) -> None:
    authority = certificates(tmp_path / "tls")
    place = Place(kubectl, namespace)
    operator = make_operator([namespace])
    operator.start()
    place.apply(schedule("steady", every="2s"))
    place.wait_run("steady", "Succeeded")
    with asked(kubectl, namespace, 9, authority):  # port 9 is nobody's
        place.wait("a refusal", lambda: apply_as(place, "admin", schedule("new", **FAR)).returncode)
        done = place.kubectl("-n", namespace, "apply", "-f", "-", manifest=schedule("new", **FAR))
        assert "failed calling webhook" in done.stderr
        number = place.status("steady")["totals"]["runs"]
        place.wait("three more runs", lambda: place.status("steady")["totals"]["runs"] >= number + 3)
        place("label", "agentschedule", "steady", "team=a")
        place("annotate", "agentschedule", "steady", "agentschedule.dev/paused=by hand")
        place.wait("a pause", lambda: place.status("steady").get("phase") == "Paused")
        place("delete", "agentschedule", "steady")
    operator.stop()


def test_an_operator_that_stands_by_answers_as_well(
    kubectl: Kubectl, namespace: str, make_operator: Callable[..., OperatorProcess], tmp_path: Path
) -> None:
    authority, place = certificates(tmp_path / "tls"), Place(kubectl, namespace)
    settings = {
        "leader_election": "true",
        "lease_namespace": namespace,
        "webhook_certificates": str(tmp_path / "tls"),
        "webhook_host": "127.0.0.1",
        "webhook_port": "0",
        "max_schedules_per_user": "1",
    }
    operators = [make_operator([namespace], **settings) for _ in range(2)]
    for operator in operators:
        operator.start()
        place.wait("readiness", partial(is_ready, operator))
    (follower,) = [operator for operator in operators if not operator.metric("agentschedule_leader")]
    authors(place, "alice")
    with asked(kubectl, namespace, port_of(follower), authority):
        place.wait("the API server to ask", lambda: apply_as(place, "alice", BAD, "--dry-run=server").returncode)
        assert "spec.schedule: " in apply_as(place, "alice", BAD).stderr
        assert apply_as(place, "alice", schedule("one", **FAR)).returncode == 0
        place.wait("acceptance", lambda: place.condition("one", "Accepted").get("status") == "True")
        done = apply_as(place, "alice", schedule("two", **FAR))
        assert "user alice has made 1 AgentSchedules; the operator allows 1 of a user" in done.stderr
    assert follower.metric("agentschedule_admission_requests_total") >= 3
    for operator in operators:
        operator.stop()


def test_a_request_larger_than_usual_is_answered(place: Place) -> None:
    """A long history is part of what the API server sends, twice."""
    assert apply_as(place, "alice", schedule("long", **FAR)).returncode == 0
    place.wait("acceptance", lambda: place.condition("long", "Accepted").get("status") == "True")
    runs = [
        {"id": f"long-{n}", "scheduledAt": "2026-01-01T00:00:00Z", "phase": "Failed", "message": "x" * 1000}
        for n in range(700)
    ]
    patch = ("patch", "agentschedule", "long", "--subresource=status", "--type=merge", "--patch-file=/dev/stdin")
    place(*patch, manifest={"status": {"runs": runs}})
    document = schedule("long", **FAR, input="Changed.")
    document["metadata"]["annotations"] = {"note": "x" * 200_000}
    done = apply_as(place, "alice", document, "--server-side", "--force-conflicts")
    assert done.returncode == 0, done.stderr
    assert stamps(place, "long") == ["alice", "alice"]
