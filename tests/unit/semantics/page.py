"""docs/semantics.md: the part that is generated from the cases, and the examples in it that are executed.

`python -m tests.unit.semantics.page` writes the generated part anew (`make docs`).
"""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from .cases import GROUPS
from .model import Case, Elsewhere, Group
from .sources import SOURCES

PAGE: Final = Path(__file__).parents[3] / "docs" / "semantics.md"
_BEGIN: Final = "<!-- generated from tests/unit/semantics by make docs -->\n"
_END: Final = "<!-- end of the generated part -->\n"
_EXAMPLES: Final = r"<!-- checked: {kind} -->\n(?P<head>\|.*\n)\|[- |]+\n(?P<rows>(\|.*\n)+)"
_HEAD: Final = "| case | situation | here | CronJob | Furiko | Temporal |\n" + "| --- " * 6 + "|\n"
_NUMBERS: Final = {key: number for number, key in enumerate(SOURCES, 1)}


def generated() -> str:
    """The comparison, and where it was read."""
    tables = "\n".join(_table(group) for group in GROUPS if any(map(_is_compared, group.cases)))
    projects = groupby(SOURCES.items(), key=lambda item: item[0].partition("-")[0])
    sources = "".join("- " + "; ".join(f"[{_NUMBERS[key]}] {text}" for key, text in its) + "\n" for _, its in projects)
    return f"\n{tables}\n### Where this was read\n\n{sources}\n"


def parts(text: str) -> tuple[str, str, str]:
    """A page in three: before the generated part, that part, and after it. ValueError where a marker is missing."""
    before, rest = text.split(_BEGIN)
    part, after = rest.split(_END)
    return before, part, after


def examples(kind: str) -> Iterator[dict[str, str]]:
    """Rows of the tables on the page that are marked as checked examples of this kind, by column, without backticks."""
    for table in re.finditer(_EXAMPLES.format(kind=kind), PAGE.read_text()):
        head = _cells(table["head"])
        for row in table["rows"].splitlines():
            yield dict(zip(head, _cells(row), strict=True))


def _cells(row: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in row.strip().strip("|").split("|")]


def _table(group: Group) -> str:
    return f"### {group.title}\n\n{_HEAD}" + "".join(_row(case) for case in group.cases if _is_compared(case))


def _is_compared(case: Case) -> bool:
    return any(other is not None for other in (case.cronjob, case.furiko, case.temporal))


def _row(case: Case) -> str:
    ours = f"{case.ours} (*why: {case.why}*)" if case.why else case.ours
    others = " | ".join(_cell(other) for other in (case.cronjob, case.furiko, case.temporal))
    return f"| `{case.id}` | {case.situation} | {ours} | {others} |\n"


def _cell(other: Elsewhere | None) -> str:
    return f"{other.does} [{_NUMBERS[other.source]}]" if other else "–"


def main() -> None:
    """Write the generated part of the page anew."""
    before, _, after = parts(PAGE.read_text())
    PAGE.write_text(f"{before}{_BEGIN}{generated()}{_END}{after}")


if __name__ == "__main__":
    main()
