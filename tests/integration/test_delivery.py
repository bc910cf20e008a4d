"""Who is told of runs: real receivers, real Secrets, the agent's own log, and an operator that is killed meanwhile."""

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from tests.kubectl import Kubectl
from tests.operator_process import OperatorProcess
from tests.receivers import HOST, Mailbox, Webhooks, mailbox, webhooks
from tests.resources import Place, agent_run, in_seconds, say, schedule

MakeOperator = Callable[..., OperatorProcess]
SIGNING = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
TOKEN = f"token-{secrets.token_hex(12)}"
PASSWORD = f"pass-{secrets.token_hex(12)}"
HIDDEN = f"path-{secrets.token_hex(12)}"


@pytest.fixture
def hooks() -> Iterator[Webhooks]:
    with webhooks() as received:
        yield received


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Mailbox]:
    with mailbox(tmp_path, PASSWORD) as box:
        yield box


def settings(hooks: Webhooks, **more: Any) -> dict[str, str]:
    """The operator's settings for receivers on the loopback."""
    given = {"http": True, "ports": [hooks.port], "private_networks": ["127.0.0.0/8"], **more}
    return {"delivery": json.dumps(given)}


def secret(place: Place, name: str, **entries: str) -> None:
    place.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": entries})


def webhook(hooks: Webhooks, path: str = "/hook", **more: Any) -> dict[str, Any]:
    return {"webhook": {"url": hooks.url(path), "timeout": "5s", **more}}


