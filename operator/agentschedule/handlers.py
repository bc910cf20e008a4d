"""Kopf's handlers: it starts the operator and stops it on SIGTERM. It watches nothing and asks the API nothing.

Its watches end the process at errors that pass (401, an ERROR event that is not 410), and after 410 they do not tell of
what was deleted meanwhile. Nor are they made for ten thousand objects, each with a status that we write several times a
run: kopf takes 0.6 ms for an event, a reflector of ours a tenth of that; and it holds a whole list at once, 200 MiB.
"""

from typing import Any

import kopf

from agentschedule.application import Application
from agentschedule.cluster.credentials import Credentials, load_credentials


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
    """No part of kopf that speaks to the API."""
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
