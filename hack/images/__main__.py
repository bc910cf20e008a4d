"""The command line: `python -m images --help`.

What was asked for (a name, a path) is printed on standard output; the progress on standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from images import base, build, manifest
from images.buildah import Buildah
from images.cache import one_builder
from localcluster.report import Problem


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m images", description="Build the project's container images.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("base", help="make the local base image (buildah only) and print its name")
    operator = verbs.add_parser("build", help="build the operator's image and print its archive's path")
    name = verbs.add_parser("name", help="print the name of the image in an archive that `build` made")
    name.add_argument("archive", type=Path)
    agent = verbs.add_parser("build-agent", help="build the image of the example agents and print its archive's path")
    agent.add_argument("folder", type=Path, help="folder with a Dockerfile")
    for verb in (operator, agent):
        verb.add_argument("--base", metavar="IMAGE", help="base image to use instead of the usual one")
    install = verbs.add_parser("manifest", help="write manifests/install.yaml from the chart and print its path")
    install.add_argument("--check", action="store_true", help="write nothing, and fail where it would change")
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> object:
    if options.verb == "base":
        base.ensure_tools()
        with one_builder():
            return base.ensure(Buildah())
    if options.verb == "manifest":
        return manifest.check() if options.check else manifest.write()
    if options.verb == "name":
        return build.name_of(options.archive)
    engine = build.engine_in_use()
    if options.verb == "build-agent":
        return build.ensure(engine, build.agent_plan(engine, options.base, options.folder))
    return build.ensure(engine, build.operator_plan(engine, options.base))


def main(arguments: list[str] | None = None) -> int:
    """Run one verb."""
    options = _parse(arguments)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            answer = _run(options)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
