"""The claim of a session's volume: made, or taken again."""

from typing import Any

import pytest

from agentschedule.api.session import SessionStorage
from agentschedule.runs.manifest import Owner
from agentschedule.runs.volume import claim_changes, claim_manifest, claim_problem

OWNER = Owner("team", "news", "uid-of-news")
REFERENCE = OWNER.reference()
OTHER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "other"}


def claim(**storage: Any) -> dict[str, Any]:
    return claim_manifest(OWNER, SessionStorage.model_validate({"size": "1Gi", **storage}))


def found(owners: list[dict[str, Any]] | None = None, uid: str = "uid-of-news", **meta: Any) -> dict[str, Any]:
    """A claim as the API server has it."""
    made = claim()["metadata"]
    notes = {"agentschedule.dev/schedule-uid": uid, "pv.kubernetes.io/bound": "yes"}
    return {"metadata": {**made, "uid": "c", "annotations": notes, "ownerReferences": owners or [], **meta}}


@pytest.mark.parametrize(
    ("storage", "spec", "owners"),
    [
        pytest.param(
            {},
            {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            [],
            id="defaults",
        ),
        pytest.param(
            {"storageClassName": "", "accessModes": ["ReadWriteMany"], "retention": "Delete"},
            {
                "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "",
            },
            [REFERENCE],
            id="all",
        ),
    ],
)
def test_what_is_asked_for(storage: dict[str, Any], spec: dict[str, Any], owners: list[dict[str, Any]]) -> None:
    made = claim(**storage)
    assert made["spec"] == spec
    assert made["metadata"] == {
        "name": "news-session",
        "namespace": "team",
        "labels": {
            "app.kubernetes.io/managed-by": "agentschedule-operator",
            "agentschedule.dev/schedule": "news",
        },
        "annotations": {"agentschedule.dev/schedule-uid": "uid-of-news"},
        "ownerReferences": owners,
    }


@pytest.mark.parametrize(
    ("there", "problem"),
    [
        pytest.param(found(), None, id="ours"),
        pytest.param(found(uid="of-an-earlier-one"), None, id="kept from an earlier schedule"),
        pytest.param(found([REFERENCE]), None, id="goes with us"),
        pytest.param(found([OTHER]), None, id="owned by somebody too"),
        pytest.param(found(labels={}), "does not belong to this schedule", id="somebody else's"),
        pytest.param(found(labels=None), "does not belong to this schedule", id="no labels"),
        pytest.param(
            found(labels={**claim()["metadata"]["labels"], "agentschedule.dev/schedule": "other"}),
            "does not belong to this schedule",
            id="another schedule's",
        ),
        pytest.param(found(deletionTimestamp="2026-11-22T09:00:00Z"), "being deleted", id="going"),
        pytest.param(found([{**REFERENCE, "uid": "dead"}]), "an earlier schedule", id="about to go"),
    ],
)
def test_which_claims_are_taken(there: dict[str, Any], problem: str | None) -> None:
    told = claim_problem(there, claim())
    assert (told is None) == (problem is None)
    assert (problem or "") in (told or "")


@pytest.mark.parametrize(
    ("there", "retention", "owners"),
    [
        pytest.param(found(), "Retain", None, id="nothing to do"),
        pytest.param(found([REFERENCE]), "Delete", None, id="nothing to do, with owner"),
        pytest.param(found([OTHER]), "Retain", None, id="another's owner is nothing to us"),
        pytest.param(found(uid="earlier"), "Retain", [], id="taken again"),
        pytest.param(found(), "Delete", [REFERENCE], id="now to be deleted"),
        pytest.param(found([REFERENCE]), "Retain", [], id="now to be kept"),
        pytest.param(found([OTHER, REFERENCE]), "Retain", [OTHER], id="other owners stay"),
    ],
)
def test_how_a_claim_is_taken(there: dict[str, Any], retention: str, owners: list[dict[str, Any]] | None) -> None:
    changes = claim_changes(there, claim(retention=retention))
    if owners is None:
        assert changes is None
        return
    notes = {"agentschedule.dev/schedule-uid": "uid-of-news"}
    assert changes == {"metadata": {"uid": "c", "annotations": notes, "ownerReferences": owners}}
