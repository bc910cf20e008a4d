"""The deep search: `make test-deep MINUTES=30`. Tells random stories until the time is up, then prints figures."""

import sys
import time
from collections.abc import Callable

from .profile import DEEP
from .test_crashes import test_a_crash_at_each_request
from .test_leaders import (
    test_an_old_leader_goes_on_after_each_request,
    test_each_request_takes_effect_though_the_client_gave_it_up,
)
from .test_oracle import test_a_quiet_system_runs_what_the_wall_says
from .test_stories import test_any_story, test_any_story_at_the_ceilings, test_any_trouble
from .world import FIGURES

ALWAYS: tuple[Callable[[], object], ...] = (
    test_any_story,
    test_any_trouble,
    test_any_story_at_the_ceilings,
    test_any_trouble,
    test_a_quiet_system_runs_what_the_wall_says,
)
ONCE: tuple[Callable[[], object], ...] = (
    test_a_crash_at_each_request,
    test_each_request_takes_effect_though_the_client_gave_it_up,
    test_an_old_leader_goes_on_after_each_request,
)


LONG = 1800
"""Seconds from which a search is long enough for the batches that take minutes each."""

FIGURED = ("stories", "schedules", "Jobs", "runs", "skips", "holds", "doubles", "operators", "crashes", "faults")
COUNTED = ("slots due", "of these run", "skipped", "lost")


def search(seconds: float) -> None:
    """Run batches until the time is up; raises at the first broken promise. The last batch is finished."""
    end = time.monotonic() + seconds
    waiting = list(ONCE) if seconds >= LONG else []
    while time.monotonic() < end:
        for batch in (*ALWAYS, *waiting[:1]):
            if time.monotonic() >= end:
                return
            batch()
        waiting = waiting[1:]


def _say(text: object) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> int:
    """Search for the minutes given as argument."""
    if not DEEP:
        _say("set HYPOTHESIS_PROFILE=deep")
        return 2
    started = time.monotonic()
    failed = False
    try:
        search(60 * float(sys.argv[1]))
    except AssertionError as error:
        failed = True
        _say(error)
        _say("\n".join(getattr(error, "__notes__", ())))
    minutes = (time.monotonic() - started) / 60
    told = FIGURES["stories"]
    _say(f"in {minutes:.1f} min: " + ", ".join(f"{FIGURES[what]} {what}" for what in FIGURED))
    _say("where nobody touched the schedule: " + ", ".join(f"{FIGURES[what]} {what}" for what in COUNTED))
    _say(f"{told / minutes:.0f} stories a minute; " + ("A PROMISE WAS BROKEN" if failed else "no promise was broken"))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
