"""Paths of the API."""

from agentschedule.constants import GROUP, VERSION

_OWN = f"/apis/{GROUP}/{VERSION}"


def collection(kind: str, namespace: str | None = None) -> str:
    """Path of a collection: `jobs`, `pods`, `events`, `agentschedules` or `agentruns`; all namespaces for None."""
    root = {"jobs": "/apis/batch/v1", "pods": "/api/v1", "events": "/api/v1"}.get(kind, _OWN)
    return f"{root}/{kind}" if namespace is None else f"{root}/namespaces/{namespace}/{kind}"


def item(kind: str, namespace: str, name: str, subresource: str = "") -> str:
    """Path of an object, or of its subresource."""
    path = f"{collection(kind, namespace)}/{name}"
    return f"{path}/{subresource}" if subresource else path
