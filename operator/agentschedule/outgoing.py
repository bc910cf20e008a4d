"""Deliveries set up from the settings: what is allowed, by what means, with which credentials."""

import logging
import socket
import ssl
import time
from collections.abc import Callable
from importlib.metadata import entry_points
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from agentschedule.delivery.channels.apprise_ import SERVICES
from agentschedule.delivery.channels.custom import GROUP
from agentschedule.delivery.channels.email import Smtp
from agentschedule.delivery.channels.logfile import LogFiles
from agentschedule.delivery.channels.slack import Workspace
from agentschedule.delivery.options import Options
from agentschedule.delivery_settings import DeliverySettings, SmtpSettings
from agentschedule.policy.addresses import Network, Reach
from agentschedule.policy.reach import Outlets, networks

logger = logging.getLogger(__name__)

_FRESH = 30.0
"""Seconds for which what was read of mounted Secrets holds: the kubelet renews them after they change."""


def reach_of(settings: DeliverySettings, never: tuple[Network, ...] = ()) -> Reach:
    """What URLs may reach by the settings. `never`: the API server."""
    return Reach(
        http=settings.http,
        ports=frozenset(settings.ports),
        networks=networks(settings.private_networks),
        never=never,
        hosts=settings.allowed_hosts,
    )


def outlets_of(settings: DeliverySettings, never: tuple[Network, ...] = ()) -> Outlets:
    """What a spec is judged by."""
    allowed = frozenset(SERVICES)
    return Outlets(
        enabled=settings.enabled,
        reach=reach_of(settings, never),
        smtp=settings.smtp is not None,
        log_files=settings.log_directory is not None,
        slack=settings.slack.token_file is not None or settings.slack.webhook_url_file is not None,
        custom=frozenset(entry.name for entry in entry_points(group=GROUP)),
        apprise=allowed if settings.apprise_schemes is None else allowed & frozenset(settings.apprise_schemes),
    )


def api_server_addresses(server: str) -> tuple[Network, ...]:
    """The addresses of the API server, as its name is resolved now: nothing is delivered to them."""
    host = urlsplit(server).hostname or ""
    try:
        found = {str(info[4][0]).partition("%")[0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        logger.warning(
            "the API server's name cannot be resolved: deliveries may reach its address", extra={"host": host}
        )
        return ()
    return tuple(ip_network(address) for address in sorted(found))


class Means:
    """The options of deliveries, with credentials that are read again now and then: mounted Secrets change."""

    def __init__(self, settings: DeliverySettings, reach: Reach, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._reach = reach
        self._clock = clock
        self._made: Options | None = None
        self._fresh_until = 0.0

    def __call__(self) -> Options:
        """What is set now."""
        if self._made is None or self._clock() >= self._fresh_until:
            self._made = self._make()
            self._fresh_until = self._clock() + _FRESH
        return self._made

    def _make(self) -> Options:
        settings, slack = self._settings, self._settings.slack
        custom = dict(settings.custom)
        if settings.apprise_schemes is not None:
            custom["apprise"] = {**custom.get("apprise", {}), "schemes": list(settings.apprise_schemes)}
        return Options(
            reach=self._reach,
            smtp=_smtp(settings.smtp) if settings.smtp is not None else None,
            slack=Workspace(
                channel=slack.channel, token=_content(slack.token_file), webhook_url=_content(slack.webhook_url_file)
            ),
            log_files=LogFiles(settings.log_directory) if settings.log_directory is not None else None,
            custom=custom,
        )


def _smtp(settings: SmtpSettings) -> Smtp:
    return Smtp(
        host=settings.host,
        sender=settings.sender,
        port=settings.port,
        security=settings.security,
        username=settings.username,
        password=_content(settings.password_file),
        tls=_trusting(settings.ca_file) if settings.ca_file is not None else None,
    )


def _trusting(ca_file: Path) -> ssl.SSLContext | None:
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError:
        logger.warning("a CA file of deliveries cannot be read", extra={"file": str(ca_file)})
        return None


def _content(file: Path | None) -> str:
    """A credential; empty, and told of, where it cannot be read."""
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        logger.warning("a credential of deliveries cannot be read", extra={"file": str(file)})
        return ""
