from pathlib import Path

import pytest

from localcluster.choose import Choice, choose, in_use, named_kubeconfig
from localcluster.paths import Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / ".cluster")


def no_docker() -> bool:
    return False


def docker() -> bool:
    return True


def must_not_be_asked() -> bool:
    raise AssertionError("the engine was asked although a cluster is named")


def test_a_named_cluster_comes_first() -> None:
    assert choose("/home/me/config", must_not_be_asked) is Choice.NAMED


def test_kind_comes_second_and_the_local_cluster_last() -> None:
    assert choose(None, docker) is Choice.KIND
    assert choose(None, no_docker) is Choice.LOCAL


@pytest.mark.parametrize("value", [None, "", ":"])
def test_nothing_is_named(checkout: Checkout, value: str | None) -> None:
    assert named_kubeconfig(checkout, value) is None


def test_our_own_kubeconfig_names_nothing(checkout: Checkout) -> None:
    assert named_kubeconfig(checkout, str(checkout.kubeconfig)) is None
    roundabout = checkout.folder / ".." / checkout.folder.name / "kubeconfig"
    assert named_kubeconfig(checkout, str(roundabout)) is None


def test_other_files_are_kept_in_their_order(checkout: Checkout) -> None:
    assert named_kubeconfig(checkout, f"/b:{checkout.kubeconfig}:/a") == "/b:/a"


def test_the_other_verbs_follow_what_up_wrote(checkout: Checkout) -> None:
    assert in_use(checkout, None) is None
    checkout.write("kind", "apiVersion: v1\n")
    assert in_use(checkout, None) is Choice.KIND
    assert in_use(checkout, "/b") is Choice.NAMED


def test_a_damaged_note_counts_as_none(checkout: Checkout) -> None:
    checkout.write("?", "")
    assert in_use(checkout, None) is None
