"""Checks a service at every heartbeat, and keeps the tally: how often it answered, and how slowly.

CHECK_URL is what must answer. Each iteration looks, adds to the tally in its state and sleeps until the next; the last
one gives the final report. The context may set `{"target": 0.99}`: an alert is given when the share falls below it.
"""

import http.client
import os
import time
import urllib.request

from agentschedule.agent import Run

TIMEOUT = 10
"""Seconds."""


def answer(url: str) -> tuple[bool, int, str]:
    """Whether it answers well, after how many milliseconds, and what is wrong."""
    began, wrong = time.monotonic(), ""
    try:
        urllib.request.urlopen(url, timeout=TIMEOUT).close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        wrong = str(error)
    return not wrong, round((time.monotonic() - began) * 1000), wrong


def main() -> None:
    """One iteration."""
    with Run() as run:
        run.spend(0)  # no language model is called
        before = run.state
        well, took, wrong = answer(os.environ["CHECK_URL"])
        checks, good = before.get("checks", 0) + 1, before.get("good", 0) + well
        slowest = max(before.get("slowest", 0), took) if well else before.get("slowest", 0)
        below = good / checks < float(run.context.get("target", 0))
        tally = f"{good} of {checks} checks well, slowest {slowest} ms"
        last = run.iteration is not None and run.iteration == run.max_iterations
        said = f"answered in {took} ms" if well else f"no answer: {wrong}"
        print(f"iteration {run.iteration}: {said}; {tally}")
        run.finish(
            f"Final report: {tally}." if last else f"{said[0].upper()}{said[1:]}; {tally}.",
            state={"checks": checks, "good": good, "slowest": slowest, "below": below},
            alert=f"Below target: {tally}." if below and not before.get("below") else None,
            sleep=well,
        )


if __name__ == "__main__":
    main()
