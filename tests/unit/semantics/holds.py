"""Cases of schedules that are held: after failures, for good, until a person says so."""

from tests.unit.planning.builders import World, slot_id

from .model import Case, Elsewhere, Group, Story, Told

NINE, THIRTEEN = slot_id("09:00"), slot_id("13:00")
HELD = {"phase": "Held", "hold.reason": "ConsecutiveFailures", "conditions.Suspended.reason": "ConsecutiveFailures"}

HOLDS = Group(
    title="Holds after failures",
    cases=(
        Case(
            id="held",
            situation="three slots in a row fail (`pauseAfterFailures`, default 3)",
            proof=Story(
                story=lambda w: _three_failures(w).tick("12:00"), started=("09:00", "10:00", "11:00"), shows=HELD
            ),
            ours="held until somebody resumes it; slots that pass are gone",
            cronjob=Elsewhere("goes on", "k8s-fields"),
            furiko=Elsewhere("goes on", "furiko-jobconfig"),
            temporal=Elsewhere("`PauseOnFailure`: paused after the first failure", "temporal-page"),
            why="one failure is often chance, three seldom",
        ),
        Case(
            id="held-and-resumed",
            situation="resumed with `agentschedule.dev/resume: HOLD-ID`, and the next slot fails",
            proof=Story(
                story=lambda w: (
                    _resume(_three_failures(w)).tick("13:00").ends(THIRTEEN, code=1).tick("13:05").tick("14:00")
                ),
                started=("09:00", "10:00", "11:00", "13:00"),
                shows=HELD,
            ),
            ours="probation: held again at once",
        ),
        Case(
            id="probation-passed",
            situation="resumed, and the next slot succeeds",
            proof=Story(
                story=lambda w: _resume(_three_failures(w)).tick("13:00").ends(THIRTEEN).tick("13:05").tick("14:00"),
                started=("09:00", "10:00", "11:00", "13:00", "14:00"),
                shows={"phase": "Active", "hold": None, "consecutiveFailures": 0},
            ),
            ours="probation is over",
        ),
        Case(
            id="resume-replayed",
            situation="the annotation names no present hold (an old manifest is applied again)",
            proof=Story(
                story=lambda w: _three_failures(w).annotate(resume="0123456789").tick("12:30").tick("13:00"),
                started=("09:00", "10:00", "11:00"),
                shows=HELD,
            ),
            ours="nothing happens",
        ),
        Case(
            id="replaced-is-no-failure",
            situation="two slots fail, a third is cancelled, a fourth fails",
            proof=Story(
                story=lambda w: (
                    (_failures(w, "09:00", "10:00").tick("11:00").lose(slot_id("11:00"), pod=False).tick("11:10"))
                    .tick("12:00")
                    .ends(slot_id("12:00"), code=1)
                    .tick()
                ),
                started=("09:00", "10:00", "11:00", "12:00"),
                shows=HELD,
            ),
            ours="held: what was cancelled or replaced is neither a failure nor a success",
        ),
        Case(
            id="probation-outlasts-an-edit",
            situation="resumed; the spec is edited, then the next slot fails",
            proof=Story(
                story=lambda w: (
                    (_resume(_three_failures(w)).edit(input="other").tick("12:40").tick("13:00").ends(THIRTEEN, code=1))
                    .tick("13:05")
                    .tick("14:00")
                ),
                started=("09:00", "10:00", "11:00", "13:00"),
                shows=HELD,
            ),
            ours="held again at once: only a success ends the probation",
        ),
        Case(
            id="never-held",
            situation="`pauseAfterFailures: 0`",
            spec={"pauseAfterFailures": 0},
            proof=Story(
                story=lambda w: _three_failures(w).tick("12:00"),
                started=("09:00", "10:00", "11:00", "12:00"),
                shows={"phase": "Active", "consecutiveFailures": 3},
            ),
            ours="never held",
        ),
        Case(
            id="manual-while-held",
            situation="a manual run while held",
            proof=Story(
                story=lambda w: _three_failures(w).tick("12:00").request("now").tick("12:10"),
                started=("09:00", "10:00", "11:00", "manual at 12:10"),
                shows=HELD,
            ),
            ours="runs; the hold stays",
            temporal=Elsewhere("runs", "temporal-page"),
        ),
    ),
)

DEAD_LETTER = Group(
    title="Dead letter",
    cases=(
        Case(
            id="dead-letter-one-shot",
            situation="`at` fails, and no attempt is left",
            spec={"schedule": None, "at": "2026-11-22T09:00:00Z", "retry": {"limit": 0}},
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE, code=1).tick("09:05"),
                started=("09:00",),
                shows={"phase": "DeadLetter", "hold.reason": "DeadLetter"},
            ),
            ours="DeadLetter: it waits for a person",
        ),
        Case(
            id="dead-letter-resumed",
            situation="a recurring schedule is resumed",
            spec={"retry": {"limit": 0, "onExhausted": "DeadLetter"}},
            proof=Story(
                story=lambda w: _resume(_failures(w, "09:00")).tick("13:00"),
                started=("09:00", "13:00"),
                shows={"phase": "Active", "hold": None, "consecutiveFailures": 0},
            ),
            ours="goes on with the next slot, without probation: the next failed one stops it in any case",
        ),
        Case(
            id="dead-letter-recurring",
            situation="`onExhausted: DeadLetter`, and all attempts of one slot fail",
            spec={"retry": {"limit": 0, "onExhausted": "DeadLetter"}},
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE, code=1).tick("09:05").tick("10:00"),
                started=("09:00",),
                shows={"phase": "DeadLetter", "hold.reason": "DeadLetter"},
            ),
            ours="the schedule stops and waits for a person",
        ),
    ),
)


def _three_failures(world: Told) -> Told:
    return _failures(world, "09:00", "10:00", "11:00")


def _failures(world: Told, *hours: str) -> Told:
    world.tick("08:45")
    for hour in hours:
        world.tick(hour)
        world.ends(slot_id(hour), code=1).tick()
    return world


def _resume(world: Told) -> World:
    world.tick("12:00")
    return world.annotate(resume=str(world.shown("hold.id"))).tick("12:30")
