"""The bench itself: that each measure can be taken, in small. What it measures is of no interest here."""

import json
from pathlib import Path

import pytest

from tests.bench import __main__ as bench


@pytest.fixture(autouse=True)
def results_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody has measured before stays."""
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(bench, "WORK", tmp_path / "work")


@pytest.mark.slow
def test_measures_can_be_taken(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = "tenfold,single,writes,events,growth"
    assert bench.main(["--rounds", "1", "--size", "20", "--only", chosen]) == 0, capsys.readouterr().err
    lines = {line["measure"]: line for line in json.loads(bench.RESULTS.read_text())["lines"]}
    for what in ("Jobs missing", "Jobs double", "not recorded"):
        assert lines[f"200 due at once: {what}"]["ours"] == [0]
    assert all(value >= 1 for name in lines if "API writes" in name for value in lines[name]["ours"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in lines)


def test_an_unknown_measure_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--only", "burst,speed"]) == 1
    assert "no such measure: speed" in capsys.readouterr().err
