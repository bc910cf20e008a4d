"""No secret's value is shown anywhere: planted ones are looked for, and a word that is no secret is found."""

from datetime import UTC, datetime
from typing import Any

from tests.e2e.conftest import SELECTOR, SYSTEM
from tests.e2e.planted import CONTROL, PLANTED, found_in, shown
from tests.kubectl import Kubectl
from tests.resources import Place, say, schedule

NOWHERE = "https://hooks.agentschedule.invalid"


def ref(key: str) -> dict[str, Any]:
    return {"name": "planted", "key": key}


def source(key: str) -> dict[str, Any]:
    return {"secretKeyRef": ref(key)}


TARGETS: list[dict[str, Any]] = [
    {
        "name": "signed",
        "webhook": {
            "url": f"{NOWHERE}/x",
            "retries": 0,
            "signingSecretRef": ref("signing"),
            "headers": [{"name": "Authorization", "valueFrom": source("header")}],
        },
    },
    {"name": "hidden", "webhook": {"retries": 0, "urlFrom": source("path")}},
    {"name": "private", "webhook": {"retries": 0, "urlFrom": source("private")}},
    {"name": "odd", "webhook": {"retries": 0, "urlFrom": source("userinfo")}},
    {"name": "bad-header", "webhook": {"url": NOWHERE, "headers": [{"name": "A", "valueFrom": source("breaks")}]}},
    {"name": "bad-key", "webhook": {"url": NOWHERE, "signingSecretRef": ref("mail")}},
    {"name": "slack", "slack": {"channel": "#x", "tokenSecretRef": ref("slack")}},
    {"name": "slack-url", "slack": {"webhookURLSecretRef": ref("url")}},
    {"name": "apprise", "custom": {"type": "apprise", "config": {"url": source("apprise")}}},
    {"name": "out", "stdout": {}, "message": "{{ summary }} {{ planted }}"},
]


def planted() -> dict[str, Any]:
    entries = {
        "signing": PLANTED["signing"],
        "header": PLANTED["header"],
        "path": f"{NOWHERE}/{PLANTED['path']}",
        "private": f"https://10.0.0.1/{PLANTED['path']}",
        "userinfo": f"https://me:{PLANTED['path']}@hooks.agentschedule.invalid",
        "breaks": f"{PLANTED['header']}\r\nX: y",
        "slack": PLANTED["slack"],
        "url": f"{NOWHERE}/services/{PLANTED['url']}",
        "apprise": f"tgram://{PLANTED['apprise']}/1",
        "mail": PLANTED["mail"],
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "planted"}, "stringData": entries}


def test_no_planted_secret_is_shown_anywhere(place: Place, kubectl: Kubectl, begun: datetime) -> None:
    place.apply(planted())
    place.apply(schedule("loud", say(CONTROL), every="5s", maxRuns=1, delivery=TARGETS))

    def tried() -> bool:
        entries = place.status("loud").get("deliveries", [])
        return len(entries) == len(TARGETS) and all(entry["attempts"] for entry in entries)

    place.wait("an attempt for each target", tried, 120)
    outcomes = {entry["target"]: entry for entry in place.status("loud")["deliveries"]}
    assert outcomes["out"]["phase"] == "Delivered"
    assert all(entry["lastError"] for name, entry in outcomes.items() if name != "out")

    places = shown(kubectl, SYSTEM, SELECTOR, begun)
    assert found_in(places) == set()
    # The look finds what is there: in logs, in Events, in the status; and the Secret itself, were it looked at.
    for kind in ("log of", "Event", "AgentSchedule"):
        assert any(CONTROL in text for where, text in places.items() if where.startswith(kind)), kind
    itself = {"Secret": place("get", "secret", "planted", "-o", "json")}
    assert {name for _, name in found_in(itself)} >= {"signing", "header", "slack", "mail"}
    assert begun < datetime.now(UTC)
