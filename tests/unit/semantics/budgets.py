"""Cases of money: what a start sets aside, what an ended run is charged, and what follows."""

from tests.unit.planning.builders import World, slot_id

from .model import Case, Group, Story, Told

NINE = slot_id("09:00")
ALLOW = {"concurrencyPolicy": "Allow"}
COST = '{"costUSD": "0.70"}'

BUDGET = Group(
    title="Budgets",
    cases=(
        Case(
            id="budget-settled",
            situation="2.50 in all, 1.00 a run; runs cost 0.40, say nothing, cost 0.90",
            spec={"budget": {"perRunUSD": "1.00", "totalUSD": "2.50"}},
            proof=Story(
                story=lambda w: _spends(w, "0.40", None, "0.90").tick("12:00"),
                started=("09:00", "10:00", "11:00"),
                skips={"Budget": 1},
                shows={"phase": "Held", "hold.reason": "BudgetExceeded", "budget.totalUSD": "2.3"},
            ),
            ours="each start sets 1.00 aside; 0.40, 1.00 and 0.90 are charged; 0.20 is left: skipped, Budget, and held",
        ),
        Case(
            id="budget-skip",
            situation="the same with `onExceeded: Skip`",
            spec={"budget": {"perRunUSD": "1.00", "totalUSD": "2.50", "onExceeded": "Skip"}},
            proof=Story(
                story=lambda w: _spends(w, "0.40", None, "0.90").tick("12:00"),
                started=("09:00", "10:00", "11:00"),
                skips={"Budget": 1},
                shows={"phase": "Active"},
            ),
            ours="the slot is skipped, Budget",
        ),
        Case(
            id="budget-period",
            situation="1.50 a day, 1.00 a run",
            spec={"budget": {"perRunUSD": "1.00", "period": "Day", "periodUSD": "1.50"}},
            proof=Story(
                story=lambda w: _spends(w, "1.00").tick("10:00").tick("2026-11-23 00:00"),
                started=("09:00", "11-23 00:00"),
                skips={"Budget": 1},
                shows={"phase": "Active", "hold": None},
            ),
            ours="one run; held until midnight in the schedule's zone, then it goes on by itself, at once",
        ),
        Case(
            id="budget-concurrent",
            situation="two runs at once, 1.50 in all, 1.00 a run",
            spec={"concurrencyPolicy": "Allow", "budget": {"perRunUSD": "1.00", "totalUSD": "1.50"}},
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE).tick("10:00").tick("10:10"),
                started=("09:00",),
                skips={"Budget": 1},
                shows={"phase": "Held", "budget.reservedUSD": "1"},
            ),
            ours="the second does not start, and the schedule is held: what the first set aside is not there",
        ),
        Case(
            id="budget-smaller-rest",
            situation="no `perRunUSD`; 2.50 are left, and the operator's ceiling is 10",
            spec={"budget": {"totalUSD": "2.50"}},
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE),
                started=("09:00",),
                shows={"budget.reservedUSD": "2.5"},
            ),
            ours="it starts with what is left: 2.50",
        ),
        Case(
            id="budget-attempts",
            situation="1.00 a run; the first attempt fails and reports 0.70",
            spec={"retry": {"limit": 2, "backoff": "60s"}, "budget": {"perRunUSD": "1.00"}},
            proof=Story(
                story=lambda w: _second_attempt(w, "0.70"),
                started=("09:00", "09:00 attempt 2 at 09:05"),
                shows={"newest.costUSD": "0.7", "budget.reservedUSD": "1"},
            ),
            ours="the next attempt is told of 0.30; 1.00 stays set aside until the run ends",
        ),
        Case(
            id="budget-of-the-run-is-spent",
            situation="the first attempt fails and reports 1.00",
            spec={"retry": {"limit": 2, "backoff": "60s"}, "budget": {"perRunUSD": "1.00"}},
            proof=Story(
                story=lambda w: _second_attempt(w, "1.00"),
                started=("09:00",),
                shows={"newest.phase": "Failed", "newest.costUSD": "1", "consecutiveFailures": 1},
            ),
            ours="no further attempt; the run has failed",
        ),
        Case(
            id="budget-attempts-while-held",
            situation="the next attempt is due while the schedule is held for its budget",
            spec={
                "retry": {"limit": 2, "backoff": "20m"},
                **ALLOW,
                "budget": {"perRunUSD": "1.00", "totalUSD": "1.50"},
            },
            proof=Story(
                story=lambda w: (
                    w.tick("09:00")
                    .tick("09:50")
                    .ends(NINE, code=1, result=COST)
                    .tick("09:50")
                    .tick("10:00")
                    .tick("10:15")
                ),
                started=("09:00", "09:00 attempt 2 at 10:15"),
                skips={"Budget": 1},
                shows={"phase": "Held", "hold.reason": "BudgetExceeded"},
            ),
            ours="it starts: its money was set aside when the run began",
        ),
        Case(
            id="budget-overrun",
            situation="a run reports more than it was given",
            spec={"budget": {"perRunUSD": "1.00", "totalUSD": "5"}},
            proof=Story(
                story=lambda w: _spends(w, "1.30"),
                started=("09:00",),
                shows={"budget.totalUSD": "1.3", "newest.phase": "Succeeded"},
            ),
            ours="charged in full, with an Event BudgetOverrun; the run is what it is",
        ),
        Case(
            id="budget-killed",
            situation="a run is killed and reports nothing",
            spec={"budget": {"perRunUSD": "1.00", "totalUSD": "5"}},
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE).tick("09:10").ends(NINE, code=137).tick("09:20"),
                started=("09:00",),
                shows={"budget.totalUSD": "1", "budget.reservedUSD": "0"},
            ),
            ours="charged what was set aside for it: nobody knows what it spent",
        ),
        Case(
            id="budget-resumed",
            situation="held for its total, and resumed by a person",
            spec={"budget": {"perRunUSD": "1.00", "totalUSD": "1.50"}},
            proof=Story(
                story=lambda w: _resume(_spends(w, "1.00").tick("10:00")).tick("10:30").tick("11:00"),
                started=("09:00", "11:00"),
                skips={"Budget": 1},
                shows={"phase": "Active", "budget.totalUSD": "0"},
            ),
            ours="the amount that was used up counts from zero again",
        ),
        Case(
            id="budget-resumed-in-a-later-period",
            situation="held for its total over midnight, and resumed by a person in the morning",
            spec={"budget": {"perRunUSD": "1.00", "totalUSD": "1.50", "period": "Day", "periodUSD": "9"}},
            proof=Story(
                story=lambda w: (
                    _resume(_spends(w, "1.00").tick("10:00").tick("2026-11-23 00:00").tick("2026-11-23 07:10"))
                    .tick("2026-11-23 07:20")
                    .tick("2026-11-23 08:00")
                ),
                started=("09:00", "11-23 08:00"),
                skips={"Budget": 1},
                shows={"phase": "Active"},
            ),
            ours="slots count from the moment of resuming",
        ),
        Case(
            id="budget-manual",
            situation="a manual run, and the budget is spent",
            spec={"budget": {"perRunUSD": "1.00", "totalUSD": "1.50"}},
            proof=Story(
                story=lambda w: _spends(w, "1.00").request("now").tick("09:40"),
                started=("09:00",),
                requests={"now": "Failed"},
                shows={"phase": "Active"},
            ),
            ours="it fails at once, rather than start by surprise in a new period; no hold",
        ),
    ),
)


def _spends(world: Told, *costs: str | None) -> World:
    world.tick("08:45")
    for hour, cost in enumerate(costs, 9):
        world.tick(f"{hour:02}:00")
        reported = f'{{"costUSD": "{cost}"}}' if cost else None
        world.ends(slot_id(f"{hour:02}:00"), result=reported).tick(f"{hour:02}:30")
    return world


def _second_attempt(world: Told, cost: str) -> World:
    world.tick("09:00").ends(NINE, code=1, result=f'{{"costUSD": "{cost}"}}').tick("09:00:10")
    return world.tick("09:05")


def _resume(world: World) -> World:
    assert world.status.hold is not None
    return world.annotate(resume=world.status.hold.id)
