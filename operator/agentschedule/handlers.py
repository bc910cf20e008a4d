"""Kopf's handlers: its start and stop are ours, and the AgentRuns that it observes are handed to the intake.

AgentSchedules are watched by a reflector of our own, as Jobs and pods are. There may be ten thousand, each with a
status that we write several times a run: kopf takes 0.6 ms for an event, a reflector a tenth of that; and kopf holds a
whole list at once, 200 MiB for ten thousand.
"""

from collections.abc import Iterator
from typing import Any

import kopf

from agentschedule.application import Application
from agentschedule.cluster.credentials import Credentials, load_credentials
from agentschedule.constants import GROUP, VERSION


class _Patience:
    """Back-offs without end: kopf gives up, and the process with it, when these are used up."""

    def __iter__(self) -> Iterator[float]:
        yield from (1, 1, 2, 3, 5, 8)
        while True:
            yield 10


def make_registry(application: Application) -> kopf.OperatorRegistry:
    """The handlers of one application."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        return connection(load_credentials())

    @kopf.on.startup(registry=registry)
    async def start(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings)
        await application.start()

    @kopf.on.cleanup(registry=registry)
    async def stop(**_: Any) -> None:
        await application.stop()

    @kopf.on.event(GROUP, VERSION, "agentruns", registry=registry)
    async def run_changed(event: kopf.RawEvent, **_: Any) -> None:
        application.intake.observe_request(event["type"], dict(event["object"]))

    return registry


def connection(credentials: Credentials) -> kopf.ConnectionInfo:
    """Our credentials as kopf takes them: its own login in a pod goes by a DNS name, which not every cluster has."""
    scheme, _, token = credentials.headers().get("Authorization", "").partition(" ")
    return kopf.ConnectionInfo(
        server=credentials.server,
        ca_path=credentials.ca_path,
        insecure=not credentials.verify,
        scheme=scheme or None,
        token=token or None,
        certificate_path=credentials.certificate_path,
        private_key_path=credentials.key_path,
    )


def configure(settings: kopf.OperatorSettings) -> None:
    """Kopf as a watcher only: it writes nothing to the cluster, keeps no state in it, and never gives up."""
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.networking.error_backoffs = _Patience()
    settings.networking.request_timeout = 60
    settings.watching.server_timeout = 290
    settings.watching.connect_timeout = 15
