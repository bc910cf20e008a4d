"""The picture, the page, and what the bench sends."""

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest

from tests.bench import bodies, page
from tests.bench.arrivals import names
from tests.bench.plot import lateness_svg

SLOT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_the_picture_has_a_rising_curve_for_each_contender() -> None:
    root = ET.fromstring(lateness_svg("Late & later", {"one": [0.02, 0.3, 4.0], "two <2>": [5.0, 5000.0]}))
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    points = [[tuple(map(float, point.split(","))) for point in line.attrib["points"].split()] for line in lines]
    assert [len(each) for each in points] == [3, 2]
    for each in points:
        assert each == sorted(each)
        assert [y for _, y in each] == sorted((y for _, y in each), reverse=True)
    assert {"Late & later", "one", "two <2>"} <= {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}


def test_the_page_says_what_its_results_say() -> None:
    results = json.loads(page.COPY.read_text())
    assert page.with_figures(page.PAGE.read_text(), results) == page.PAGE.read_text(), "run make bench-docs"
    assert page.PLOT.read_text() == page.plot(results), "run make bench-docs"


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        page.with_figures("# Performance\n", json.loads(page.COPY.read_text()))


def test_the_same_jobs_are_sent_as_the_operator_makes() -> None:
    job = bodies.job("bench-00007", SLOT)
    assert job["metadata"]["name"] == f"bench-00007-{int(SLOT.timestamp())}"
    template = json.loads(bodies.cron_job("bench-00007", bodies.cron(SLOT)))["spec"]["jobTemplate"]
    assert template["spec"].keys() == job["spec"].keys()
    assert template["metadata"]["labels"].keys() == job["metadata"]["labels"].keys()
    assert bodies.cron(SLOT) == "0 9 23 11 *"


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        pytest.param(b"\n\x05ADDED\x12\x99k8s\0batch\n\x0bbench-00001\x12\x00more", ["bench-00001"], id="added"),
        pytest.param(b"\n\x05ADDED\x12\x99k8s\0batch\n\x0bbench-00001bench-2", ["bench-00001"], id="its own length"),
        pytest.param(b"\n\x08MODIFIED\x12\x99k8s\0batch\n\x0bbench-00001\x12\x00more", [], id="modified"),
        pytest.param(b"\n\x05ADDED\x12\x99k8s\0batch\n\x05other\x12\x00", [], id="somebody else's"),
    ],
)
def test_the_name_of_a_job_is_found_in_the_bytes_of_its_event(frame: bytes, found: list[str]) -> None:
    assert names(frame) == found
