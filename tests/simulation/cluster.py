"""A fake API server in memory: versions, preconditions, merge patches, owner references, garbage collection.

Objects are never changed in place: each change stores a new one, so what was handed out stays as it was. All methods
take effect at once; delays and faults lie between the cluster and who talks to it (`connection.py`).
"""

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import Callable
from random import Random
from typing import Any

from agentschedule.api.fields import utc_text
from agentschedule.cluster.errors import ApiError
from agentschedule.constants import API_VERSION

from . import lease
from .clock import WallClock
from .history import History
from .node import Behaviour, Node

Raw = dict[str, Any]
Listener = Callable[[str, str, Raw], None]

NAMES = {
    "agentschedules": "AgentSchedule",
    "agentruns": "AgentRun",
    "agentpolicies": "AgentPolicy",
    "agentapprovals": "AgentApproval",
    "namespaces": "Namespace",
    "jobs": "Job",
    "pods": "Pod",
    "persistentvolumeclaims": "PersistentVolumeClaim",
}
KINDS = tuple(NAMES)
GC_DELAY = 0.3


def merged(target: Raw, patch: Raw) -> Raw:
    """A JSON merge patch (RFC 7396) applied."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, dict) else {}, value)
        else:
            result[key] = value
    return result


class FakeCluster:
    """The state of the cluster. `behave` says what becomes of each pod."""

    def __init__(self, clock: WallClock, random: Random, behave: Callable[[Raw], Behaviour]) -> None:
        self.clock = clock
        self.random = random
        self.objects: dict[str, dict[tuple[str, str], Raw]] = {kind: {} for kind in KINDS}
        self.by_uid: dict[str, dict[str, Raw]] = {kind: {} for kind in KINDS}
        self.version = 0
        self.listeners: list[Listener] = []
        self.history = History(self)
        self.node = Node(self, behave)
        self.lease = lease.Server()
        self.events: list[tuple[str, str, str, str]] = []
        """Events posted: name of the object, type, reason, message."""
        self.warnings: dict[str, list[Raw]] = defaultdict(list)
        """Events that the cluster itself has on an object, by its UID."""
        self._dependents: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
        self._collecting = False

    # Storage

    def find(self, kind: str, uid: str) -> Raw | None:
        return self.by_uid[kind].get(uid)

    def get(self, kind: str, namespace: str, name: str) -> Raw | None:
        return self.objects[kind].get((namespace, name))

    def items(self, kind: str) -> list[Raw]:
        return list(self.objects[kind].values())

    def pods_of(self, job_uid: str) -> list[Raw]:
        owned = [self.find(kind, uid) for kind, uid in self._dependents.get(job_uid, {}) if kind == "pods"]
        return [pod for pod in owned if pod is not None]

    def stamp(self) -> str:
        return utc_text(self.clock.true())

    def store(self, kind: str, raw: Raw) -> Raw:
        """Keep a new state of an object, under a new version, and tell those who watch."""
        meta = raw["metadata"]
        key = (meta["namespace"], meta["name"])
        known = key in self.objects[kind]
        self.version += 1
        stored = {**raw, "metadata": {**meta, "resourceVersion": str(self.version)}}
        self.objects[kind][key] = self.by_uid[kind][meta["uid"]] = stored
        for owner in meta.get("ownerReferences") or ():
            self._dependents[owner["uid"]][kind, meta["uid"]] = None
        self._emit(kind, "MODIFIED" if known else "ADDED", stored)
        return stored

    def add(self, kind: str, raw: Raw) -> Raw:
        """A new object, with what the API server gives it."""
        meta = raw["metadata"]
        if (meta["namespace"], meta["name"]) in self.objects[kind]:
            raise ApiError(409, "AlreadyExists", f'{kind} "{meta["name"]}" already exists')
        given = {
            "uid": str(uuid.UUID(int=self.random.getrandbits(128), version=4)),
            "creationTimestamp": self.stamp(),
            "generation": 1,
        }
        group = {
            "agentschedules": API_VERSION,
            "agentruns": API_VERSION,
            "agentpolicies": API_VERSION,
            "jobs": "batch/v1",
        }.get(kind, "v1")
        return self.store(kind, {"apiVersion": group, "kind": NAMES[kind], **raw, "metadata": {**meta, **given}})

    def drop(self, kind: str, raw: Raw) -> None:
        """The object is gone. Its last event carries its last state, under the deletion's version."""
        meta = raw["metadata"]
        self.version += 1
        last = {**raw, "metadata": {**meta, "resourceVersion": str(self.version)}}
        del self.objects[kind][meta["namespace"], meta["name"]]
        del self.by_uid[kind][meta["uid"]]
        self._emit(kind, "DELETED", last)
        self.collect_soon()
        if kind == "pods":
            for owner in meta.get("ownerReferences") or ():
                self.node.pod_gone(owner["uid"])

    def _emit(self, kind: str, event: str, raw: Raw) -> None:
        self.history.note(kind, event, raw)
        for listener in list(self.listeners):
            listener(kind, event, raw)

    # What a client can ask for

    def create_job(self, manifest: Raw) -> Raw:
        job = self.add("jobs", json.loads(json.dumps(manifest)))
        self.history.job_created(job)
        self.node.run_job(job)
        self.collect_soon()
        return job

    def patch(self, kind: str, namespace: str, name: str, body: Raw, subresource: str = "") -> Raw:
        """Merge-patch an object, or its status; what belongs to the other is left as it is.

        A uid or resourceVersion in the patch's metadata is a precondition.
        """
        old = self._existing(kind, namespace, name)
        body = json.loads(json.dumps(body))
        given = body.get("metadata") or {}
        for field in ("uid", "resourceVersion"):
            wanted, held = given.get(field), old["metadata"][field]
            if wanted not in {None, held}:
                raise ApiError(409, "Conflict", f"{kind} {name} has {field} {held}, not {wanted}: it was modified")
        part = {"status"} if subresource == "status" else set(body) - {"status"}
        new = merged(old, {key: value for key, value in body.items() if key in part})
        if new == old:
            return old
        if new.get("spec") != old.get("spec"):
            generation = old["metadata"]["generation"] + 1
            new = {**new, "metadata": {**new["metadata"], "generation": generation}}
        return self.store(kind, new)

    def delete(self, kind: str, namespace: str, name: str, uid: str | None, propagation: str) -> None:
        old = self._existing(kind, namespace, name)
        if uid is not None and old["metadata"]["uid"] != uid:
            raise ApiError(409, "Conflict", f"the UID in the precondition ({uid}) is not that of {kind} {name}")
        if kind == "pods":
            self.node.stop_pod(old)
        elif propagation == "Orphan":
            self._orphan(old["metadata"]["uid"])
            self.drop(kind, old)
        elif propagation == "Foreground":
            self._foreground(kind, old)
        else:
            self.drop(kind, old)

    def post_event(self, regarding: Raw, event_type: str, reason: str, message: str) -> None:
        self.events.append((regarding["name"], event_type, reason, message))

    def warn(self, raw: Raw, reason: str, message: str) -> None:
        """One of the cluster's own components has a warning on an object."""
        event = {"type": "Warning", "reason": reason, "message": message, "lastTimestamp": self.stamp()}
        self.warnings[raw["metadata"]["uid"]].append(event)

    def _existing(self, kind: str, namespace: str, name: str) -> Raw:
        raw = self.get(kind, namespace, name)
        if raw is None:
            raise ApiError(404, "NotFound", f'{kind} "{name}" not found')
        return raw

    # Garbage collection

    def collect_soon(self) -> None:
        if not self._collecting:
            self._collecting = True
            asyncio.get_running_loop().call_later(GC_DELAY, self._collect)

    def _collect(self) -> None:
        """Delete what all owners of are gone."""
        self._collecting = False
        for owner in [uid for uid in self._dependents if not self._is_there(uid)]:
            for kind, uid in self._dependents.pop(owner):
                raw = self.find(kind, uid)
                if raw is not None and self._owners(raw) and not any(map(self._is_there, self._owners(raw))):
                    meta = raw["metadata"]
                    self.delete(kind, meta["namespace"], meta["name"], uid, "Background")

    def _is_there(self, uid: str) -> bool:
        return any(uid in self.by_uid[kind] for kind in KINDS)

    @staticmethod
    def _owners(raw: Raw) -> list[str]:
        return [owner["uid"] for owner in raw["metadata"].get("ownerReferences") or ()]

    def _orphan(self, uid: str) -> None:
        for kind, dependent in self._dependents.pop(uid, {}):
            raw = self.find(kind, dependent)
            if raw is not None:
                left = [owner for owner in raw["metadata"].get("ownerReferences") or () if owner["uid"] != uid]
                self.store(kind, {**raw, "metadata": {**raw["metadata"], "ownerReferences": left}})

    def _foreground(self, kind: str, raw: Raw) -> None:
        """Stays, marked, until its dependents are gone."""
        meta = raw["metadata"]
        if "deletionTimestamp" not in meta:
            raw = self.store(kind, {**raw, "metadata": {**meta, "deletionTimestamp": self.stamp()}})
        asyncio.get_running_loop().call_later(GC_DELAY, self._empty, kind, meta["uid"])

    def _empty(self, kind: str, uid: str) -> None:
        raw = self.find(kind, uid)
        if raw is None:
            return
        left = [(k, self.find(k, dependent)) for k, dependent in self._dependents.get(uid, {})]
        present = [(k, dependent) for k, dependent in left if dependent is not None]
        if not present:
            self.drop(kind, raw)
            return
        for k, dependent in present:
            if "deletionTimestamp" not in dependent["metadata"]:
                meta = dependent["metadata"]
                self.delete(k, meta["namespace"], meta["name"], meta["uid"], "Foreground")
        asyncio.get_running_loop().call_later(GC_DELAY, self._empty, kind, uid)
