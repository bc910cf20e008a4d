"""Cases of slots that are due while runs are active."""

from tests.unit.planning.builders import slot_id

from .model import Case, Elsewhere, Group, Story

NINE = slot_id("09:00")

CONCURRENCY = Group(
    title="How many at once",
    cases=(
        Case(
            id="default-policy",
            situation="a slot is due while a run is active; no policy given",
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE).tick("10:00"),
                started=("09:00",),
                skips={"Concurrency": 1},
            ),
            ours="`Forbid`: skipped and counted",
            cronjob=Elsewhere("`Allow`: both run", "k8s-page"),
            furiko=Elsewhere("a policy must be given", "furiko-jobconfig"),
            temporal=Elsewhere("`Skip`: skipped and counted", "temporal-page"),
            why="two runs of one agent cost twice and work against each other",
        ),
        Case(
            id="forbid-and-then",
            situation="`Forbid`: the active run ends later",
            spec={"concurrencyPolicy": "Forbid"},
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE).tick("10:00").ends(NINE).tick("10:20").tick("11:00"),
                started=("09:00", "11:00"),
                skips={"Concurrency": 1},
            ),
            ours="what was skipped stays skipped",
            cronjob=Elsewhere("the skipped slot starts then, within its starting deadline", "k8s-sync"),
            furiko=Elsewhere("what was skipped stays skipped", "furiko-reconciler"),
            temporal=Elsewhere("what was skipped stays skipped", "temporal-buffer"),
            why="skipped means skipped",
        ),
        Case(
            id="limit-of-two",
            situation="`maxConcurrentRuns: 2`, three slots",
            spec={"maxConcurrentRuns": 2},
            proof=Story(
                story=lambda w: w.tick("09:00").tick("10:00").tick("11:00"),
                started=("09:00", "10:00"),
                skips={"Concurrency": 1},
            ),
            ours="two run, the third is skipped",
            cronjob=Elsewhere("one or no limit", "k8s-fields"),
            furiko=Elsewhere("two run, the third is skipped", "furiko-reconciler"),
            temporal=Elsewhere("one or no limit", "temporal-page"),
        ),
        Case(
            id="allow",
            situation="`Allow`",
            spec={"concurrencyPolicy": "Allow"},
            proof=Story(
                story=lambda w: w.tick("09:00").tick("10:00").tick("11:00"), started=("09:00", "10:00", "11:00")
            ),
            ours="all run",
            cronjob=Elsewhere("all run", "k8s-page"),
            furiko=Elsewhere("all run", "furiko-jobconfig"),
            temporal=Elsewhere("all run (`AllowAll`)", "temporal-page"),
        ),
        Case(
            id="replace-waits",
            situation="`Replace`: the old pod takes a minute to end",
            spec={"concurrencyPolicy": "Replace"},
            proof=Story(
                story=lambda w: (
                    w.tick("09:00").runs(NINE).tick("10:00").tick("10:00:30").ends(NINE, code=143).lose(NINE)
                ).tick("10:01"),
                started=("09:00", "10:00 at 10:01"),
                stopped=("09:00 Replaced",),
                shows={f"runs.{NINE[5:]}.phase": "Replaced", "consecutiveFailures": 0},
            ),
            ours="the new run starts when the old pod is gone; Replaced is no failure",
            cronjob=Elsewhere("the old Job is deleted and the new one made at once", "k8s-sync"),
            furiko=Elsewhere("has no Replace", "furiko-jobconfig"),
            temporal=Elsewhere(
                "`CancelOther` waits for the old one's end; `TerminateOther` does not let it finish", "temporal-page"
            ),
            why="two pods of one agent never run together",
        ),
        Case(
            id="replace-deadline",
            situation="`Replace`, and the old pod outlasts the new slot's starting deadline",
            spec={"concurrencyPolicy": "Replace", "startingDeadlineSeconds": 120},
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE).tick("10:00").tick("10:02:01"),
                started=("09:00",),
                stopped=("09:00 Replaced",),
                skips={"DeadlineMissed": 1},
            ),
            ours="the new slot is skipped, DeadlineMissed",
        ),
        Case(
            id="retry-takes-a-place",
            situation="a slot is due while another waits for its next attempt",
            spec={"retry": {"backoff": "30m", "maxBackoff": "30m"}},
            proof=Story(
                story=lambda w: w.tick("09:00").tick("09:50").ends(NINE, code=1).tick("09:50").tick("10:00"),
                started=("09:00",),
                skips={"Concurrency": 1},
            ),
            ours="the run under retry counts as active: skipped",
            cronjob=Elsewhere("the Job under retry is active", "k8s-sync"),
        ),
        Case(
            id="manual-at-limit",
            situation="a manual run is asked for while a run is active",
            proof=Story(
                story=lambda w: w.tick("09:00").request("now").tick("09:01").ends(NINE).tick("09:10"),
                started=("09:00", "manual at 09:10"),
                requests={"now": "Pending"},
            ),
            ours="it waits for a place, whatever the policy",
            furiko=Elsewhere("`Forbid` rejects it, `Enqueue` lets it wait", "furiko-queue"),
            temporal=Elsewhere("its own overlap policy decides", "temporal-patch"),
            why="a person's wish is not dropped",
        ),
    ),
)
