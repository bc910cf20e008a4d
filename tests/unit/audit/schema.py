"""The table of a record's members in `docs/audit.md`, from the model. `python -m tests.unit.audit.schema` writes it."""

from pathlib import Path
from typing import get_args

from agentschedule.audit.record import AuditRecord

PAGE = Path(__file__).parents[3] / "docs/audit.md"
BEGIN, END = "<!-- generated from the model -->\n", "<!-- end -->"


def table() -> str:
    """The members, in order."""
    lines = ["| member | type | meaning |", "| --- | --- | --- |"]
    for name, field in AuditRecord.model_fields.items():
        written = field.serialization_alias or field.alias or name
        kinds = {int} & {field.annotation, *get_args(field.annotation)}
        kind = "integer" if kinds else "string"
        optional = ", may be missing" if field.default is None else ""
        lines.append(f"| `{written}` | {kind}{optional} | {field.description} |")
    return "\n".join(lines) + "\n"


def filled(text: str) -> str:
    """The page with the table put in."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
