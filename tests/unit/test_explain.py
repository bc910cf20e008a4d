"""The command `explain`."""

from pathlib import Path

import pytest

from agentschedule.__main__ import main

POLICY = """
apiVersion: agentschedule.dev/v1alpha1
kind: AgentPolicy
metadata: {name: base}
spec:
  namespaceSelector: {matchLabels: {tier: gold}}
  limits: {minInterval: 2h, maxBudgetPerRunUSD: "2", maxSchedulesPerNamespace: 5}
  environment: production
  delivery: {allowedHosts: ["*.example.com"], privateNetworks: []}
"""
SCHEDULE = """
apiVersion: agentschedule.dev/v1alpha1
kind: AgentSchedule
metadata: {name: NAME, namespace: team-a}
spec:
  schedule: "0 * * * *"
  input: What is new?
  agent: {image: registry.example.com/news-agent:1.4}
  policy: {allowedHours: {start: "22:00", end: "04:00"}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "all.yaml"
    path.write_text(f"{POLICY}---{SCHEDULE.replace('NAME', 'news')}")
    return path


def explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["explain", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_start_that_is_allowed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = explained(capsys, str(file), "--at", "2026-12-01T23:00:00Z")
    assert code == 0
    assert "team-a/news\n  policies: none\n" in out
    assert "denied" not in out


def test_a_start_that_is_denied_says_why(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = explained(capsys, str(file), "--at", "2026-12-01T05:12:00Z")
    assert code == 1
    assert "denied: allowed hours 22:00–04:00 UTC, now 05:12" in out


def test_the_limits_and_whose_they_are(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = explained(capsys, str(file), "--label", "tier=gold")
    assert code == 1
    assert "policies: base" in out
    lines = [line.split() for line in out.splitlines()]
    assert ["deliveries", "to", "hosts", "*.example.com", "AgentPolicy", "base"] in lines
    assert ["private", "networks", "none", "AgentPolicy", "base"] in lines
    assert ["budget", "for", "a", "run", "2", "USD", "AgentPolicy", "base"] in lines
    assert ["runtime", "deadline", "24h", "the", "operator's", "settings"] in lines
    assert ["schedules", "in", "the", "namespace", "5", "AgentPolicy", "base"] in lines
    assert "refused: spec.schedule" in out
    assert "(AgentPolicy base)" in out


def test_policies_of_another_file(tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(POLICY.replace("base", "other").replace("{matchLabels: {tier: gold}}", "{}"))
    _, out, _ = explained(capsys, str(file), "--policies", str(other), "--label", "tier=gold")
    assert "policies: base, other" in out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("minInterval: 2h", "minInterval: soon"), "AgentPolicy base: spec.limits.minInterval"),
        (("environment: ", "enviroment: "), "spec.enviroment: unknown field; did you mean spec.environment?"),
        (("allowedHours", "allowedHour"), "spec.policy.allowedHour: unknown field"),
        (("kind: AgentSchedule", "kind: AgentScheduled"), "there is no AgentSchedule in it"),
    ],
)
def test_a_file_that_cannot_be_used(
    file: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], words: str
) -> None:
    file.write_text(file.read_text().replace(*change))
    code, _, err = explained(capsys, str(file))
    assert code == 2
    assert words in err


APPROVERS = """
  requireApproval: true
  approvers: [{kind: User, name: alice}, {kind: ServiceAccount, name: bot, namespace: ci}]
"""
PINNED = """
  policy:
    requireAgentPin: true
    agentPin: {secretRef: {name: pin, key: token}, domain: agents.example.com}
"""
TRUST = """
  agentPin: {trust: [{domain: agents.example.com, jwksSecretRef: {name: keys, key: jwks}}]}
"""


@pytest.mark.parametrize(
    ("policy", "schedule", "code", "says"),
    [
        pytest.param(
            APPROVERS,
            "",
            0,
            "waits for an approval (AgentPolicy base) by User alice, ServiceAccount system:serviceaccount:ci:bot"
            " (AgentPolicy base), but not by its author",
            id="whom to ask",
        ),
        pytest.param(
            "\n  requireApproval: true\n", "", 1, "no AgentPolicy for this namespace names approvers", id="nobody"
        ),
        pytest.param(
            TRUST,
            PINNED,
            0,
            "demanded, and verified when it starts: Secret pin, by the keys of agents.example.com",
            id="pin",
        ),
        pytest.param(
            "\n  environment: x\n", PINNED, 1, "denied: the AgentPin does not verify: no AgentPolicy", id="no trust"
        ),
    ],
)
def test_what_people_and_pins_will_have_to_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], policy: str, schedule: str, code: int, says: str
) -> None:
    head = "apiVersion: agentschedule.dev/v1alpha1\nkind: AgentPolicy\nmetadata: {name: base}\nspec:"
    plain = SCHEDULE.replace("NAME", "news").partition("  policy:")[0].rstrip()
    file = tmp_path / "all.yaml"
    file.write_text(f"{head}{policy}---{plain}{schedule}\n")
    found, out, error = explained(capsys, str(file))
    assert says in out, error
    assert found == code
