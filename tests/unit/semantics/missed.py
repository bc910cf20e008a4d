"""Cases of slots that nobody could start in time."""

from agentschedule.planning.observed import Start
from tests.unit.planning.builders import World, slot_id, utc

from .model import Case, Elsewhere, Group, Story, Told

NINE, TEN, ELEVEN = slot_id("09:00"), slot_id("10:00"), slot_id("11:00")

MISSED = Group(
    title="Missed slots",
    cases=(
        Case(
            id="missed-one",
            situation="the operator is down when one slot is due",
            proof=Story(story=lambda w: w.tick("08:45").tick("09:20"), started=("09:00 at 09:20, CatchUp",)),
            ours="it runs when the operator is back",
            cronjob=Elsewhere("it runs when the controller is back", "k8s-missed"),
            furiko=Elsewhere("it runs if it is not more than 300 s past (a setting)", "furiko-schedule"),
            temporal=Elsewhere("it runs, up to a year late (catchup window)", "temporal-page"),
        ),
        Case(
            id="missed-several",
            situation="down for several slots",
            proof=Story(
                story=lambda w: w.tick("08:45").tick("12:20"),
                started=("12:00 at 12:20, CatchUp",),
                skips={"CatchUp": 3},
                shows={"skips.CatchUp.first": "2026-11-22T09:00:00Z", "skips.CatchUp.last": "2026-11-22T11:00:00Z"},
            ),
            ours="the newest runs; the others are counted in `status.skips`",
            cronjob=Elsewhere("the newest runs; the others leave no trace", "k8s-missed"),
            furiko=Elsewhere("up to 5 run, oldest first", "furiko-worker"),
            temporal=Elsewhere(
                "the oldest runs; the others overlap with it and are skipped (`Skip`)", "temporal-buffer"
            ),
            why="an agent's newest slot does the work of the older ones",
        ),
        Case(
            id="missed-hundreds",
            situation="down for more than 100 slots",
            spec={"schedule": "* * * * *"},
            proof=Story(
                story=lambda w: w.tick("08:30").tick("18:30:30"),
                started=("18:30 at 18:30:30",),
                skips={"CatchUp": 599},
            ),
            ours="the same, however many",
            cronjob=Elsewhere("the newest runs, with a warning; the documentation says: none", "k8s-missed"),
            furiko=Elsewhere("at most 5", "furiko-worker"),
            temporal=Elsewhere("at most 1000 are buffered, the rest is dropped", "temporal-limits"),
        ),
        Case(
            id="catch-up-none",
            situation="`catchUp: None`",
            spec={"catchUp": "None"},
            proof=Story(story=lambda w: w.tick("08:45").tick("12:20"), skips={"CatchUp": 4}),
            ours="none is made up for; all are counted",
            furiko=Elsewhere("`maxMissedSchedules: 0`, for all, as documented", "furiko-config"),
            temporal=Elsewhere("a catchup window of 10 s at the least", "temporal-page"),
        ),
        Case(
            id="hardly-late",
            situation="back within `late_after` (60 s), with `catchUp: None`",
            spec={"catchUp": "None"},
            proof=Story(
                story=lambda w: w.tick("08:45").tick("12:00:50"),
                started=("12:00 at 12:00:50",),
                skips={"CatchUp": 3},
            ),
            ours="the newest is late, not missed: it runs",
        ),
        Case(
            id="catch-up-all",
            situation="`catchUp: All`, down for four slots",
            spec={"catchUp": "All"},
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
            spec={"catchUp": "All", "catchUpLimit": 2},
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
            spec={"catchUp": "All", "concurrencyPolicy": "Allow"},
            proof=Story(
                story=lambda w: w.tick("08:45").tick("11:20").tick("11:30"),
                started=("09:00 at 11:20, CatchUp",),
            ),
            ours="still one after another",
            temporal=Elsewhere("`AllowAll`: all at once", "temporal-buffer"),
            why="an outage is not followed by a crowd",
        ),
        Case(
            id="deadline-passed",
            situation="`startingDeadlineSeconds: 600`, 20 minutes late",
            spec={"startingDeadlineSeconds": 600},
            proof=Story(story=lambda w: w.tick("08:45").tick("09:20"), skips={"DeadlineMissed": 1}),
            ours="skipped, DeadlineMissed",
            cronjob=Elsewhere("not started; an event MissSchedule", "k8s-sync"),
            temporal=Elsewhere("the catchup window does this", "temporal-range"),
        ),
        Case(
            id="deadline-met",
            situation="exactly at the end of `startingDeadlineSeconds`",
            spec={"startingDeadlineSeconds": 600},
            proof=Story(story=lambda w: w.tick("08:45").tick("09:10"), started=("09:00 at 09:10, CatchUp",)),
            ours="runs",
            cronjob=Elsewhere("runs", "k8s-sync"),
        ),
        Case(
            id="one-shot-missed",
            situation="`at` passes while the operator is down",
            spec={"schedule": None, "at": "2026-11-22T09:00:00Z"},
            proof=Story(story=lambda w: w.tick("10:00"), started=("09:00 at 10:00, CatchUp",)),
            ours="runs when the operator is back",
        ),
        Case(
            id="api-server-away",
            situation="the Job cannot be created for some time (a quota, a webhook, the API server away)",
            proof=Story(
                story=lambda w: _deferred(w).tick("09:00:40"),
                started=("09:00", "09:00 at 09:00:40"),
            ),
            ours="tried again, until it runs or is missed",
            cronjob=Elsewhere("an event FailedCreate; tried again with back-off", "k8s-sync"),
        ),
        Case(
            id="job-refused",
            situation="the API server refuses the Job as invalid",
            proof=Story(
                story=lambda w: _refused(w).tick("10:00"),
                started=("09:00", "10:00"),
                skips={"Rejected": 1},
            ),
            ours="skipped, Rejected, with the API server's words; the next slot is tried again",
            cronjob=Elsewhere("an event FailedCreate; tried again with back-off", "k8s-sync"),
            why="what was refused is refused again; and it is counted",
        ),
    ),
)


def _deferred(world: Told) -> World:
    world.tick("08:45")
    world.creates = Start("Deferred", until=utc("09:00:40"), message="the API server is away")
    world.step("09:00")
    world.creates = None
    return world


def _refused(world: Told) -> World:
    world.tick("08:45")
    world.creates = Start("Rejected", message="the Job is invalid")
    world.tick("09:00")
    world.creates = None
    return world
