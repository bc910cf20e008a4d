"""Cases of clocks that are changed: local times that do not exist, or exist twice."""

from .model import Case, Elsewhere, Group, Slots

BERLIN = "Europe/Berlin"
LORD_HOWE = "Australia/Lord_Howe"
APIA = "Pacific/Apia"
NOT_LOST = "a daily run is neither lost nor doubled by a clock change, as in Vixie cron"

CLOCK_CHANGES = Group(
    title="Clock changes",
    cases=(
        Case(
            id="gap-fixed-hour",
            situation="daily at 02:30, on the day the clock jumps from 02:00 to 03:00",
            spec={"schedule": "30 2 * * *", "timeZone": BERLIN},
            proof=Slots(
                first="2027-03-27",
                last="2027-03-29",
                due=("2027-03-27 02:30 CET", "2027-03-28 03:00 CEST", "2027-03-29 02:30 CEST"),
            ),
            ours="runs once, at 03:00",
            cronjob=Elsewhere("does not run that day", "robfig-test"),
            furiko=Elsewhere("does not run that day", "cronexpr-test"),
            temporal=Elsewhere("does not run that day", "temporal-test"),
            why=NOT_LOST,
        ),
        Case(
            id="gap-several-times",
            situation="02:00, 02:15, 02:30 and 02:45, all skipped by the clock",
            spec={"schedule": "*/15 2 * * *", "timeZone": BERLIN},
            proof=Slots(first="2027-03-28", due=("2027-03-28 03:00 CEST",)),
            ours="runs once, at 03:00: they fall on one slot",
            cronjob=Elsewhere("does not run that day", "robfig-doc"),
            furiko=Elsewhere("does not run that day", "cronexpr-test"),
            temporal=Elsewhere("does not run that day", "temporal-calendar"),
            why="made up for once, not four times at the same instant",
        ),
        Case(
            id="gap-wildcard-hour",
            situation="every hour at :30, in the gap",
            spec={"schedule": "30 0-23 * * *", "timeZone": BERLIN, "endTime": "2027-03-28T02:00:00Z"},
            proof=Slots(
                first="2027-03-28",
                due=("2027-03-28 00:30 CET", "2027-03-28 01:30 CET", "2027-03-28 03:30 CEST"),
            ),
            ours="nothing extra: still every 60 minutes",
            cronjob=Elsewhere("the same", "robfig-test"),
            furiko=Elsewhere("the same", "cronexpr-test"),
            temporal=Elsewhere("the same", "temporal-calendar"),
        ),
        Case(
            id="gap-step-hour",
            situation="every second hour (`*/2`), in the gap",
            spec={"schedule": "0 */2 * * *", "timeZone": BERLIN, "endTime": "2027-03-28T04:00:00Z"},
            proof=Slots(
                first="2027-03-28",
                due=("2027-03-28 00:00 CET", "2027-03-28 04:00 CEST", "2027-03-28 06:00 CEST"),
            ),
            ours="02:00 is left out; 04:00 follows",
            cronjob=Elsewhere("the same", "robfig-doc"),
            temporal=Elsewhere("the same", "temporal-calendar"),
        ),
        Case(
            id="overlap-fixed-hour",
            situation="daily at 02:30, on the day 02:00 to 03:00 comes twice",
            spec={"schedule": "30 2 * * *", "timeZone": BERLIN},
            proof=Slots(
                first="2026-10-24",
                last="2026-10-26",
                due=("2026-10-24 02:30 CEST", "2026-10-25 02:30 CEST", "2026-10-26 02:30 CET"),
            ),
            ours="runs once, the first time",
            cronjob=Elsewhere("runs twice", "robfig-test"),
            furiko=Elsewhere("runs twice", "cronexpr-test"),
            temporal=Elsewhere("runs twice", "temporal-test"),
            why=NOT_LOST,
        ),
        Case(
            id="overlap-wildcard-hour",
            situation="every hour at :30, in the overlap",
            spec={"schedule": "30 * * * *", "timeZone": BERLIN, "endTime": "2026-10-25T02:30:00Z"},
            proof=Slots(
                first="2026-10-25",
                due=(
                    "2026-10-25 00:30 CEST",
                    "2026-10-25 01:30 CEST",
                    "2026-10-25 02:30 CEST",
                    "2026-10-25 02:30 CET",
                    "2026-10-25 03:30 CET",
                ),
            ),
            ours="runs both times: still every 60 minutes",
            cronjob=Elsewhere("the same", "robfig-test"),
            furiko=Elsewhere("the same", "cronexpr-test"),
            temporal=Elsewhere("the same", "temporal-test"),
        ),
        Case(
            id="gap-half-hour",
            situation="daily at 02:15 where the clock jumps from 02:00 to 02:30 (Lord Howe)",
            spec={"schedule": "15 2 * * *", "timeZone": LORD_HOWE},
            proof=Slots(first="2026-10-04", due=("2026-10-04 02:30 +11",)),
            ours="runs once, at 02:30",
            why=NOT_LOST,
        ),
        Case(
            id="overlap-half-hour",
            situation="daily at 01:45 where 01:30 to 02:00 comes twice (Lord Howe)",
            spec={"schedule": "45 1 * * *", "timeZone": LORD_HOWE},
            proof=Slots(first="2027-04-04", due=("2027-04-04 01:45 +11",)),
            ours="runs once, the first time",
            furiko=Elsewhere("runs twice", "cronexpr-test"),
            why=NOT_LOST,
        ),
        Case(
            id="gap-whole-day",
            situation="daily at 09:00 where a whole day is left out (Samoa, 30 December 2011)",
            spec={"schedule": "0 9 * * *", "timeZone": APIA},
            proof=Slots(
                first="2011-12-29",
                last="2011-12-31",
                due=("2011-12-29 09:00 -10", "2011-12-31 00:00 +14", "2011-12-31 09:00 +14"),
            ),
            ours="runs once for the day that was left out, at midnight after it",
            why=NOT_LOST,
        ),
        Case(
            id="gap-midnight",
            situation="`@daily` where the clock jumps at midnight (Cairo)",
            spec={"schedule": "@daily", "timeZone": "Africa/Cairo"},
            proof=Slots(first="2027-04-30", due=("2027-04-30 01:00 EEST",)),
            ours="runs once, at 01:00",
        ),
        Case(
            id="gap-one-shot",
            situation="`at` a local time that does not exist",
            spec={"schedule": None, "at": "2027-03-28T02:30", "timeZone": BERLIN},
            proof=Slots(first="2027-03-28", due=("2027-03-28 03:00 CEST",)),
            ours="runs at 03:00",
        ),
        Case(
            id="interval-over-a-change",
            situation="an interval of 24 h over a clock change",
            spec={"schedule": None, "every": "24h", "timeZone": BERLIN, "startTime": "2027-03-26T01:30:00Z"},
            proof=Slots(first="2027-03-27", last="2027-03-28", due=("2027-03-27 02:30 CET", "2027-03-28 03:30 CEST")),
            ours="24 hours pass; the local time moves",
            temporal=Elsewhere("the same: intervals know no zone", "temporal-spec"),
        ),
    ),
)
