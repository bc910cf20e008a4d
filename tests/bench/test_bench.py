"""The bench itself: that each measure can be taken, in small. What it measures is of no interest here."""

import json
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.measure import Options, Result


@pytest.fixture(autouse=True)
def results_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody has measured before stays."""
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(bench, "WORK", tmp_path / "work")


@pytest.mark.slow
def test_measures_can_be_taken(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = "tenfold,single,writes,events,growth"
    assert bench.main(["--rounds", "1", "--size", "20", "--only", chosen]) == 0, capsys.readouterr().err
    measures = json.loads(bench.RESULTS.read_text())["measures"]
    lines = {line["measure"]: line for one in measures.values() for line in one["lines"]}
    for what in ("Jobs missing", "Jobs double", "not recorded"):
        assert lines[f"200 due at once: {what}"]["ours"] == [0]
    assert all(value >= 1 for name in lines if "API writes" in name for value in lines[name]["ours"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in lines)


@pytest.mark.parametrize(("field", "value", "stays"), [("begun", "long ago", True), ("etcd", "2.0.0", False)])
def test_one_measure_taken_again_leaves_the_others_of_the_same_programs(
    field: str, value: str, stays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(_: Options) -> Result:
        return Result()

    for name in ("growth", "single"):
        monkeypatch.setitem(bench._MEASURES, name, taken)
    assert bench.main(["--size", "20", "--only", "growth"]) == 0
    earlier = json.loads(bench.RESULTS.read_text())
    earlier["about"][field] = value
    bench.RESULTS.write_text(json.dumps(earlier))
    assert bench.main(["--size", "20", "--only", "single"]) == 0
    assert list(json.loads(bench.RESULTS.read_text())["measures"]) == ["single", "growth"][: 1 + stays]


def test_an_unknown_measure_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--only", "burst,speed"]) == 1
    assert "no such measure: speed" in capsys.readouterr().err
