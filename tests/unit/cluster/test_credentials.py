"""Credentials are read again when the API server does not take them any more."""

import json
from pathlib import Path

import pytest

from agentschedule.cluster.credentials import Credentials, load_credentials


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("old")
    return path


@pytest.fixture
def credentials(token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Credentials:
    """Those of a kubeconfig that names a file with a token."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "it", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "it", "user": {"tokenFile": str(token)}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    }
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(content))
    # KUBECONFIG is read when the library is imported.
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(kubeconfig))
    return load_credentials()


def test_a_token_that_is_not_taken_is_read_again(credentials: Credentials, token: Path) -> None:
    assert credentials.headers() == {"Authorization": "Bearer old"}
    token.write_text("new")
    credentials.doubt()
    assert credentials.headers() == {"Authorization": "Bearer new"}


def test_what_cannot_be_read_again_is_kept(credentials: Credentials, token: Path) -> None:
    token.unlink()
    credentials.doubt()
    assert credentials.headers() == {"Authorization": "Bearer old"}
