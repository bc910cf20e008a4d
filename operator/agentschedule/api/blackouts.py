"""`AgentSchedule.spec.blackouts`: when no run starts. Field docstrings are what `kubectl explain` prints."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from agentschedule.api.fields import Model, rule, schema


class Hours(Model):
    """Hours of the day, wall time in the schedule's timeZone."""

    start: Annotated[
        str,
        Field(
            max_length=16,
            json_schema_extra=schema(
                rule("self.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')", "start must be a time of day such as 22:00")
            ),
        ),
    ]
    """Beginning, such as "22:00"."""
    end: Annotated[
        str,
        Field(
            max_length=16,
            json_schema_extra=schema(
                rule(
                    "self.matches('^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$')",
                    "end must be a time of day such as 06:00, or 24:00",
                )
            ),
        ),
    ]
    """End, such as "06:00"; that minute is not covered any more. Before start: on the next day. "24:00" is allowed."""


class Holidays(Model):
    """Public holidays."""

    country: Annotated[
        str,
        Field(
            max_length=64,
            json_schema_extra=schema(
                rule("self.matches('^[A-Z]{2}$')", "country must be an ISO 3166-1 code of two letters, such as DE")
            ),
        ),
    ]
    """Country, as ISO 3166-1 code of two letters, such as "DE"."""
    subdivision: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    """State, province or region, as the part of its ISO 3166-2 code after the country, such as "BY". Without it only
    holidays of the whole country count."""


_TIME_OF_DAY = "([01][0-9]|2[0-3]):[0-5][0-9]"
_DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_BOUND_RULE = rule(
    f"self.matches('^{_DATE}([Tt ]{_TIME_OF_DAY}(:[0-5][0-9]([.][0-9]{{1,9}})?)?([Zz]|[+-]{_TIME_OF_DAY})?)?$')",
    "must be an instant such as 2026-12-24T18:00:00Z, or a local time such as 2026-12-24T18:00 or 2026-12-24"
    " (read in spec.timeZone)",
)
Bound = Annotated[str, Field(max_length=40, json_schema_extra=schema(_BOUND_RULE))]
"""Where a blackout begins or ends: an instant, a local time or a date."""


class Blackout(Model):
    """A stretch of time without runs: the times at which all of the conditions given here hold."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                "has(self.from) || has(self.to) || has(self.weekdays) || has(self.hours) || has(self.holidays)",
                "give at least one of from, to, weekdays, hours and holidays",
            ),
            # Dates among themselves; the operator compares the rest, as it knows the time zone.
            rule(
                "!has(self.from) || !has(self.to) || self.from.size() != 10 || self.to.size() != 10"
                " || self.from <= self.to",
                "to must not be before from",
                fieldPath=".to",
            ),
            rule(
                "!has(self.hours) || self.hours.start != self.hours.end",
                "start and end of hours must differ: for whole days leave hours out",
                fieldPath=".hours",
            ),
        )
    )

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """Name of the blackout, shown where a run is skipped."""
    action: Literal["Skip", "Defer"] = "Skip"
    """What becomes of runs due meanwhile. Skip: they are skipped. Defer: the newest of them runs once, when the
    blackout is over. Where both kinds cover a time, Skip wins."""
    from_: Annotated[Bound | None, Field(alias="from")] = None
    """Not before this: an RFC 3339 instant, a local time in timeZone, or a date (from its beginning)."""
    to: Bound | None = None
    """Only before this: an RFC 3339 instant, a local time in timeZone, or a date (the whole day included)."""
    weekdays: Annotated[
        list[Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]] | None,
        Field(min_length=1, max_length=7, json_schema_extra=schema(x_list_type="set")),
    ] = None
    """Only on these days of the week, in timeZone: MON, TUE, WED, THU, FRI, SAT, SUN."""
    hours: Hours | None = None
    """Only in these hours. Over midnight, weekdays and holidays are those of the day on which they start."""
    holidays: Holidays | None = None
    """Only on public holidays."""
