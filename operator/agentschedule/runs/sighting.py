"""How a run stands, judged from its Job and its pod together."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agentschedule.api.status import RunPhase
from agentschedule.constants import MESSAGE_BYTES
from agentschedule.runs.facts import JobFacts, PodFacts
from agentschedule.runs.result import Result, clean, parse_result

RESULT_PATIENCE = timedelta(minutes=5)
"""How long an ended Job's result is waited for, from when its end was seen here: Jobs and pods come through two
watches, in no order, and one of them may be broken for longer than it takes to notice."""

NO_RESULT = Result()

NEVER_STARTED: Final = "NeverStarted"
"""Why a run is stopped whose pod did not start in time, and the reason of its end."""

_STOPPED: dict[str, tuple[RunPhase, str]] = {
    "Replaced": ("Replaced", "stopped for a newer run"),
    "Cancelled": ("Cancelled", "its AgentRun was deleted"),
    NEVER_STARTED: ("Failed", "never started"),
}


@dataclass(frozen=True, slots=True)
class Sighting:
    """One Job of ours as it was last seen, with its newest pod. `job_gone`, `pod_gone`: seen once, deleted since.

    `explanation` is reason and message of the newest warning among the Events on its pod, or on the Job where there is
    no pod, as they were at `explained_at`; None: nobody asked, or there was none. `end_seen` is when a watch showed by
    our clock that the Job has ended; None: it had when we began to look.
    """

    job: JobFacts
    pod: PodFacts | None = None
    job_gone: bool = False
    pod_gone: bool = False
    explanation: tuple[str, str] | None = None
    explained_at: datetime | None = None
    end_seen: datetime | None = None

    @property
    def id(self) -> str:
        """The run's id: its Job's name."""
        return self.job.name

    @property
    def pod_alive(self) -> bool:
        """Whether a container of it may still be running."""
        return self.pod is not None and not self.pod_gone and not self.pod.ended

    @property
    def ever_started(self) -> bool:
        """Whether a container of it has ever run, as far as is known."""
        return self.pod is not None and self.pod.ever_started

    @property
    def trouble(self) -> tuple[str, str] | None:
        """Reason and message of what keeps it from starting: what its pod says, else what was said of it."""
        if self.job.suspended or self.ever_started:
            return None
        reason, message = (self.pod.waiting if self.pod else None) or self.explanation or (None, "")
        if reason is None:
            return None
        return "ErrImagePull" if reason == "ImagePullBackOff" else reason, clean(message, MESSAGE_BYTES)


@dataclass(frozen=True, slots=True)
class Standing:
    """The judgement. While `ended` is false, `phase` is Pending or Running."""

    phase: RunPhase
    ended: bool
    reason: str | None = None
    message: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    exit_code: int | None = None
    disrupted: bool = False
    result: Result = NO_RESULT
    look_again: datetime | None = None


def judge(seen: Sighting, now: datetime) -> Standing:
    """How the run stands at `now`."""
    job, pod = seen.job, seen.pod
    if seen.job_gone or job.deleting:
        if seen.pod_alive or (not seen.job_gone and not _naturally_ended(seen)):
            return _active(seen)
        return _finished(seen, now) if _naturally_ended(seen) else _stopped(seen, now)
    if pod is not None and pod.ended and not (job.finished is None and _killed(pod)):
        return _finished(seen, now)
    if job.finished is None:
        return _active(seen)  # also with its pod deleted: whether the Job was, or has failed, is still to be told
    deadline = (seen.end_seen or job.finished_at or now) + RESULT_PATIENCE
    if now < deadline and not seen.pod_gone:
        return _active(seen, look_again=deadline)
    return _finished(seen, now)


def _naturally_ended(seen: Sighting) -> bool:
    """Whether it ended by itself, before or although its Job was deleted."""
    pod = seen.pod
    if seen.job.stopped:
        return False
    if pod is not None and pod.ended:
        return not _killed(pod)
    return seen.job.finished is not None


def _killed(pod: PodFacts) -> bool:
    """Whether it ended because it was deleted: after that, or in the same second, as finely as times are told."""
    return pod.deleted_at is not None and (pod.finished_at is None or pod.finished_at >= pod.deleted_at)


def _active(seen: Sighting, look_again: datetime | None = None) -> Standing:
    pod = seen.pod
    if pod is not None and pod.started_at is not None:
        return Standing("Running", ended=False, started_at=pod.started_at, look_again=look_again)
    reason, message = seen.trouble or (None, None)
    return Standing("Pending", ended=False, reason=reason, message=message or None, look_again=look_again)


def _stopped(seen: Sighting, now: datetime) -> Standing:
    """Ended because its Job was deleted: by the operator, which noted why, or by somebody else."""
    pod = seen.pod
    phase, message = _STOPPED.get(seen.job.stopped or "", ("Cancelled", "its Job was deleted"))
    return Standing(
        phase=phase,
        ended=True,
        reason=seen.job.stopped if seen.job.stopped in _STOPPED else "JobDeleted",
        message=message,
        started_at=pod.started_at if pod else None,
        completed_at=(pod.finished_at if pod else None) or now.replace(microsecond=0),
        exit_code=pod.exit_code if pod else None,
        result=parse_result(pod.result if pod else None),
    )


def _finished(seen: Sighting, now: datetime) -> Standing:
    """Ended by itself: succeeded, failed or out of time."""
    job, pod = seen.job, seen.pod
    result = parse_result(pod.result if pod else None)
    succeeded = pod.phase == "Succeeded" if pod is not None and pod.ended else job.finished == "Complete"
    timed_out = not succeeded and "DeadlineExceeded" in {job.reason, pod.reason if pod else None}
    phase: RunPhase = "Succeeded" if succeeded else "TimedOut" if timed_out else "Failed"
    reason, message = (None, None) if succeeded else _why(seen, timed_out=timed_out)
    notes = "; ".join(f"ignored of the result: {problem}" for problem in result.problems)
    return Standing(
        phase=phase,
        ended=True,
        reason=reason,
        message=clean("; ".join(part for part in (message, notes) if part), MESSAGE_BYTES) or None,
        started_at=pod.started_at if pod else None,
        completed_at=(pod.finished_at if pod else None) or job.finished_at or now.replace(microsecond=0),
        exit_code=pod.exit_code if pod else None,
        disrupted=bool(pod and pod.disrupted and not succeeded),
        result=result,
    )


def _why(seen: Sighting, *, timed_out: bool) -> tuple[str, str]:
    """Reason and message of a failure, as near to its cause as is known."""
    job, pod = seen.job, seen.pod
    if timed_out:
        return "DeadlineExceeded", "ran longer than its deadline (activeDeadlineSeconds) and was stopped"
    if pod is None:
        return job.reason or "Failed", job.message or "its pod was gone before its result could be read"
    if pod.exit_code is None:
        return pod.reason or job.reason or "Failed", pod.message or job.message or "its pod failed"
    reason = pod.reason if pod.reason and pod.reason != "Error" else "ExitCode"
    return reason, f"the agent exited with code {pod.exit_code}" + (f": {pod.message}" if pod.message else "")
