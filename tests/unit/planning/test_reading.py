"""Statuses that this version cannot read whole: those of a newer one, or that somebody has written to."""

from typing import Any

import pytest

from agentschedule.planning.reading import read_status, salvage_status

CURSOR = {"effectiveSince": "2026-11-22T08:00:00Z", "handledThrough": "2026-11-22T09:00:00Z", "whenHash": "abc"}


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        pytest.param({"phase": "Unheard", "scheduling": CURSOR}, {"scheduling": CURSOR}, id="an unknown phase"),
        pytest.param({"totals": {"runs": -1}, "scheduling": CURSOR}, {"scheduling": CURSOR}, id="a bad total"),
        pytest.param({"runs": [{}], "scheduling": {"whenHash": 1}}, {}, id="nothing readable"),
    ],
)
def test_the_cursor_is_kept(status: dict[str, Any], kept: dict[str, Any]) -> None:
    raw = {"status": status}
    assert read_status(raw) is None
    salvaged = salvage_status(raw).to_json()
    assert salvaged.get("scheduling") == kept.get("scheduling")
    assert salvaged["runs"] == []
