"""Who may speak to the scratch control plane: a serving certificate, tokens, and a kubeconfig for each user."""

import json
import re
import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path


class Users:
    """Files in a folder: `tls.crt` (its own authority) and `tls.key`, `tokens.csv`, and a kubeconfig for each user."""

    def __init__(self, folder: Path, server: str) -> None:
        self._folder = folder
        self._server = server
        self.certificate, self.key, self.tokens = (folder / name for name in ("tls.crt", "tls.key", "tokens.csv"))
        if not self.certificate.exists():
            self._issue()
        self.tokens.touch(mode=0o600)

    def known(self, name: str) -> bool:
        """Whether the user has a token."""
        return self._kubeconfig(name).exists()

    def add(self, name: str, groups: Sequence[str] = ()) -> Path:
        """A token and a kubeconfig for a user; the API server knows the token from its next start on."""
        token = secrets.token_urlsafe(32)
        with self.tokens.open("a") as tokens:
            tokens.write(f'{token},"{name}","{name}","{",".join(groups)}"\n')
        path = self._kubeconfig(name)
        path.write_text(json.dumps(self._content(token)))
        return path

    def kubeconfig(self, name: str) -> Path:
        """The kubeconfig of a user that was added."""
        return self._kubeconfig(name)

    def _kubeconfig(self, name: str) -> Path:
        return self._folder / f"{re.sub(r'[^a-z0-9-]', '_', name)}.kubeconfig"

    def _content(self, token: str) -> dict[str, object]:
        cluster = {"server": self._server, "certificate-authority": str(self.certificate)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "scratch", "cluster": cluster}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "scratch", "context": {"cluster": "scratch", "user": "user"}}],
            "current-context": "scratch",
        }

    def _issue(self) -> None:
        uses = "keyUsage=critical,digitalSignature,keyCertSign"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"),
                *("-days", "3650", "-subj", "/CN=scratch control plane", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-addext", uses, "-keyout", self.key, "-out", self.certificate),
            ],
            check=True,
            capture_output=True,
        )
