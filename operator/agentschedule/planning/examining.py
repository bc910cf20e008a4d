"""What would be said of a spec, asked before it is there: by the same rules as when it is accepted and started."""

from dataclasses import dataclass
from datetime import datetime

from agentschedule.api.status import AgentScheduleStatus
from agentschedule.planning.ceilings import above_ceilings
from agentschedule.planning.draft import Draft
from agentschedule.planning.observed import Observed, PlannerSettings, Problem, Schedule
from agentschedule.planning.permission import asked
from agentschedule.policy.effective import Effective
from agentschedule.policy.gate import has_allowed_images, has_capabilities, in_environment, is_known
from agentschedule.runs.manifest import job_base


@dataclass(frozen=True, slots=True)
class Examination:
    """Why a spec cannot be used, if it cannot; and what would keep its runs from starting as policies are now."""

    problem: Problem | None = None
    warnings: tuple[str, ...] = ()


def examine(
    schedule: Schedule, policy: Effective, settings: PlannerSettings, now: datetime, place: int | None = None
) -> Examination:
    """Examine a spec as of `now`. `place`: which schedule of its namespace it would be, from 1; None: it is there."""
    spec = schedule.spec
    draft = Draft(Observed(schedule, AgentScheduleStatus(), policy=policy, place=place), settings, now)
    problem = schedule.problem or above_ceilings(draft, accepted=False)
    if problem is not None or spec is None:
        return Examination(problem)
    run = asked(spec.policy, job_base(spec, draft.defaults), manual=False)
    refused = has_allowed_images(run, policy, now)
    if refused is not None:
        field = "spec.agent.image" if spec.agent and spec.agent.image in run.images[:1] else "spec.jobTemplate"
        return Examination(Problem("ImageNotAllowed", f"{field}: {refused}"))
    answers = (rule(run, policy, now) for rule in (is_known, in_environment, has_capabilities))
    return Examination(None, tuple(f"runs would not start: {answer}" for answer in answers if answer is not None))
