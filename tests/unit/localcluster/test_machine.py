import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from localcluster import api, cgroups, lock, machine, processes, teardown
from localcluster.paths import Checkout, State


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path / "cluster")
    state.root.mkdir()
    return state


def test_the_machine_is_noted_once_a_boot(state: State) -> None:
    machine.note(state)
    noted = machine.read(state)
    assert noted is not None
    assert noted.boot == processes.boot_id()
    state.before.write_text(json.dumps({"boot": noted.boot, "sysctls": {"a": "1"}, "folders": ["/x"], "files": []}))
    machine.note(state)
    again = machine.read(state)
    assert again is not None
    assert again.sysctls == {"a": "1"}


def test_after_a_reboot_only_kernel_parameters_are_noted_anew(state: State) -> None:
    state.before.write_text(json.dumps({"boot": "old", "sysctls": {"a": "1"}, "folders": ["/x"], "files": ["/y"]}))
    machine.note(state)
    noted = machine.read(state)
    assert noted is not None
    assert "a" not in noted.sysctls
    assert (noted.folders, noted.files) == (["/x"], ["/y"])


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"boot": 1, "other": 2}'])
def test_damaged_notes_count_as_none(state: State, content: str) -> None:
    state.before.write_text(content)
    assert machine.read(state) is None


def test_folders_are_removed_before_their_parents() -> None:
    for index, folder in enumerate(machine.FOLDERS):
        assert not any(Path(folder) in Path(later).parents for later in machine.FOLDERS[index + 1 :])


def test_the_lock_is_taken_away_with_the_cluster(tmp_path: Path) -> None:
    state = State(tmp_path / "state" / "cluster")
    with lock.held(state):
        assert state.lock.exists()
    assert state.lock.exists()
    with lock.held(state, remove=True):
        pass
    assert not state.lock.parent.exists()
    with lock.held(state):
        state.root.mkdir()
    with lock.held(state, remove=True):
        pass
    assert state.lock.exists()


def test_the_checkouts_that_were_handed_a_kubeconfig_are_known(state: State, tmp_path: Path) -> None:
    assert teardown.handed_out(state) == []
    checkout = Checkout(tmp_path / "a/.cluster")
    state.checkouts.write_text(json.dumps([str(checkout.folder)]))
    assert teardown.handed_out(state) == [str(checkout.folder)]
    state.checkouts.write_text("{")
    assert teardown.handed_out(state) == []


def node(status: str, heard: str) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": "Ready", "status": status, "lastHeartbeatTime": heard}]}}


def test_a_nodes_old_word_does_not_count() -> None:
    heard = "2026-01-02T03:04:05Z"
    at = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC).timestamp()
    assert api.is_ready(node("True", heard), since=at + 0.9)
    assert not api.is_ready(node("True", heard), since=at + 1)
    assert not api.is_ready(node("Unknown", heard), since=at)
    assert not api.is_ready({}, since=at)


def tree(root: Path, *groups: str) -> None:
    for group in groups:
        (root / group).mkdir(parents=True)
        (root / group / "cgroup.procs").write_text("")


def test_each_tree_of_version_1_is_found_once(tmp_path: Path) -> None:
    tree(tmp_path, "cpu,cpuacct", "memory", "unified")
    (tmp_path / "cpu").symlink_to("cpu,cpuacct")
    assert [path.name for path in cgroups.hierarchies(tmp_path)] == ["cpu,cpuacct", "memory", "unified"]


def test_the_one_tree_of_version_2_is_found(tmp_path: Path) -> None:
    tree(tmp_path, "system.slice")
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    assert cgroups.hierarchies(tmp_path) == [tmp_path]


def test_a_machine_without_control_groups_has_none(tmp_path: Path) -> None:
    assert cgroups.hierarchies(tmp_path / "nowhere") == []


def test_processes_are_found_in_groups_below_ours_and_no_others(tmp_path: Path) -> None:
    tree(tmp_path, "memory", "memory/ours", "memory/ours/pod/container", "memory/other", "pids", "pids/ours")
    (tmp_path / "memory/ours/pod/container/cgroup.procs").write_text("12\n13\n0\n")
    (tmp_path / "memory/other/cgroup.procs").write_text("14\n")
    (tmp_path / "pids/ours/cgroup.procs").write_text("12\n15\n")
    assert cgroups.processes("ours", tmp_path) == {12, 13, 15}


def test_a_new_cpuset_group_may_use_what_its_parent_may(tmp_path: Path) -> None:
    tree(tmp_path, "cpuset", "cpuset/ours")
    for name in ("cpuset.cpus", "cpuset.mems"):
        (tmp_path / "cpuset" / name).write_text("0-1\n")
        (tmp_path / "cpuset/ours" / name).write_text("\n")
    cgroups.ensure("ours", tmp_path)
    assert (tmp_path / "cpuset/ours/cpuset.cpus").read_text() == "0-1\n"
