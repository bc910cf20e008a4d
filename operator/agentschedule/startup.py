"""Running the operator: settings, logging, kopf. Of its own, because importing all this takes time."""

import os
import socket
import sys
from pathlib import Path

import kopf
import uvloop
from pydantic import ValidationError

from agentschedule import logs
from agentschedule.application import Application
from agentschedule.audit import stream
from agentschedule.cluster.credentials import load_credentials
from agentschedule.handlers import make_registry
from agentschedule.policy.effective import Policy
from agentschedule.settings import Settings, load


def start(config: Path | None) -> int:
    """Run the operator until it is told to stop. Exit codes: 0 stopped, 1 no cluster, 2 bad settings."""
    try:
        settings = load(config)
    except (ValidationError, OSError, ValueError) as error:
        return _fail(2, _readable(error))
    logs.configure(settings.log_level, settings.log_format)
    try:
        stream.configure(settings.audit_log)
    except OSError as error:
        return _fail(2, f"settings: audit_log: {error}")
    try:
        policies = _policies(settings.policies_file) if settings.policies_file else ()
    except ValueError as error:
        return _fail(2, f"settings: policies_file: {error}")
    missing = _missing(settings.webhook_certificates)
    if missing is not None:
        return _fail(2, f"settings: webhook_certificates: there is no {missing}")
    try:
        credentials = load_credentials()
    except RuntimeError as error:
        return _fail(1, str(error))
    run(settings, Application(settings, credentials, policies))
    return 0


def run(settings: Settings, application: Application) -> None:
    """Run kopf with our handlers; it returns on SIGTERM and SIGINT.

    In uvloop's loop: with asyncio's own, TLS takes so much of the processor that a burst is a third slower.
    """
    os.environ.setdefault("POD_ID", socket.gethostname())  # else kopf asks for the user's name, which may have none
    kopf.run(
        loop=uvloop.new_event_loop(),
        registry=make_registry(application),
        standalone=True,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
    )


def _policies(file: Path) -> tuple[Policy, ...]:
    """The policies of an operator that has them in a file. Raises `ValueError`. Others need no YAML 1.2."""
    from agentschedule.documents import policies_in  # noqa: PLC0415

    return policies_in(file)


def _missing(certificates: Path | None) -> Path | None:
    """The first file of the webhook's certificate that is not there."""
    files = [certificates / name for name in ("tls.crt", "tls.key")] if certificates is not None else []
    return next((file for file in files if not file.is_file()), None)


def _readable(error: Exception) -> str:
    """Bad settings, one line each: which, and what is wrong."""
    if not isinstance(error, ValidationError):
        return f"settings: {error}"
    return "\n".join(
        f"settings: {'.'.join(str(part) for part in problem['loc'])}: {problem['msg']} (given: {problem['input']!r})"
        for problem in error.errors()
    )


def _fail(code: int, message: str) -> int:
    sys.stderr.write(message + "\n")
    return code
