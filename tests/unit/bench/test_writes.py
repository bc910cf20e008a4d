"""What counts as a write in the API server's audit log."""

import json
from typing import Any

from tests.bench.writes import counted

USER = "system:serviceaccount:agentschedule-system:agentschedule-operator"


def line(verb: str, resource: str, *, subresource: str = "", code: int = 201, user: str = USER, uri: str = "/") -> str:
    reference: dict[str, Any] = {"resource": resource} | ({"subresource": subresource} if subresource else {})
    event = {"verb": verb, "requestURI": uri, "user": {"username": user}, "objectRef": reference}
    return json.dumps(event | {"responseStatus": {"code": code}})


def test_writes_of_the_user_are_counted_by_verb_and_resource() -> None:
    log = [line("create", "jobs"), line("create", "events"), line("create", "events"), line("delete", "jobs")]
    log.append(line("patch", "agentschedules", subresource="status"))
    log.append(line("patch", "agentschedules", subresource="status", code=409))
    expected = {"create jobs": 1, "create events": 2, "patch agentschedules/status": 2, "delete jobs": 1}
    assert counted(log, USER) == expected


def test_what_changes_nothing_is_not_counted() -> None:
    log = [
        line("list", "jobs"),
        line("create", "jobs", uri="/apis/batch/v1/namespaces/bench/jobs?dryRun=All&fieldValidation=Strict"),
        line("create", "jobs", user="somebody"),
    ]
    assert counted(log, USER) == {}
