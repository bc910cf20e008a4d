"""The ledger by which the operator is judged after a fault tells every way to be wrong."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.chaos.ledger import Account, Grid, account, slot_of

CREATED = 1_000_000
DUE = [CREATED + 10 * n for n in range(1, 6)]


def stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def skip(*slots: int, count: int | None = None) -> dict[str, Any]:
    return {"reason": "CatchUp", "count": count or len(slots), "first": stamp(slots[0]), "last": stamp(slots[-1])}


def schedule(
    ran: list[int], skips: Sequence[dict[str, Any]] = (), handled: int = DUE[-1], **status: Any
) -> dict[str, Any]:
    """A schedule whose status tells of these runs and skips."""
    runs = [{"id": f"it-{s}", "scheduledAt": stamp(s), "phase": "Succeeded"} for s in sorted(ran, reverse=True)]
    told = {
        "runs": runs,
        "skips": skips,
        "iteration": len(ran),
        "totals": {"runs": len(ran), "skipped": sum(s["count"] for s in skips)},
        "scheduling": {"handledThrough": stamp(handled)},
    }
    meta = {"name": "it", "creationTimestamp": stamp(CREATED)}
    return {"metadata": meta, "spec": {"every": "10s"}, "status": {**told, **status}}


def jobs(*slots: int) -> dict[str, int]:
    return {f"it-{slot}": slots.count(slot) for slot in slots}


def judged(raw: dict[str, Any], created: dict[str, int]) -> Account:
    return account(raw, created, DUE[-1])


def test_every_slot_ran() -> None:
    assert judged(schedule(DUE), jobs(*DUE)) == Account(due=5, ran=5)


def test_slots_that_are_told_as_skipped_are_not_lost() -> None:
    told = judged(schedule(DUE[2:], [skip(*DUE[:2])]), jobs(*DUE[2:]))
    assert told == Account(due=5, ran=3, skipped=2)


def test_a_job_created_twice_is_a_double() -> None:
    told = judged(schedule(DUE), jobs(*DUE, DUE[0]))
    assert (told.doubles, told.lost) == (1, 0)
    assert "created 2 times" in told.problems[0]


def test_further_attempts_are_no_doubles() -> None:
    told = judged(schedule(DUE), {**jobs(*DUE), f"it-{DUE[0]}-r2": 1})
    assert told == Account(due=5, ran=5)


def test_a_slot_without_a_trace_is_lost() -> None:
    assert judged(schedule(DUE[1:]), jobs(*DUE[1:])).lost == 1


def test_a_slot_that_was_not_reached_is_lost() -> None:
    assert judged(schedule(DUE[:3], handled=DUE[2]), jobs(*DUE[:3])).lost == 2


def test_a_skip_that_tells_of_other_slots_covers_none() -> None:
    assert judged(schedule(DUE[1:], [skip(DUE[2])]), jobs(*DUE[1:])).lost == 1


def test_a_skip_that_counts_too_few_covers_no_more() -> None:
    assert judged(schedule(DUE[3:], [skip(DUE[0], DUE[2], count=1)]), jobs(*DUE[3:])).lost == 2


@pytest.mark.parametrize(
    ("raw", "created", "words"),
    [
        pytest.param(schedule(DUE), jobs(*DUE, DUE[0] + 1), "no slot", id="a Job off the grid"),
        pytest.param(schedule(DUE, runs=[]), jobs(*DUE), "the status tells 0", id="runs not told"),
        pytest.param(schedule(DUE, iteration=4), jobs(*DUE), "4 iterations", id="runs miscounted"),
        pytest.param(schedule(DUE, totals={"runs": 6}), jobs(*DUE), "6 have ended", id="an end counted twice"),
        pytest.param(schedule(DUE, handled=DUE[3]), jobs(*DUE), "dealt with", id="cursor behind a run"),
    ],
)
def test_a_status_that_disagrees_with_the_jobs(raw: dict[str, Any], created: dict[str, int], words: str) -> None:
    told = judged(raw, created)
    assert (told.doubles, told.lost) == (0, 0)
    assert words in "\n".join(told.problems)


def test_a_slot_that_ran_and_is_told_as_skipped_is_a_stray() -> None:
    assert judged(schedule(DUE, [skip(DUE[0])]), jobs(*DUE)) == Account(due=5, ran=5, skipped=1, strays=1)


def test_jobs_of_others_do_not_count() -> None:
    others = {f"other-it-{DUE[0]}": 3, "it-m0123456789": 1, f"it-2-{DUE[0]}": 2}
    assert judged(schedule(DUE), {**jobs(*DUE), **others}) == Account(due=5, ran=5)


def test_a_jobs_name_tells_schedule_and_slot() -> None:
    assert slot_of("a-b-120-r3") == ("a-b", 120)
    assert slot_of("a-b-120") == ("a-b", 120)
    assert slot_of("a-mabcdef0123") is None


@pytest.mark.parametrize(
    ("start", "slots"),
    [
        pytest.param(None, [CREATED + 90, CREATED + 180], id="from its creation"),
        pytest.param(CREATED - 60, [CREATED + 30, CREATED + 120], id="from before"),
        pytest.param(CREATED + 20, [CREATED + 20, CREATED + 110], id="from later on"),
    ],
)
def test_slots_lie_on_the_grid(start: int | None, slots: list[int]) -> None:
    spec = {"every": "1m30s", **({"startTime": stamp(start)} if start else {})}
    grid = Grid.of({"metadata": {"creationTimestamp": stamp(CREATED)}, "spec": spec})
    assert list(grid.between(0, CREATED + 199)) == slots
