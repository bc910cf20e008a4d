"""Cases of schedules that are refused, and with which words."""

from dataclasses import replace
from datetime import timedelta

from agentschedule.planning.observed import DEFAULT_SETTINGS

from .model import Case, Elsewhere, Group, Refused

_FIVE_MINUTES = replace(DEFAULT_SETTINGS, min_interval=timedelta(minutes=5))

REFUSED = Group(
    title="What is refused",
    cases=(
        Case(
            id="never-fires",
            situation="a day that never comes: `0 0 31 2 *`",
            spec={"schedule": "0 0 31 2 *"},
            proof=Refused(reason="UnparseableSchedule", says="day 31 never comes in month 2"),
            ours="refused, with advice",
            cronjob=Elsewhere("accepted; an event InvalidSchedule at each look", "k8s-missed"),
            furiko=Elsewhere("accepted, never runs", "furiko-schedule"),
            temporal=Elsewhere("accepted, never runs, removed after 7 days", "temporal-run"),
            why="a typo is told when it is made",
        ),
        Case(
            id="seconds-field",
            situation="six or seven fields",
            spec={"schedule": "0 0 9 * * *"},
            proof=Refused(reason="UnparseableSchedule", says="remove the seconds field"),
            ours="refused",
            cronjob=Elsewhere("refused", "robfig-doc"),
            furiko=Elsewhere("read: 5 to 7 fields", "furiko-jobconfig"),
            temporal=Elsewhere("read: 5 to 7 fields, the sixth is the year", "temporal-cron"),
            why="tools disagree what the sixth field is",
        ),
        Case(
            id="zone-in-expression",
            situation="`TZ=` or `CRON_TZ=` in the expression",
            spec={"schedule": "TZ=Asia/Tokyo 0 9 * * *"},
            proof=Refused(reason="UnparseableSchedule", says="use spec.timeZone: Asia/Tokyo"),
            ours="refused",
            cronjob=Elsewhere("refused", "k8s-validation"),
            temporal=Elsewhere("read", "temporal-cron"),
        ),
        Case(
            id="every-in-expression",
            situation="`@every 5m` in the expression",
            spec={"schedule": "@every 5m"},
            proof=Refused(reason="UnparseableSchedule", says="use spec.every: 5m"),
            ours="refused: `every` is a field",
            cronjob=Elsewhere("read", "robfig-parser"),
            temporal=Elsewhere("read", "temporal-cron"),
        ),
        Case(
            id="unknown-zone",
            situation="a time zone that does not exist",
            spec={"timeZone": "Europe/Berlim"},
            proof=Refused(reason="UnknownTimeZone", says="did you mean 'Europe/Berlin'"),
            ours="refused, with the closest names; the operator brings its own zone data",
            cronjob=Elsewhere("refused; if it vanishes later, an event and no runs", "k8s-sync"),
            furiko=Elsewhere("refused", "furiko-validation"),
            temporal=Elsewhere("refused", "temporal-spec"),
        ),
        Case(
            id="offset-as-zone",
            situation="an offset as time zone: `UTC+02:00`",
            spec={"timeZone": "UTC+02:00"},
            proof=Refused(reason="UnknownTimeZone", says="a fixed offset is no time zone"),
            ours="refused",
            furiko=Elsewhere("read", "furiko-zone"),
            why="an offset is wrong for half of the year in most places that people mean",
        ),
        Case(
            id="one-shot-in-the-past",
            situation="`at` before the schedule was created",
            spec={"schedule": None, "at": "2026-11-22T08:00:00Z"},
            proof=Refused(reason="UnparseableSchedule", says="lies before the schedule's creation"),
            ours="refused; a time that passes while the operator is away still runs",
        ),
        Case(
            id="too-often",
            situation="closer together than the administrator allows, if only sometimes",
            spec={"schedule": "0,2 9 1 * *"},
            proof=Refused(reason="TooFrequent", says="would be 2m apart; the minimum interval", settings=_FIVE_MINUTES),
            ours="refused, over the slots of a year",
            temporal=Elsewhere("intervals of at least 1 s", "temporal-spec"),
            why="an agent's run costs money",
        ),
    ),
)
