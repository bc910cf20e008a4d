"""Every case is run against the real code."""

import re

import pytest

from .cases import CASES
from .model import Case
from .sources import SOURCES


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_case(case: Case) -> None:
    assert case.proof.happens(case.spec) == case.proof.expected()


def test_every_case_has_a_name_of_its_own() -> None:
    ids = [case.id for case in CASES]
    assert sorted(ids) == sorted(set(ids))
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in ids)


def test_every_source_is_known_and_used() -> None:
    used = {other.source for case in CASES for other in (case.cronjob, case.furiko, case.temporal) if other is not None}
    assert used == set(SOURCES)
