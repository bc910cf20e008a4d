"""Percentiles, lines and the table of the bench."""

import json

import pytest

from tests.bench.figures import Goal, Line, percentile, quantiles, short, spread, table


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.75, 3), (0.99, 4), (1.0, 4)],
)
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert percentile([3, 1, 4, 2], share) == expected


def test_quantiles_reach_from_the_least_to_the_greatest_value() -> None:
    found = quantiles(range(1000), 11)
    assert len(found) == 11
    assert (found[0], found[5], found[-1]) == (0, 499, 999)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.01234, "0.0123"),
        (0.5, "0.500"),
        (9.876, "9.88"),
        (54.32, "54.3"),
        (123.4, "123"),
        (12345.6, "12,346"),
    ],
)
def test_figures_are_short(value: float, text: str) -> None:
    assert short(value) == text


def test_a_spread_shows_least_and_greatest_only_where_they_differ() -> None:
    assert spread([2.0, 1.0, 3.0]) == "2.00 (1.00–3.00)"
    assert spread([2.0, 2.0]) == "2.00"


RATE = Line(
    measure="Jobs created",
    unit="a second",
    ours=[90, 95, 60],
    reference="plain client",
    theirs=[100, 100, 100],
    relation="ratio",
    goal=Goal(bound=0.9, at_least=True),
)
LAST = Line(measure="last Job", unit="s", ours=[2, 2], reference="other", theirs=[100, 130], relation="times")
LATE = Line(measure="late", unit="ms", ours=[30, 8], reference="create", theirs=[5, 5], relation="difference")
IDLE = Line(measure="idle", unit="%", ours=[0.7], goal=Goal(bound=0.5))


def test_each_round_is_compared_with_the_reference_of_that_round() -> None:
    assert RATE.judged == [0.9, 0.95, 0.6]
    assert LAST.judged == [50, 65]
    assert LATE.judged == [25, 3]
    assert IDLE.judged == [0.7]


def test_a_goal_is_for_the_median() -> None:
    assert RATE.met is True
    assert IDLE.met is False
    assert LAST.met is None


def test_the_table_lines_up() -> None:
    rows = table([RATE, LAST, IDLE]).splitlines()
    assert len({len(row) for row in rows}) == 1
    assert "| 90.0 (60.0–95.0) a second | plain client 100 a second | 0.900 (0.600–0.950) | ≥ 0.9 | yes" in " ".join(
        rows[2].split()
    )
    assert "**no**" in rows[4]


@pytest.mark.parametrize("line", [RATE, LAST, LATE, IDLE], ids=lambda line: line.measure)
def test_a_line_comes_back_from_the_results(line: Line) -> None:
    assert Line.from_json(json.loads(json.dumps(line.to_json()))) == line
