"""Names of Jobs. A name is made from nothing but what it stands for: it is the lock that lets a slot run once."""

from datetime import UTC, datetime


def job_name(schedule: str, slot: datetime, attempt: int) -> str:
    """Job of one attempt of one slot: `<schedule>-<epoch seconds>`, from the second attempt on with `-r<attempt>`."""
    base = f"{schedule}-{int(slot.timestamp())}"
    return base if attempt == 1 else f"{base}-r{attempt}"


def manual_job_name(schedule: str, agent_run_uid: str, attempt: int = 1) -> str:
    """Job of a manual run: `<schedule>-m<10 hex digits of the AgentRun's UID>`."""
    base = f"{schedule}-m{agent_run_uid.replace('-', '')[:10]}"
    return base if attempt == 1 else f"{base}-r{attempt}"


def utc_words(t: datetime) -> str:
    """An instant for people: "2026-11-23 09:00:00 UTC"."""
    return f"{t.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def parse_time(text: str | None) -> datetime | None:
    """An RFC 3339 time of the API server, in UTC. None for none and for what is not a time."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text.upper())  # T and Z may be in lower case
        return parsed.astimezone(UTC) if parsed.tzinfo else None
    except (ValueError, OverflowError):  # the latter within hours of the calendar's ends
        return None
