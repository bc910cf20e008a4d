"""What docs/semantics.md says holds: its comparison is the cases, and its worked examples are what happens."""

from typing import Any

import pytest

from tests.unit.planning.builders import slot_id, utc

from .model import Told, read_when, slots_on
from .page import PAGE, examples, generated, parts

NINE = slot_id("09:00")
MORE = ", …"

Row = dict[str, str]


def rows(kind: str) -> list[Any]:
    found = list(examples(kind))
    assert found, f"no example of kind {kind} on the page"
    return [pytest.param(row, id=" ".join(row.values())) for row in found]


def test_the_comparison_is_that_of_the_cases() -> None:
    _, part, _ = parts(PAGE.read_text())
    assert part == generated(), "run: make docs"


def test_it_is_one_page() -> None:
    assert len(PAGE.read_text().splitlines()) < 350


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
    deadline = row["startingDeadlineSeconds"]
    spec = {"startingDeadlineSeconds": int(deadline)} if deadline != "–" else {}
    world = Told(catchUp=row["catchUp"], **spec)
    world.tick("08:45").tick(row["operator back"])
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


def ran(world: Told) -> str:
    return ", ".join(start.removesuffix(", CatchUp") for start in world.started) or "none"


def skipped(world: Told) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in world.skips().items()) or "none"
