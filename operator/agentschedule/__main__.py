"""The console command: settings, logging, kopf."""

import argparse
import os
import socket
import sys
from pathlib import Path

import kopf
from pydantic import ValidationError

from agentschedule import logs
from agentschedule.application import Application
from agentschedule.cluster.credentials import load_credentials
from agentschedule.handlers import make_registry
from agentschedule.settings import CONFIG_FILE_VARIABLE, Settings, describe, load


def main(arguments: list[str] | None = None) -> int:
    """Run the operator until it is told to stop. Exit codes: 0 stopped, 1 no cluster, 2 bad settings."""
    options = _parser().parse_args(arguments)
    try:
        settings = load(options.config)
    except (ValidationError, OSError, ValueError) as error:
        return _fail(2, _readable(error))
    logs.configure(settings.log_level, settings.log_format)
    try:
        credentials = load_credentials()
    except RuntimeError as error:
        return _fail(1, str(error))
    run(settings, Application(settings, credentials))
    return 0


def run(settings: Settings, application: Application) -> None:
    """Run kopf with our handlers; it returns on SIGTERM and SIGINT."""
    os.environ.setdefault("POD_ID", socket.gethostname())  # else kopf asks for the user's name, which may have none
    kopf.run(
        registry=make_registry(application),
        standalone=True,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="agentschedule-operator",
        description="Runs AI agents on schedules in Kubernetes, within limits decided beforehand.",
        epilog="Settings, by environment variable or in the file; the environment wins:\n\n" + describe(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    from_environment = os.environ.get(CONFIG_FILE_VARIABLE)
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=Path(from_environment) if from_environment else None,
        help=f"YAML file with settings (also {CONFIG_FILE_VARIABLE})",
    )
    return parser


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


if __name__ == "__main__":
    sys.exit(main())
