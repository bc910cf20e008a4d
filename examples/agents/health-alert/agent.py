"""Alerts when a service fails, once; once more when it is down for long; and says when it has recovered.

CHECK_URL is what must answer. The context may set `{"criticalAfterMinutes": 30}`. A service that is down is a finding,
not a failed run: retries and holds are for an agent that does not work itself.
"""

import http.client
import os
import urllib.request
from datetime import datetime

from agentschedule.agent import Run

TIMEOUT = 10
"""Seconds."""


def trouble(url: str) -> str:
    """Why the service does not answer well; empty where it does."""
    try:
        urllib.request.urlopen(url, timeout=TIMEOUT).close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(error)
    return ""


def main() -> None:
    """State: since when it is down, and whether the second alert was given; nothing while it is well."""
    with Run() as run:
        run.spend(0)  # no language model is called
        now, down = run.scheduled_at, run.state.get("down")
        wrong = trouble(os.environ["CHECK_URL"])
        minutes = (now - datetime.fromisoformat(down)).total_seconds() / 60 if down else 0
        late = minutes >= run.context.get("criticalAfterMinutes", 30)
        if not wrong and down:
            summary = f"Recovered after {minutes:.0f} minutes."
            run.finish(summary, state={}, alert={"severity": "info", "message": summary})
        elif not wrong:
            run.finish("Well.", state={})
        elif not down:
            run.finish(f"Down: {wrong}.", state={"down": now.isoformat()}, alert=f"Down: {wrong}.")
        elif late and not run.state.get("critical"):
            summary = f"Still down after {minutes:.0f} minutes: {wrong}."
            alert = {"severity": "critical", "message": summary}
            run.finish(summary, state={"down": down, "critical": True}, alert=alert)
        else:
            run.finish(f"Still down, for {minutes:.0f} minutes: {wrong}.")


if __name__ == "__main__":
    main()
