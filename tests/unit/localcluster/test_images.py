import json
import sys
import tarfile
from pathlib import Path

import pytest

from localcluster import images
from localcluster.packages import is_static


@pytest.mark.parametrize(
    ("image", "there"),
    [
        pytest.param("local/pause:1", True, id="under a longer name"),
        pytest.param("localhost/operator:dev", True, id="under its own name"),
        pytest.param("pause:1", True, id="in a folder"),
        pytest.param("local/pause:2", False, id="another tag"),
        pytest.param("ause:1", False, id="the end of a name"),
    ],
)
def test_images_are_found_under_the_names_that_containerd_gives_them(image: str, there: bool) -> None:
    assert images.is_among(image, ["registry.example.com/local/pause:1", "localhost/operator:dev"]) is there


def test_an_archive_holds_the_program_and_its_links(tmp_path: Path) -> None:
    binary = tmp_path / "busybox"
    binary.write_bytes(b"program")
    archive = tmp_path / "image.tar"
    images.write_archive(archive, "local/x:1", images.layer(binary, "bin/busybox", ["bin/sh"]), ["/bin/sh"])
    with tarfile.open(archive) as outer:
        manifest = json.loads(outer.extractfile("manifest.json").read())  # type: ignore[union-attr]
        assert manifest[0]["RepoTags"] == ["local/x:1"]
        config = json.loads(outer.extractfile(manifest[0]["Config"]).read())  # type: ignore[union-attr]
        assert config["config"]["Cmd"] == ["/bin/sh"]
        with tarfile.open(fileobj=outer.extractfile(manifest[0]["Layers"][0])) as inner:
            assert inner.getmember("bin/sh").linkname == "/bin/busybox"
            assert inner.getmember("bin/busybox").mode == 0o755
            assert inner.getmember("tmp").mode == 0o1777


def test_the_same_files_make_the_same_image(tmp_path: Path) -> None:
    binary = tmp_path / "pause"
    binary.write_bytes(b"program")
    assert images.layer(binary, "pause") == images.layer(binary, "pause")


def program_file(path: Path, *segments: int) -> Path:
    """A 64-bit program's header and its table of segments, of which only the types are filled in."""
    header = bytearray(64)
    header[32:40] = (64).to_bytes(8, "little")
    header[54:56] = (56).to_bytes(2, "little")
    header[56:58] = len(segments).to_bytes(2, "little")
    path.write_bytes(bytes(header) + b"".join(kind.to_bytes(4, "little") + bytes(52) for kind in segments))
    return path


def test_a_program_that_needs_a_loader_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    assert is_static(program_file(tmp_path / "static", 1, 1, 4))
    assert not is_static(program_file(tmp_path / "dynamic", 6, 3, 1))
    assert not is_static(Path(sys.executable).resolve()), "a real one"
