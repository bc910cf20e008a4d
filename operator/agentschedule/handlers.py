"""Kopf's handlers: it starts the operator, stops it on SIGTERM and answers admission requests. It watches nothing.

Its watches end the process at errors that pass (401, an ERROR event that is not 410), and after 410 they do not tell of
what was deleted meanwhile. Nor are they made for ten thousand objects, each with a status that we write several times a
run: kopf takes 0.6 ms for an event, a reflector of ours a tenth of that; and it holds a whole list at once, 200 MiB.
"""

from typing import Any

import kopf

from agentschedule.application import Application
from agentschedule.cluster.credentials import Credentials, load_credentials
from agentschedule.constants import GROUP, VERSION
from agentschedule.webhook.reviewer import Reviewer

SCHEDULES = (GROUP, VERSION, "agentschedules")
FORBIDDEN = {"QuotaExceeded", "ImageNotAllowed"}
"""Reasons that are no fault of the spec: somebody does not allow it."""


def make_registry(application: Application) -> kopf.OperatorRegistry:
    """The handlers of one application."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        return connection(load_credentials())

    @kopf.on.startup(registry=registry)
    async def start(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings)
        settings.admission.server = application.webhook
        await application.start()

    @kopf.on.cleanup(registry=registry)
    async def stop(**_: Any) -> None:
        await application.stop()

    if application.webhook is not None:
        _add_admission(registry, application.reviewer)
    return registry


def _add_admission(registry: kopf.OperatorRegistry, reviewer: Reviewer) -> None:
    """What the chart's webhook configurations name, by the ids `stamp` and `judge`: first one, then the other."""

    @kopf.on.mutate(*SCHEDULES, id="stamp", registry=registry)
    async def stamp(*, userinfo: Any, patch: kopf.Patch, **review: Any) -> None:
        for name, value in reviewer.stamp(review["old"], review["new"], userinfo["username"]).items():
            patch.meta.annotations[name] = value

    @kopf.on.validate(*SCHEDULES, id="judge", registry=registry)
    async def judge(*, userinfo: Any, dryrun: bool, warnings: list[str], **review: Any) -> None:
        answer = reviewer.judge(review["old"], review["new"], userinfo["username"], dry_run=dryrun)
        warnings.extend(answer.warnings)
        if answer.problem is not None:
            code = 403 if answer.problem.reason in FORBIDDEN else 422
            raise kopf.AdmissionError(answer.problem.message, code=code)


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
