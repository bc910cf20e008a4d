"""AgentSchedules and AgentRuns read from raw JSON, with everything checked that needs no API server."""

import dataclasses
import sys
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from agentschedule.api.agentrun import AgentRunSpec, AgentRunStatus
from agentschedule.api.blackouts import Blackout
from agentschedule.api.fields import money_text
from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import AgentScheduleStatus
from agentschedule.constants import (
    ANNOTATION_CHANGED_BY,
    ANNOTATION_CREATED_BY,
    ANNOTATION_PAUSED,
    ANNOTATION_PAUSED_BY,
    ANNOTATION_PAUSED_UNTIL,
    ANNOTATION_REDELIVER,
    ANNOTATION_RESUME,
    ANNOTATION_SKIP,
    LABEL_QUEUE_NAME,
    NAME_LENGTH,
)
from agentschedule.planning.deliverable import unusable_targets
from agentschedule.planning.observed import (
    NOTHING_UNWANTED,
    Pause,
    Problem,
    Request,
    Schedule,
    Unwanted,
)
from agentschedule.runs.manifest import Owner, oversized
from agentschedule.runs.merge import forbidden, forbidden_in_session
from agentschedule.runs.names import parse_time
from agentschedule.timing import BlackoutEntry, Blackouts, TimingError, When, parse_duration, when_digest

_MOST_UNWANTED = 15_000
"""More than all annotations of an object can hold."""
_SALVAGED = (
    ("scheduling", "observedGeneration", "totals", "previous", "iteration"),
    ("scheduling", "observedGeneration", "iteration"),
    ("scheduling",),
)
_LONGEST_REDELIVER = 32 * 1024
_LONGEST_USER = 512
_EPOCH = datetime.fromtimestamp(0, UTC)


def read_schedule(raw: dict[str, Any], known: Schedule | None = None) -> Schedule:
    """Read an AgentSchedule. What is wrong with it is in `problem`; it never raises for a bad spec.

    `known` is how it was read before: in the same generation only its metadata can be another.
    """
    meta = raw["metadata"]
    notes = meta.get("annotations") or {}
    owner = Owner(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        queue=(meta.get("labels") or {}).get(LABEL_QUEUE_NAME),
    )
    if known is not None and (known.owner.uid, known.generation) == (owner.uid, meta.get("generation")):
        read = known
    else:
        read = _read_spec(raw, owner)
    return dataclasses.replace(
        read,
        owner=owner,
        pause=_pause(notes),
        resume=notes.get(ANNOTATION_RESUME, "")[:256] or None,
        redeliver=notes.get(ANNOTATION_REDELIVER, "")[:_LONGEST_REDELIVER] or None,
        unwanted=_unwanted(notes.get(ANNOTATION_SKIP)),
        deleting="deletionTimestamp" in meta,
        created_by=_user(notes, ANNOTATION_CREATED_BY),
        changed_by=_user(notes, ANNOTATION_CHANGED_BY),
    )


def _read_spec(raw: dict[str, Any], owner: Owner) -> Schedule:
    created = parse_time(raw["metadata"].get("creationTimestamp")) or _EPOCH
    given = raw.get("spec") or {}
    spec, when, problem, blackouts = None, None, None, Blackouts()
    try:
        spec = AgentScheduleSpec.read(given)
        when = _when(spec, owner, created)
        blackouts = Blackouts.build([_blackout(entry) for entry in spec.blackouts or ()], when.zone)
        problem = _problem(owner, spec)
    except ValidationError as error:
        first = error.errors()[0]
        problem = Problem("InvalidSpec", f"spec.{'.'.join(str(p) for p in first['loc'])}: {first['msg']}")
    except TimingError as error:
        problem = Problem(_reason(error), str(error))
    return Schedule(
        owner=owner,
        generation=raw["metadata"].get("generation", 0),
        created=created,
        digest=_digest(given),
        spec=spec,
        when=when,
        problem=problem,
        blackouts=blackouts,
    )


def read_status(raw: dict[str, Any]) -> AgentScheduleStatus | None:
    """Read an AgentSchedule's status. None when it is not one of ours any more."""
    try:
        return AgentScheduleStatus.read(raw.get("status") or {})
    except ValidationError:
        return None


def salvage_status(raw: dict[str, Any]) -> AgentScheduleStatus:
    """What can be read of a status that cannot be read whole: the cursor before all, so that no slot runs again."""
    given = raw.get("status") or {}
    for kept in _SALVAGED:
        try:
            return AgentScheduleStatus.model_validate({key: given[key] for key in kept if key in given})
        except ValidationError:
            continue
    return AgentScheduleStatus()


def read_request(raw: dict[str, Any]) -> Request | None:
    """Read an AgentRun. None when it cannot be read, which the API server's schema keeps from happening."""
    meta = raw["metadata"]
    try:
        spec = AgentRunSpec.model_validate(raw.get("spec") or {})
        status = AgentRunStatus.model_validate(raw.get("status") or {})
    except ValidationError:
        return None
    return Request(
        name=meta["name"],
        uid=meta["uid"],
        generation=meta.get("generation", 0),
        created=parse_time(meta.get("creationTimestamp")) or _EPOCH,
        spec=spec,
        status=status,
        adopted=any(o.get("kind") == "AgentSchedule" for o in meta.get("ownerReferences") or ()),
        deleting="deletionTimestamp" in meta,
        created_by=_user(meta.get("annotations") or {}, ANNOTATION_CREATED_BY),
    )


