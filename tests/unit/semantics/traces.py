"""Cases of what is left after a run: names, status, history."""

from agentschedule.planning.observed import Start, Verdict
from tests.unit.planning.builders import World, slot_id

from .model import Case, Elsewhere, Group, Story, Told

NINE = slot_id("09:00")
MANUAL = "news-m00000001aa"

TRACES = Group(
    title="Names, restarts, history",
    cases=(
        Case(
            id="name-is-the-lock",
            situation="the operator ends after it created a Job and before it wrote that down",
            proof=Story(
                story=lambda w: _forgets(w.tick("09:00")).tick("09:00:10"),
                started=("09:00",),
                shows={f"runs.{NINE[5:]}.phase": "Pending", "scheduling.handledThrough": "2026-11-22T09:00:00Z"},
            ),
            ours="found by its name, which is made of the slot's second: it runs once",
            cronjob=Elsewhere("the same; the name has the slot's minute", "k8s-sync"),
            furiko=Elsewhere("the same; the name has the slot's second", "furiko-reconciler"),
            temporal=Elsewhere("the same; the workflow id has the time", "temporal-start"),
        ),
        Case(
            id="name-taken",
            situation="a Job of that name is there and is not ours",
            proof=Story(story=lambda w: _taken(w).tick("10:00"), started=("09:00", "10:00"), skips={"NameConflict": 1}),
            ours="skipped, NameConflict",
            cronjob=Elsewhere("nothing happens, nothing is told", "k8s-sync"),
            why="a slot that is lost leaves a trace",
        ),
        Case(
            id="one-shot-done",
            situation="the last slot has run",
            spec={"schedule": None, "at": "2026-11-22T09:00:00Z"},
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE).tick("09:10"),
                started=("09:00",),
                shows={"phase": "Complete", "conditions.Complete.reason": "NoMoreRuns"},
            ),
            ours="Complete; it stays until somebody deletes it",
            temporal=Elsewhere("removed after 7 days", "temporal-run"),
        ),
        Case(
            id="job-not-acceptable",
            situation="the API server would refuse the pod (a typo, Pod Security)",
            proof=Story(
                story=lambda w: _not_acceptable(w).tick("09:00"),
                shows={"phase": "Invalid", "conditions.Accepted.reason": "JobRejected"},
            ),
            ours="told when the schedule is applied: a dry run of the Job",
            cronjob=Elsewhere("the template is validated", "k8s-validation"),
        ),
        Case(
            id="manual-counts-nothing",
            situation="a manual run fails",
            proof=Story(
                story=lambda w: w.tick("08:40").request("now").tick("08:45").ends(MANUAL, code=1).tick("08:50"),
                started=("manual at 08:45",),
                shows={"consecutiveFailures": 0, "totals.failed": 1, "newest.trigger": "Manual"},
                requests={"now": "Failed"},
            ),
            ours="recorded; neither tried again nor counted as one of the failures in a row",
        ),
    ),
)


def _forgets(world: World) -> World:
    world.status = type(world.status)()
    return world


def _taken(world: Told) -> World:
    world.tick("08:45")
    world.creates = Start("NameConflict", message="it is not ours")
    world.tick("09:00")
    world.creates = None
    return world


def _not_acceptable(world: Told) -> World:
    world.answer = Verdict(0, problem='strict decoding error: unknown field "spec.template.spec.nodeSelektor"')
    return world.tick("08:45")
