"""`logFile` and `stdout`: lines arrive whole, files are rotated, nothing is followed out of the volume."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from agentschedule.delivery.channels import logfile, stdout
from agentschedule.delivery.channels.logfile import LogFiles
from agentschedule.delivery.outcome import Again, Delivered, Refused
from tests.unit.delivery.notices import FAILED, notice


async def test_stdout_is_one_json_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert await stdout.send(notice(summary="two\nlines\u2028"), "words") == Delivered()
    lines = capfd.readouterr().out.split("\n")
    assert lines[1:] == [""]
    assert json.loads(lines[0])["data"]["message"] == "words"


async def test_stdout_that_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    closed = (tmp_path / "out").open("w")
    closed.close()
    monkeypatch.setattr("sys.stdout", closed)
    assert isinstance(await stdout.send(FAILED, ""), Again)


async def test_lines_are_appended(tmp_path: Path) -> None:
    for _ in range(2):
        assert await logfile.send(LogFiles(tmp_path), FAILED, "words") == Delivered()
    path = tmp_path / "team-a" / "daily-news.log"
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == [FAILED.key] * 2
    assert path.stat().st_mode & 0o777 == 0o640


async def test_lines_of_many_at_once_stay_whole(tmp_path: Path) -> None:
    await asyncio.gather(*(logfile.send(LogFiles(tmp_path), notice(output="é" * 9000), "") for _ in range(50)))
    lines = (tmp_path / "team-a" / "daily-news.log").read_text().splitlines()
    assert all(len(json.loads(line)["data"]["output"]["text"]) == 9000 for line in lines)
    assert len(lines) == 50


async def test_files_are_rotated(tmp_path: Path) -> None:
    files = LogFiles(tmp_path, most_bytes=2000, kept=2)
    for number in range(20):
        assert await logfile.send(files, notice(summary=f"{number:02}"), "") == Delivered()
    names = sorted(path.name for path in (tmp_path / "team-a").iterdir())
    assert names == ["daily-news.log", "daily-news.log.1", "daily-news.log.2"]
    newest_last = [tmp_path / "team-a" / name for name in reversed(names)]
    found = [json.loads(line)["data"]["run"]["summary"] for p in newest_last for line in p.read_text().splitlines()]
    assert found == [f"{number:02}" for number in range(20)][-len(found) :]
    assert all(path.stat().st_size <= 2000 for path in newest_last)


async def test_a_line_longer_than_a_file(tmp_path: Path) -> None:
    assert await logfile.send(LogFiles(tmp_path, most_bytes=10, kept=1), FAILED, "") == Delivered()


@pytest.mark.parametrize(
    "name", ["..", ".", "a/b", "../../etc/passwd", "", "A", "a\x00", "a..b", "-a", "a\n", "a" * 300]
)
async def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for said in (notice(namespace=name), notice(schedule=name)):
        assert isinstance(await logfile.send(LogFiles(root), said, ""), Refused)
    assert os.listdir(root) == []  # noqa: PTH208 - a test's look


@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "folder", "fifo", "folder is a link"])
async def test_what_lies_in_the_file_s_place_is_not_followed(tmp_path: Path, kind: str) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "team-a").mkdir(parents=True)
    outside.mkdir()
    victim = outside / "victim"
    victim.write_text("untouched")
    place = root / "team-a" / "daily-news.log"
    match kind:
        case "link":
            place.symlink_to(victim)
        case "dangling link":
            place.symlink_to(outside / "new")
        case "hard link":
            place.hardlink_to(victim)
        case "folder":
            place.mkdir()
        case "fifo":
            os.mkfifo(place)
        case _:
            (root / "team-a").rmdir()
            (root / "team-a").symlink_to(outside)
    outcome = await asyncio.wait_for(logfile.send(LogFiles(root), FAILED, ""), 5)
    assert isinstance(outcome, Refused)
    assert victim.read_text() == "untouched"
    assert list(outside.iterdir()) == [victim]


async def test_a_volume_that_is_not_there(tmp_path: Path) -> None:
    outcome = await logfile.send(LogFiles(tmp_path / "nothing"), FAILED, "")
    assert outcome == Again("the log file cannot be written: No such file or directory")


async def test_a_volume_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device", "/volume/x")

    monkeypatch.setattr(os, "write", full)
    assert await logfile.send(LogFiles(tmp_path), FAILED, "") == Again(
        "the log file cannot be written: No space left on device"
    )
