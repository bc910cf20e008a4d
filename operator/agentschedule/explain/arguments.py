"""The arguments of `explain`. Of their own, so that the operator need not import the rest to know them."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `explain`."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help="file with AgentSchedules, and AgentPolicies beside them, as YAML or JSON; - is standard input",
    )
    parser.add_argument("--policies", metavar="FILE", action="append", default=[], help="file with more AgentPolicies")
    parser.add_argument(
        "--label",
        dest="labels",
        metavar="KEY=VALUE",
        type=_label,
        action="append",
        default=[],
        help="a label of the schedules' namespace; kubernetes.io/metadata.name is known",
    )
    parser.add_argument("--at", metavar="TIME", help="the moment of the start: 2026-12-01T09:00:00Z (default: now)")
    parser.add_argument("--name", help="only the AgentSchedule of this name")


def _label(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise argparse.ArgumentTypeError("must be KEY=VALUE")
    return key, value
