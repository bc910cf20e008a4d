"""An API server's one Lease: every write names the version that it replaces."""

from typing import Any

from agentschedule.cluster.errors import ApiError

Raw = dict[str, Any]

NAMESPACE, NAME = "system", "operator"


class Server:
    """Holds the Lease."""

    def __init__(self) -> None:
        self.lease: Raw | None = None
        self.version = 0
        self.down = False
        self.requests: list[tuple[str, str]] = []

    def carry_out(self, method: str, path: str, body: Raw | None) -> Raw:
        self.requests.append((method, path))
        assert path == f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases" + (
            "" if method == "POST" else f"/{NAME}"
        )
        if method == "POST" and self.lease is not None:
            raise ApiError(409, "AlreadyExists", "it exists")
        if method != "POST" and self.lease is None:
            raise ApiError(404, "NotFound", "there is none")
        if method in {"POST", "PUT"}:
            assert body is not None
            self._replace(body)
        assert self.lease is not None
        return dict(self.lease)

    def _replace(self, body: Raw) -> None:
        given = body["metadata"].get("resourceVersion")
        if self.lease is not None and given != self.lease["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict", "the object has been modified")
        if self.lease is not None and body["spec"] == self.lease["spec"]:
            return  # as the API server does: no change, no new version
        self.write(body["spec"], body["metadata"].get("annotations"))

    def write(self, spec: Raw, annotations: dict[str, str] | None = None) -> None:
        """A new version, whoever made it."""
        self.version += 1
        meta = {"name": NAME, "resourceVersion": str(self.version), "annotations": annotations or {}}
        self.lease = {"metadata": meta, "spec": spec}

    @property
    def spec(self) -> Raw:
        assert self.lease is not None
        spec: Raw = self.lease["spec"]
        return spec
