"""The live table: what it reads from AgentSchedules, and how it looks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from demo import table
from demo.hanging import waiting_reasons
from demo.screen import Screen
from demo.snapshot import Snapshot, plain, snapshot
from demo.up import enough, hopeless
from tests.unit.examples.api_server import ApiServer

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def run(name: str, phase: str = "Succeeded", **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "phase": phase,
        "scheduledAt": "2026-11-22T14:59:00Z",
        "startedAt": "2026-11-22T14:59:01Z",
        "completedAt": "2026-11-22T14:59:03Z",
        "costUSD": "0.02",
        "summary": f"{name} is done",
        **changes,
    }


def schedule(name: str, *runs: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"schedule": "0 9 * * *", "timeZone": "Asia/Tokyo"},
        "status": {
            "phase": "Active",
            "effective": {"schedule": "0 9 * * *"},
            "conditions": [{"type": "Accepted", "status": "True"}],
            "lastScheduleTime": "2026-11-22T14:59:00Z",
            "lastResult": "Succeeded",
            "nextRunTime": "2026-11-22T15:00:12Z",
            "nextRunLocal": "2026-11-23 00:00 JST",
            "runs": list(runs),
            **status,
        },
    }


def lines(*objects: dict[str, Any], width: int = 120, height: int = 40) -> list[str]:
    return table.lines(snapshot(objects), NOW, width, height)


def test_a_schedule_and_its_run() -> None:
    assert lines(schedule("digest", run("digest-1"))) == [
        "SCHEDULE  WHEN                  PHASE   LAST RUN  RESULT     NEXT RUN",
        "digest    0 9 * * * Asia/Tokyo  Active  60s ago   Succeeded  in 12s",
        "",
        "RUN       PHASE      TOOK  COST   SUMMARY",
        "digest-1  Succeeded  2s    $0.02  digest-1 is done",
    ]


def test_what_is_far_away_has_its_local_time() -> None:
    assert lines(schedule("digest", nextRunTime="2026-11-23T00:00:00Z"))[1].endswith("2026-11-23 00:00 JST")


def test_before_the_operator_has_seen_anything() -> None:
    shown = lines({"metadata": {"name": "digest"}, "spec": {"every": "20s"}})
    assert shown[1:3] == [
        "digest    every 20s  -      -         -       -",
        "! digest: no operator has looked at it yet",
    ]
    assert shown[-1] == "(none yet)"
    assert lines()[0].startswith("SCHEDULE")


def test_a_schedule_that_is_refused_says_why() -> None:
    refused = [{"type": "Accepted", "status": "False", "reason": "TooFrequent", "message": "every 20s is too often"}]
    assert "! digest: every 20s is too often" in lines(schedule("digest", conditions=refused))


def test_runs_are_newest_first_over_all_schedules() -> None:
    older = run("a-1", startedAt="2026-11-22T14:00:00Z")
    shown = lines(schedule("a", older), schedule("b", run("b-1")))
    assert [line.split()[0] for line in shown[-2:]] == ["b-1", "a-1"]


def test_a_run_that_runs_counts_on_and_one_that_waits_for_a_retry_says_so() -> None:
    running = run("a-1", "Running", completedAt=None, summary=None, costUSD=None)
    retried = run("b-1", "Failed", retryAt="2026-11-22T15:00:05Z")
    shown = "\n".join(lines(schedule("a", running, retried)))
    assert "a-1  Running   59s   -" in shown
    assert "b-1  Retrying" in shown
    assert not any(r.over for r in snapshot([schedule("a", running, retried)]).runs)


def test_lines_fit_the_terminal() -> None:
    wide = run("a-1", summary="日本語の要約" * 30)
    shown = lines(schedule("a", wide, *(run(f"a-{i}") for i in range(2, 30))), width=60, height=12)
    assert len(shown) == 12
    assert all(len(line) <= 60 for line in shown)
    assert table.cut("日本語", 5) == "日本…"
    assert table.cut("plain", 5) == "plain"


def test_an_agent_cannot_drive_the_terminal() -> None:
    assert plain("red\x1b[31m\n\tand\x07 \u202egone\x9b") == "red[31m and gone"


def test_output_that_is_no_terminal_is_printed_only_when_something_has_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen()
    screen.show(snapshot([schedule("a", run("a-1", "Running"))]), "note")
    screen.show(snapshot([schedule("a", run("a-1", "Running"), nextRunTime="2026-11-22T15:00:11Z")]), "another note")
    assert capsys.readouterr().out.count("SCHEDULE") == 1
    screen.show(snapshot([schedule("a", run("a-1"))]), "note")
    printed = capsys.readouterr().out
    assert "a-1 is done" in printed
    assert "\x1b" not in printed


ENDINGS = [
    pytest.param([], False, False, id="nothing yet"),
    pytest.param(["watch+", "watch+", "other+"], True, False, id="three, two of them the watch's"),
    pytest.param(["watch+", "other+", "other+"], False, False, id="the watch once only"),
    pytest.param(["watch+", "watch+", "other-"], False, False, id="one failed"),
    pytest.param(["other-", "other-", "watch-"], False, True, id="three failed"),
]


@pytest.mark.parametrize(("endings", "is_enough", "is_hopeless"), ENDINGS)
def test_when_the_demo_ends(endings: list[str], *, is_enough: bool, is_hopeless: bool) -> None:
    objects = [
        schedule(name, *(run(f"{name}-{i}", phase) for i, e in enumerate(endings) if e == f"{short}{sign}"))
        for name, short in (("cluster-watch", "watch"), ("daily-digest", "other"))
        for sign, phase in (("+", "Succeeded"), ("-", "Failed"))
    ]
    ended = list(snapshot(objects).runs)
    assert len(ended) == len(endings)
    assert (enough(ended), hopeless(ended)) == (is_enough, is_hopeless)


def test_why_pods_wait() -> None:
    api = ApiServer()
    assert list(waiting_reasons(api.pod("no-secret"))) == ['CreateContainerConfigError: secret "nope" not found']
    assert next(waiting_reasons(api.pod("too-big"))).startswith("Unschedulable: 0/1 nodes are available")
    assert list(waiting_reasons(api.pod("healthy"))) == []
    assert list(waiting_reasons({})) == []


def test_the_story_is_told_in_full_and_in_order() -> None:
    seen = snapshot([schedule("a", run("a-2", summary="word " * 40), run("a-1", startedAt="2026-11-22T14:00:00Z"))])
    told = table.story(Snapshot(seen.schedules, seen.runs), 60)
    assert told[0] == "  a-1 (Succeeded)"
    assert " ".join("\n".join(told[3:]).split()).count("word") == 40
    assert all(len(line) <= 60 for line in told)


def test_spans_are_short() -> None:
    texts = [
        lines(schedule("a", lastScheduleTime=(NOW - age).isoformat()))[1].split("Active")[1].split()[0]
        for age in (timedelta(seconds=119), timedelta(minutes=2), timedelta(hours=5), timedelta(days=3))
    ]
    assert texts == ["119s", "2m", "5h", "3d"]
