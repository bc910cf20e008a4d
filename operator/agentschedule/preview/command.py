"""The subcommand: from the file to what is printed, and its exit codes."""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.documents import DocumentError, Raw, check, read_file
from agentschedule.planning.observed import DEFAULT_SETTINGS
from agentschedule.planning.reading import read_schedule
from agentschedule.preview.forecast import Forecast
from agentschedule.preview.text import header, table
from agentschedule.runs.names import parse_time
from agentschedule.timing import TimingError, check_min_interval, load_zone, read_instant

_NAMESPACE: Final = "default"


def run(options: argparse.Namespace) -> int:
    """Print when the schedules in the file run next. Exit codes: 0, or 2 with a message where one cannot be used."""
    try:
        found = read_file(options.file, "AgentSchedule")
    except DocumentError as error:
        return _fail(str(error))
    chosen = [raw for raw in found if options.name is None or _name(raw) == options.name]
    if not chosen:
        named = f" named {options.name}" if options.name is not None else ""
        return _fail(f"{options.file}: there is no AgentSchedule{named} in it")
    code, gap = 0, ""
    for number, raw in enumerate(chosen, 1):
        try:
            lines = list(_describe(raw, options.since, options.count))
        except (DocumentError, TimingError) as error:
            where = f"{options.file}: AgentSchedule {_name(raw) or number}"
            code = _fail("\n".join(f"{where}: {line}" for line in str(error).splitlines()))
            continue
        sys.stdout.write(gap + "\n".join(lines) + "\n")
        gap = "\n"
    return code


def _describe(raw: Raw, since_text: str | None, count: int) -> Iterator[str]:
    check(raw, AgentScheduleSpec)
    now = datetime.now(UTC)
    zone = load_zone(str(raw["spec"].get("timeZone") or "UTC"))
    since = now if since_text is None else read_instant(since_text, zone, "--from")
    meta, exact = _metadata(raw["metadata"], min(now, since))
    schedule = read_schedule({**raw, "metadata": meta})
    when = schedule.when
    if schedule.problem is not None or when is None:
        raise DocumentError(schedule.problem.message if schedule.problem else "spec cannot be used")
    yield f"{schedule.owner.namespace}/{schedule.owner.name}"
    yield from header(schedule, when, exact=exact, namespace="namespace" in raw["metadata"])
    try:
        check_min_interval(when, DEFAULT_SETTINGS.min_interval, now)
    except TimingError as error:
        yield f"  warning: with its default settings the operator refuses this schedule: {error}"
    yield ""
    forecast = Forecast(schedule, when, exact=exact)
    # What counts are slots after the creation, where there is one.
    created = when.origin() + timedelta(microseconds=1) if raw["metadata"].get("creationTimestamp") else since
    most = schedule.spec.most_runs() if schedule.spec else None
    yield from table(forecast.rows(max(since, created)), when, count if most is None else min(count, most))
    if most is not None and most <= count:
        yield f"complete after {most} scheduled runs, if none of them has run yet"


def _metadata(given: Raw, created: datetime) -> tuple[Raw, bool]:
    # What an object in the cluster has and one in a file need not have: as if it were created then. Is the uid known?
    notes = given.get("annotations")
    meta = {
        "name": given["name"],
        "namespace": str(given.get("namespace") or _NAMESPACE),
        "uid": str(given.get("uid") or ""),
        "creationTimestamp": str(given.get("creationTimestamp") or f"{created:%Y-%m-%dT%H:%M:%SZ}"),
        "annotations": {k: v for k, v in notes.items() if isinstance(v, str)} if isinstance(notes, dict) else {},
    }
    if parse_time(meta["creationTimestamp"]) is None:
        raise DocumentError(f"metadata.creationTimestamp: {meta['creationTimestamp']!r} is not an RFC 3339 time")
    return meta, bool(meta["uid"])


def _name(raw: Raw) -> str | None:
    meta = raw.get("metadata")
    return meta.get("name") if isinstance(meta, dict) else None


def _fail(message: str) -> int:
    sys.stderr.write(message + "\n")
    return 2
