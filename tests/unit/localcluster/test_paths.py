import stat
from pathlib import Path

import pytest

from localcluster.paths import STATE_VARIABLE, Checkout, State, cache_directory, state_directory, write_private
from localcluster.report import Problem


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_private_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkout_gets_a_kubeconfig_and_loses_it(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / ".cluster")
    checkout.write("local", "apiVersion: v1\n")
    assert mode(checkout.folder) == 0o700
    assert mode(checkout.kubeconfig) == 0o600
    assert checkout.chosen() == "local"
    checkout.remove()
    assert not checkout.folder.exists()
    checkout.remove()


def test_a_file_of_another_origin_stays(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / ".cluster")
    checkout.write("local", "")
    (checkout.folder / "note").write_text("mine")
    checkout.remove()
    assert [path.name for path in checkout.folder.iterdir()] == ["note"]


def test_the_user_says_where_cache_and_state_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(STATE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "s"))
    assert cache_directory() == tmp_path / "c/agentschedule-operator"
    assert state_directory() == tmp_path / "s/agentschedule-operator/cluster"
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "other"))
    assert state_directory() == tmp_path / "other"


def test_relative_directories_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert cache_directory() == tmp_path / ".cache/agentschedule-operator"


def test_a_state_folder_too_deep_for_the_kubelet_is_refused_in_one_sentence() -> None:
    State(Path("/home/somebody/.local/state/agentschedule-operator/cluster")).require_short()
    with pytest.raises(Problem, match="XDG_STATE_HOME"):
        State(Path("/home" + "/deep" * 20)).require_short()


def test_a_deep_state_folder_has_short_sockets(tmp_path: Path) -> None:
    state = State(tmp_path / ("deep/" * 40) / "cluster")
    longest_socket_folder = 42  # containerd's own limit
    assert len(str(state.run / "s")) <= longest_socket_folder
    assert state.run != State(tmp_path).run
