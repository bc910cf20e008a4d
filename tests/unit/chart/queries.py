"""Queries in PromQL, held against the metrics that an operator shows."""

import re
from collections.abc import Callable
from functools import partial
from operator import eq

import promql_parser
from promql_parser import AggregateExpr, Expr, Matcher, MatchOp, VectorSelector

from tests.unit.metrics.families import Family, families

OF_THE_TARGET = frozenset({"job", "namespace", "pod", "instance"})
"""Labels that Prometheus adds."""


def problems(query: str) -> list[str]:
    """What of a query cannot be: metrics and labels that are not there, values that no series will have."""
    try:
        parsed = promql_parser.parse(query)
    except ValueError as error:
        return [f"it cannot be read: {error}"]
    found: list[str] = []

    def visit(part: Expr) -> None:
        if isinstance(part, VectorSelector):
            found.extend(_of_selector(part))
        if isinstance(part, AggregateExpr) and part.modifier is not None:
            there = frozenset[str]().union(*map(_labels, selectors(part.expr)))
            found.extend(f"nothing has the label {label}" for label in part.modifier.labels if label not in there)

    promql_parser.walk(parsed, visit)
    return found


def selectors(parsed: Expr) -> list[VectorSelector]:
    """All series that are asked for."""
    found: list[VectorSelector] = []

    def visit(part: Expr) -> None:
        if isinstance(part, VectorSelector):
            found.append(part)

    promql_parser.walk(parsed, visit)
    return found


def labels_of(query: str) -> frozenset[str]:
    """The labels that the result of a query may have."""
    aggregated: list[frozenset[str]] = []

    def visit(part: Expr) -> None:
        if isinstance(part, AggregateExpr):
            aggregated.append(frozenset(part.modifier.labels if part.modifier else ()))

    parsed = promql_parser.parse(query)
    promql_parser.walk(parsed, visit)
    return aggregated[0] if aggregated else frozenset[str]().union(*map(_labels, selectors(parsed)))


def _of_selector(selector: VectorSelector) -> list[str]:
    family = _family(selector)
    if family is None:
        return [f"there is no metric {selector.name}"]
    return [
        f"{selector.name} has no label {matcher.name} that {matcher.op} {matcher.value}"
        for matcher in selector.matchers.matchers
        if matcher.name not in OF_THE_TARGET and not all(family.has(matcher.name, m) for m in _meanings(matcher))
    ]


def _family(selector: VectorSelector) -> Family | None:
    return next((family for family in families() if selector.name in family.names), None)


def _labels(selector: VectorSelector) -> frozenset[str]:
    family = _family(selector)
    own = family.labels if family is not None else frozenset()
    return own | OF_THE_TARGET | ({"le"} if selector.name and selector.name.endswith("_bucket") else set())


def _meanings(matcher: Matcher) -> list[Callable[[str], object]]:
    """For each value that is spoken of, whether a label's is that one; also for what is left out by `!=` and `!~`."""
    if matcher.op in (MatchOp.Equal, MatchOp.NotEqual):
        return [partial(eq, matcher.value)]
    return [partial(re.fullmatch, part) for part in matcher.value.split("|")]
