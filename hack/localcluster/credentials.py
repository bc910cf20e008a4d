"""The administrator's token, and a kubeconfig for each that speaks to the API server."""

from __future__ import annotations

import base64
import json
import secrets

from localcluster.paths import State, write_private
from localcluster.settings import API_PORT, Network

# The certificate of each component that has a kubeconfig.
COMPONENTS = ("controller-manager", "scheduler", "kubelet", "proxy")
_ADMINISTRATOR = """\
apiVersion: v1
kind: Config
clusters:
- name: agentschedule-local
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: agentschedule-local-admin
  user:
    token: {token}
contexts:
- name: agentschedule-local
  context:
    cluster: agentschedule-local
    user: agentschedule-local-admin
current-context: agentschedule-local
"""


def server(network: Network) -> str:
    """The API server's address."""
    return f"https://{network.bridge}:{API_PORT}"


def token(state: State) -> str:
    """The administrator's token, made once."""
    tokens = state.pki / "tokens.csv"
    if not tokens.exists():
        write_private(tokens, f"{secrets.token_urlsafe(32)},admin,admin,system:masters\n")
    return tokens.read_text().split(",", 1)[0]


def _component(state: State, network: Network, name: str) -> str:
    pki = state.pki
    cluster = {"server": server(network), "certificate-authority": str(pki / "ca.crt")}
    user = {"client-certificate": str(pki / f"{name}.crt"), "client-key": str(pki / f"{name}.key")}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": name}}],
            "current-context": "local",
        },
        indent=1,
    )


def ensure(state: State, network: Network) -> None:
    """Write the token and all kubeconfigs."""
    authority = base64.b64encode((state.pki / "ca.crt").read_bytes()).decode()
    text = _ADMINISTRATOR.format(server=server(network), authority=authority, token=token(state))
    write_private(state.kubeconfig, text)
    for name in COMPONENTS:
        write_private(state.pki / f"{name}.kubeconfig", _component(state, network, name))
