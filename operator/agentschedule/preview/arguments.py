"""The arguments of `next`. Of their own, so that the operator need not import the rest to know them."""

import argparse
from typing import Final

MOST_RUNS: Final = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `next`."""
    parser.add_argument("file", metavar="FILE", help="file with AgentSchedules, as YAML or JSON; - is standard input")
    parser.add_argument("-n", dest="count", metavar="N", type=_count, default=10, help="how many runs (default 10)")
    parser.add_argument(
        "--from",
        dest="since",
        metavar="TIME",
        help="runs from this time on: 2026-12-01T09:00:00Z, or a local time in the schedule's zone (default: now)",
    )
    parser.add_argument("--name", help="only the AgentSchedule of this name")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_RUNS:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {MOST_RUNS}")
    return int(text)
