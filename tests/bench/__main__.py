"""`make bench`: takes the measures, prints the table, writes `.bench/results.json`.

With `--only` the other measures there stay, if they are of the same machine, size and programs.

Exit codes: 0 all was measured, whether goals are met or not; 1 a measure could not be taken; 130 it was stopped.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcluster import settings
from tests.bench.admission import admission
from tests.bench.burst import burst, tenfold
from tests.bench.events import events
from tests.bench.figures import quantiles, table
from tests.bench.footprint import footprint
from tests.bench.growth import growth
from tests.bench.measure import SIZE, Options, Result, say
from tests.bench.single import single
from tests.bench.writes import writes
from tests.kubectl import ROOT

RESULTS = ROOT / ".bench" / "results.json"
WORK = RESULTS.parent / "work"
_MEASURES: dict[str, Callable[[Options], Coroutine[Any, Any, Result]]] = {
    "burst": burst,
    "tenfold": tenfold,
    "single": single,
    "writes": writes,
    "footprint": footprint,
    "events": events,
    "growth": growth,
    "admission": admission,
}
_OF_ONE_RUN = ("begun", "load before")
"""What may differ between runs whose measures stand side by side."""


def main(arguments: list[str] | None = None) -> int:
    """Take the measures that are asked for, one after the other."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends as with Ctrl-C
    names = options.only.split(",") if options.only else list(_MEASURES)
    if unknown := set(names) - set(_MEASURES):
        sys.stderr.write(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(_MEASURES)}\n")
        return 1
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    whole, failed = Result(), []
    about = _about(options.rounds, options.size)
    kept = _kept(about) if options.only else {}
    for name in names:
        say(f"{name}: begins")
        try:
            one = asyncio.run(_MEASURES[name](Options(WORK, options.rounds, options.size)))
        except KeyboardInterrupt:
            say(f"stopped; what was taken before is in {RESULTS}")
            return 130
        except Exception as error:  # noqa: BLE001 - one that fails must not cost the others
            failed.append(name)
            say(f"{name}: FAILED: {error!r}; logs are in {WORK}")
        else:
            whole.lines += one.lines
            kept[name] = _as_json(one)
            _write(about, kept)
    sys.stdout.write(table(whole.lines) + f"\n\n{RESULTS} holds each round's figures.\n")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each measure (default 3)")
    parser.add_argument("--size", type=int, default=SIZE, help="schedules due at once (default 1000)")
    parser.add_argument("--only", default="", help=f"measures, separated by commas: {', '.join(_MEASURES)}")
    return parser


def _about(rounds: int, size: int) -> dict[str, Any]:
    """When, where and what: a figure says little without."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "begun": _now(),
        "rounds": rounds,
        "size": size,
        "cores": os.cpu_count(),
        "processor": model[0].partition(":")[2].strip() if model else platform.machine(),
        "load before": round(os.getloadavg()[0], 2),
        "Python": platform.python_version(),
        "Kubernetes": settings.KUBERNETES_VERSION,
        "etcd": settings.ETCD_VERSION,
    }


def _kept(about: dict[str, Any]) -> dict[str, Any]:
    """The measures of earlier runs that may stand beside new ones."""
    if not RESULTS.exists():
        return {}
    earlier = json.loads(RESULTS.read_text())
    alike = {**earlier["about"], **{key: about[key] for key in _OF_ONE_RUN}} == about
    return earlier["measures"] if alike else {}


def _as_json(one: Result) -> dict[str, Any]:
    return {
        "taken": _now(),
        "lines": [line.to_json() for line in one.lines],
        "curves": {who: [round(late, 4) for late in quantiles(values)] for who, values in one.curves.items()},
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _write(about: dict[str, Any], measures: dict[str, Any]) -> None:
    results = {"about": about, "measures": {name: measures[name] for name in _MEASURES if name in measures}}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
