"""Small questions to the components: their health, the node, the default service account."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from localcluster import credentials
from localcluster.paths import State
from localcluster.settings import NODE_NAME, Network

# No proxy of the user's is ever asked for an address of this machine.
_DIRECT = urllib.request.ProxyHandler({})
_TIMEOUT = 3.0


def get(url: str, context: ssl.SSLContext | None = None, token: str | None = None) -> bytes | None:
    """The body where the answer is 200, else None: a component that is starting refuses or says so."""
    request = urllib.request.Request(url)  # noqa: S310 - the scheme is ours
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    opener = urllib.request.build_opener(_DIRECT, urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=_TIMEOUT) as answer:
            body: bytes = answer.read()
            return body
    except (OSError, urllib.error.URLError):
        return None


def cluster_context(state: State) -> ssl.SSLContext:
    """Trusts the cluster's own authority and no other."""
    return ssl.create_default_context(cafile=str(state.pki / "ca.crt"))


def etcd_context(state: State) -> ssl.SSLContext:
    """Trusts etcd's authority, and shows the API server's certificate to it."""
    context = ssl.create_default_context(cafile=str(state.pki / "etcd-ca.crt"))
    context.load_cert_chain(state.pki / "apiserver-etcd.crt", state.pki / "apiserver-etcd.key")
    return context


class Api:
    """The API server, as its administrator."""

    def __init__(self, state: State, network: Network) -> None:
        self._server = credentials.server(network)
        self._context = cluster_context(state)
        self._token = credentials.token(state)

    def ready(self) -> bool:
        """Whether it says that it is ready."""
        return get(f"{self._server}/readyz", self._context, self._token) == b"ok"

    def object(self, path: str) -> dict[str, Any] | None:
        """One object, if it is there."""
        body = get(self._server + path, self._context, self._token)
        return json.loads(body) if body else None

    def default_account(self) -> bool:
        """Whether pods can be made in the namespace ``default``: they need its service account."""
        return self.object("/api/v1/namespaces/default/serviceaccounts/default") is not None

    def node_ready(self, since: float) -> bool:
        """Whether the node is ready, said after the time given: an older word is a former kubelet's."""
        node = self.object(f"/api/v1/nodes/{NODE_NAME}")
        return node is not None and is_ready(node, since)


def is_ready(node: dict[str, Any], since: float) -> bool:
    """Whether a node's condition says ``Ready``, at or after the time (to the second, as it is written)."""
    for condition in node.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready":
            heard = dt.datetime.fromisoformat(condition["lastHeartbeatTime"])
            return condition["status"] == "True" and heard.timestamp() >= int(since)
    return False
