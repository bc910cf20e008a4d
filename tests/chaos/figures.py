"""What came of the faults: printed after the tests, and kept for the documentation's table."""

import json
import os
from typing import Any

import pytest

from tests.kubectl import ROOT

FILE = ROOT / ".bench" / "chaos.json"
_COLUMNS = ("due", "runs", "skips", "doubles", "lost", "strays", "back", "restarts")


def write(reporter: pytest.TerminalReporter) -> None:
    """Print and keep the figures of the tests that were run. Under pytest-xdist the workers' come together here."""
    reports = [*reporter.stats.get("passed", ()), *reporter.stats.get("failed", ())]
    told = [(dict(report.user_properties).get("chaos"), report.passed) for report in reports if report.when == "call"]
    found = [{**figures, "passed": passed} for figures, passed in told if figures]
    if not found:
        return
    found.sort(key=lambda one: str(one["fault"]))
    FILE.parent.mkdir(exist_ok=True)
    form = os.environ.get("AGENTSCHEDULE_CHAOS", "short")
    FILE.write_text(json.dumps({"form": form, "totals": totals(found), "faults": found}, indent=1) + "\n")
    reporter.section("faults")
    for one in (*found, {"fault": f"{len(found)} faults", **totals(found)}):
        cells = " ".join(f"{column} {one[column]:<6g}" for column in _COLUMNS)
        reporter.line(f"{one['fault'][:56]:<56} {cells}{'' if one.get('passed', True) else ' FAILED'}")


def totals(faults: list[dict[str, Any]]) -> dict[str, Any]:
    """Sums; of the time back to normal the longest."""
    found = {column: sum(fault[column] for fault in faults) for column in _COLUMNS}
    return {**found, "back": max(fault["back"] for fault in faults)}
