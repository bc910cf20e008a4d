"""Cases to come of limits: money, number of runs, time until a pod starts."""

from tests.unit.planning.builders import World, slot_id

from .model import Case, Elsewhere, Group, Story, Told

NINE, TEN = slot_id("09:00"), slot_id("10:00")

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
                shows={"phase": "Held", "hold.reason": "BudgetExceeded"},
            ),
            ours="each start sets 1.00 aside; 0.40, 1.00 and 0.90 are charged; 0.20 is left: held",
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
                shows={"phase": "Active", "hold": None},
            ),
            ours="one run; held until midnight in the schedule's zone, and then by itself no more",
        ),
        Case(
            id="budget-concurrent",
            situation="two runs at once, 1.50 in all, 1.00 a run",
            spec={"concurrencyPolicy": "Allow", "budget": {"perRunUSD": "1.00", "totalUSD": "1.50"}},
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE).tick("10:00").tick("10:10"),
                started=("09:00",),
            ),
            ours="the second does not start: what the first set aside is not there",
        ),
    ),
)

ENDS = Group(
    title="A number of runs",
    cases=(
        Case(
            id="max-runs",
            situation="`maxRuns: 2`, with a manual run between",
            spec={"maxRuns": 2},
            proof=Story(
                story=lambda w: (
                    (w.tick("09:00").ends(NINE).tick("09:10").request("now").tick("09:20").ends("news-m00000001aa"))
                    .tick("09:30")
                    .tick("10:00")
                    .ends(TEN)
                    .tick("10:10")
                    .tick("11:00")
                ),
                started=("09:00", "manual at 09:20", "10:00"),
                shows={"phase": "Complete", "iteration": 2},
            ),
            ours="Complete after two scheduled runs; manual ones and attempts do not count",
            temporal=Elsewhere("as if paused after so many; manual ones do not count", "temporal-page"),
        ),
        Case(
            id="max-iterations",
            situation="`heartbeat.maxIterations: 1`",
            spec={"heartbeat": {"maxIterations": 1}},
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE).tick("09:10").tick("10:00"),
                started=("09:00",),
                shows={"phase": "Complete", "iteration": 1},
            ),
            ours="Complete after so many iterations",
        ),
    ),
)

NEVER_STARTED = Group(
    title="Pods that never start",
    cases=(
        Case(
            id="never-started",
            situation="the pod has not started after `pendingDeadlineSeconds` (default 900)",
            spec={"pendingDeadlineSeconds": 900},
            proof=Story(
                story=lambda w: w.tick("09:00").tick("09:15:01").tick("09:16"),
                started=("09:00",),
                stopped=("09:00 NeverStarted",),
                shows={"newest.phase": "Failed", "newest.reason": "NeverStarted", "consecutiveFailures": 1},
            ),
            ours="stopped; Failed, NeverStarted, with the cluster's own words",
            cronjob=Elsewhere("waits; the Job's own deadline counts", "k8s-job"),
            furiko=Elsewhere("stopped after 900 s (`taskPendingTimeoutSeconds`)", "furiko-job"),
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
