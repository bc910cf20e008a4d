"""Cases to come of slots that wait: caught up one after another, queued, deferred by a blackout, skipped by wish."""

from tests.unit.planning.builders import slot_id

from .model import Case, Elsewhere, Group, Story

NINE, TEN, ELEVEN = slot_id("09:00"), slot_id("10:00"), slot_id("11:00")
ALL = {"catchUp": "All"}
MORNING = {"name": "morning", "hours": {"start": "09:30", "end": "11:00"}}
LONG_MORNING = {"name": "deploy", "hours": {"start": "09:30", "end": "11:30"}, "action": "Defer"}

CATCH_UP_ALL = Group(
    title="Missed slots, all of them",
    cases=(
        Case(
            id="catch-up-all",
            situation="`catchUp: All`, down for four slots",
            spec=ALL,
            proof=Story(
                story=lambda w: (
                    w.tick("08:45").tick("12:20").ends(NINE).tick("12:25").ends(TEN).tick("12:30").ends(ELEVEN)
                ).tick("12:35"),
                started=(
                    "09:00 at 12:20, CatchUp",
                    "10:00 at 12:25, CatchUp",
                    "11:00 at 12:30, CatchUp",
                    "12:00 at 12:35, CatchUp",
                ),
            ),
            ours="all run, oldest first, each when no run is active",
            cronjob=Elsewhere("only the newest", "k8s-missed"),
            furiko=Elsewhere("up to 5, for all schedules of the cluster alike", "furiko-config"),
            temporal=Elsewhere("`BufferAll`: one after another, up to 1000", "temporal-limits"),
        ),
        Case(
            id="catch-up-limit",
            situation="more than `catchUpLimit`",
            spec={**ALL, "catchUpLimit": 2},
            proof=Story(
                story=lambda w: w.tick("08:45").tick("12:20"),
                started=("11:00 at 12:20, CatchUp",),
                skips={"CatchUp": 2},
                shows={"skips.CatchUp.first": "2026-11-22T09:00:00Z", "skips.CatchUp.last": "2026-11-22T10:00:00Z"},
            ),
            ours="the oldest are skipped, CatchUp",
            furiko=Elsewhere("the newest are left out", "furiko-worker"),
            why="of what is left out, the older ones matter less",
        ),
        Case(
            id="catch-up-all-allow",
            situation="`catchUp: All` with `Allow`",
            spec={**ALL, "concurrencyPolicy": "Allow"},
            proof=Story(
                story=lambda w: w.tick("08:45").tick("11:20").tick("11:30"),
                started=("09:00 at 11:20, CatchUp",),
            ),
            ours="still one after another",
            temporal=Elsewhere("`AllowAll`: all at once", "temporal-buffer"),
            why="an outage is not followed by a crowd",
        ),
    ),
)

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

BLACKOUTS = Group(
    title="Blackouts and single slots",
    cases=(
        Case(
            id="blackout-skip",
            situation="slots from 09:30 to 11:00 are blacked out",
            spec={"blackouts": [MORNING]},
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE).tick("09:10").tick("10:00").tick("11:00"),
                started=("09:00", "11:00"),
                skips={"Blackout": 1},
                shows={"skips.Blackout.name": "morning"},
            ),
            ours="skipped, Blackout, with the entry's name; the end is not in it",
            cronjob=Elsewhere("has none", "k8s-fields"),
            furiko=Elsewhere("has only `notBefore` and `notAfter`", "furiko-jobconfig"),
            temporal=Elsewhere("calendars to exclude", "temporal-page"),
        ),
        Case(
            id="blackout-defer",
            situation="`action: Defer`, two slots in the window",
            spec={"blackouts": [LONG_MORNING]},
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE).tick("09:10").tick("10:00").tick("11:00").tick("11:30"),
                started=("09:00", "11:00 at 11:30"),
                skips={"Blackout": 1},
            ),
            ours="the newest runs at the window's end, the other is skipped",
        ),
        Case(
            id="blackout-skip-wins",
            situation="a Skip and a Defer cover the same slot",
            spec={"blackouts": [LONG_MORNING, MORNING]},
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE).tick("09:10").tick("10:00").tick("10:50"),
                started=("09:00",),
                skips={"Blackout": 1},
                shows={"skips.Blackout.name": "morning"},
            ),
            ours="skipped",
        ),
        Case(
            id="blackout-retry",
            situation="the next attempt is due inside a blackout",
            spec={"retry": {"backoff": "40m", "maxBackoff": "40m"}, "blackouts": [MORNING]},
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE, code=1).tick("09:00:01").tick("09:50").tick("11:00"),
                started=("09:00", "09:00 attempt 2 at 11:00"),
                skips={"Concurrency": 1},
            ),
            ours="it waits for the end",
        ),
        Case(
            id="blackout-manual",
            situation="a manual run inside a blackout",
            spec={"blackouts": [MORNING]},
            proof=Story(
                story=lambda w: w.tick("08:45").request("now", created="10:30").tick("10:30"),
                started=("manual at 10:30",),
                skips={"CatchUp": 1, "Blackout": 1},
            ),
            ours="runs",
            temporal=Elsewhere("runs: exclusions are the spec's", "temporal-patch"),
        ),
        Case(
            id="skip-annotation",
            situation="`agentschedule.dev/skip` names a slot",
            proof=Story(
                story=lambda w: (
                    w.tick("08:45").annotate(skip="2026-11-22T10:00:00Z").tick("09:00").ends(NINE).tick("10:00")
                ).tick("11:00"),
                started=("09:00", "11:00"),
                skips={"Requested": 1},
            ),
            ours="skipped, Requested; no other",
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
    ),
)
