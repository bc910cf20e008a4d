"""What the operator does to the cluster, one method an operation. Raw dicts: models cost ten times the CPU here."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from agentschedule.cluster.client import JSON, MERGE_PATCH, Answer, Client
from agentschedule.cluster.errors import ApiError
from agentschedule.cluster.paths import collection, item
from agentschedule.constants import ANNOTATION_STOPPED, API_VERSION, LABEL_SCHEDULE_UID, MANAGER
from agentschedule.runs.facts import version_number

Raw = dict[str, Any]

_WATCHED = ("agentschedules", "agentruns", "agentapprovals", "jobs", "pods")
_CARRIED_OUT = 90.0
"""Seconds after which no request is carried out any more that was not answered: the API server's own time-out is 60."""

_STRICTLY = {"dryRun": "All", "fieldValidation": "Strict"}


class Operations:
    """Writes and fresh reads. All raise `ApiError`.

    `may_write` is asked in the last moment before each write: the fence against an operator that led before.
    """

    def __init__(self, client: Client, identity: str, may_write: Callable[[], bool] = lambda: True) -> None:
        self._client = client
        self._identity = identity
        self._may_write = may_write
        self._versions: dict[tuple[str, str], int] = {}
        self._unanswered_at = -math.inf

    def written(self) -> Mapping[tuple[str, str], int] | None:
        """The newest version of each kind and namespace that was written. None: nobody knows, since a request that was
        not answered may still be carried out."""
        return self._versions if time.monotonic() >= self._unanswered_at + _CARRIED_OUT else None

    async def warm(self, connections: int) -> None:
        """Have so many connections open: a handshake costs several times what a request does. Never fails."""
        requests = (self._client.request("GET", "/version") for _ in range(connections))
        await asyncio.gather(*requests, return_exceptions=True)

    async def create_job(self, namespace: str, manifest: Raw | bytes) -> Answer:
        """Create a Job, given as such or as JSON text. `ApiError` 409 when the name is taken."""
        return await self._send("POST", "jobs", namespace, manifest)

    async def dry_run_job(self, manifest: Raw) -> Answer:
        """Ask whether a Job would be taken, unknown fields not allowed. Warnings are Pod Security's and the like."""
        path = collection("jobs", manifest["metadata"]["namespace"])
        return await self._client.request("POST", path, body=manifest, params=_STRICTLY)

    async def create_approval(self, namespace: str, manifest: Raw) -> Raw:
        """Create an AgentApproval. `ApiError` 409 when the name is taken."""
        return await self._write("POST", "agentapprovals", namespace, manifest)

    async def create_claim(self, manifest: Raw) -> Raw:
        """Create a PersistentVolumeClaim. `ApiError` 409 when the name is taken."""
        return await self._write("POST", "persistentvolumeclaims", manifest["metadata"]["namespace"], manifest)

    async def read(self, kind: str, namespace: str, name: str) -> Raw | None:
        """A fresh read. None when there is no such object."""
        try:
            return (await self._client.request("GET", item(kind, namespace, name))).read()
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def list_jobs(self, namespace: str, schedule_uid: str) -> tuple[list[Raw], int]:
        """A schedule's Jobs, and the version of that list."""
        selector = f"{LABEL_SCHEDULE_UID}={schedule_uid}"
        items, version = await self._client.list(collection("jobs", namespace), selector=selector)
        return items, version_number(version)

    async def delete(
        self, kind: str, namespace: str, name: str, uid: str, propagation: Literal["Background", "Foreground"]
    ) -> bool:
        """Delete exactly this object. False when it is gone already, or is another of the same name."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            "preconditions": {"uid": uid},
        }
        try:
            await self._write("DELETE", kind, namespace, options, name)
        except ApiError as error:
            if error.status in {404, 409}:
                return False
            raise
        return True

    async def stop_job(self, namespace: str, name: str, uid: str, why: str) -> bool:
        """Note on a Job why it is stopped, then delete it; it stays until its pods are gone."""
        note = {"metadata": {"uid": uid, "annotations": {ANNOTATION_STOPPED: why}}}
        try:
            await self._write("PATCH", "jobs", namespace, note, name)
        except ApiError as error:
            if error.status in {404, 409}:
                return False
            raise
        return await self.delete("jobs", namespace, name, uid, "Foreground")

    async def patch(self, kind: str, namespace: str, name: str, body: Raw, subresource: str = "") -> Raw:
        """Merge-patch an object or its subresource."""
        return await self._write("PATCH", kind, namespace, body, name, subresource)

    async def events_on(self, namespace: str, uid: str) -> list[Raw]:
        """The Events on an object, in no order; of very many, some."""
        params = {"fieldSelector": f"involvedObject.uid={uid}", "limit": "500"}
        answer = await self._client.request("GET", collection("events", namespace), params=params)
        return list(answer.read().get("items") or ())

    async def post_event(
        self, regarding: Raw, event_type: Literal["Normal", "Warning"], reason: str, message: str, name: str
    ) -> None:
        """Post an Event on an object, given as reference (`kind`, `namespace`, `name`, `uid`)."""
        now = datetime.now(UTC)
        stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": regarding["namespace"]},
            "involvedObject": {"apiVersion": API_VERSION, **regarding},
            "type": event_type,
            "reason": reason,
            "message": message[:1024],
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "source": {"component": MANAGER},
            "reportingComponent": MANAGER,
            "reportingInstance": self._identity,
        }
        await self._write("POST", "events", regarding["namespace"], body)

    async def _write(
        self, method: str, kind: str, namespace: str, body: Raw, name: str = "", subresource: str = ""
    ) -> Raw:
        return (await self._send(method, kind, namespace, body, name, subresource)).read()

    async def _send(
        self, method: str, kind: str, namespace: str, body: Raw | bytes, name: str = "", subresource: str = ""
    ) -> Answer:
        """Everything that changes the cluster goes through here."""
        path = item(kind, namespace, name, subresource) if name else collection(kind, namespace)
        content_type = MERGE_PATCH if method == "PATCH" else JSON
        try:
            answer = await self._client.request(
                method, path, body=body, content_type=content_type, only_if=self._may_write
            )
            if kind in _WATCHED:
                self._versions[kind, namespace] = max(answer.version, self._versions.get((kind, namespace), 0))
        except ApiError as error:
            if (error.status == 0 and error.reason != "NotLeading") or error.status >= 500:
                self._unanswered_at = time.monotonic()
            raise
        except BaseException:
            self._unanswered_at = time.monotonic()
            raise
        return answer
