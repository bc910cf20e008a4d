"""`AgentSchedule.spec.retry` and `.budget`: what follows a failure, and what runs may cost."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from agentschedule.api.fields import DURATION_PATTERN, Amount, Duration, Model, rule, schema


class Retry(Model):
    """What happens after a failed attempt. Each attempt is a Job of its own; evictions and preemptions do not count."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                f"!self.backoff.matches('{DURATION_PATTERN}') || !self.maxBackoff.matches('{DURATION_PATTERN}')"
                " || duration(self.backoff) <= duration(self.maxBackoff)",
                "backoff must not be longer than maxBackoff (default 30m)",
                fieldPath=".backoff",
            )
        )
    )

    limit: Annotated[int, Field(ge=0, le=10)] = 3
    """How many further attempts follow the first, 0 to 10."""
    backoff: Duration = "30s"
    """Wait before the second attempt. It doubles with each attempt, varied a little to spread load."""
    max_backoff: Duration = "30m"
    """Longest wait between two attempts."""
    retry_on: list[Literal["Failed", "TimedOut"]] = Field(
        default=["Failed"], min_length=1, max_length=2, json_schema_extra=schema(x_list_type="set")
    )
    """Results that are tried again: Failed, TimedOut. Replaced and cancelled runs never are."""
    non_retryable_exit_codes: Annotated[
        list[Annotated[int, Field(ge=1, le=255)]] | None,
        Field(max_length=32, json_schema_extra=schema(x_list_type="set")),
    ] = None
    """Exit codes of the agent that end the run at once, without a further attempt."""
    on_exhausted: Literal["Continue", "DeadLetter"] | None = None
    """What happens when a run has failed for good. Continue: the schedule goes on (default of recurring schedules).
    DeadLetter: it stops and waits for a person (default of at)."""


class Budget(Model):
    """What runs may cost, in US dollars as decimal strings. A start reserves what its run may cost; what the agent
    reports settles it; a run that reports nothing is charged what was reserved."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                "has(self.period) == has(self.periodUSD)",
                "period and periodUSD belong together: give both, for instance period: Day and periodUSD: '5'",
            ),
            rule(
                "has(self.perRunUSD) || has(self.perRunTokens) || has(self.totalUSD) || has(self.periodUSD)",
                "give at least one of perRunUSD, perRunTokens, totalUSD and periodUSD",
            ),
        )
    )

    per_run_usd: Annotated[Amount | None, Field(alias="perRunUSD")] = None
    """What one run may cost, all its attempts together. Default: the operator's ceiling."""
    per_run_tokens: Annotated[int | None, Field(ge=1, le=1_000_000_000_000)] = None
    """How many tokens one run may use, input and output and all its attempts together. The agent is told."""
    total_usd: Annotated[Amount | None, Field(alias="totalUSD")] = None
    """What the schedule may spend in all."""
    period: Literal["Hour", "Day", "Week", "Month"] | None = None
    """Calendar period of periodUSD, in timeZone. Weeks begin on Monday."""
    period_usd: Annotated[Amount | None, Field(alias="periodUSD")] = None
    """What the schedule may spend in each period."""
    alert_at_percent: Annotated[int, Field(ge=1, le=100)] = 80
    """An Event tells when this share of totalUSD or periodUSD is spent."""
    on_exceeded: Literal["Pause", "Skip"] = "Pause"
    """What a due run does when not enough is left. Pause: it is skipped and the schedule held until a new period
    begins, or the budget is raised, or a person resumes it. Skip: it is skipped."""
