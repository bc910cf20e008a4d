import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from localcluster import processes
from localcluster.paths import State
from localcluster.processes import Command, Identity

_SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(tmp_path / "cluster")
    for folder in (state.root, state.records, state.logs):
        folder.mkdir()
    yield state
    processes.end(filter(None, map(processes.identify, processes.marked(state))))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["sleep", "a) b", "((", "x) S 1 2 3"])
def test_the_start_time_is_read_behind_any_name(name: str) -> None:
    fields = " ".join(["S", *map(str, range(4, 52))])
    assert processes.start_time(f"12 ({name}) {fields}") == 22


def test_this_process_is_identified() -> None:
    identity = processes.identify(os.getpid())
    assert identity is not None
    assert processes.is_alive(identity)


def test_an_id_given_out_again_is_another_process() -> None:
    identity = processes.identify(os.getpid())
    assert identity is not None
    assert not processes.is_alive(replace(identity, started=identity.started - 1))
    assert not processes.is_alive(replace(identity, boot="another boot"))


def test_a_process_with_our_id_but_another_start_is_not_ended() -> None:
    with subprocess.Popen(_SLEEP) as other:
        identity = processes.identify(other.pid)
        assert identity is not None
        processes.end([replace(identity, started=identity.started + 1)], grace=0.1)
        assert other.poll() is None
        assert processes.end([identity]) == []
        assert other.wait() == -signal.SIGKILL


def test_a_process_that_ended_is_not_alive_though_nobody_asked_about_it() -> None:
    with subprocess.Popen(["/bin/true"]) as process:
        until(lambda: processes.identify(process.pid) is None)


def test_a_started_process_is_recorded_and_marked(state: State) -> None:
    command = Command("sleeper", _SLEEP)
    record = processes.start(state, command, [])
    assert processes.running(state, "sleeper") == record
    assert record.digest == command.digest
    until(lambda: list(processes.marked(state)) == [record.identity.pid])
    assert os.getsid(record.identity.pid) == record.identity.pid
    processes.stop(state, "sleeper")
    assert processes.running(state, "sleeper") is None
    assert list(processes.marked(state)) == []


def test_a_process_is_found_without_its_record_and_with_its_children(state: State) -> None:
    script = "import subprocess, sys; subprocess.run(['sleep', '60'])"
    processes.start(state, Command("parent", (sys.executable, "-c", script)), [])
    (state.records / "parent.json").unlink()
    until(lambda: len(list(processes.marked(state))) == 2)


def test_a_process_of_another_cluster_is_not_ours(state: State, tmp_path: Path) -> None:
    environment = {processes.MARK: f"{state.root}-other"}
    with subprocess.Popen(_SLEEP, env=environment) as other:
        assert list(processes.marked(state)) == []
        other.kill()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"identity": {"pid": 1}}', "null"])
def test_a_damaged_record_counts_as_none(state: State, content: str) -> None:
    (state.records / "etcd.json").write_text(content)
    assert processes.read_record(state, "etcd") is None


def test_a_record_of_another_boot_is_no_running_process(state: State) -> None:
    mine = processes.identify(os.getpid())
    assert isinstance(mine, Identity)
    text = f'{{"identity": {{"pid": {mine.pid}, "started": {mine.started}, "boot": "old"}}, "digest": ""}}'
    (state.records / "etcd.json").write_text(text)
    assert processes.read_record(state, "etcd") is not None
    assert processes.running(state, "etcd") is None


def test_the_digest_changes_with_the_command_its_files_and_its_configuration(tmp_path: Path) -> None:
    certificate = tmp_path / "a.crt"
    certificate.write_text("one")
    command = Command("a", ("a", "--b"), (certificate,), ((tmp_path / "c", "d"),))
    digests = {
        command.digest,
        replace(command, argv=("a", "--c")).digest,
        replace(command, configuration=((tmp_path / "c", "e"),)).digest,
    }
    certificate.write_text("two")
    digests.add(command.digest)
    assert len(digests) == 4


def test_nothing_of_the_users_environment_reaches_a_daemon(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "x")
    environment = processes.environment(state, [Path("/a"), Path("/b")])
    assert set(environment) == {"PATH", "HOME", "TMPDIR", processes.MARK}
    assert environment["PATH"].startswith("/a:/b:")


def test_the_former_log_is_kept(state: State) -> None:
    for word in ("first", "second"):
        processes.start(state, Command("talker", ("/bin/echo", word)), [])
        until(lambda word=word: processes.last_words(state, "talker") == word)  # type: ignore[misc]
    assert (state.logs / "talker.log.1").read_text() == "first\n"
    assert processes.last_words(state, "nobody") == ""
