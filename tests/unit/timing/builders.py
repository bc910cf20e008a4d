"""Short ways to say what a test needs."""

from collections.abc import Sequence
from datetime import UTC, datetime

from agentschedule.timing import When

CREATED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def utc(text: str) -> datetime:
    """Return the instant of "2026-11-23 09:00" in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def build(
    schedule: str | None = None,
    *,
    schedules: Sequence[str] = (),
    every: str | None = None,
    at: str | None = None,
    zone: str = "UTC",
    start: datetime | None = None,
    end: datetime | None = None,
    jitter: str | None = None,
    created: datetime = CREATED,
    uid: str = "8f9c0e66-3c1f-4d5b-9c55-0a2f3d1f7a10",
    hash_id: str = "team-a/daily-news",
) -> When:
    """Return a When with the fields a test does not care about left out."""
    return When.build(
        schedule=schedule,
        schedules=schedules,
        every=every,
        at=at,
        time_zone=zone,
        start_time=start,
        end_time=end,
        jitter=jitter,
        created=created,
        uid=uid,
        hash_id=hash_id,
    )
