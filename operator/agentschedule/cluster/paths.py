"""Paths of the API."""

from agentschedule.constants import GROUP, VERSION

_OWN = f"/apis/{GROUP}/{VERSION}"
_ROOTS = {
    "jobs": "/apis/batch/v1",
    "namespaces": "/api/v1",
    "pods": "/api/v1",
    "secrets": "/api/v1",
    "events": "/api/v1",
    "persistentvolumeclaims": "/api/v1",
    "validatingadmissionpolicies": "/apis/admissionregistration.k8s.io/v1",
    "validatingadmissionpolicybindings": "/apis/admissionregistration.k8s.io/v1",
    "selfsubjectreviews": "/apis/authentication.k8s.io/v1",
    "leases": "/apis/coordination.k8s.io/v1",
}


def collection(kind: str, namespace: str | None = None) -> str:
    """Path of a collection, by the plural of its kind (`jobs`, `agentschedules`); all namespaces for None."""
    root = _ROOTS.get(kind, _OWN)
    return f"{root}/{kind}" if namespace is None else f"{root}/namespaces/{namespace}/{kind}"


def cluster_item(kind: str, name: str) -> str:
    """Path of an object that is in no namespace."""
    return f"{collection(kind)}/{name}"


def item(kind: str, namespace: str, name: str, subresource: str = "") -> str:
    """Path of an object, or of its subresource."""
    path = f"{collection(kind, namespace)}/{name}"
    return f"{path}/{subresource}" if subresource else path


_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def asked_for(method: str, path: str) -> tuple[str, str]:
    """Verb and resource of a request, as roles name them: `("patch", "agentschedules/status")`."""
    _, root, *parts = path.split("/")
    if root not in {"api", "apis"}:
        return method.lower(), root
    parts = parts[1:] if root == "api" else parts[2:]
    if parts[0] == "namespaces" and len(parts) > 2:
        parts = parts[2:]
    verb = ("get" if len(parts) > 1 else "list") if method == "GET" else _VERBS[method]
    return verb, parts[0] if len(parts) < 3 else f"{parts[0]}/{parts[2]}"