def deliveries(place: Place, name: str, phase: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = place.status(name).get("deliveries", [])
    return [entry for entry in found if phase in {None, entry["phase"]}]


def wait_for(place: Place, name: str, phase: str, number: int = 1) -> list[dict[str, Any]]:
    """Wait until so many deliveries of a schedule are in a phase; returns them."""

    def look() -> list[dict[str, Any]]:
        found = deliveries(place, name, phase)
        return found if len(found) == number else []

    found: list[dict[str, Any]] = place.wait(f"{number} deliveries of {name} in phase {phase}", look, 90)
    return found


def test_a_result_reaches_a_webhook_and_a_mailbox(
    kubectl: Kubectl, namespace: str, make_operator: MakeOperator, hooks: Webhooks, post: Mailbox, tmp_path: Path
) -> None:
    place = Place(kubectl, namespace)
    (tmp_path / "password").write_text(PASSWORD + "\n")
    smtp = {
        "host": HOST,
        "port": post.port,
        "sender": "agents@example.com",
        "username": "operator",
        "password_file": str(tmp_path / "password"),
        "ca_file": str(post.ca_file),
    }
    operator = make_operator([namespace], **settings(hooks, smtp=smtp))
    operator.start()
    secret(place, "hook", signing=SIGNING, token=TOKEN, url=hooks.url(f"/{HIDDEN}"))
    ref = {"name": "hook", "key": "token"}
    signed = {
        "urlFrom": {"secretKeyRef": {"name": "hook", "key": "url"}},
        "headers": [{"name": "Authorization", "valueFrom": {"secretKeyRef": ref}}],
        "signingSecretRef": {"name": "hook", "key": "signing"},
    }
    targets = [
        {"name": "hook", "webhook": signed},
        {"name": "mail", "email": {"to": ["ops@example.com"], "subject": "{{ schedule }}: {{ phase }}"}},
        {"name": "quiet", "events": ["Failed"], **webhook(hooks)},
    ]
    said = f"three <new> papers {'and a long word ' * 50}".strip()
    place.apply(schedule("news", say(said), at=in_seconds(2), delivery=targets))
    wait_for(place, "news", "Delivered", 2)

    run = place.status("news")["runs"][0]
    assert [(e["run"], e["target"], e["event"], e["attempts"]) for e in deliveries(place, "news")] == [
        (run["id"], "hook", "Succeeded", 1),
        (run["id"], "mail", "Succeeded", 1),
    ]
    (posted,) = hooks.requests
    assert posted.path == f"/{HIDDEN}"
    assert posted.headers["Authorization"] == TOKEN
    document: Any = Verifier(SIGNING).verify(posted.body.decode(), posted.headers)
    assert document["type"] == "agentschedule.Succeeded"
    assert document["data"]["run"]["summary"] == said
    (mail,) = post.mails
    assert (mail["To"], mail["Subject"]) == ("ops@example.com", "news: Succeeded")
    parts = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
    assert "three <new> papers" in parts["text/plain"]
    assert "three &lt;new&gt; papers" in parts["text/html"]
    assert operator.metric("agentschedule_deliveries_total") == 2
    assert operator.metric("agentschedule_deliveries_pending") == 0
    everything = json.dumps([operator.log(), place.get("agentschedule", "news"), place.events_of("news")])
    assert not [planted for planted in (SIGNING[6:], TOKEN, PASSWORD, HIDDEN) if planted in everything]
    assert operator.stop() == 0


def test_the_agents_log_is_told_again_at_a_retry_and_its_job_kept_so_long(
    kubectl: Kubectl, namespace: str, make_operator: MakeOperator, hooks: Webhooks
) -> None:
    place = Place(kubectl, namespace)
    make_operator([namespace], **settings(hooks)).start()
    hooks.codes = [503]
    target = {"name": "hook", "output": "Log", **webhook(hooks)}
    talk = ["sh", "-c", "seq 1 40000; echo the last line; echo done > $AGENT_RESULT_FILE"]
    kept = {"successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0}
    place.apply(schedule("talks", talk, at=in_seconds(2), delivery=[target], **kept))
    place.wait("the first attempt", lambda: hooks.requests)
    waiting = place.wait("its record", lambda: [e for e in deliveries(place, "talks", "Pending") if e["attempts"]])
    assert waiting[0]["lastError"] == "the host answered 503"
    assert [job["metadata"]["name"] for job in place.jobs_of("talks")] == [waiting[0]["run"]]
    wait_for(place, "talks", "Delivered")
    first, second = (json.loads(request.body)["data"]["output"] for request in hooks.requests)
    assert first == second
    assert first["truncated"] is True
    assert first["text"].endswith("40000\nthe last line\n")
    keys = {request.headers["Idempotency-Key"] for request in hooks.requests}
    assert len(keys) == 1
    place.wait("its Job gone", lambda: not place.jobs_of("talks"))


def test_nothing_is_lost_when_the_operator_is_killed_while_deliveries_are_pending(
    kubectl: Kubectl, namespace: str, make_operator: MakeOperator, hooks: Webhooks
) -> None:
    place = Place(kubectl, namespace)
    operator = make_operator([namespace], **settings(hooks))
    operator.start()
    hooks.hang()
    names = ("one", "two", "three")
    targets = [{"name": f"t{number}", **webhook(hooks, f"/{number}", timeout="60s")} for number in range(4)]
    for name in names:
        place.apply(schedule(name, at=in_seconds(2), delivery=targets))
    for name in names:
        wait_for(place, name, "Pending", 4)
    place.wait("attempts under way", lambda: len(hooks.requests) >= 2)
    operator.kill()
    hooks.release()
    operator.start()
    for name in names:
        wait_for(place, name, "Delivered", 4)
    wanted = {(name, number) for name in names for number in range(4)}
    told: dict[tuple[str, int], set[str]] = {}
    for request in hooks.requests:
        document = json.loads(request.body)
        told.setdefault((document["data"]["schedule"], int(request.path[1:])), set()).add(document["id"])
        assert request.headers["Idempotency-Key"] == document["id"]
    assert set(told) == wanted
    assert len(hooks.requests) > len(wanted)  # what was under way when it was killed went again
    assert all(len(keys) == 1 for keys in told.values())
    assert len({key for keys in told.values() for key in keys}) == len(wanted)


def test_what_could_not_be_delivered_is_told_of_and_goes_again_when_asked_for(
    kubectl: Kubectl, namespace: str, make_operator: MakeOperator, hooks: Webhooks
) -> None:
    place = Place(kubectl, namespace)
    operator = make_operator([namespace], **settings(hooks))
    operator.start()
    hooks.code = 410
    place.apply(schedule("gone", at=in_seconds(2), delivery=[{"name": "hook", **webhook(hooks)}], suspend=False))
    (failed,) = wait_for(place, "gone", "Failed")
    assert failed["lastError"].startswith("the host answered 410")
    (event,) = place.wait("the Event", lambda: [e for e in place.events_of("gone") if e["reason"] == "DeliveryFailed"])
    asked = f"agentschedule.dev/redeliver={failed['run']}/hook"
    assert (event["type"], asked in event["message"]) == ("Warning", True)
    hooks.code = 200
    place("annotate", "agentschedule", "gone", asked)
    wait_for(place, "gone", "Delivered")
    time.sleep(2)
    assert len(hooks.requests) == 2


def test_targets_that_can_never_be_reached_are_refused(
    kubectl: Kubectl, namespace: str, make_operator: MakeOperator
) -> None:
    place = Place(kubectl, namespace)
    make_operator([namespace]).start()
    bad: dict[str, tuple[dict[str, Any], str]] = {
        "http": ({"webhook": {"url": "http://hooks.example.com/x"}}, "webhook.url: the URL must begin with https://"),
        "user": ({"webhook": {"url": "https://me:pw@hooks.example.com/x"}}, "webhook.url: the URL must not hold"),
        "private": ({"webhook": {"url": "https://169.254.169.254/latest"}}, "webhook.url: the address is not reach"),
        "template": ({"stdout": {}, "message": "{% if %}"}, "message: line 1"),
        "mail": ({"email": {"to": ["a@example.com"]}}, "email: the operator's settings have no SMTP server"),
        "file": ({"logFile": {}}, "logFile: the operator's settings have no delivery volume"),
        "type": ({"custom": {"type": "pigeon"}}, "custom.type: no package of the operator's image brings pigeon"),
    }
    for name, (target, _) in bad.items():
        place.apply(schedule(name, at=in_seconds(3600), delivery=[{"name": "ops", **target}]))
    for name, (_, words) in bad.items():
        place("wait", "agentschedule", name, "--for=condition=Accepted=false", "--timeout=60s")
        found = place.condition(name, "Accepted")
        assert (found["status"], found["reason"]) == ("False", "InvalidDelivery")
        assert found["message"].startswith(f"spec.delivery[ops].{words}"), found["message"]
    both = schedule("both", at=in_seconds(3600), delivery=[{"name": "x", "stdout": {}, "logFile": {}}])
    refused = kubectl("-n", namespace, "apply", "-f", "-", manifest=both)
    assert "give exactly one channel" in refused.stderr


def test_a_manual_run_of_a_suspended_schedule_is_told_of(
    kubectl: Kubectl, namespace: str, make_operator: MakeOperator, hooks: Webhooks
) -> None:
    place = Place(kubectl, namespace)
    make_operator([namespace], **settings(hooks)).start()
    target = {"name": "hook", "message": "{{ event }}: {{ summary|upper }}", **webhook(hooks)}
    place.apply(schedule("resting", say("all well"), every="1h", suspend=True, delivery=[target]))
    place.apply(agent_run("now", "resting"))
    wait_for(place, "resting", "Delivered")
    assert json.loads(hooks.requests[0].body)["data"]["message"] == "Succeeded: ALL WELL"


def test_log_file_and_standard_output(
    kubectl: Kubectl, namespace: str, make_operator: MakeOperator, hooks: Webhooks, tmp_path: Path
) -> None:
    place = Place(kubectl, namespace)
    operator = make_operator([namespace], **settings(hooks, log_directory=str(tmp_path)))
    operator.start()
    targets = [{"name": "file", "logFile": {}}, {"name": "out", "output": "None", "stdout": {}}]
    place.apply(schedule("told", say("all well"), at=in_seconds(2), delivery=targets))
    wait_for(place, "told", "Delivered", 2)
    (line,) = (tmp_path / namespace / "told.log").read_text().splitlines()
    assert json.loads(line)["data"]["run"]["summary"] == "all well"
    (out,) = [line for line in operator.log() if line.get("type") == "agentschedule.Succeeded"]
    assert "summary" not in out["data"]["run"]


def test_a_policy_says_where_deliveries_of_a_namespace_may_go(
    kubectl: Kubectl, namespace: str, make_operator: MakeOperator, hooks: Webhooks, tmp_path: Path
) -> None:
    policy = {
        "apiVersion": "agentschedule.dev/v1alpha1",
        "kind": "AgentPolicy",
        "metadata": {"name": "delivery"},
        "spec": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "delivery": {"allowedHosts": ["*.example.com"]},
        },
    }
    file = tmp_path / "policies.yaml"
    file.write_text(json.dumps(policy))
    place = Place(kubectl, namespace)
    make_operator([namespace], policies_file=str(file), **settings(hooks)).start()
    secret(place, "hook", url=hooks.url())
    hidden = {"name": "hidden", "webhook": {"urlFrom": {"secretKeyRef": {"name": "hook", "key": "url"}}}}
    place.apply(schedule("hidden", at=in_seconds(2), delivery=[hidden]))
    place.apply(schedule("shown", at=in_seconds(2), delivery=[{"name": "shown", **webhook(hooks)}]))
    (failed,) = wait_for(place, "hidden", "Failed")
    assert failed["lastError"].startswith("the host is not one of those that the operator's settings or policies allow")
    assert "the host is not one of those" in place.condition("shown", "Accepted")["message"]
    assert not hooks.requests


HOOK = {"name": "a", "webhook": {"url": "https://hooks.example.com"}}


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        pytest.param([{"name": "a"}], "give exactly one channel", id="no channel"),
        pytest.param([{"name": "a", "stdout": {}, "email": {"to": ["a@b.example"]}}], "give exactly one", id="two"),
        pytest.param([HOOK, HOOK], "Duplicate value", id="the same name"),
        pytest.param([{**HOOK, "name": f"t{n}"} for n in range(11)], "must have at most 10 items", id="too many"),
        pytest.param([{**HOOK, "events": ["Succeded"]}], "Unsupported value", id="an unknown event"),
        pytest.param([{**HOOK, "cooldown": "30"}], "must be a duration such as", id="a bare number"),
        pytest.param([{"name": "a", "webhook": {}}], "give one of url and urlFrom", id="no url"),
        pytest.param(
            [{"name": "a", "webhook": {"url": "https://x.example", "headers": [{"name": "A"}]}}],
            "give one of value and valueFrom",
            id="a header without a value",
        ),
        pytest.param(
            [{"name": "a", "webhook": {"url": "https://x.example", "headers": [{"name": "A b", "value": "x"}]}}],
            "should match",
            id="a header with a blank",
        ),
        pytest.param([{"name": "a", "email": {"to": ["nobody"]}}], "should match", id="no mail address"),
    ],
)
def test_the_api_server_refuses(kubectl: Kubectl, namespace: str, targets: list[dict[str, Any]], words: str) -> None:
    given = schedule("bad", at=in_seconds(3600), delivery=targets)
    done = kubectl("-n", namespace, "create", "--dry-run=server", "-f", "-", manifest=given)
    assert done.returncode != 0
    assert words in done.stderr
