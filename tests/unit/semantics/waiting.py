"""Cases of slots that wait: in the schedule's own queue, and for their turn over all schedules."""

from agentschedule.planning.observed import Start
from tests.unit.planning.builders import World, slot_id

from .model import Case, Elsewhere, Group, Story

NINE, TEN = slot_id("09:00"), slot_id("10:00")

QUEUE = Group(
    title="Queue",
    cases=(
        Case(
            id="queue-waits",
            situation="`Queue`: a slot is due while a run is active",
            spec={"concurrencyPolicy": "Queue"},
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE).tick("10:00").ends(NINE).tick("10:20"),
                started=("09:00", "10:00 at 10:20"),
            ),
            ours="it waits in `status.queued` and starts when a place is free",
            cronjob=Elsewhere("has no queue; its `Forbid` keeps one slot", "k8s-sync"),
            furiko=Elsewhere("`Enqueue`: a Job is made and waits", "furiko-queue"),
            temporal=Elsewhere("`BufferOne`", "temporal-buffer"),
        ),
        Case(
            id="queue-full",
            situation="more than `maxQueuedRuns` (1) wait",
            spec={"concurrencyPolicy": "Queue"},
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE).tick("10:00").tick("11:00").ends(NINE).tick("11:20"),
                started=("09:00", "10:00 at 11:20"),
                skips={"QueueFull": 1},
                shows={"skips.QueueFull.first": "2026-11-22T11:00:00Z"},
            ),
            ours="the one that comes last is skipped, QueueFull",
            furiko=Elsewhere("not created beyond 20 (a setting)", "furiko-config"),
            temporal=Elsewhere("`BufferOne`: the one that comes last is skipped", "temporal-buffer"),
        ),
        Case(
            id="queue-order",
            situation="two wait",
            spec={"concurrencyPolicy": "Queue", "maxQueuedRuns": 2},
            proof=Story(
                story=lambda w: (
                    w.tick("09:00").runs(NINE).tick("10:00").tick("11:00").ends(NINE).tick("11:20").ends(TEN)
                ).tick("11:40"),
                started=("09:00", "10:00 at 11:20", "11:00 at 11:40"),
            ),
            ours="oldest first",
            furiko=Elsewhere("oldest first", "furiko-queue"),
            temporal=Elsewhere("`BufferAll`: oldest first", "temporal-buffer"),
        ),
        Case(
            id="queue-deadline",
            situation="it waits longer than `startingDeadlineSeconds`",
            spec={"concurrencyPolicy": "Queue", "startingDeadlineSeconds": 600},
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE).tick("10:00").tick("10:10:01").ends(NINE).tick("10:20"),
                started=("09:00",),
                skips={"DeadlineMissed": 1},
            ),
            ours="skipped, DeadlineMissed",
        ),
    ),
)


CEILINGS = Group(
    title="Ceilings over all schedules",
    cases=(
        Case(
            id="ceiling-waits",
            situation="as many runs are active over all schedules as may be; `catchUp: None`",
            spec={"catchUp": "None"},
            proof=Story(
                story=lambda w: _granted(_full(w, "09:00").tick("09:10").tick("09:30")).tick("09:40"),
                started=("09:00", "09:00 at 09:40"),
            ),
            ours="it waits for its turn, however long: it is not skipped, and was not missed",
            cronjob=Elsewhere("has no ceiling of its own", "k8s-fields"),
            furiko=Elsewhere("counts only the Jobs of one JobConfig", "furiko-queue"),
        ),
        Case(
            id="ceiling-deadline",
            situation="it waits longer than `startingDeadlineSeconds`",
            spec={"startingDeadlineSeconds": 600},
            proof=Story(
                story=lambda w: _full(w, "09:00").tick("09:10").tick("09:10:01"),
                started=("09:00",),
                skips={"DeadlineMissed": 1},
            ),
            ours="skipped, DeadlineMissed",
        ),
        Case(
            id="ceiling-next-slot",
            situation="the schedule's next slot is due while one waits for its turn",
            proof=Story(
                story=lambda w: _granted(_full(w, "09:00").tick("10:05")).tick("10:06"),
                started=("09:00", "09:00 at 10:06"),
                skips={"Concurrency": 1},
            ),
            ours="it is decided when the first has started: here it is skipped, as that is active then",
        ),
        Case(
            id="ceiling-suspended",
            situation="suspended while a slot waits for its turn",
            proof=Story(
                story=lambda w: _full(w, "09:00").edit(suspend=True).tick("09:20"),
                started=("09:00",),
                skips={"Requested": 1},
                shows={"phase": "Paused"},
            ),
            ours="it gives its turn up and is counted, Requested",
        ),
        Case(
            id="ceiling-edited-otherwise",
            situation="the input is edited while a slot waits for its turn; `catchUp: None`",
            spec={"catchUp": "None"},
            proof=Story(
                story=lambda w: _granted(_full(w, "09:00").edit(input="other").tick("09:30")).tick("09:40"),
                started=("09:00", "09:00 at 09:40"),
            ),
            ours="it keeps its turn, and runs with the new input",
        ),
        Case(
            id="ceiling-edited-times",
            situation="the times are edited while a slot waits for its turn",
            proof=Story(
                story=lambda w: _full(w, "09:00").edit(schedule="0 3 * * *").tick("09:30").tick("10:00"),
                started=("09:00",),
                skips={"Requested": 1},
            ),
            ours="it gives its turn up and is counted, Requested",
        ),
        Case(
            id="ceiling-manual",
            situation="a manual run at the ceiling",
            proof=Story(
                story=lambda w: _full(w.tick("08:45").request("now"), "08:50").tick("08:55"),
                started=("manual at 08:50",),
                requests={"now": "Pending"},
                shows={"activeCount": 0},
            ),
            ours="waits for its turn like a slot of the time at which it was asked for; its message says so",
        ),
    ),
)


def _full(world: World, at: str) -> World:
    """From now on no Job is made, as too many runs are active."""
    world.creates = Start("Queued", message="waits for its turn: 20 of 20 runs are active in all namespaces")
    return world.tick(at)


def _granted(world: World) -> World:
    """The turn of what waits has come."""
    world.creates = None
    world.starts = {name: Start("Granted", trigger="Schedule") for name in world.starts}
    return world
