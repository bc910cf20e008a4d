"""AgentPins out of real Secrets: right, forged, rotated and expired ones, as the chart's service account reads them."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.kubectl import Kubectl
from tests.resources import in_seconds, schedule
from tests.unit.policy.tokens import DOMAIN, NAME, claims, jwks, make_key, sign

from .guarded import Guarded, guarded

ONE, TWO = make_key("one"), make_key("two")
TRUST = {"trust": [{"domain": DOMAIN, "jwksSecretRef": {"name": "keys", "key": "jwks.json"}}]}
GRANT = {"name": "payers", "agentPinIssuers": [f"{DOMAIN}/{NAME}"], "capabilities": ["make_purchase"]}
PINNED = {"requireAgentPin": True, "agentPin": {"secretRef": {"name": "pin", "key": "token"}, "domain": DOMAIN}}


@pytest.fixture(scope="module")
def here(alone: None, kubectl: Kubectl, kubeconfig: Path) -> Iterator[Guarded]:
    with guarded(kubectl, kubeconfig, [{"agentPin": TRUST, "grants": [GRANT]}]) as found:
        put(found, "keys", "jwks.json", jwks(ONE))
        yield found


def put(here: Guarded, name: str, key: str, value: str) -> None:
    data = {key: base64.b64encode(value.encode()).decode()}
    here.place.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data})


def pinned(name: str, command: list[str] | None = None) -> dict[str, Any]:
    made = schedule(name, command, at=in_seconds(2), policy={**PINNED, "requireCapabilities": ["make_purchase"]})
    made["spec"]["agent"]["name"] = NAME
    return made


def refusal(here: Guarded, name: str) -> str:
    here.place.apply(pinned(name))
    here.place.wait("the skip", lambda: here.skips(name) == {"Policy": 1})
    assert here.place.jobs_of(name) == []
    words: str = here.place.wait("its Event", lambda: here.reasons(name).get("AgentPinVerificationFailed"))
    return words


def test_a_pin_is_read_each_time_and_believed_only_if_it_verifies(here: Guarded) -> None:
    words = refusal(here, "missing")
    assert f"there is no Secret pin in namespace {here.place.namespace}" in words

    now = datetime.now(UTC)
    put(here, "pin", "token", sign(ONE, claims(now)))
    says = ["sh", "-c", "grep -q make_purchase $AGENT_CONTEXT_FILE"]
    here.place.apply(pinned("right", says))
    here.place.wait_run("right", "Succeeded")

    forged = sign(make_key("one"), claims(now))
    put(here, "pin", "token", forged)
    assert "by none of the keys" in refusal(here, "forged")
    put(here, "pin", "token", sign(ONE, claims(now, exp=int(time.time()) - 61)))
    assert "has expired" in refusal(here, "expired")
    put(here, "pin", "token", sign(ONE, claims(now), der=True))
    assert "acceptDERSignatures" in refusal(here, "der")
    put(here, "pin", "token", sign(TWO, claims(now)))
    assert "no key with its kid 'two'" in refusal(here, "rotated-early")
    put(here, "keys", "jwks.json", jwks(ONE, TWO))
    here.place.apply(pinned("rotated"))
    here.place.wait_run("rotated", "Succeeded")
    put(here, "keys", "jwks.json", "no keys")
    assert "not a JSON Web Key Set" in refusal(here, "no-keys")

    told = json.dumps(here.place.every("events")) + json.dumps(here.place.every("agentschedules"))
    told += json.dumps(here.operator.log())
    for secret in (forged.split(".")[2], sign(ONE, claims(now)).split(".")[1]):
        assert secret not in told
