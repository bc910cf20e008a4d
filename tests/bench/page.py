"""`make bench-docs`: puts the results of the last `make bench` into the documentation.

`docs/performance.json` is a copy of them; the block in `docs/performance.md` and `docs/lateness.svg` are made from that
copy, so that page and figures cannot disagree.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

from tests.bench.__main__ import RESULTS
from tests.bench.burst import OURS
from tests.bench.contenders import CPU
from tests.bench.figures import Line, grid, spread, table
from tests.bench.measure import SIZE
from tests.bench.plot import lateness_svg
from tests.kubectl import ROOT

PAGE = ROOT / "docs" / "performance.md"
COPY = ROOT / "docs" / "performance.json"
PLOT = ROOT / "docs" / "lateness.svg"
_BEGIN = "<!-- figures: make bench-docs -->"
_PARTS = ("API server", "etcd", "contender")
_END = "<!-- end of figures -->"


def with_figures(page: str, results: dict[str, Any]) -> str:
    """The page with its block renewed. Raises `ValueError` for a page without the markers."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"the page lacks {_BEGIN} … {_END}")
    return f"{before}{_BEGIN}\n{_block(results)}{_END}{after}"


def plot(results: dict[str, Any]) -> str:
    """The picture of the lateness of every contender's Jobs."""
    size = results["about"]["size"]
    curves = {who: late for one in results["measures"].values() for who, late in one["curves"].items()}
    return lateness_svg(f"{size:,} Jobs due in one second", curves)


def _block(results: dict[str, Any]) -> str:
    about = results["about"]
    measures = results["measures"]
    lines = [Line.from_json(raw) for one in measures.values() for raw in one["lines"]]
    ended = ", ".join(f"{name} {one['taken']}" for name, one in measures.items())
    taken = (
        f"Taken ({ended}): {about['cores']} cores ({about['processor']}) for everything, Python "
        f"{about['Python']}, Kubernetes {about['Kubernetes']}, etcd {about['etcd']}; {about['rounds']} rounds, "
        f"load {about['load before']} before."
    )
    if about["size"] != SIZE:
        taken += f" **A trial in small (SIZE={about['size']}), no measurement.**"
    return f"{taken}\n\n{table(lines)}\n\n{_cpu(lines)}\n"


def _cpu(lines: Sequence[Line]) -> str:
    """What a Job costs whom, for each contender of the first burst."""
    contenders = next((line.detail for line in lines if OURS in line.detail), {})
    rows = []
    for who, rounds in contenders.items():
        each = [one[CPU] for one in rounds]
        rows.append([who, *(spread([one[part] for one in each]) for part in _PARTS)])
    return grid([["CPU in ms a Job, until the last was there", *_PARTS], *rows])


def main() -> int:
    """Write all three files."""
    if not RESULTS.exists():
        sys.stderr.write("there are no results: run make bench\n")
        return 1
    COPY.write_text(RESULTS.read_text())
    results = json.loads(COPY.read_text())
    PAGE.write_text(with_figures(PAGE.read_text(), results))
    PLOT.write_text(plot(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
