"""Starting processes that outlive this run, and ending ours alone.

A process id says little by itself, since the kernel gives it out again. A record holds the id with the
process's start time and the machine's boot, and every process that the cluster starts carries a mark in its
environment, which its children inherit: so a process is found also where a run was killed between starting
it and recording it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from localcluster.paths import State, write_private

MARK = "AGENTSCHEDULE_CLUSTER_PROCESS"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Identity:
    """One process, for as long as the machine runs."""

    pid: int
    started: int
    boot: str


@dataclass(frozen=True)
class Record:
    """A process that was started for a component, and a digest of what it was started with."""

    identity: Identity
    digest: str


@dataclass(frozen=True)
class Command:
    """A component's command line, the files written for it as it starts, and those that it finds there."""

    name: str
    argv: tuple[str, ...]
    inputs: tuple[Path, ...] = ()
    configuration: tuple[tuple[Path, str], ...] = ()

    @property
    def digest(self) -> str:
        """Changes when the command line or one of the files does, which calls for a restart."""
        digest = hashlib.sha256("\0".join(self.argv).encode())
        for path in self.inputs:
            digest.update(path.read_bytes())
        for _, content in self.configuration:
            digest.update(content.encode())
        return digest.hexdigest()

    def configure(self) -> None:
        """Write the configuration. Not before the start: some daemons watch it, and end when it is touched."""
        for path, content in self.configuration:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, content)


def boot_id(proc: Path = Path("/proc")) -> str:
    """What the kernel calls this run of the machine."""
    return (proc / "sys/kernel/random/boot_id").read_text().strip()


def start_time(stat: str) -> int:
    """The start time (in ticks since boot) from ``/proc/PID/stat``, whose second field may hold anything."""
    return int(stat[stat.rindex(")") + 2 :].split()[19])


def is_zombie(stat: str) -> bool:
    """Whether the process has ended and only waits for its parent to ask about it."""
    return stat[stat.rindex(")") + 2 :].startswith(("Z", "X"))


def identify(pid: int, proc: Path = Path("/proc")) -> Identity | None:
    """The process that has this id now, if it runs."""
    try:
        stat = (proc / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if is_zombie(stat):
        return None
    return Identity(pid, start_time(stat), boot_id(proc))


def is_alive(identity: Identity, proc: Path = Path("/proc")) -> bool:
    """Whether this very process still runs, rather than another one with its id."""
    return identify(identity.pid, proc) == identity


def read_record(state: State, name: str) -> Record | None:
    """The record of a component's process; a damaged one counts as none, for the mark finds the process too."""
    try:
        raw = json.loads((state.records / f"{name}.json").read_text())
        return Record(Identity(**raw["identity"]), raw["digest"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def running(state: State, name: str) -> Record | None:
    """The record of a component whose process runs."""
    record = read_record(state, name)
    return record if record and is_alive(record.identity) else None


def environment(state: State, programs: Iterable[Path]) -> dict[str, str]:
    """A daemon's environment: nothing of the user's, so no proxy and no stray setting reaches the cluster."""
    path = ":".join([*map(str, programs), _SYSTEM_PATH])
    return {"PATH": path, "HOME": str(state.root), "TMPDIR": str(state.root), MARK: str(state.root)}


def start(state: State, command: Command, programs: Iterable[Path]) -> Record:
    """Start a component in a session of its own and record it."""
    command.configure()
    log = state.logs / f"{command.name}.log"
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=state.root,
            env=environment(state, programs),
            start_new_session=True,
        )
    process.returncode = 0  # it is meant to outlive this run: no warning that nobody waited for it
    identity = identify(process.pid) or Identity(process.pid, 0, boot_id())
    record = Record(identity, command.digest)
    write_private(state.records / f"{command.name}.json", json.dumps(asdict(record)))
    return record


def marked(state: State, proc: Path = Path("/proc")) -> Iterator[int]:
    """The ids of the processes that carry this cluster's mark: its daemons, shims and network plugins."""
    wanted = f"{MARK}={state.root}".encode()
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it has just ended, or belongs to another user
        if wanted in variables:
            yield int(entry.name)


def executable(pid: int) -> str | None:
    """The name of the program that a process runs, also where its file was removed since."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name.removesuffix(" (deleted)")
    except OSError:
        return None


def _signal(identity: Identity, number: signal.Signals) -> None:
    """Send a signal to this very process; the descriptor makes sure that it is no other one."""
    try:
        descriptor = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    try:
        if is_alive(identity):
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)


def wait_ended(identities: Iterable[Identity], seconds: float) -> list[Identity]:
    """Wait until the processes have ended; those that have not are returned."""
    left = list(identities)
    deadline = time.monotonic() + seconds
    while left:
        left = [identity for identity in left if is_alive(identity)]
        if time.monotonic() > deadline:
            break
        if left:
            time.sleep(0.05)
    return left


def end(identities: Iterable[Identity], *, grace: float = 0.0, limit: float = 15.0) -> list[Identity]:
    """End processes, politely first where there is a grace; those that would not end are returned."""
    left = list(identities)
    if grace:
        for identity in left:
            _signal(identity, signal.SIGTERM)
        left = wait_ended(left, grace)
    for identity in left:
        _signal(identity, signal.SIGKILL)
    return wait_ended(left, limit)


def stop(state: State, name: str, *, grace: float = 2.0) -> None:
    """Stop one component, if it runs, and drop its record."""
    record = running(state, name)
    if record:
        end([record.identity], grace=grace)
    (state.records / f"{name}.json").unlink(missing_ok=True)


def last_words(state: State, name: str, lines: int = 3) -> str:
    """The end of a component's log, for the sentence that says why it did not come up."""
    try:
        text = (state.logs / f"{name}.log").read_text(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def program(name: str) -> Path | None:
    """A program of the system, also where the user's PATH lacks the administrator's folders."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_SYSTEM_PATH}")
    return Path(found) if found else None
