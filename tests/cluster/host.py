"""A second local cluster beside the developer's: its own network namespace, state and checkouts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from localcluster import cgroups, machine, processes
from localcluster.paths import PACKAGE, STATE_VARIABLE, State, cache_directory

REPOSITORY = PACKAGE.parent.parent
_ROOTS = ("/run", "/var/lib", "/var/log", "/etc", "/opt", "/usr/libexec")
_DEPTH = 3


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something, or fail with its name."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.2)


class Host:
    """Where the tests' cluster lives."""

    def __init__(self, folder: Path) -> None:
        self.state = State(folder / "state" / "cluster")
        self._folder = folder
        self._namespace = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        time.sleep(0.2)
        self.run("ip", "link", "set", "lo", "up")
        self.checkout = self.new_checkout("first")

    def close(self) -> None:
        """End the network namespace."""
        self._namespace.kill()
        self._namespace.wait()

    def new_checkout(self, name: str) -> Path:
        """Another folder with the project's cluster code."""
        folder = self._folder / name
        shutil.copytree(PACKAGE, folder / "hack" / "localcluster", ignore=shutil.ignore_patterns("__pycache__"))
        return folder

    def _command(self, *arguments: str) -> list[str]:
        return ["nsenter", f"--net=/proc/{self._namespace.pid}/ns/net", "--", *arguments]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the network namespace."""
        return subprocess.run(self._command(*arguments), capture_output=True, text=True, check=check, timeout=300)

    def start(self, verb: str, *arguments: str, checkout: Path | None = None) -> subprocess.Popen[str]:
        """Start a verb and do not wait for it."""
        environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
        environment[STATE_VARIABLE] = str(self.state.root)
        environment["PYTHONPATH"] = str((checkout or self.checkout) / "hack")
        return subprocess.Popen(
            self._command(sys.executable, "-m", "localcluster", verb, *arguments),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def verb(self, verb: str, *arguments: str, checkout: Path | None = None) -> tuple[int, str]:
        """Run a verb to its end."""
        process = self.start(verb, *arguments, checkout=checkout)
        output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def kill_after(self, seconds: float, verb: str) -> None:
        """Start a verb and kill it in the middle."""
        process = self.start(verb)
        time.sleep(seconds)
        process.kill()
        process.communicate(timeout=30)

    def up(self, checkout: Path | None = None) -> str:
        """``up``, which must succeed."""
        code, output = self.verb("up", checkout=checkout)
        assert code == 0, output
        return output

    def down(self) -> None:
        """``down``, which must succeed."""
        code, output = self.verb("down")
        assert code == 0, output

    def kubectl(self, *arguments: str, check: bool = True) -> str:
        """Ask the cluster."""
        kubeconfig = f"--kubeconfig={self.checkout / '.cluster/kubeconfig'}"
        done = self.run(str(REPOSITORY / ".venv/bin/kubectl"), kubeconfig, *arguments, check=False)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def kill_everything(self) -> None:
        """Kill all processes of the cluster at once, containers too."""
        pids = set(processes.marked(self.state)) | cgroups.processes(self.state.cgroup)
        assert len(pids) >= 7
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        until(lambda: not any(map(processes.identify, pids)), 10, "all processes ended")

    def traces(self) -> dict[str, list[str]]:
        """What a cluster could leave on the machine."""
        links = json.loads(self.run("ip", "-json", "link").stdout)
        return {
            "mounts": sorted(_other_than_developers(_mount_points())),
            "links": sorted(link["ifname"] for link in links),
            "tables": self.run("nft", "list", "ruleset").stdout.splitlines(),
            "sysctls": [f"{name}={_sysctl(self, name)}" for name in machine.SYSCTLS],
            "processes": [str(pid) for pid in processes.marked(self.state)],
            "cgroups": sorted(str(path) for path in Path("/sys/fs/cgroup").glob("*/agentschedule-*")),
            "files": sorted(_other_than_developers(_files())),
            "own": sorted(str(path) for path in self.state.root.parent.glob("*")),
            "checkout": sorted(str(path) for path in self.checkout.iterdir()),
        }


def _sysctl(host: Host, name: str) -> str:
    return host.run("cat", f"/proc/sys/{name}", check=False).stdout.strip()


def _mount_points() -> list[str]:
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]


def _files() -> list[str]:
    """Folders near the top, and all files where the kubelet and containerd write."""
    found = [path for folder in machine.FOLDERS for path in Path(folder).glob("*")]
    level = [Path(root) for root in _ROOTS]
    for _ in range(_DEPTH):
        level = [entry for folder in level if _readable(folder) for entry in folder.iterdir() if _is_folder(entry)]
        found += level
    return [str(path) for path in found]


def _readable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.R_OK)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _other_than_developers(paths: list[str]) -> list[str]:
    """Without what the developer's own cluster and image builds come and go with."""
    own = State(Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state")) / "agentschedule-operator/cluster")
    mine = (str(own.root), str(own.run), str(cache_directory()), "/var/lib/cni/results/", "/var/log/containers/")
    return [path for path in paths if not path.startswith(mine)]
