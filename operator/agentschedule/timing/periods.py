"""Calendar periods of a budget: hours, days, weeks and months as the clocks of a zone count them."""

from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from agentschedule.timing.zones import first_instant, second_instant, wall_of

Period = Literal["Hour", "Day", "Week", "Month"]


def period_start(period: Period, t: datetime, zone: ZoneInfo) -> datetime:
    """Return when the period began in which the instant ``t`` lies, in UTC.

    Days, weeks (from Monday) and months begin with their first midnight; where clocks jump over it, right after the
    jump. An hour that the clocks show twice is two hours.
    """
    floor = _floor(period, wall_of(t, zone))
    start, _ = first_instant(floor, zone)
    if period == "Hour" and (again := second_instant(floor, zone)) is not None and again <= t:
        return again
    return start


def period_end(period: Period, t: datetime, zone: ZoneInfo) -> datetime:
    """Return when the period ends in which the instant ``t`` lies: the start of the next one, in UTC."""
    floor = _floor(period, wall_of(t, zone))
    following = _following(period, floor)
    ends = [first_instant(following, zone)[0]]
    if period == "Hour":
        walls = (floor - timedelta(hours=1), floor, following)  # clocks go back by up to two hours
        ends += [again for wall in walls if (again := second_instant(wall, zone)) is not None]
    return min(end for end in ends if end > t)


def _floor(period: Period, wall: datetime) -> datetime:
    hour = wall.replace(minute=0, second=0, microsecond=0)
    if period == "Hour":
        return hour
    day = hour.replace(hour=0)
    if period == "Week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "Month" else day


def _following(period: Period, floor: datetime) -> datetime:
    if period == "Month":
        return (floor + timedelta(days=32)).replace(day=1)
    return floor + {"Hour": timedelta(hours=1), "Day": timedelta(days=1), "Week": timedelta(days=7)}[period]
