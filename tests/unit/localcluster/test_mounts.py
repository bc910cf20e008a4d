from pathlib import Path

from localcluster import mounts

_LINES = r"""22 1 254:0 / / rw,relatime - ext4 /dev/root rw
60 22 0:50 / /home/me/state/cluster/kubelet/pods/1/volumes/x rw,relatime shared:1 - tmpfs tmpfs rw
61 22 0:51 / /home/me/state/cluster rw,relatime - tmpfs tmpfs rw
62 61 0:52 / /home/me/state/cluster/a\040b rw,relatime - tmpfs tmpfs rw
63 61 0:52 / /home/me/state/cluster/a\040b rw,relatime - tmpfs tmpfs rw
64 22 0:53 / /home/me/state/cluster-other/x rw,relatime - tmpfs tmpfs rw
65 22 0:4 net:[4026532] /run/netns/back\134slash rw shared:2 - nsfs nsfs rw
"""


def test_only_what_lies_below_is_found_and_the_last_mount_comes_first() -> None:
    found = mounts.below(_LINES, Path("/home/me/state/cluster"))
    assert [str(path) for path in found] == [
        "/home/me/state/cluster/a b",
        "/home/me/state/cluster/a b",
        "/home/me/state/cluster",
        "/home/me/state/cluster/kubelet/pods/1/volumes/x",
    ]


def test_the_kernels_escapes_are_undone() -> None:
    assert mounts.parse(_LINES)[-1] == Path(r"/run/netns/back\slash")


def test_the_real_list_is_read() -> None:
    assert mounts.current(Path("/"))
    assert mounts.current(Path("/nowhere/at/all")) == []
