"""The console command: arguments, exit codes, and what it says of mistakes."""

from pathlib import Path
from typing import Any

import pytest

from agentschedule import __main__ as command
from agentschedule import logs, startup
from agentschedule.settings import Settings


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """What `main` would have run, had we let it."""
    runs: list[Settings] = []
    monkeypatch.delenv("AGENTSCHEDULE_CONFIG_FILE", raising=False)
    monkeypatch.setattr(logs, "configure", lambda level, form: None)
    monkeypatch.setattr(startup, "load_credentials", object)
    monkeypatch.setattr(
        startup, "Application", lambda settings, credentials, policies: (settings, credentials, policies)
    )
    monkeypatch.setattr(startup, "run", lambda settings, application: runs.append(settings))
    return runs


def test_it_runs_with_its_settings(started: list[Settings]) -> None:
    assert command.main([]) == 0
    assert started == [Settings()]


def test_the_file_is_given_by_argument_or_environment(
    started: list[Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text("http_port: 1111\n")
    other.write_text("http_port: 2222\n")
    assert command.main(["--config", str(one)]) == 0
    monkeypatch.setenv("AGENTSCHEDULE_CONFIG_FILE", str(other))
    assert command.main([]) == 0
    assert command.main(["--config", str(one)]) == 0
    assert [settings.http_port for settings in started] == [1111, 2222, 1111]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "http_port: 70000\nlog_level: loud\n",
            [
                "settings: log_level: Input should be 'debug', 'info', 'warning' or 'error' (given: 'loud')",
                "settings: http_port: Input should be less than or equal to 65535 (given: 70000)",
            ],
            id="one line for each mistake",
        ),
        pytest.param("a: [", ["is not YAML"], id="no YAML"),
        pytest.param("audit_log: /nowhere/audit", ["audit_log: ", "/nowhere/audit"], id="no place for the audit"),
        pytest.param(
            "webhook_certificates: /nowhere",
            ["webhook_certificates: there is no /nowhere/tls.crt"],
            id="no certificate",
        ),
        pytest.param("- a", ["settings by name"], id="no settings"),
        pytest.param(None, ["does not exist"], id="no file"),
    ],
)
def test_bad_settings(
    started: list[Settings], capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str | None, said: list[str]
) -> None:
    file = tmp_path / "settings.yaml"
    if text is not None:
        file.write_text(text)
    assert command.main(["--config", str(file)]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("settings: ")
    assert "Traceback" not in shown
    for line in said:
        assert line in shown
    assert started == []


def test_a_bad_environment(
    started: list[Settings], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTSCHEDULE_DEFAULT_RESOURCES", "{bad")
    assert command.main([]) == 2
    assert "default_resources" in capsys.readouterr().err


def test_no_cluster(
    started: list[Settings], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Any:
        raise RuntimeError("there is no cluster")

    monkeypatch.setattr(startup, "load_credentials", fail)
    assert command.main([]) == 1
    assert capsys.readouterr().err == "there is no cluster\n"
    assert started == []


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["--nonsense"], 2), (["extra"], 2)])
def test_arguments(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == code
    if code == 0:
        assert "AGENTSCHEDULE_MIN_INTERVAL (file: min_interval; default: 60)" in capsys.readouterr().out
