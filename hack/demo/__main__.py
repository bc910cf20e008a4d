"""The command line: `python -m demo` and `python -m demo down`; the cluster and the operator are there already."""

from __future__ import annotations

import argparse
import sys

from demo.cluster import Cluster
from demo.down import down
from demo.up import up
from localcluster.report import Problem


def main(arguments: list[str] | None = None) -> int:
    """Run the demo, or remove it."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Run the examples and watch them.")
    parser.add_argument("verb", nargs="?", choices=["up", "down"], default="up")
    verb = parser.parse_args(arguments).verb
    try:
        return (down if verb == "down" else up)(Cluster())
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; what was applied is still there: `make demo-down` removes it.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
