"""A session's volume: the PersistentVolumeClaim that all runs of a schedule share. Pure."""

from typing import Any

from agentschedule.api.session import SessionStorage
from agentschedule.constants import ANNOTATION_SCHEDULE_UID, LABEL_MANAGED_BY, LABEL_SCHEDULE, MANAGER
from agentschedule.runs.manifest import Owner, session_claim

SHARED = "SharedPersistent"


def claim_manifest(owner: Owner, storage: SessionStorage) -> dict[str, Any]:
    """The claim as it is sent to the API server. With retention Delete it belongs to the schedule and goes with it."""
    spec: dict[str, Any] = {
        "accessModes": list(storage.access_modes),
        "resources": {"requests": {"storage": storage.size}},
    }
    if storage.storage_class_name is not None:
        spec["storageClassName"] = storage.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": session_claim(owner.name),
            "namespace": owner.namespace,
            "labels": {LABEL_MANAGED_BY: MANAGER, LABEL_SCHEDULE: owner.name},
            "annotations": {ANNOTATION_SCHEDULE_UID: owner.uid},
            "ownerReferences": [owner.reference()] if storage.retention == "Delete" else [],
        },
        "spec": spec,
    }


def claim_problem(found: dict[str, Any], wanted: dict[str, Any]) -> str | None:
    """Why the claim that is there already cannot be the session's. None: it can."""
    meta, ours = found["metadata"], wanted["metadata"]
    name, labels = meta["name"], meta.get("labels") or {}
    if any(labels.get(key) != value for key, value in ours["labels"].items()):
        return (
            f"a PersistentVolumeClaim named {name} exists and does not belong to this schedule: remove it, or give it"
            f" the labels {LABEL_MANAGED_BY}={MANAGER} and {LABEL_SCHEDULE}={ours['labels'][LABEL_SCHEDULE]}"
        )
    if "deletionTimestamp" in meta:
        return f"PersistentVolumeClaim {name} is being deleted"
    uid = ours["annotations"][ANNOTATION_SCHEDULE_UID]
    if any(owner.get("uid") != uid for owner in _schedules(meta)):
        return f"PersistentVolumeClaim {name} goes with an earlier schedule of this name"
    return None


def claim_changes(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any] | None:
    """The merge patch that makes a claim that is there the session's. None: it is."""
    meta, ours = found["metadata"], wanted["metadata"]
    noted = (meta.get("annotations") or {}).get(ANNOTATION_SCHEDULE_UID)
    owned = [owner["uid"] for owner in _schedules(meta)]
    if noted == ours["annotations"][ANNOTATION_SCHEDULE_UID] and owned == [
        owner["uid"] for owner in ours["ownerReferences"]
    ]:
        return None
    others = [owner for owner in meta.get("ownerReferences") or () if owner not in _schedules(meta)]
    return {
        "metadata": {
            "uid": meta["uid"],
            "annotations": ours["annotations"],
            "ownerReferences": others + ours["ownerReferences"],
        }
    }


def _schedules(meta: dict[str, Any]) -> list[dict[str, Any]]:
    return [owner for owner in meta.get("ownerReferences") or () if owner.get("kind") == "AgentSchedule"]
