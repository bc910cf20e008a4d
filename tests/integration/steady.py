"""Schedules that are due each second, so that whatever happens hits some slots; and what became of every slot."""

import json
from collections import Counter
from datetime import datetime

from tests.resources import Place, say, schedule

_EVERYTHING = {"runHistoryLimit": 100, "successfulJobsHistoryLimit": 100, "failedJobsHistoryLimit": 100}


class Steady:
    """Some such schedules, which keep all their Jobs."""

    def __init__(self, place: Place, count: int = 3) -> None:
        self._place = place
        self.names = [f"steady-{n}" for n in range(count)]
        for name in self.names:
            place.apply(schedule(name, say("x", "0.01"), every="1s", concurrencyPolicy="Allow", **_EVERYTHING))

    def end(self) -> None:
        """No more slots; wait until all that runs has ended and is recorded."""
        place = self._place
        for name in self.names:
            place("patch", "agentschedule", name, "--type=merge", "-p", json.dumps({"spec": {"suspend": True}}))
        place.wait("suspension", lambda: all(place.status(name).get("phase") == "Paused" for name in self.names))
        place.wait("the last runs' ends", lambda: not any(place.status(name)["activeCount"] for name in self.names))

    def check_every_slot(self) -> None:
        """Each slot up to the cursor has one Job or is counted as skipped; status agrees with the Jobs."""
        for name in self.names:
            self._check(name)

    def _check(self, name: str) -> None:
        place = self._place
        status, jobs = place.status(name), place.jobs_of(name)
        slots = Counter(job["metadata"]["annotations"]["agentschedule.dev/scheduled-at"] for job in jobs)
        assert max(slots.values()) == 1
        created = datetime.fromisoformat(place.get("agentschedule", name)["metadata"]["creationTimestamp"])
        handled = datetime.fromisoformat(status["scheduling"]["handledThrough"])
        skipped = sum(skip["count"] for skip in status.get("skips", ()))
        assert len(slots) + skipped == (handled - created).total_seconds()
        assert {run["scheduledAt"] for run in status["runs"]} == set(slots)
        assert status["totals"]["succeeded"] == len(slots)
        assert float(status["totals"]["costUSD"]) == round(0.01 * len(slots), 2)
