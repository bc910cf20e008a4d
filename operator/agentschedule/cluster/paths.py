"""Paths of the API."""

from agentschedule.constants import GROUP, VERSION

_OWN = f"/apis/{GROUP}/{VERSION}"
_ROOTS = {
    "jobs": "/apis/batch/v1",
    "pods": "/api/v1",
    "events": "/api/v1",
    "persistentvolumeclaims": "/api/v1",
    "leases": "/apis/coordination.k8s.io/v1",
}


def collection(kind: str, namespace: str | None = None) -> str:
    """Path of a collection, by the plural of its kind (`jobs`, `agentschedules`); all namespaces for None."""
    root = _ROOTS.get(kind, _OWN)
    return f"{root}/{kind}" if namespace is None else f"{root}/namespaces/{namespace}/{kind}"


def item(kind: str, namespace: str, name: str, subresource: str = "") -> str:
    """Path of an object, or of its subresource."""
    path = f"{collection(kind, namespace)}/{name}"
    return f"{path}/{subresource}" if subresource else path
