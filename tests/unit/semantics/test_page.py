"""What docs/semantics.md says holds: its comparison is the cases, and its worked examples are what happens."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agentschedule.planning.observed import Start
from tests.unit.planning.builders import World, slot_id, utc

from .model import Told, read_when, slots_on
from .page import PAGE, examples, generated, parts

NINE = slot_id("09:00")
MORE = ", …"
FULL = "waits for its turn: 20 of 20 runs are active in all namespaces"
BUDGET = {"perRunUSD": "1.00", "period": "Day", "periodUSD": "3.00", "totalUSD": "5.00"}
TIGHT = {"perRunUSD": "1.00", "totalUSD": "1.50"}

Row = dict[str, str]


def rows(kind: str) -> list[Any]:
    found = list(examples(kind))
    assert found, f"no example of kind {kind} on the page"
    return [pytest.param(row, id=" ".join(row.values())) for row in found]


def test_the_comparison_is_that_of_the_cases() -> None:
    _, part, _ = parts(PAGE.read_text())
    assert part == generated(), "run: make docs"


def test_it_is_one_page() -> None:
    assert len(PAGE.read_text().splitlines()) < 450


@pytest.mark.parametrize("row", rows("slots"))
def test_slots(row: Row) -> None:
    kind, _, value = row["when"].partition(": ")
    timing = {kind: value} if value else {"schedule": kind}
    first, _, last = row["day"].partition(" to ")
    when = read_when({"schedule": None, "timeZone": row["timeZone"], **timing}, "2000-01-01 00:00")
    due = [slot if last else slot.removeprefix(f"{first} ") for slot in slots_on(when, first, last or None)]
    said = row["due"].removesuffix(MORE).split(", ")
    assert said == (due[: len(said)] if row["due"].endswith(MORE) else due)


@pytest.mark.parametrize("row", rows("missed"))
def test_missed_slots(row: Row) -> None:
    catch_up, _, limit = row["catchUp"].partition(", catchUpLimit ")
    deadline = row["startingDeadlineSeconds"]
    spec = {"startingDeadlineSeconds": int(deadline)} if deadline != "–" else {}
    world = Told(catchUp=catch_up, **spec, **({"catchUpLimit": int(limit)} if limit else {}))
    world.tick("08:45").tick(row["operator back"])
    for _ in range(4):
        world.now += timedelta(minutes=5)
        for name in world.status.active:
            world.ends(name)
        world.tick()
    assert ran(world) == row["runs"]
    assert skipped(world) == row["skipped"]


@pytest.mark.parametrize("row", rows("blackouts"))
def test_blackouts(row: Row) -> None:
    hours = {"start": "09:30", "end": "11:30"}
    world = Told(blackouts=[{"name": "deploy", "hours": hours, "action": row["action"]}])
    for minute in range(8 * 60 + 45, 12 * 60 + 1, 15):
        world.tick(f"{minute // 60:02}:{minute % 60:02}")
        for name in world.status.active:
            world.ends(name).tick()
    assert ran(world) == row["runs"]
    assert skipped(world) == row["skipped"]


@pytest.mark.parametrize("row", rows("concurrency"))
def test_concurrency(row: Row) -> None:
    world = Told(concurrencyPolicy=row["concurrencyPolicy"])
    world.tick("09:00").runs(NINE).tick("10:00")
    if world.stopped:
        world.ends(NINE, code=143).lose(NINE).tick("10:01")
    else:
        world.now = utc("10:20")
        world.ends(NINE).tick()
    world.tick("10:30")
    assert ran(world) == row["runs"]
    assert skipped(world) == row["skipped"]


@pytest.mark.parametrize("row", rows("holds"))
def test_holds(row: Row) -> None:
    world = Told(pauseAfterFailures=int(row["pauseAfterFailures"]))
    world.tick("08:45")
    slot = utc("09:00")
    for word in row["slots"].split(", "):
        if word == "resumed":
            world.annotate(resume=str(world.shown("hold.id"))).tick(slot - timedelta(minutes=30))
            continue
        world.tick(slot)
        [name] = world.status.active
        world.ends(name, code=1 if word == "fails" else 0).tick()
        slot += timedelta(hours=1)
    world.tick(slot - timedelta(minutes=1))
    assert world.status.phase == row["phase"]


def test_budget() -> None:
    """The rows are one story."""
    world = Told(budget=BUDGET)
    world.tick("08:45").told()
    table = list(examples("budget"))
    assert table
    for row in table:
        world.now = utc(row["at"])
        *_, word = row["what happens"].split()
        if row["what happens"].startswith("it ends"):
            [name] = world.status.active
            world.runs(name).ends(name, result=None if word == "nothing" else f'{{"costUSD": "{word}"}}')
        elif "is raised" in row["what happens"]:
            world.edit(budget={**BUDGET, "totalUSD": word})
        before = len(world.started)
        world.tick()
        assert (len(world.started) > before) == row["what happens"].endswith("the slot runs"), row
        account = {key: world.shown(f"budget.{key}") for key in ("periodSpentUSD", "reservedUSD", "totalUSD")}
        assert account == {key: row[key] for key in account}, row
        told = [reason for reason in world.told() if reason != "SawCompletedJob"]
        assert "; ".join(part for part in (world.status.phase, ", ".join(told)) if part) == row["then"], row
    assert world.skips() == {"Budget": sum("skipped, Budget" in row["what happens"] for row in table)}


SITUATIONS: dict[str, Callable[[], World]] = {
    "active, nothing runs": lambda: Told().tick("08:45"),
    "suspended": lambda: Told(suspend=True).tick("08:45"),
    "held after failures": lambda: Told(pauseAfterFailures=1).tick("09:00").ends(NINE, code=1).tick("09:10"),
    "in a blackout": lambda: Told(blackouts=[{"name": "sundays", "weekdays": ["SUN"]}]).tick("08:45"),
    "complete": lambda: Told(maxRuns=1).tick("09:00").ends(NINE).tick("09:10"),
    "at its own limit": lambda: Told().tick("09:00"),
    "at a ceiling of the operator": lambda: creates(Start("Queued", message=FULL)),
    "over budget": lambda: Told(budget=TIGHT).tick("09:00").ends(NINE, result='{"costUSD": "1"}').tick("09:10"),
    "over budget by what is reserved": lambda: Told(budget=TIGHT, concurrencyPolicy="Allow").tick("09:00"),
    "invalid": lambda: Told(schedule="61 * * * *").tick("08:45"),
    "refused the Job by the API server": lambda: creates(Start("Rejected", message="the Job is invalid")),
}


@pytest.mark.parametrize("row", rows("manual"))
def test_manual_runs(row: Row) -> None:
    world = SITUATIONS[row["the schedule is"]]()
    before = set(world.jobs)
    world.request("now").step()
    if world.creates is not None:
        world.step()  # what became of its Job is known at the next look
    status = world.requests["now"].status
    happens = "starts" if set(world.jobs) - before else {"Pending": "waits", "Failed": "fails"}[str(status.phase)]
    told = ", ".join(note.reason for note in world.notes if note.agent_run) or "–"
    assert (happens, status.message, told) == (row["the AgentRun"], row["its message"], row["Event on it"])


def creates(outcome: Start) -> World:
    """From now on, this becomes of Jobs that are asked for."""
    world = Told().tick("08:45")
    world.creates = outcome
    return world


def ran(world: Told) -> str:
    return ", ".join(start.removesuffix(", CatchUp") for start in world.started) or "none"


def skipped(world: Told) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in world.skips().items()) or "none"
