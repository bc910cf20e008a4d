"""The console command: without a subcommand it runs the operator."""

import argparse
import os
import sys
from pathlib import Path

from agentschedule.explain.arguments import add_arguments as explain_arguments
from agentschedule.preview.arguments import add_arguments
from agentschedule.settings import CONFIG_FILE_VARIABLE, describe


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say; return the exit code."""
    options = _parser().parse_args(arguments)
    # Each command imports its own: kopf and kubernetes are slow to import, and the operator needs no YAML 1.2.
    if options.command == "next":
        from agentschedule.preview.command import run  # noqa: PLC0415

        return run(options)
    if options.command == "explain":
        from agentschedule.explain.command import run as explain  # noqa: PLC0415

        return explain(options)
    from agentschedule.startup import start  # noqa: PLC0415

    return start(options.config)


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
    commands = parser.add_subparsers(dest="command", title="commands", metavar="")
    preview = commands.add_parser(
        "next",
        help="show when the AgentSchedules in a file would run; needs no cluster",
        description="When the AgentSchedules in a file would run, by the operator's own code and default settings.",
    )
    add_arguments(preview)
    explanation = commands.add_parser(
        "explain",
        help="show what AgentPolicies say of the AgentSchedules in a file; needs no cluster",
        description="Which policy allows or forbids what, and what the limits come to, by the operator's own code.",
    )
    explain_arguments(explanation)
    return parser


if __name__ == "__main__":
    sys.exit(main())
