"""Notices as they come."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from agentschedule.delivery.notice import Notice, delivery_key

AT = datetime(2026, 11, 23, 9, 2, 5, tzinfo=UTC)

FAILED = Notice(
    key=delivery_key("7d1c", "daily-news-1795424400", "ops", "Failed"),
    event="Failed",
    at=AT,
    namespace="team-a",
    schedule="daily-news",
    agent="news",
    run="daily-news-1795424400-r2",
    phase="Failed",
    reason="Error",
    message="exit code 1",
    trigger="Schedule",
    attempt=2,
    scheduled_at=datetime(2026, 11, 23, 9, tzinfo=UTC),
    started_at=datetime(2026, 11, 23, 9, 0, 2, tzinfo=UTC),
    completed_at=AT,
    next_run_at=datetime(2026, 11, 24, 9, tzinfo=UTC),
    cost_usd="0.42",
    summary="Two of five sources did not answer.",
)


def notice(**fields: Any) -> Notice:
    return replace(FAILED, **fields)