def _when(spec: AgentScheduleSpec, owner: Owner, created: datetime) -> When:
    return When.build(
        schedule=spec.schedule,
        schedules=spec.schedules or (),
        every=spec.every,
        at=spec.at,
        time_zone=spec.time_zone,
        start_time=spec.start_time,
        end_time=spec.end_time,
        jitter=spec.jitter,
        created=created,
        uid=owner.uid,
        hash_id=f"{owner.namespace}/{owner.name}",
    )


def _blackout(entry: Blackout) -> BlackoutEntry:
    return BlackoutEntry(
        name=entry.name,
        action=entry.action,
        begin=entry.from_,
        to=entry.to,
        weekdays=tuple(entry.weekdays or ()),
        hours=(entry.hours.start, entry.hours.end) if entry.hours else None,
        country=entry.holidays.country if entry.holidays else None,
        subdivision=entry.holidays.subdivision if entry.holidays else None,
    )


def _reason(error: TimingError) -> str:
    if error.field == "spec.timeZone":
        return "UnknownTimeZone"
    return "InvalidBlackout" if error.field.startswith("spec.blackouts") else "UnparseableSchedule"


def _digest(given: dict[str, Any]) -> str:
    return when_digest(
        schedule=given.get("schedule"),
        schedules=given.get("schedules") or (),
        every=given.get("every"),
        at=given.get("at"),
        time_zone=given.get("timeZone") or "UTC",
        start_time=given.get("startTime"),
        end_time=given.get("endTime"),
        jitter=given.get("jitter"),
        blackouts=given.get("blackouts") or (),
        max_runs=given.get("maxRuns"),
        starting_deadline_seconds=given.get("startingDeadlineSeconds"),
        catch_up=given.get("catchUp"),
        catch_up_limit=given.get("catchUpLimit"),
    )


def _problem(owner: Owner, spec: AgentScheduleSpec) -> Problem | None:
    """The first thing that makes a readable spec unusable."""
    if len(owner.name) > NAME_LENGTH:
        return Problem("InvalidName", f"metadata.name must be at most {NAME_LENGTH} characters")
    too_large = oversized(spec.input, spec.context)
    if too_large is not None:
        return Problem("InvalidSpec", too_large)
    if spec.session.mode == "SharedPersistent" and spec.session.storage is None:
        return Problem("InvalidSpec", "spec.session.mode SharedPersistent needs spec.session.storage")
    if spec.retry is not None:
        for name, text in (("backoff", spec.retry.backoff), ("maxBackoff", spec.retry.max_backoff)):
            parse_duration(text, f"spec.retry.{name}")
    if spec.policy is not None and spec.policy.require_approval is not None:
        parse_duration(spec.policy.require_approval.expires_after, "spec.policy.requireApproval.expiresAfter")
    return _budget_problem(spec) or _template_problem(spec) or unusable_targets(spec.delivery or ())


def _budget_problem(spec: AgentScheduleSpec) -> Problem | None:
    """A budget for one run that can never be granted."""
    budget = spec.budget
    if budget is None or budget.per_run_usd is None:
        return None
    wanted = money_text(budget.per_run_usd)
    for name, limit in (("periodUSD", budget.period_usd), ("totalUSD", budget.total_usd)):
        if limit is not None and budget.per_run_usd > limit:
            text = f"spec.budget.perRunUSD is {wanted}, above {name} of {money_text(limit)}: no run could ever start"
            return Problem("InvalidBudget", text)
    return None


def _template_problem(spec: AgentScheduleSpec) -> Problem | None:
    template = spec.job_template or {}
    found = forbidden(template)
    if not found and spec.session.mode == "SharedPersistent":
        found = forbidden_in_session(template)
    if found:
        return Problem("InvalidJobTemplate", "; ".join(found[:5]))
    if spec.agent is not None and spec.agent.image:
        return None
    job = template.get("spec") or {}
    pod = (job.get("template") or {}).get("spec") or {}
    if any(c.get("name") == "agent" and c.get("image") for c in pod.get("containers") or ()):
        return None
    return Problem(
        "InvalidJobTemplate",
        "spec.agent.image is missing, and spec.jobTemplate has no container named agent with an image",
    )


def _unwanted(text: str | None) -> Unwanted:
    """The annotation `skip`: RFC 3339 times, separated by commas."""
    if not text:
        return NOTHING_UNWANTED
    parts = [part.strip() for part in text.split(",") if part.strip()][:_MOST_UNWANTED]
    read = {part: parse_time(part) for part in parts}
    bad = [part[:40] for part, time in read.items() if time is None]
    problem = f"{ANNOTATION_SKIP}: {', '.join(bad[:3])} is not an RFC 3339 time and is ignored" if bad else None
    return Unwanted(frozenset(time for time in read.values() if time is not None), problem)


def _user(notes: dict[str, str], name: str) -> str | None:
    """A user's name, which many schedules share; one that is too long is none."""
    value = notes.get(name)
    return sys.intern(value) if value and len(value) <= _LONGEST_USER else None


def _pause(notes: dict[str, str]) -> Pause | None:
    if ANNOTATION_PAUSED not in notes:
        return None
    given = notes.get(ANNOTATION_PAUSED_UNTIL)
    until = parse_time(given)
    problem = f"{ANNOTATION_PAUSED_UNTIL}: {given!r} is not an RFC 3339 time" if given and until is None else None
    return Pause(
        reason=notes[ANNOTATION_PAUSED][:256],
        by=notes.get(ANNOTATION_PAUSED_BY, "")[:256],
        until=until,
        problem=problem,
    )
