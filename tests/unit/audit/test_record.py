"""The audit's records: their schema is documented, their ids tell happenings apart, a line is one record."""

import json
from datetime import UTC, datetime
from typing import get_args

import pytest
from pydantic import ValidationError

from agentschedule.audit.record import AuditRecord, AuditType, record_id

from .schema import PAGE, filled

GIVEN = {
    "id": record_id("RunStarted", "uid", "job"),
    "time": datetime(2026, 11, 23, 9, 0, 0, 412_345, tzinfo=UTC),
    "type": "RunStarted",
    "namespace": "team",
    "schedule": "news",
    "scheduleUID": "uid",
}


def test_the_page_shows_the_schema_and_every_type() -> None:
    text = PAGE.read_text()
    assert filled(text) == text, "run python -m tests.unit.audit.schema"
    assert {kind for kind in get_args(AuditType) if f"`{kind}`" in text} == set(get_args(AuditType))


def test_a_line_is_one_record_whatever_is_told() -> None:
    line = AuditRecord.model_validate({**GIVEN, "message": 'a\n{"type": "Held"}\u2028b'}).model_dump_json(
        by_alias=True, exclude_none=True
    )
    assert line.count("\n") == 0
    read = json.loads(line)
    assert read["time"] == "2026-11-23T09:00:00.412Z"
    assert read["logger"] == "agentschedule.audit"
    assert "actor" not in read


def test_what_is_no_type_is_refused() -> None:
    with pytest.raises(ValidationError):
        AuditRecord.model_validate({**GIVEN, "type": "RunStopped"})


def test_an_id_is_of_its_type_schedule_and_cause() -> None:
    ids = {record_id(kind, uid, cause) for kind in get_args(AuditType) for uid in ("a", "b") for cause in ("x", "y")}
    assert len(ids) == 4 * len(get_args(AuditType))
    assert record_id("Held", "a", "x") == record_id("Held", "a", "x")
