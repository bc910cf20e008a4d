"""`AgentSchedule.spec`: when, what, within which limits. Field docstrings are what `kubectl explain` prints."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from agentschedule.api.blackouts import Blackout
from agentschedule.api.container import Agent
from agentschedule.api.delivery import Target
from agentschedule.api.fields import (
    INPUT_RULE,
    Duration,
    FreeObject,
    Input,
    Model,
    Time,
    rule,
    schema,
)
from agentschedule.api.limits import Budget, Retry
from agentschedule.api.policy import RunPolicy
from agentschedule.api.session import Heartbeat, Session

# Each rule lets pass what an earlier one refuses, so that a mistake is told once, by the rule that knows it best.
_CRON_RULES = (
    rule(
        "!self.matches('(?i)TZ=')",
        "TZ= and CRON_TZ= are not supported in a cron expression: name the zone in spec.timeZone",
    ),
    rule(
        r"!self.matches(r'(?i)^\s*@every')",
        "@every is not supported in a cron expression: use spec.every, for instance every: 5m",
    ),
    rule(
        r"!self.matches(r'(?i)^\s*@reboot')",
        "@reboot is not supported, as a schedule has no boot: for one run use spec.at, or create an AgentRun",
    ),
    rule(
        r"!self.matches(r'^\s*@') || self.matches(r'(?i)^\s*@(every|reboot)')"
        r" || self.matches(r'(?i)^\s*@(hourly|daily|midnight|weekly|monthly|yearly|annually)\s*$')",
        "the shorthands are @hourly, @daily, @weekly, @monthly and @yearly; anything else is written in 5 fields",
    ),
    rule(
        r"self.matches(r'^\s*@') || self.matches('(?i)TZ=') || self.matches(r'^\s*\S+(\s+\S+){4}\s*$')",
        "a cron expression has 5 fields: minute, hour, day of month, month, day of week;"
        " there is no field for seconds or years (for an interval use spec.every)",
    ),
)

CronExpression = Annotated[str, Field(max_length=256, json_schema_extra=schema(*_CRON_RULES))]


_FREE: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
JobTemplate = Annotated[
    FreeObject,
    Field(
        json_schema_extra={
            "properties": {
                "metadata": {**_FREE, "description": "Labels and annotations of the Job."},
                "spec": {**_FREE, "description": "A partial JobSpec, as in a Job."},
            }
        }
    ),
]

_ONE_WHEN = "[has(self.schedule), has(self.schedules), has(self.every), has(self.at)].filter(given, given).size()"


class AgentScheduleSpec(Model):
    """When an agent runs, what runs, and within which limits."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                f"{_ONE_WHEN} == 1",
                "give exactly one of spec.schedule (cron), spec.schedules (several cron expressions),"
                " spec.every (interval) and spec.at (one run)",
            ),
            rule(
                "(has(self.agent) && has(self.agent.image)) || has(self.jobTemplate)",
                "spec.agent.image is required, unless spec.jobTemplate has a container named agent with an image",
                reason="FieldValueRequired",
                fieldPath=".agent",
            ),
            rule(
                "self.concurrencyPolicy != 'Allow' || !has(self.maxConcurrentRuns)",
                "concurrencyPolicy Allow means that there is no limit:"
                " leave out spec.maxConcurrentRuns, or use Forbid or Replace",
                fieldPath=".maxConcurrentRuns",
            ),
            rule(
                "!has(self.maxQueuedRuns) || self.concurrencyPolicy == 'Queue'",
                "maxQueuedRuns has a meaning only with concurrencyPolicy Queue",
                fieldPath=".maxQueuedRuns",
            ),
            rule(
                "!has(self.catchUpLimit) || self.catchUp == 'All'",
                "catchUpLimit has a meaning only with catchUp All",
                fieldPath=".catchUpLimit",
            ),
            rule(
                "!has(self.session) || self.session.mode != 'SharedPersistent' || self.concurrencyPolicy != 'Allow'",
                "concurrencyPolicy Allow cannot be used with session.mode SharedPersistent, whose runs share one"
                " volume: use Forbid or Replace",
                fieldPath=".concurrencyPolicy",
            ),
            rule(
                "!has(self.session) || self.session.mode != 'SharedPersistent'"
                " || !has(self.maxConcurrentRuns) || self.maxConcurrentRuns == 1",
                "spec.maxConcurrentRuns must be 1 with session.mode SharedPersistent, whose runs share one volume",
                fieldPath=".maxConcurrentRuns",
            ),
            rule(
                "!has(self.startTime) || !has(self.endTime) || self.startTime <= self.endTime",
                "spec.startTime must not be after spec.endTime",
                fieldPath=".startTime",
            ),
            INPUT_RULE,
        )
    )

    schedule: CronExpression | None = None
    """Cron expression of 5 fields: minute hour day-of-month month day-of-week. Names (MON, JAN), L (last),
    # (nth weekday), H (hashed: spreads load) and @hourly @daily @weekly @monthly @yearly work."""
    schedules: Annotated[list[CronExpression] | None, Field(min_length=1, max_length=10)] = None
    """1 to 10 cron expressions. It runs whenever one of them is due, once where several are."""
    every: Annotated[
        str | None,
        Field(
            max_length=32,
            json_schema_extra=schema(
                rule(
                    "self.matches('^([0-9]{1,5}(h|m|s)){1,3}$') && duration(self) >= duration('1s')",
                    "must be an interval of at least one second, such as 90s, 5m, 1h30m or 24h",
                )
            ),
        ),
    ] = None
    """Interval between runs, such as 90s, 15m or 24h, on a grid anchored at startTime, else at its creation."""
    at: Annotated[
        str | None,
        Field(
            max_length=40,
            json_schema_extra=schema(
                rule(
                    "self.matches('^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]"
                    "(:[0-5][0-9]([.][0-9]{1,9})?)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?$')",
                    "must be an instant such as 2026-12-01T09:00:00Z or 2026-12-01T09:00:00+09:00,"
                    " or a local time such as 2026-12-01T09:00 (read in spec.timeZone)",
                )
            ),
        ),
    ] = None
    """One run at this time: an RFC 3339 instant, or a local time without offset, read in timeZone."""
    time_zone: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"
    """IANA time zone in which schedule, schedules and at are read, such as Europe/Berlin."""
    start_time: Time | None = None
    """No run before this instant. It anchors the grid of every."""
    end_time: Time | None = None
    """No run after this instant."""
    jitter: Duration | None = None
    """Each start is delayed by a random but repeatable time from 0 to this, never past the next run."""
    starting_deadline_seconds: Annotated[int | None, Field(ge=1, le=31_536_000)] = None
    """A run that could not start within this many seconds is missed and recorded so. Default: no deadline."""
    catch_up: Literal["Latest", "All", "None"] = "Latest"
    """What is done with runs missed while the operator or the API server was down. Latest: the newest one is made up
    for. All: each is, oldest first, one after another whatever the concurrency policy, at most catchUpLimit of them.
    None: none is."""
    catch_up_limit: Annotated[int | None, Field(ge=1, le=100)] = None
    """How many missed runs catchUp All makes up for, the newest ones, default 10."""
    blackouts: Annotated[
        list[Blackout] | None,
        Field(max_length=20, json_schema_extra=schema(x_list_type="map", x_list_map_keys=["name"])),
    ] = None
    """Times without runs, up to 20 entries. Runs created by an AgentRun start all the same."""
    suspend: bool = False
    """No new runs while true; running ones finish."""
    max_runs: Annotated[int | None, Field(ge=1, le=1_000_000_000)] = None
    """The schedule is complete after this many scheduled runs. Skipped slots, further attempts and manual runs do not
    count."""

    max_concurrent_runs: Annotated[int | None, Field(ge=1, le=100)] = None
    """How many runs of this schedule may be active at once, default 1. A run that waits for its next attempt counts."""
    concurrency_policy: Literal["Forbid", "Replace", "Queue", "Allow"] = "Forbid"
    """What a due run does when maxConcurrentRuns are active. Forbid: it is skipped. Replace: the oldest active run is
    stopped, and it starts when that one's pod is gone. Queue: it waits, see maxQueuedRuns. Allow: there is no limit."""
    max_queued_runs: Annotated[int | None, Field(ge=1, le=20)] = None
    """How many runs may wait with concurrencyPolicy Queue, default 1. Further ones are skipped."""

    agent: Agent | None = None
    """The agent: its image and how it is started."""
    job_template: JobTemplate | None = None
    """A partial JobTemplateSpec (metadata, spec) laid over what agent and the defaults give. Maps are merged, lists of
    named things are merged by name, other lists replaced. The agent's container is named agent."""
    input: Input | None = None
    """The task, as text for the agent. At most 16 KiB."""
    context: FreeObject | None = None
    """Free-form object handed to the agent. At most 16 KiB as JSON."""
    session: Session = Session()
    """What one run hands on to the next."""
    heartbeat: Heartbeat | None = None
    """Makes every scheduled run one iteration: its number is in the agent's context. What is carried from one to the
    next is session's."""

    active_deadline_seconds: Annotated[int | None, Field(ge=1, le=2_592_000)] = None
    """Runtime deadline of a run in seconds; then its pod is stopped and the run ends as TimedOut. Default: the
    operator's."""
    pending_deadline_seconds: Annotated[int, Field(ge=1, le=86_400)] = 900
    """A run whose pod has not started within this many seconds (no image, no node with room, a quota, Pod Security) is
    stopped and ends as Failed, reason NeverStarted. Time in a queue system does not count."""
    retry: Retry | None = None
    """What happens after a failed attempt. Without it, nothing is tried again."""
    pause_after_failures: Annotated[int, Field(ge=0, le=1000)] = 3
    """After this many failed slots in a row the operator holds the schedule until a person resumes it; 0: never. After
    that the next failed slot holds it again at once, and a success ends this probation."""
    budget: Budget | None = None
    """What a run, and the schedule in a period and in all, may cost. Costs are what agents report."""
    policy: RunPolicy | None = None
    """What must hold for a run to start, beside what administrators say in AgentPolicies."""
    delivery: Annotated[
        list[Target] | None,
        Field(max_length=10, json_schema_extra=schema(x_list_type="map", x_list_map_keys=["name"])),
    ] = None
    """Who hears of what, up to 10 targets."""
    run_history_limit: Annotated[int, Field(ge=1, le=100)] = 10
    """How many runs status.runs keeps."""
    successful_jobs_history_limit: Annotated[int, Field(ge=0, le=100)] = 3
    """How many Jobs of succeeded runs are kept."""
    failed_jobs_history_limit: Annotated[int, Field(ge=0, le=100)] = 5
    """How many Jobs of other ended runs are kept."""
    ttl_seconds_after_finished: Annotated[int | None, Field(ge=0, le=31_536_000)] = None
    """Jobs are deleted this many seconds after they ended, once their run is recorded. Default: only the history limits
    count."""

    def most_runs(self) -> int | None:
        """After how many scheduled runs the schedule is complete; None: never for that."""
        iterations = self.heartbeat.max_iterations if self.heartbeat else None
        return min((limit for limit in (self.max_runs, iterations) if limit is not None), default=None)
