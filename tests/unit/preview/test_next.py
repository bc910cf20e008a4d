"""`agentschedule-operator next`: what it prints of files, and what it says of mistakes."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from agentschedule.__main__ import main

FROM = "2027-03-26T00:00:00Z"


def manifest(spec: str, name: str = "news", meta: str = "", version: str = "v1alpha1") -> str:
    """A resource, with `spec` and more of its metadata as YAML in one line."""
    return f"""
apiVersion: agentschedule.dev/{version}
kind: AgentSchedule
metadata: {{name: {name}{meta and ", "}{meta}}}
spec: {{agent: {{image: x}}, {spec}}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "schedules.yaml"


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[list[str]]:
    """The table's rows, without the head; cells are separated by two spaces or more."""
    assert main(["next", *arguments]) == 0
    out = capsys.readouterr()
    assert out.err == ""
    lines = out.out.split("\n\n", 1)[1].splitlines()[1:]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["next", *arguments]) == 2
    return capsys.readouterr().err


def test_runs_in_local_time_and_utc(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(manifest('schedule: "0 9 * * 1-5", timeZone: Asia/Tokyo'))
    assert shown(capsys, str(file), "-n", "2", "--from", FROM) == [
        ["1", "Fri 2027-03-26 09:00 JST", "2027-03-26T00:00:00Z"],
        ["2", "Mon 2027-03-29 09:00 JST", "2027-03-29T00:00:00Z"],
    ]


def test_the_head_says_what_all_runs_have_in_common(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blackouts = '[{name: nights, action: Defer, hours: {start: 22:00, end: "06:00"}}, {name: off, to: 2027-01-01}]'
    file.write_text(
        manifest(
            f'schedule: "H 9 * * *", timeZone: Asia/Tokyo, jitter: 600s, suspend: true, blackouts: {blackouts}',
            meta="annotations: {agentschedule.dev/paused: loud, agentschedule.dev/paused-until: 2027-01-01T00:00:00Z}",
        )
    )
    assert main(["next", str(file)]) == 0
    assert capsys.readouterr().out.split("\n\n")[0].splitlines() == [
        "default/news",
        "  when: H 9 * * *",
        "  zone: Asia/Tokyo",
        "  jitter: up to 10m; which delay a run gets follows from the uid, which the file does not have",
        "  blackouts: nights (Defer), off (Skip)",
        "  note: H depends on the namespace, of which the file has none; default is taken",
        "  note: spec.suspend is true; nothing runs while it is",
        "  note: paused by annotation (loud); nothing runs until 2027-01-01 09:00 JST",
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(
            'schedule: "30 2 28 * *", timeZone: Europe/Berlin',
            [
                [
                    "1",
                    "Sun 2027-03-28 03:00 CEST",
                    "2027-03-28T01:00:00Z",
                    "DST: 02:30 does not exist on 2027-03-28, runs at 03:00",
                ],
                ["2", "Wed 2027-04-28 02:30 CEST", "2027-04-28T00:30:00Z"],
            ],
            id="gap",
        ),
        pytest.param(
            'schedule: "0 0 28 3 *", blackouts: [{name: easter, from: 2027-03-26, to: 2027-03-29}]',
            [
                ["-", "Sun 2027-03-28 00:00 UTC", "2027-03-28T00:00:00Z", "blackout easter: skipped"],
                ["1", "Tue 2028-03-28 00:00 UTC", "2028-03-28T00:00:00Z"],
                ["2", "Wed 2029-03-28 00:00 UTC", "2029-03-28T00:00:00Z"],
            ],
            id="a skipped slot does not count",
        ),
        pytest.param(
            'schedule: "0 * * * *", blackouts: [{name: night, from: 2027-03-26T01:00, to: 2027-03-26T05:30}]',
            [
                ["1", "Fri 2027-03-26 00:00 UTC", "2027-03-26T00:00:00Z"],
                ["-", "Fri 2027-03-26 01:00 UTC", "2027-03-26T01:00:00Z", "blackout night: skipped"],
                ["-", "Fri 2027-03-26 02:00 UTC", "2027-03-26T02:00:00Z", "blackout night: skipped"],
                [
                    "-",
                    "Fri 2027-03-26 03:00 UTC",
                    "2027-03-26T03:00:00Z",
                    "blackout night: skipped, like all others until 2027-03-26 05:30 UTC",
                ],
                ["2", "Fri 2027-03-26 06:00 UTC", "2027-03-26T06:00:00Z"],
            ],
            id="many skipped slots are summed up",
        ),
        pytest.param(
            'schedule: "0 23,3 * * *", blackouts: [{name: night, action: Defer, hours: {start: 22:00, end: 06:00}}]',
            [
                [
                    "1",
                    "Fri 2027-03-26 03:00 UTC",
                    "2027-03-26T03:00:00Z",
                    "blackout night: deferred to 2027-03-26 06:00 UTC",
                ],
                [
                    "-",
                    "Fri 2027-03-26 23:00 UTC",
                    "2027-03-26T23:00:00Z",
                    "blackout night: skipped, a later one is deferred",
                ],
                [
                    "2",
                    "Sat 2027-03-27 03:00 UTC",
                    "2027-03-27T03:00:00Z",
                    "blackout night: deferred to 2027-03-27 06:00 UTC",
                ],
            ],
            id="the newest of a window is deferred",
        ),
        pytest.param(
            "at: 2027-03-26T03:00, blackouts: [{name: night, action: Defer, hours: {start: 22:00, end: 06:00}},"
            " {name: friday, weekdays: [FRI], hours: {start: 06:00, end: 24:00}}]",
            [
                [
                    "-",
                    "Fri 2027-03-26 03:00 UTC",
                    "2027-03-26T03:00:00Z",
                    "blackout night: deferred to 2027-03-26 06:00 UTC, skipped by friday",
                ],
                ["no run within the next 5 years"],
            ],
            id="deferred into a skip",
        ),
        pytest.param(
            "at: 2027-03-26T03:00",
            [["1", "Fri 2027-03-26 03:00 UTC", "2027-03-26T03:00:00Z"], ["no further run"]],
            id="one only",
        ),
        pytest.param(
            "every: 24h, startTime: 2027-03-27T00:00:00Z, jitter: 10m",
            [
                ["1", "Sat 2027-03-27 00:00 UTC", "2027-03-27T00:00:00Z", "+0s..10m"],
                ["2", "Sun 2027-03-28 00:00 UTC", "2027-03-28T00:00:00Z", "+0s..10m"],
            ],
            id="jitter that depends on the uid",
        ),
        pytest.param(
            'schedule: "0 9 * * *", blackouts: [{name: always, from: 2027-01-01}]',
            [
                *(
                    [
                        "-",
                        day,
                        f"{day[4:14]}T09:00:00Z",
                        "blackout always: skipped, like all others for 400 days",
                    ]
                    for day in ("Fri 2027-03-26 09:00 UTC", "Sun 2028-04-30 09:00 UTC", "Tue 2029-06-05 09:00 UTC")
                ),
                ["-", "…", "more of these"],
                ["no run within the next 5 years"],
            ],
            id="nothing, ever",
        ),
    ],
)
def test_what_becomes_of_slots(
    file: Path, capsys: pytest.CaptureFixture[str], spec: str, expected: list[list[str]]
) -> None:
    file.write_text(manifest(spec))
    assert shown(capsys, str(file), "-n", "2", "--from", FROM) == expected


@pytest.mark.parametrize(
    ("at", "note"),
    [
        pytest.param("2027-03-28T02:30", ["DST: 02:30 does not exist on 2027-03-28, runs at 03:00"], id="gap"),
        pytest.param("2027-10-31 02:30", ["DST: second 02:30 is skipped"], id="overlap"),
        pytest.param("2027-10-31T02:30:00+02:00", [], id="with its offset"),
        pytest.param("2027-10-31t03:30", [], id="ordinary"),
    ],
)
def test_at_where_clocks_change(file: Path, capsys: pytest.CaptureFixture[str], at: str, note: list[str]) -> None:
    file.write_text(manifest(f'at: "{at}", timeZone: Europe/Berlin'))
    assert shown(capsys, str(file), "--from", FROM)[0][3:] == note


@pytest.mark.parametrize(
    ("schedule", "notes"),
    [
        pytest.param("30 2 * * *", ["DST: second 02:30 is skipped"], id="fixed hour"),
        pytest.param("30 * * * *", ["", "DST: first of two at 02:30", "DST: second of two at 02:30"], id="any hour"),
    ],
)
def test_a_time_that_comes_twice(
    file: Path, capsys: pytest.CaptureFixture[str], schedule: str, notes: list[str]
) -> None:
    file.write_text(
        manifest(f'schedule: "{schedule}", timeZone: Europe/Berlin', meta="creationTimestamp: 2026-01-01T00:00:00Z")
    )
    rows = shown(capsys, str(file), "-n", str(len(notes)), "--from", "2026-10-25T01:30")
    assert [row[3] if len(row) > 3 else "" for row in rows] == notes


def test_the_object_of_a_cluster_is_read_as_it_is(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    meta = (
        "namespace: team-a, uid: 8f9c0e66-3c1f-4d5b-9c55-0a2f3d1f7a10, creationTimestamp: 2026-11-22T10:00:00Z,"
        " annotations: {agentschedule.dev/skip: '2026-11-25T00:00:00Z, 2026-11-26T00:00:00Z'}"
    )
    file.write_text(manifest("schedule: '@daily', jitter: 1h", meta=meta))
    assert shown(capsys, str(file), "-n", "3", "--from", "2020-01-01T00:00:00Z") == [
        ["1", "Mon 2026-11-23 00:00 UTC", "2026-11-23T00:00:00Z", "+2m1s"],
        ["2", "Tue 2026-11-24 00:00 UTC", "2026-11-24T00:00:00Z", "+19m45s"],
        ["-", "Wed 2026-11-25 00:00 UTC", "2026-11-25T00:00:00Z", "requested: skipped"],
        ["-", "Thu 2026-11-26 00:00 UTC", "2026-11-26T00:00:00Z", "requested: skipped"],
        ["3", "Fri 2026-11-27 00:00 UTC", "2026-11-27T00:00:00Z", "+51m12s"],
    ]


def test_from_is_local_time_too(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(manifest("schedule: '@hourly', timeZone: Asia/Tokyo"))
    rows = shown(capsys, str(file), "-n", "1", "--from", "2027-03-26 09:00")
    assert rows == [["1", "Fri 2027-03-26 09:00 JST", "2027-03-26T00:00:00Z"]]


@pytest.mark.parametrize(
    ("spec", "slot"),
    [
        pytest.param("schedule: '@daily'", "2020-03-26T00:00:00Z", id="cron"),
        pytest.param("every: 24h", "2020-03-27T00:00:00Z", id="an interval counts from there"),
        pytest.param("at: 2020-03-26T00:00:00Z", "2020-03-26T00:00:00Z", id="at"),
    ],
)
def test_from_may_be_in_the_past(file: Path, capsys: pytest.CaptureFixture[str], spec: str, slot: str) -> None:
    file.write_text(manifest(spec))
    assert shown(capsys, str(file), "-n", "1", "--from", "2020-03-26T00:00:00Z")[0][2] == slot


def test_an_at_that_has_passed_is_refused_as_the_operator_would(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(manifest("at: 2020-03-26T00:00:00Z"))
    assert "lies before the schedule's creation" in refused(capsys, str(file))


def test_too_often_is_a_warning(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(manifest("every: 30s"))
    assert main(["next", str(file)]) == 0
    assert "  warning: with its default settings the operator refuses" in capsys.readouterr().out


LISTED = """
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
  - apiVersion: agentschedule.dev/v1alpha1
    kind: AgentSchedule
    metadata: {name: listed}
    spec: {every: 1h, agent: {image: x}}
"""


def test_several_documents_and_lists(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "---\n".join([manifest("every: 1h", "first"), "", LISTED, "kind: Deployment"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert main(["next", "-", "-n", "1"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if "/" in line and "  " not in line] == [
        "default/first",
        "default/listed",
    ]
    file.write_text(text)
    assert main(["next", str(file), "--name", "listed"]) == 0
    assert "default/first" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "there is no AgentSchedule in it", id="empty"),
        pytest.param("kind: Job", "there is no AgentSchedule in it", id="another kind"),
        pytest.param("a: [", ":1:5: this is not YAML", id="no YAML"),
        pytest.param("a: 1\na: 2", 'found duplicate key "a"', id="a key twice"),
        pytest.param(manifest("every: 1h", version="v2"), "it must be agentschedule.dev/v1alpha1", id="version"),
        pytest.param(manifest("every: 1h", "''"), "metadata.name is missing", id="no name"),
        pytest.param(manifest("every: 1h").partition("spec:")[0], "spec is missing", id="no spec"),
        pytest.param(
            manifest("every: 1h, jiter: 5m"), "spec.jiter: unknown field; did you mean spec.jitter?", id="typing error"
        ),
        pytest.param(
            manifest("every: 1h, retry: {tries: 3}"), "spec.retry.tries: unknown field; known are limit", id="unknown"
        ),
        pytest.param(
            manifest("every: 1h, blackouts: [{name: a, weekday: [MON]}]"),
            "spec.blackouts[0].weekday: unknown field; did you mean spec.blackouts[0].weekdays?",
            id="in a list",
        ),
        pytest.param(manifest("every: 5 minutes"), "spec.every: '5 minutes' is not a duration", id="bad interval"),
        pytest.param(manifest("schedule: '0 9 * *'"), "it needs 5: minute", id="bad cron"),
        pytest.param(manifest("every: 1h, timeZone: Berlin"), "did you mean 'Europe/Berlin'?", id="bad zone"),
        pytest.param(
            manifest("every: 1h, blackouts: [{name: a}]"), "spec.blackouts[a]: it has no condition", id="blackout"
        ),
        pytest.param(
            manifest("every: 1h, blackouts: [{name: a, holidays: {country: UK}}]"), "did you mean 'GB'", id="country"
        ),
        pytest.param(manifest("every: 1h, blackouts: {}"), "spec.blackouts: Input should be a valid", id="wrong type"),
        pytest.param(manifest("every: 1h", meta="creationTimestamp: today"), "not an RFC 3339 time", id="creation"),
    ],
)
def test_mistakes(file: Path, capsys: pytest.CaptureFixture[str], text: str, said: str) -> None:
    file.write_text(text)
    err = refused(capsys, str(file))
    assert err.startswith(str(file))
    assert said in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["nowhere.yaml"], "nowhere.yaml: No such file or directory", id="no file"),
        pytest.param(["."], ".: Is a directory", id="a directory"),
    ],
)
def test_no_file(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert refused(capsys, *arguments) == said + "\n"


def test_bad_arguments(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(manifest("every: 1h"))
    assert "--from: 'soon' is not a time" in refused(capsys, str(file), "--from", "soon")
    assert "no AgentSchedule named other" in refused(capsys, str(file), "--name", "other")
    for count in ("0", "-1", "many", "1001"):
        with pytest.raises(SystemExit) as caught:
            main(["next", str(file), "-n", count])
        assert caught.value.code == 2


def test_one_bad_schedule_does_not_hide_the_others(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("---\n".join([manifest("every: 1x", "bad"), manifest("every: 1h", "good")]))
    assert main(["next", str(file)]) == 2
    out = capsys.readouterr()
    assert out.out.startswith("default/good\n")
    assert "AgentSchedule bad: spec.every" in out.err


def test_yaml_is_read_as_1_2(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Norway, a time of day and dates would be a boolean, a number and objects in YAML 1.1."""
    day = "from: 2027-05-16, to: 2027-05-16, hours: {start: 22:00, end: 24:00}"
    blackouts = f"[{{name: on, holidays: {{country: NO}}}}, {{name: NO, {day}}}]"
    file.write_text(manifest(f'schedule: "0 22 * * *", blackouts: {blackouts}'))
    rows = shown(capsys, str(file), "-n", "1", "--from", "2027-05-16T00:00:00Z")
    assert [row[3] for row in rows[:2]] == [
        "blackout on: skipped",  # Whit Sunday
        "blackout on: skipped",  # the 17th of May, Constitution Day and Whit Monday
    ]
    assert rows[2][:2] == ["1", "Tue 2027-05-18 22:00 UTC"]


def test_as_a_program_it_needs_neither_kopf_nor_a_cluster(file: Path) -> None:
    file.write_text(manifest('schedule: "0 9 * * *"'))
    program = (
        "import sys; from agentschedule.__main__ import main; main(sys.argv[1:]);"
        " print([m for m in ('kopf', 'kubernetes', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "next", "-", "-n", "1", "--from", FROM],
        input=file.read_text(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Fri 2027-03-26 09:00 UTC" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"

    command = [sys.executable, "-m", "agentschedule", "next", str(file.with_name("nowhere.yaml"))]
    missing = subprocess.run(command, capture_output=True, text=True, check=False)
    assert missing.returncode == 2
    assert "No such file" in missing.stderr
    assert missing.stdout == ""


def test_it_ends_after_as_many_runs_as_there_may_be(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(manifest('schedule: "0 9 * * *", maxRuns: 2'))
    rows = shown(capsys, str(file), "-n", "5", "--from", FROM)
    assert [row[0] for row in rows] == ["1", "2", "complete after 2 scheduled runs, if none of them has run yet"]


def test_none_is_deferred_to_where_another_is_due(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hours = 'hours: {start: "08:00", end: "10:00"}'
    file.write_text(manifest(f'schedule: "30 9 * * *", blackouts: [{{name: b, action: Defer, {hours}}}]'))
    assert shown(capsys, str(file), "-n", "1", "--from", FROM)[0][-1] == (
        "blackout b: deferred to 2027-03-26 10:00 UTC"
    )
    file.write_text(manifest(f'schedule: "0 9-10 * * *", blackouts: [{{name: b, action: Defer, {hours}}}]'))
    assert shown(capsys, str(file), "-n", "1", "--from", FROM)[0][-1] == (
        "blackout b: skipped, as another is due at its end"
    )
