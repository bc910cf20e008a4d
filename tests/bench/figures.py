"""What was measured: spreads over rounds, lines with their goals, and the table. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

Relation = Literal["", "ratio", "times", "difference"]
"""How ours stands to a reference: ours / theirs, theirs / ours (how many times sooner), ours - theirs."""


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that is not below this share (0 to 1) of the values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def quantiles(values: Sequence[float], number: int = 200) -> list[float]:
    """So many percentiles in even steps, the least and the greatest value included: enough to draw a distribution."""
    return [percentile(values, step / (number - 1)) for step in range(number)]


def short(value: float) -> str:
    """A figure of three digits, large ones in full."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def spread(values: Sequence[float]) -> str:
    """The median, and least and greatest where they differ: "12.0 (11.5–13.1)"."""
    middle, least, most = short(median(values)), short(min(values)), short(max(values))
    return middle if least == most else f"{middle} ({least}–{most})"


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a figure has to be."""

    bound: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether it is."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One measure against one reference, or none: a value for each round. The goal is for the median of `judged`."""

    measure: str
    unit: str
    ours: Sequence[float]
    reference: str = ""
    theirs: Sequence[float] = field(default_factory=list)
    relation: Relation = ""
    goal: Goal | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def judged(self) -> list[float]:
        """Round by round, what the goal is for: ours by itself, or how it stands to the reference in that round."""
        match self.relation:
            case "ratio":
                return [mine / other for mine, other in zip(self.ours, self.theirs, strict=True)]
            case "times":
                return [other / mine for mine, other in zip(self.ours, self.theirs, strict=True)]
            case "difference":
                return [mine - other for mine, other in zip(self.ours, self.theirs, strict=True)]
            case _:
                return list(self.ours)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.goal is None else self.goal.met(median(self.judged))

    def cells(self) -> list[str]:
        """The line of the table."""
        unit = f" {self.unit}" if self.unit else ""
        related = {"ratio": "", "times": " times", "difference": unit, "": ""}[self.relation]
        return [
            self.measure,
            spread(self.ours) + unit,
            f"{self.reference} {spread(self.theirs)}{unit}" if self.theirs else "",
            spread(self.judged) + related if self.relation else "",
            str(self.goal) if self.goal else "",
            {True: "yes", False: "**no**", None: ""}[self.met],
        ]

    def to_json(self) -> dict[str, Any]:
        """For the results' file."""
        return {
            "measure": self.measure,
            "unit": self.unit,
            "ours": list(self.ours),
            "reference": self.reference,
            "theirs": list(self.theirs),
            "relation": self.relation,
            "goal": None if self.goal is None else {"bound": self.goal.bound, "at_least": self.goal.at_least},
            "met": self.met,
            "detail": self.detail,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> "Line":
        """From the results' file."""
        given = {key: raw[key] for key in ("measure", "unit", "ours", "reference", "theirs", "relation", "detail")}
        return cls(**given, goal=Goal(**raw["goal"]) if raw["goal"] else None)


HEAD = ["measure", "ours", "reference", "ours to it", "goal", "met"]


def table(lines: Sequence[Line]) -> str:
    """All lines as a Markdown table that can be read as it is."""
    return grid([HEAD, *(line.cells() for line in lines)])


def grid(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    padded.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)
