"""Cases of schedules that are suspended, edited or deleted, and of clocks that jump."""

from agentschedule.planning.observed import Start
from tests.unit.planning.builders import World, slot_id, utc

from .model import Case, Elsewhere, Group, Story

NINE = slot_id("09:00")

STOPPING = Group(
    title="Suspending, editing, clocks",
    cases=(
        Case(
            id="suspended",
            situation="slots pass while suspended; then it is resumed",
            proof=Story(
                story=lambda w: (
                    (w.tick("08:45").edit(suspend=True).tick("08:46").tick("10:30"))
                    .edit(suspend=False)
                    .tick("11:30")
                    .tick("12:00")
                ),
                started=("12:00",),
            ),
            ours="they are gone: neither run nor counted",
            cronjob=Elsewhere("the newest starts on resuming, without a starting deadline", "k8s-page"),
            furiko=Elsewhere("they are gone", "furiko-mutation"),
            temporal=Elsewhere("they are gone; backfill can run them", "temporal-range"),
            why="whoever suspends does not want a run at the moment of resuming",
        ),
        Case(
            id="suspended-while-running",
            situation="suspended while a run is active",
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE).edit(suspend=True).tick("09:30"),
                started=("09:00",),
                shows={f"runs.{NINE[5:]}.phase": "Running", "phase": "Paused", "conditions.Ready.status": "True"},
            ),
            ours="it goes on",
            cronjob=Elsewhere("it goes on", "k8s-page"),
        ),
        Case(
            id="retry-while-suspended",
            situation="the next attempt is due while suspended",
            spec={"schedule": "0 9 * * *", "retry": {"backoff": "60s"}},
            proof=Story(
                story=lambda w: (
                    w.tick("09:00")
                    .ends(NINE, code=1)
                    .tick("09:00:01")
                    .edit(suspend=True)
                    .tick("09:20")
                    .edit(suspend=False)
                    .tick("09:30")
                ),
                started=("09:00", "09:00 attempt 2 at 09:30"),
            ),
            ours="it waits for the resumption",
            cronjob=Elsewhere("what was started goes on, so does its Job's back-off", "k8s-page"),
            why="suspending is how people stop an agent that misbehaves",
        ),
        Case(
            id="manual-while-suspended",
            situation="a manual run while suspended",
            spec={"suspend": True},
            proof=Story(
                story=lambda w: w.tick("08:45").request("now").tick("08:50"),
                started=("manual at 08:50",),
                requests={"now": "Pending"},
            ),
            ours="runs",
            furiko=Elsewhere("runs: a Job of its own", "furiko-job"),
            temporal=Elsewhere("runs", "temporal-page"),
        ),
        Case(
            id="paused-until",
            situation="paused by annotation until 10:30",
            proof=Story(
                story=lambda w: (
                    w.tick("08:45")
                    .annotate(paused="too loud", paused_until="2026-11-22T10:30:00Z")
                    .tick("08:59")
                    .tick("09:00")
                    .tick("10:00")
                    .tick("10:30")
                    .tick("11:00")
                ),
                started=("11:00",),
                shows={"phase": "Active", "conditions.Suspended.status": "False"},
            ),
            ours="resumes by itself; what passed is gone",
        ),
        Case(
            id="suspended-in-the-moment",
            situation="suspended in the very moment a slot is due, or while its jitter passes",
            proof=Story(
                story=lambda w: w.tick("08:45").edit(suspend=True).tick("09:00").tick("09:10").tick("10:00"),
                skips={"Requested": 1},
                shows={"skips.Requested.last": "2026-11-22T09:00:00Z", "phase": "Paused"},
            ),
            ours="it was due: it is counted, Requested; those that follow were not",
        ),
        Case(
            id="suspended-unseen",
            situation="suspended while the operator is far behind: it sees that late",
            proof=Story(
                story=lambda w: w.tick("08:45").edit(suspend=True).tick("11:30").tick("12:00"),
                skips={"Requested": 3},
                shows={"phase": "Paused"},
            ),
            ours="what was due until it sees it is counted, Requested",
        ),
        Case(
            id="suspended-while-down",
            situation="suspended while the operator is down",
            proof=Story(
                story=lambda w: w.tick("08:45").edit(suspend=True).operator_restarts().tick("11:30").tick("12:00"),
                shows={"phase": "Paused"},
            ),
            ours="nothing is counted: nobody knows since when it has been suspended",
        ),
        Case(
            id="suspended-while-waiting",
            situation="suspended while a slot waits for the API server",
            proof=Story(
                story=lambda w: (
                    _deferred(w).edit(suspend=True).tick("09:20").edit(suspend=False).tick("09:40").tick("10:00")
                ),
                started=("09:00", "10:00"),
                skips={"Requested": 1},
            ),
            ours="it is counted, Requested, and does not run later",
        ),
        Case(
            id="suspended-amid-a-backlog",
            situation="suspended while `catchUp: All` works off four slots",
            spec={"catchUp": "All"},
            proof=Story(
                story=lambda w: w.tick("08:45").tick("12:20").edit(suspend=True).tick("12:22"),
                started=("09:00 at 12:20, CatchUp",),
                skips={"Requested": 3},
            ),
            ours="those that wait are counted, Requested",
        ),
        Case(
            id="suspended-when-complete",
            situation="a schedule is suspended after its `maxRuns`, just when its next time would have come",
            spec={"maxRuns": 1},
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE).tick("09:10").edit(suspend=True).tick("10:00:10"),
                started=("09:00",),
                shows={"phase": "Complete"},
            ),
            ours="that was not due",
        ),
        Case(
            id="edited-while-jitter-passes",
            situation="the times are edited some minutes after a slot, before its jitter is over",
            spec={"jitter": "30m"},
            proof=Story(
                story=lambda w: w.tick("08:45").tick("09:01").edit(schedule="0 3 * * *").tick("09:08").tick("10:00"),
                skips={"Requested": 1},
            ),
            ours="it was due: it is counted, Requested",
        ),
        Case(
            id="suspended-with-a-queue",
            situation="suspended while a slot is in `status.queued`",
            spec={"concurrencyPolicy": "Queue"},
            proof=Story(
                story=lambda w: (
                    (w.tick("09:00").runs(NINE).tick("10:00").edit(suspend=True).tick("10:10").ends(NINE).tick("10:20"))
                    .edit(suspend=False)
                    .tick("10:40")
                ),
                started=("09:00", "10:00 at 10:40"),
            ),
            ours="it stays there and starts when the schedule is resumed, within its starting deadline",
        ),
        Case(
            id="edited-with-a-queue",
            situation="the times are changed while a slot is in `status.queued`",
            spec={"concurrencyPolicy": "Queue"},
            proof=Story(
                story=lambda w: (
                    w.tick("09:00").runs(NINE).tick("10:00").edit(schedule="45 * * * *").tick("10:10").ends(NINE)
                ).tick("10:20"),
                started=("09:00", "10:00 at 10:20"),
            ),
            ours="it stays there and starts when a place is free",
        ),
        Case(
            id="edited",
            situation="the schedule is changed; the new one had slots in the past",
            spec={"schedule": "0 0 1 1 *"},
            proof=Story(
                story=lambda w: w.tick("08:45").edit(schedule="30 * * * *").tick("09:40").tick("10:30"),
                started=("10:30",),
            ),
            ours="counts from when it is seen: nothing of the past runs",
            cronjob=Elsewhere("the newest past slot counts as missed and starts at the next look", "k8s-missed"),
            furiko=Elsewhere("counts from the change (`lastUpdated`)", "furiko-schedule"),
            temporal=Elsewhere("counts from the change", "temporal-range"),
            why="an edit is not a request for a run",
        ),
        Case(
            id="edited-while-down",
            situation="the schedule is changed while the operator is down",
            spec={"schedule": "0 * * * *"},
            proof=Story(
                story=lambda w: (
                    w.tick("08:45").edit(schedule="30 * * * *").operator_restarts().tick("11:40").tick("12:30")
                ),
                started=("12:30",),
            ),
            ours="the same: a hash in the status tells",
        ),
        Case(
            id="edited-deadline",
            situation="`catchUp`, `startingDeadlineSeconds`, blackouts or `maxRuns` are changed",
            proof=Story(
                story=lambda w: w.tick("08:45").edit(startingDeadlineSeconds=7200).tick("09:20").tick("10:00"),
                started=("10:00",),
            ),
            ours="counts from when it is seen, like a change of the expression",
            temporal=Elsewhere("an update of any kind counts from then", "temporal-range"),
        ),
        Case(
            id="edited-in-the-moment",
            situation="the times are changed while a due slot has not started yet",
            proof=Story(
                story=lambda w: _deferred(w).edit(schedule="30 * * * *").tick("09:00:30").tick("09:30"),
                started=("09:00", "09:30"),
                skips={"Requested": 1},
            ),
            ours="it was due by the old times: it is counted, Requested",
        ),
        Case(
            id="edited-otherwise",
            situation="something else is changed (input, image)",
            proof=Story(
                story=lambda w: w.tick("08:45").edit(input="other").tick("09:20"), started=("09:00 at 09:20, CatchUp",)
            ),
            ours="slots count as before",
            temporal=Elsewhere("an update of any kind counts from then", "temporal-range"),
        ),
        Case(
            id="edited-wrongly",
            situation="an edit that cannot be used, mended later",
            proof=Story(
                story=lambda w: (
                    w.tick("08:45")
                    .edit(schedule="0 9 31 2 *")
                    .tick("09:30")
                    .edit(schedule="0 * * * *")
                    .tick("10:30")
                    .tick("11:00")
                ),
                started=("11:00",),
                shows={"phase": "Active"},
            ),
            ours="nothing starts meanwhile; it counts from when it is mended",
            cronjob=Elsewhere("refused by the API server", "k8s-validation"),
        ),
        Case(
            id="clock-back",
            situation="the clock is set back",
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE).tick("09:01").tick("08:10").tick("09:00").tick("09:30"),
                started=("09:00",),
            ),
            ours="nothing is repeated",
            cronjob=Elsewhere("nothing until it has passed the last run's time", "k8s-missed"),
            furiko=Elsewhere("nothing is repeated", "furiko-schedule"),
            temporal=Elsewhere("nothing is repeated", "temporal-run"),
        ),
        Case(
            id="clock-forward",
            situation="the clock is set forward by hours",
            proof=Story(
                story=lambda w: w.tick("08:45").tick("12:20"),
                started=("12:00 at 12:20, CatchUp",),
                skips={"CatchUp": 3},
            ),
            ours="as if the operator had been down",
            cronjob=Elsewhere("as if it had been down", "k8s-missed"),
        ),
        Case(
            id="clock-forward-and-back",
            situation="the clock is set forward by hours, and back",
            proof=Story(
                story=lambda w: (
                    w.tick("08:45")
                    .tick("12:00")
                    .ends(slot_id("12:00"))
                    .tick("12:01")
                    .tick("09:10")
                    .tick("11:00")
                    .tick("13:00")
                ),
                started=("12:00", "13:00"),
                skips={"CatchUp": 3},
            ),
            ours="it rests until the clock has passed the last slot again",
            cronjob=Elsewhere("it rests until the clock has passed the last slot again", "k8s-missed"),
        ),
        Case(
            id="deleted",
            situation="the schedule is being deleted",
            proof=Story(
                story=lambda w: _deleted(w.tick("09:00").runs(NINE)).tick("10:00"),
                started=("09:00",),
            ),
            ours="nothing starts; its Jobs and pods are deleted with it",
            cronjob=Elsewhere("nothing starts; Jobs are owned by it", "k8s-owner"),
            furiko=Elsewhere("Jobs are owned by it", "furiko-name"),
            temporal=Elsewhere("running workflows go on", "temporal-delete"),
        ),
    ),
)


def _deferred(world: World) -> World:
    """The slot of 09:00 waits for the API server."""
    world.tick("08:45")
    world.creates = Start("Deferred", until=utc("09:05"), message="the API server is away")
    world.tick("09:00")
    world.creates = None
    return world


def _deleted(world: World) -> World:
    world.raw["metadata"]["deletionTimestamp"] = "2026-11-22T09:30:00Z"
    return world
