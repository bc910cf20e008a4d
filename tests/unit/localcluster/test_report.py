import pytest

from localcluster.gotool import version_of
from localcluster.report import Progress, duration


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min 00 s"), (485, "8 min 05 s")])
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_progress_in_a_log_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    for count in range(100):
        progress.show(f"{count} packages compiled")
    progress.close()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26, 8)), ("go version go1.27rc1 linux/arm64", (1, 27)), ("devel", ())],
)
def test_gos_version_is_read(text: str, version: tuple[int, ...]) -> None:
    assert version_of(text) == version
