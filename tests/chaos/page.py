"""The table of faults in the documentation, written from the figures of the last full run.

`python -m tests.chaos.page` writes it anew (`make test-chaos`).
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from tests.chaos.figures import FILE
from tests.kubectl import ROOT

_PAGES: Final = (ROOT / "docs" / "reliability.md", ROOT / "docs" / "reliability-faults.md")
_BEGIN: Final = "<!-- generated from the figures of make test-chaos -->\n"
_END: Final = "<!-- end of the generated part -->\n"
_HEAD: Final = (
    "| fault | what was done | due | ran | skipped | doubles | lost | normal after |\n" + "| --- " * 8 + "|\n"
)


def generated(figures: dict[str, Any]) -> str:
    """The table."""
    faults, sums = figures["faults"], figures["totals"]
    last = _row({"fault": f"**{len(faults)} faults**", "done": "", **sums})
    return "\n" + _HEAD + "".join(map(_row, faults)) + last + "\n"


def _row(fault: dict[str, Any]) -> str:
    ran = f"{fault['runs']}{' *' if fault['strays'] else ''}"
    cells = (fault["fault"], fault["done"], fault["due"], ran, fault["skips"], fault["doubles"], fault["lost"])
    return f"| {' | '.join(map(str, cells))} | {fault['back']:.0f} s |\n"


def _tests() -> int:
    """How many there are."""
    return sum(file.read_text().count("\ndef test_") for file in Path(__file__).parent.glob("test_*.py"))


def page() -> Path:
    """The page that has a place for the table."""
    return next(path for path in _PAGES if path.exists() and _BEGIN in path.read_text())


def main() -> int:
    """Write the table anew; returns the exit code."""
    figures = json.loads(FILE.read_text())
    passed = sum(fault["passed"] for fault in figures["faults"])
    if figures["form"] != "full" or passed < _tests():
        sys.stderr.write("the figures are not those of a full run in which all went well: the page stays as it is\n")
        return 1
    path = page()
    before, rest = path.read_text().split(_BEGIN)
    after = rest.split(_END)[1]
    path.write_text(f"{before}{_BEGIN}{generated(figures)}{_END}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
