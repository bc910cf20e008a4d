"""Cases of slots that are not wanted: within a blackout, or named by the annotation `skip`."""

from tests.unit.planning.builders import slot_id

from .model import Case, Elsewhere, Group, Story

NINE = slot_id("09:00")
LATE = {"start": "10:30", "end": "11:30"}
MORNING = {"name": "morning", "hours": {"start": "09:30", "end": "11:00"}}
LONG_MORNING = {"name": "deploy", "hours": {"start": "09:30", "end": "11:30"}, "action": "Defer"}

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
                skips={"Blackout": 1, "Concurrency": 1},
            ),
            ours="it waits for the end; a slot that is due then finds it active",
        ),
        Case(
            id="blackout-manual",
            situation="a manual run inside a blackout",
            spec={"blackouts": [MORNING]},
            proof=Story(
                story=lambda w: w.tick("09:00").ends(NINE).tick("09:10").request("now", created="10:30").tick("10:30"),
                started=("09:00", "manual at 10:30"),
                skips={"Blackout": 1},
            ),
            ours="runs",
            temporal=Elsewhere("runs: exclusions are the spec's", "temporal-patch"),
        ),
        Case(
            id="blackout-catch-up",
            situation="the operator comes back within a blackout; the slot it missed lies before it",
            spec={"schedule": "0 9,11 * * *", "blackouts": [MORNING]},
            proof=Story(
                story=lambda w: w.tick("08:45").tick("09:40").tick("11:00"),
                started=("11:00",),
                skips={"Blackout": 1},
                shows={"skips.Blackout.first": "2026-11-22T09:00:00Z"},
            ),
            ours="skipped: nothing is made up for within one",
        ),
        Case(
            id="blackout-defer-catch-up",
            situation="the same with `action: Defer`",
            spec={"schedule": "0 9 * * *", "blackouts": [LONG_MORNING]},
            proof=Story(
                story=lambda w: w.tick("08:45").tick("09:40").tick("11:30"),
                started=("09:00 at 11:30, CatchUp",),
            ),
            ours="it starts at the window's end",
        ),
        Case(
            id="blackout-queued",
            situation="a place gets free within a blackout, and a slot waits for it",
            spec={"concurrencyPolicy": "Queue", "blackouts": [{**MORNING, "hours": LATE}]},
            proof=Story(
                story=lambda w: w.tick("09:00").runs(NINE).tick("10:00").tick("10:29").ends(NINE).tick("10:40"),
                started=("09:00",),
                skips={"Blackout": 1},
            ),
            ours="skipped; with `Defer` it waits on",
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
    ),
)
