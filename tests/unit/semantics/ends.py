"""Cases of schedules that end by themselves, and of runs that cannot start."""

from tests.unit.planning.builders import World, slot_id

from .model import Case, Elsewhere, Group, Story

NINE, TEN = slot_id("09:00"), slot_id("10:00")

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
    title="Runs that cannot start",
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
        Case(
            id="held-back-by-a-queue-system",
            situation="the same time passes while a queue system (Kueue) keeps the Job suspended",
            spec={"pendingDeadlineSeconds": 900},
            proof=Story(
                story=lambda w: w.tick("09:00").job(NINE, suspended=True).tick("09:40"),
                started=("09:00",),
                shows={"newest.phase": "Pending", "activeCount": 1},
            ),
            ours="does not count; the run is active",
        ),
        Case(
            id="shared-volume-missing",
            situation="`session.mode: SharedPersistent`, and the volume cannot be made (a quota)",
            spec={"session": {"mode": "SharedPersistent", "storage": {"size": "1Gi"}}},
            proof=Story(
                story=lambda w: _no_volume(w, "a quota of claims is used up").tick("09:00").tick("09:05"),
                shows={
                    "phase": "Active",
                    "conditions.Ready.status": "False",
                    "conditions.Ready.reason": "SessionVolume",
                },
            ),
            ours="nothing starts; `Ready` says why; it is tried again, and a due slot waits",
        ),
        Case(
            id="shared-volume-missing-and-suspended",
            situation="and the schedule is suspended while a slot waits for the volume",
            spec={"session": {"mode": "SharedPersistent", "storage": {"size": "1Gi"}}},
            proof=Story(
                story=lambda w: (
                    _no_volume(w, "a quota of claims is used up")
                    .tick("09:00")
                    .tick("09:05")
                    .edit(suspend=True)
                    .tick("09:10")
                ),
                skips={"Requested": 1},
            ),
            ours="it is counted, Requested",
        ),
        Case(
            id="shared-volume-there",
            situation="and later it can be made",
            spec={"session": {"mode": "SharedPersistent", "storage": {"size": "1Gi"}}},
            proof=Story(
                story=lambda w: (
                    _no_volume(_no_volume(w, "a quota of claims is used up").tick("09:00"), "")
                    .tick("09:05")
                    .tick("09:06")
                ),
                started=("09:00 at 09:05, CatchUp",),
                shows={"conditions.Ready.status": "True"},
            ),
            ours="the slot that waited runs",
        ),
    ),
)


def _no_volume(world: World, trouble: str) -> World:
    world.volume_trouble = trouble
    return world
