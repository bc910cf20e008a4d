"""Secrets that the end-to-end tests plant, and a look for them in everything that people are shown."""

import base64
import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime

from tests.kubectl import Kubectl

CONTROL = f"control-{secrets.token_hex(12)}"
"""No secret: an agent says it, so that it must be found wherever summaries are shown."""

PLANTED: dict[str, str] = {
    "signing": base64.b64encode(secrets.token_bytes(32)).decode(),
    "header": f"header-{secrets.token_hex(16)}",
    "path": f"path-{secrets.token_hex(16)}",
    "slack": f"xoxb-{secrets.token_hex(16)}",
    "url": f"T{secrets.token_hex(8)}/B{secrets.token_hex(8)}",
    "apprise": f"{secrets.randbelow(10**9)}:{secrets.token_hex(17)}",
    "mail": f"mail-{secrets.token_hex(16)}",
}

_SHOWN = "agentschedules,agentruns,jobs,pods,events"


def found_in(places: Mapping[str, str]) -> set[tuple[str, str]]:
    """Where which planted secret is: the place, and the secret's name. Also in base64, as Secrets hold them."""
    return {
        (place, name)
        for place, text in places.items()
        for name, secret in PLANTED.items()
        if secret in text or base64.b64encode(secret.encode()).decode() in text
    }


def shown(kubectl: Kubectl, system: str, selector: str, since: datetime) -> dict[str, str]:
    """All that people see of the run so far: the operators' logs, and every object of ours and its Events."""
    places = dict(_objects(kubectl))
    pods = json.loads(kubectl("-n", system, "get", "pods", "-l", selector, "-o", "json", check=True).stdout)["items"]
    for pod in pods:
        name = pod["metadata"]["name"]
        log = kubectl("-n", system, "logs", name, f"--since-time={since.isoformat()}", check=True).stdout
        places[f"log of {name}"] = log
    return places


def _objects(kubectl: Kubectl) -> Iterator[tuple[str, str]]:
    items = json.loads(kubectl("get", _SHOWN, "--all-namespaces", "-o", "json", check=True).stdout)["items"]
    for item in items:
        meta = item["metadata"]
        yield f"{item['kind']} {meta['namespace']}/{meta['name']}", json.dumps(item)
