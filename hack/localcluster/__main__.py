"""``python -m localcluster VERB``: what the Makefile's cluster targets call.

The checkout's ``.cluster/kubeconfig`` always leads to the cluster in use: for the local cluster and for kind
it is theirs, for a cluster that the user names it is a copy of the current context with all that it refers to.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from localcluster import gobuild, images, kind, lock, named, teardown
from localcluster.choose import Choice, choose, in_use, named_kubeconfig
from localcluster.cluster import Cluster, prepare, require_machine
from localcluster.paths import Checkout, State, state_directory
from localcluster.report import Problem, say

_TOOLS = {"helm": gobuild.HELM, "kwok": gobuild.KWOK, "kind": gobuild.KIND}


class Commands:
    """The verbs, for one checkout and one state folder."""

    def __init__(self, checkout: Checkout, state: State, kubeconfig: str | None) -> None:
        self._checkout = checkout
        self._state = state
        self._cluster = Cluster(state)
        self._named = named_kubeconfig(checkout, kubeconfig)

    def up(self, _: argparse.Namespace) -> int:
        """Have a healthy cluster, and its kubeconfig in this checkout."""
        choice = choose(self._named, kind.docker_answers)
        if choice is Choice.NAMED and self._named:
            named.up(self._named, self._checkout)
        elif choice is Choice.KIND:
            kind.up(self._checkout)
        else:
            prepare()
            with lock.held(self._state):
                self._cluster.up()
                self._cluster.hand_out(self._checkout)
        say(f"kubeconfig: {_shown(self._checkout.kubeconfig)}")
        return 0

    def status(self, _: argparse.Namespace) -> int:
        """Tell how the cluster is."""
        choice = in_use(self._checkout, self._named)
        if choice is Choice.NAMED:
            return 0 if named.status(self._named or str(self._checkout.kubeconfig)) else 1
        if choice is Choice.KIND:
            return 0 if kind.status() else 1
        return 0 if self._cluster.status() else 1

    def down(self, _: argparse.Namespace) -> int:
        """Remove the clusters that ``up`` made; one that the user named is only forgotten."""
        if self._checkout.chosen() == Choice.KIND and kind.docker_answers():
            kind.down()
        if self._cluster.exists() or self._state.lock.exists():
            require_machine()
            with lock.held(self._state, remove=True):
                teardown.remove(self._state)
        gobuild.remove_unfinished()
        self._checkout.remove()
        say("No cluster of ours is left.")
        return 0

    def load_image(self, arguments: argparse.Namespace) -> int:
        """Put image archives into the cluster."""
        choice = in_use(self._checkout, self._named)
        if choice is Choice.NAMED:
            named.load_images()
        elif choice is Choice.KIND:
            kind.load_images(arguments.archives)
        elif not self._state.socket.exists():
            raise Problem("There is no cluster to load images into: run `make cluster` first.")
        else:
            for archive in arguments.archives:
                say(f"Loaded {', '.join(images.load(self._state, archive)) or archive}.")
        return 0

    def tool(self, arguments: argparse.Namespace) -> int:
        """Print the path of a tool, alone on standard output: the build's progress goes to the other stream."""
        if arguments.name == "kubectl":
            print(named.kubectl())
            return 0
        component = _TOOLS[arguments.name]
        if not component.built:
            with contextlib.redirect_stdout(sys.stderr):
                gobuild.build(component)
        print(component.folder / arguments.name)
        return 0

    def kubeconfig(self, _: argparse.Namespace) -> int:
        """Print the path of the kubeconfig in use."""
        if not self._checkout.kubeconfig.exists():
            raise Problem("There is no cluster: run `make cluster` first.")
        print(self._checkout.kubeconfig)
        return 0


def _shown(path: Path) -> Path:
    """A path as short as the user would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _parser(commands: Commands) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localcluster", description="The cluster behind `make cluster`.")
    verbs = parser.add_subparsers(dest="verb", required=True)

    def add(name: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        verb = verbs.add_parser(name, help=(run.__doc__ or "").split(":")[0])
        verb.set_defaults(run=run)
        return verb

    add("up", commands.up)
    add("status", commands.status)
    add("down", commands.down)
    add("kubeconfig", commands.kubeconfig)
    add("load-image", commands.load_image).add_argument("archives", nargs="+", type=Path, metavar="TAR")
    add("tool", commands.tool).add_argument("name", choices=[*_TOOLS, "kubectl"])
    return parser


def main() -> int:
    """Run one verb."""
    commands = Commands(Checkout(), State(state_directory()), os.environ.get("KUBECONFIG"))
    arguments = _parser(commands).parse_args()
    try:
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except PermissionError as refused:
        print(
            f"{refused.filename} belongs to another user: run this as the user who made the cluster.", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print("Interrupted; `make cluster` goes on from here, `make cluster-down` removes all.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
