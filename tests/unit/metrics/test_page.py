"""docs/operating.md lists each metric as it is."""

import re
from pathlib import Path
from typing import get_args

from agentschedule.api.status import RunPhase, SchedulePhase, Trigger
from agentschedule.engine.dispatcher import Urgency
from tests.unit.metrics.families import families

PAGE = (Path(__file__).parents[3] / "docs/operating.md").read_text()


def test_the_page_lists_each_metric_as_it_is() -> None:
    rows = re.findall(r"^\| `(agentschedule_\w+)` \| (\w+) \| (.*) ?\| (.+) \|$", PAGE, re.MULTILINE)
    listed = {name: (kind, set(re.findall(r"`(\w+)`", labels)), f"{meaning}.") for name, kind, labels, meaning in rows}
    own = [family for family in families() if family.name.startswith("agentschedule_")]
    assert len(rows) == len(listed)
    assert listed == {family.series: (family.type, set(family.labels), family.documentation) for family in own}


def test_the_page_explains_each_label() -> None:
    explained = set(
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[a-z_`, ]+(?: of \w+)?) \| ", PAGE, re.MULTILINE)))
    )
    own = [family for family in families() if family.name.startswith("agentschedule_")]
    labels = {label for family in own for label in family.labels}
    assert labels - {"version", "python", "namespace", "schedule"} <= explained


def test_the_page_has_the_values_of_labels() -> None:
    ended = set(get_args(RunPhase)) - {"Pending", "Running"}
    for values in (ended, get_args(SchedulePhase), get_args(Trigger), [urgency.name.lower() for urgency in Urgency]):
        assert all(f"`{value}`" in PAGE for value in values)


def test_the_page_names_no_metric_that_there_is_not() -> None:
    known = {name for family in families() for name in (*family.names, family.name)}
    assert set(re.findall(r"\bagentschedule_\w\w+", PAGE)) <= known
