"""Cases of runs that fail, are cut short, or hand something on."""

from tests.unit.planning.builders import World, slot_id

from .model import Case, Elsewhere, Group, Story, Told

NINE, TEN = slot_id("09:00"), slot_id("10:00")

FAILURES = Group(
    title="Failures",
    cases=(
        Case(
            id="no-retry",
            situation="the agent fails; no `retry` in the spec",
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE, code=1).tick("09:30"),
                started=("09:00",),
                shows={"newest.phase": "Failed", "consecutiveFailures": 1},
            ),
            ours="it has failed; nothing is tried again",
            cronjob=Elsewhere("the Job tries it up to 6 times more", "k8s-job"),
            furiko=Elsewhere("nothing is tried again (`maxAttempts: 1`)", "furiko-job"),
            temporal=Elsewhere("the workflow's own retry policy", "temporal-start"),
            why="a run that may have spent money is not repeated unasked",
        ),
        Case(
            id="backoff",
            situation="`retry: {limit: 2, backoff: 60s}`, every attempt fails",
            spec={"schedule": "0 9 * * *", "retry": {"limit": 2, "backoff": "60s"}},
            proof=Story(
                story=lambda w: _fails(w, 3),
                started=("09:00", "09:00 attempt 2 at 09:00:56", "09:00 attempt 3 at 09:02:46"),
                shows={"newest.phase": "Failed", "newest.attempt": 3, "totals.failed": 1, "consecutiveFailures": 1},
            ),
            ours="two further attempts, each a Job of its own, after 60 and 120 s less up to a tenth; one failed run",
            cronjob=Elsewhere("new pods of one Job after 10, 20, 40 s …, at most 6 min", "k8s-job"),
            furiko=Elsewhere("new tasks after a fixed `retryDelaySeconds`", "furiko-job"),
            temporal=Elsewhere("the workflow's own retry policy", "temporal-start"),
        ),
        Case(
            id="timed-out",
            situation="the run exceeds its deadline",
            spec={"retry": {}},
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE, code=143, reason="DeadlineExceeded").tick("09:30"),
                started=("09:00",),
                shows={"newest.phase": "TimedOut", "consecutiveFailures": 1},
            ),
            ours="TimedOut: a failure, tried again only if `retryOn` names it",
            cronjob=Elsewhere("the Job's own deadline fails it for good", "k8s-job"),
        ),
        Case(
            id="evicted",
            situation="the pod is evicted or preempted; the limit of attempts is used up",
            spec={"retry": {"limit": 0, "backoff": "10s"}},
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE, code=137, disrupted=True).tick("09:00:01").tick("09:00:11"),
                started=("09:00", "09:00 attempt 2 at 09:00:11"),
            ),
            ours="tried again without counting, up to 5 times",
            cronjob=Elsewhere("a new pod; the failed one counts towards `backoffLimit`", "k8s-job"),
        ),
        Case(
            id="job-deleted",
            situation="somebody deletes a run's Job",
            spec={"retry": {}},
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE).tick("09:05").lose(NINE).tick("09:06").tick("09:30"),
                started=("09:00",),
                shows={"newest.phase": "Cancelled", "consecutiveFailures": 0, "activeCount": 0},
            ),
            ours="Cancelled: not tried again, no failure",
            cronjob=Elsewhere("an event MissingJob; it is forgotten", "k8s-sync"),
            temporal=Elsewhere("cancelled and terminated workflows do not count as failures", "temporal-watch"),
        ),
        Case(
            id="handed-on",
            situation="what the next run is told, after a failed one",
            proof=Story(
                story=lambda w: (
                    (w.tick("09:00").ends(NINE, result='{"summary": "fine", "state": {"page": 1}}').tick("09:30"))
                    .tick("10:00")
                    .ends(TEN, code=1, result='{"summary": "no luck"}')
                    .tick("10:30")
                ),
                started=("09:00", "10:00"),
                shows={"previous.phase": "Failed", "previous.summary": "no luck", "previous.state.page": 1},
            ),
            ours="the newest run's summary, and the latest state that any run reported",
            temporal=Elsewhere("the last success' result, and the last failure", "temporal-page"),
        ),
    ),
)


def _fails(world: Told, attempts: int) -> World:
    world.tick("09:00")
    for attempt in range(1, attempts + 1):
        world.ends(slot_id("09:00", attempt), code=1).tick()
        if world.wake_at is not None and attempt < attempts:
            world.tick(world.wake_at)
    return world
