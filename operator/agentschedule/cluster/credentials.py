"""Where the API server is and who we are to it: the service account in a pod, else the kubeconfig."""

import logging
import ssl
import time
from dataclasses import dataclass, field

from kubernetes import client, config

logger = logging.getLogger(__name__)

_FRESH = 10.0
"""Seconds. A look-up costs a third of a whole request; a token is renewed minutes before the old one expires."""
_LEAST_WAIT = 1.0
"""Seconds between two readings of the file, however many requests are answered with 401."""


@dataclass(slots=True)
class Credentials:
    """The server's address, a TLS context, and headers that are fresh."""

    server: str
    tls: ssl.SSLContext | None
    ca_path: str | None
    certificate_path: str | None
    key_path: str | None
    verify: bool
    _configuration: client.Configuration = field(repr=False)
    _headers: dict[str, str] = field(default_factory=dict, repr=False)
    _fresh_until: float = 0.0
    _doubted: bool = False
    _read_again_at: float = 0.0

    def headers(self) -> dict[str, str]:
        """Authorization, looked up anew every few seconds: mounted tokens rotate. To be copied, not changed."""
        now = time.monotonic()
        if self._doubted and now >= self._read_again_at:
            self._doubted, self._read_again_at, self._fresh_until = False, now + _LEAST_WAIT, 0.0
            self._read_again()
        if now >= self._fresh_until:
            token = self._configuration.auth_settings().get("BearerToken")
            self._headers = {"Authorization": str(token["value"])} if token else {}
            self._fresh_until = now + _FRESH
        return self._headers

    def doubt(self) -> None:
        """The API server did not take them: whatever holds them is read again at the next call."""
        self._doubted = True

    def _read_again(self) -> None:
        try:
            self._configuration = _configuration()
        except Exception as error:  # noqa: BLE001 - half written, perhaps; what we have may still be good
            logger.warning("credentials cannot be read again", extra={"error": str(error)})


def load_credentials() -> Credentials:
    """In a pod its service account, else `KUBECONFIG` or `~/.kube/config`. Raises `RuntimeError` with what to do."""
    configuration = _configuration()
    return Credentials(
        server=configuration.host.rstrip("/"),
        tls=_tls(configuration),
        ca_path=configuration.ssl_ca_cert,
        certificate_path=configuration.cert_file,
        key_path=configuration.key_file,
        verify=configuration.verify_ssl,
        _configuration=configuration,
    )


def _configuration() -> client.Configuration:
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        try:
            config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except (config.ConfigException, OSError) as error:
            raise RuntimeError(
                f"no cluster to work with: not in a pod, and no usable kubeconfig ({error}); set KUBECONFIG"
            ) from error
    return configuration


def _tls(configuration: client.Configuration) -> ssl.SSLContext | None:
    if not configuration.host.startswith("https"):
        return None
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    # Clusters' own CAs often lack what the strict profile demands (an authority key identifier).
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
