"""What a user sees of the CRDs: which mistakes `kubectl apply` refuses and in which words, and that the rest works."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentschedule.api import crd
from agentschedule.api.status import AgentScheduleStatus
from agentschedule.api.v1alpha1 import KINDS, Kind
from tests.kubectl import Kubectl

CRDS = Path(__file__).parents[2] / "crds"
KIB = 1024
NOTE = "some validation rules were not checked"  # Kubernetes' own, beside a wrong type, enum or length

AGENT: dict[str, Any] = {"image": "registry.example.com/news-agent:1.4"}
CRON = "0 9 * * 1-5"


def schedule(name: str = "daily-news", **spec: Any) -> dict[str, Any]:
    return manifest("AgentSchedule", name, {"schedule": CRON, "agent": AGENT, **spec})


def manifest(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "agentschedule.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {field: value for field, value in spec.items() if value is not None},
    }


def with_env(*env: Mapping[str, Any]) -> dict[str, Any]:
    return schedule(agent={**AGENT, "env": list(env)})


def shared(storage: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A schedule whose runs share a volume."""
    kept = {"size": "1Gi"} if storage is None else dict(storage)
    return schedule(session={"mode": "SharedPersistent", "storage": kept}, **spec)


def blackout(*entries: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule with these entries, each with a name of its own; one without a condition when there are none."""
    named = [{"name": f"blackout-{number}", **entry} for number, entry in enumerate(entries or ({},))]
    return schedule(blackouts=named)


def refusals(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What `kubectl apply` complained of, one entry a mistake, without Kubernetes' note that it looked no further."""
    assert done.returncode != 0, done.stdout
    _, _, listed = done.stderr.partition(" is invalid: ")
    lines = [line.removeprefix("* ") for line in (listed or done.stderr).strip().splitlines()]
    return [line for line in lines if NOTE not in line]


class TestMistakes:
    """Each is told once, at the field, in words that say what to write instead."""

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            pytest.param(
                schedule(schedule=None),
                "spec: Invalid value: give exactly one of spec.schedule (cron), spec.schedules",
                id="no time",
            ),
            pytest.param(
                schedule(at="2026-12-01T09:00:00Z"), "give exactly one of spec.schedule (cron)", id="two times"
            ),
            pytest.param(
                schedule(schedule="0 0 9 * * *"),
                'spec.schedule: Invalid value: "0 0 9 * * *": a cron expression has 5 fields: minute, hour, day of',
                id="6 fields",
            ),
            pytest.param(schedule(schedule="0 9 * *"), "a cron expression has 5 fields", id="4 fields"),
            pytest.param(schedule(schedule=""), "a cron expression has 5 fields", id="empty cron"),
            pytest.param(schedule(schedule="@every 5m"), "use spec.every, for instance every: 5m", id="@every"),
            pytest.param(schedule(schedule="@reboot"), "a schedule has no boot", id="@reboot"),
            pytest.param(
                schedule(schedule="@fortnightly"), "the shorthands are @hourly, @daily", id="unknown shorthand"
            ),
            pytest.param(schedule(schedule="TZ=Asia/Tokyo 0 9 * * *"), "name the zone in spec.timeZone", id="TZ="),
            pytest.param(schedule(schedule="CRON_TZ=UTC @daily"), "name the zone in spec.timeZone", id="CRON_TZ="),
            pytest.param(
                schedule(schedule=None, schedules=[CRON, "@every 5m"]),
                'spec.schedules[1]: Invalid value: "@every 5m": @every is not supported',
                id="one of several",
            ),
            pytest.param(schedule(schedule=None, schedules=[]), "should have at least 1 items", id="no expressions"),
            pytest.param(
                schedule(schedule=None, every="30"),
                'spec.every: Invalid value: "30": must be an interval of at least one second, such as 90s',
                id="interval without unit",
            ),
            pytest.param(schedule(schedule=None, every="0s"), "an interval of at least one second", id="interval of 0"),
            pytest.param(
                schedule(schedule=None, at="tomorrow"),
                "must be an instant such as 2026-12-01T09:00:00Z",
                id="at in words",
            ),
            pytest.param(
                schedule(schedule=None, at="2026-13-01T09:00"), "must be an instant such as", id="at in month 13"
            ),
            pytest.param(
                schedule(jitter="-5m"),
                'spec.jitter: Invalid value: "-5m": must be a duration such as 30s, 5m, 1h30m or 24h; it has a unit and'
                " cannot be negative",
                id="negative jitter",
            ),
            pytest.param(schedule(jitter=5), "spec.jitter in body must be of type string", id="jitter as number"),
            pytest.param(
                schedule(name="a" * 60),
                "metadata.name: Invalid value: metadata.name must be at most 48 characters",
                id="long name",
            ),
            pytest.param(
                schedule(concurrencyPolicy="Allow", maxConcurrentRuns=2),
                "spec.maxConcurrentRuns: Invalid value: concurrencyPolicy Allow means that there is no limit",
                id="Allow with a limit",
            ),
            pytest.param(
                schedule(concurrencyPolicy="Wait"),
                'supported values: "Forbid", "Replace", "Queue", "Allow"',
                id="wrong enum",
            ),
            pytest.param(schedule(scheduel=CRON), 'unknown field "spec.scheduel"', id="unknown field"),
            pytest.param(
                schedule(startTime="2027-01-02T00:00:00Z", endTime="2027-01-02T08:59:59+09:00"),
                "spec.startTime: Invalid value: spec.startTime must not be after spec.endTime",
                id="start after end",
            ),
            pytest.param(
                schedule(startTime="2027-01-02T00:00:00"),
                "spec.startTime in body must be of type date-time",
                id="no offset",
            ),
            pytest.param(
                schedule(agent={"command": ["run"]}),
                "spec.agent: Required value: spec.agent.image is required, unless spec.jobTemplate",
                id="no image",
            ),
            pytest.param(schedule(agent=None), "spec.agent.image is required", id="no agent"),
            pytest.param(
                with_env({"name": "AGENT_RUN_ID", "value": "1"}),
                'spec.agent.env[0].name: Invalid value: "AGENT_RUN_ID": names that begin with AGENT_ belong',
                id="AGENT_ variable",
            ),
            pytest.param(
                with_env({"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}),
                "give value or valueFrom, not both",
                id="variable from two sources",
            ),
            pytest.param(
                with_env({"name": "A", "valueFrom": {}}), "give exactly one of fieldRef", id="variable from no source"
            ),
            pytest.param(
                with_env({"name": "A", "value": "1"}, {"name": "A", "value": "2"}),
                "Duplicate value",
                id="variable twice",
            ),
            pytest.param(
                schedule(agent={**AGENT, "envFrom": [{"prefix": "A_"}]}),
                "give exactly one of configMapRef and secretRef",
                id="variables from no source",
            ),
            pytest.param(
                schedule(agent={**AGENT, "resources": {"limits": {"memory": "1GB"}}}),
                'spec.agent.resources.limits[memory]: Invalid value: "1GB": must be a quantity such as',
                id="unknown unit",
            ),
            pytest.param(
                schedule(agent={**AGENT, "resources": {"limits": {"a" * 400: 1}}}),
                "names of resources have at most 317 characters",
                id="long name of a resource",
            ),
            pytest.param(
                schedule(input="a" * (16 * KIB + 1)),
                "spec.input: Too long: may not be more than 16384",
                id="long input",
            ),
            pytest.param(
                schedule(input="é" * (8 * KIB + 1)),
                "spec.input: Invalid value: must be at most 16384 bytes of UTF-8",
                id="input long in bytes only",
            ),
            pytest.param(
                schedule(context=["a"]), "spec.context in body must be of type object", id="context is a list"
            ),
            pytest.param(schedule(retry={"limit": 11}), "should be less than or equal to 10", id="many retries"),
            pytest.param(
                schedule(retry={"backoff": "1h"}),
                "spec.retry.backoff: Invalid value: backoff must not be longer than maxBackoff (default 30m)",
                id="long backoff",
            ),
            pytest.param(
                schedule(retry={"backoff": "1d"}),
                'spec.retry.backoff: Invalid value: "1d": must be a duration',
                id="days",
            ),
            pytest.param(schedule(retry={"retryOn": ["Failed", "Failed"]}), "Duplicate value", id="result twice"),
            pytest.param(
                schedule(pendingDeadlineSeconds=0), "should be greater than or equal to 1", id="no time to start"
            ),
            pytest.param(
                schedule(pendingDeadlineSeconds=86401), "should be less than or equal to 86400", id="days to start"
            ),
            pytest.param(
                schedule(heartbeat={"maxIterations": 0}), "should be greater than or equal to 1", id="no iteration"
            ),
            pytest.param(
                schedule(session={"mode": "SharedPersistent"}),
                "spec.session.storage: Required value: session.mode SharedPersistent needs session.storage",
                id="session without storage",
            ),
            pytest.param(
                schedule(session={"storage": {"size": "1Gi"}}),
                "spec.session.storage: Invalid value: session.storage is for session.mode SharedPersistent only",
                id="storage without its session",
            ),
            pytest.param(
                shared(maxConcurrentRuns=2),
                "spec.maxConcurrentRuns: Invalid value: spec.maxConcurrentRuns must be 1 with session.mode",
                id="shared session of two at once",
            ),
            pytest.param(
                shared(concurrencyPolicy="Allow"),
                "spec.concurrencyPolicy: Invalid value: concurrencyPolicy Allow cannot be used with session.mode",
                id="shared session of any number",
            ),
            pytest.param(
                shared({"size": "1GB"}),
                'spec.session.storage.size: Invalid value: "1GB": must be a quantity above zero, such as 512Mi',
                id="unknown unit of storage",
            ),
            pytest.param(shared({"size": "0"}), "must be a quantity above zero", id="no storage"),
            pytest.param(shared({"size": -1}), "must be a quantity above zero", id="less than no storage"),
            pytest.param(shared({}), "spec.session.storage.size: Required value", id="storage without size"),
            pytest.param(
                shared({"size": "1Gi", "accessModes": []}), "should have at least 1 items", id="no access modes"
            ),
            pytest.param(
                shared({"size": "1Gi", "accessModes": ["ReadOnlyMany"]}),
                'supported values: "ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"',
                id="read-only session",
            ),
            pytest.param(schedule(runHistoryLimit=0), "should be greater than or equal to 1", id="no history"),
            pytest.param(
                blackout(), "give at least one of from, to, weekdays, hours and holidays", id="blackout: empty"
            ),
            pytest.param(
                blackout({"from": "christmas"}),
                'spec.blackouts[0].from: Invalid value: "christmas": must be an instant such as 2026-12-24T18:00:00Z',
                id="blackout: words",
            ),
            pytest.param(
                blackout({"from": "2026-12-24", "to": "2026-12-23"}),
                "spec.blackouts[0].to: Invalid value: to must not be before from",
                id="blackout: to before from",
            ),
            pytest.param(
                blackout({"hours": {"start": "22:00", "end": "22:00"}}),
                "spec.blackouts[0].hours: Invalid value: start and end of hours must differ",
                id="blackout: no hours",
            ),
            pytest.param(
                blackout({"hours": {"start": "24:00", "end": "06:00"}}),
                'spec.blackouts[0].hours.start: Invalid value: "24:00": start must be a time of day',
                id="blackout: start at 24:00",
            ),
            pytest.param(
                blackout({"hours": {"start": "22:00", "end": "6:00"}}),
                'spec.blackouts[0].hours.end: Invalid value: "6:00": end must be a time of day',
                id="blackout: one digit",
            ),
            pytest.param(
                blackout({"hours": {"start": "22:00"}}),
                "spec.blackouts[0].hours.end: Required value",
                id="blackout: no end",
            ),
            pytest.param(
                blackout({"weekdays": ["Monday"]}),
                'spec.blackouts[0].weekdays[0]: Unsupported value: "Monday"',
                id="blackout: weekday",
            ),
            pytest.param(blackout({"weekdays": ["MON", "MON"]}), "Duplicate value", id="blackout: weekday twice"),
            pytest.param(
                blackout({"holidays": {"country": "Germany"}}),
                'spec.blackouts[0].holidays.country: Invalid value: "Germany": country must be an ISO 3166-1 code',
                id="blackout: country by name",
            ),
            pytest.param(
                blackout({"weekdays": ["MON"]}, {"name": "blackout-0", "weekdays": ["TUE"]}),
                "Duplicate value",
                id="blackout: name twice",
            ),
            pytest.param(
                blackout(*({"weekdays": ["MON"]} for _ in range(21))), "must have at most 20 items", id="21 blackouts"
            ),
            pytest.param(
                schedule(maxQueuedRuns=2),
                "maxQueuedRuns has a meaning only with concurrencyPolicy Queue",
                id="no queue",
            ),
            pytest.param(
                schedule(concurrencyPolicy="Queue", maxQueuedRuns=21), "less than or equal to 20", id="long queue"
            ),
            pytest.param(
                schedule(catchUp="Latest", catchUpLimit=3), "has a meaning only with catchUp All", id="catchUpLimit"
            ),
            pytest.param(schedule(maxRuns=0), "greater than or equal to 1", id="no runs"),
            pytest.param(schedule(pauseAfterFailures=-1), "greater than or equal to 0", id="negative failures"),
            pytest.param(
                schedule(retry={"onExhausted": "Stop"}), 'supported values: "Continue", "DeadLetter"', id="onExhausted"
            ),
            pytest.param(schedule(budget={}), "give at least one of perRunUSD, perRunTokens", id="empty budget"),
            pytest.param(
                schedule(budget={"perRunUSD": 2.5}),
                'spec.budget.perRunUSD: Invalid value: "number"',
                id="money as number",
            ),
            *(
                pytest.param(
                    schedule(budget={"totalUSD": amount}),
                    "must be an amount of US dollars above zero as a quoted decimal number, such as '2.50'",
                    id=f"money {amount}",
                )
                for amount in ("-1", "0.00", "1e3", "2,50", "NaN", "5 USD", "1.0000001")
            ),
            pytest.param(
                schedule(budget={"periodUSD": "5"}), "period and periodUSD belong together", id="budget without period"
            ),
            pytest.param(
                schedule(budget={"period": "Year", "periodUSD": "5"}),
                'supported values: "Hour", "Day", "Week", "Month"',
                id="unknown period",
            ),
            pytest.param(
                schedule(budget={"totalUSD": "5", "alertAtPercent": 101}), "less than or equal to 100", id="percent"
            ),
            pytest.param(manifest("AgentRun", "now", {}), "spec.scheduleName: Required value", id="run of nothing"),
            pytest.param(
                manifest("AgentRun", "now", {"scheduleName": "a", "input": "é" * (8 * KIB + 1)}),
                "spec.input: Invalid value: must be at most 16384 bytes of UTF-8",
                id="run with a long input",
            ),
        ],
    )
    def test_refused(self, kubectl: Kubectl, given: dict[str, Any], words: str) -> None:
        told = refusals(kubectl("apply", "-n", "default", "--dry-run=server", "-f", "-", manifest=given))
        assert len(told) == 1, told
        assert words in told[0]
        assert len(told[0]) < 400

    def test_an_empty_spec_is_told_both_things_it_lacks(self, kubectl: Kubectl) -> None:
        empty = manifest("AgentSchedule", "empty", {})
        told = refusals(kubectl("apply", "-n", "default", "--dry-run=server", "-f", "-", manifest=empty))
        assert [line.partition(":")[0] for line in told] == ["spec", "spec.agent"]

    def test_a_spec_is_needed(self, kubectl: Kubectl) -> None:
        bare = {key: value for key, value in schedule().items() if key != "spec"}
        told = refusals(kubectl("apply", "-n", "default", "--dry-run=server", "-f", "-", manifest=bare))
        assert told == ["spec: Required value"]


class TestValid:
    @pytest.mark.parametrize(
        "given",
        [
            pytest.param(schedule(timeZone="Asia/Tokyo", input="Summarise yesterday's AI news."), id="smallest"),
            pytest.param(schedule(name="a" * 48), id="longest name"),
            pytest.param(schedule(schedule="@daily"), id="shorthand"),
            pytest.param(schedule(schedule=" 0  9\t* * MON#1 "), id="spaces in cron"),
            pytest.param(schedule(schedule="H H(9-17) L JAN-MAR *"), id="H and L"),
            pytest.param(schedule(schedule=None, schedules=[CRON, "@weekly"]), id="several expressions"),
            pytest.param(schedule(schedule=None, every="1h30m"), id="interval"),
            pytest.param(schedule(schedule=None, at="2026-12-01T09:00:00+09:00"), id="at with offset"),
            pytest.param(schedule(schedule=None, at="2026-12-01T09:00"), id="at in local time"),
            pytest.param(
                schedule(startTime="2027-01-01T00:00:00Z", endTime="2026-12-31T23:00:00-09:00"), id="start before end"
            ),
            pytest.param(schedule(jitter="0s", startingDeadlineSeconds=60, catchUp="None", suspend=True), id="when"),
            pytest.param(
                blackout(
                    {"from": "2026-12-24", "to": "2026-12-24"},
                    {"from": "2026-12-24T18:00", "to": "2026-12-24T10:00:00-09:00", "action": "Defer"},
                    {"hours": {"start": "22:00", "end": "06:00"}, "weekdays": ["SAT", "SUN"]},
                    {"hours": {"start": "00:00", "end": "24:00"}, "holidays": {"country": "DE", "subdivision": "BY"}},
                ),
                id="blackouts",
            ),
            pytest.param(schedule(concurrencyPolicy="Replace", maxConcurrentRuns=3), id="concurrency"),
            pytest.param(schedule(concurrencyPolicy="Allow"), id="Allow"),
            pytest.param(schedule(retry={}), id="retry by defaults"),
            pytest.param(
                schedule(
                    retry={"limit": 0, "backoff": "1h", "maxBackoff": "2h", "retryOn": ["Failed", "TimedOut"]},
                    session={"mode": "FullyEphemeral"},
                ),
                id="retry and session",
            ),
            pytest.param(schedule(heartbeat={}, pendingDeadlineSeconds=86400), id="heartbeat"),
            pytest.param(schedule(heartbeat={"maxIterations": 1_000_000}), id="heartbeat with a limit"),
            pytest.param(shared(maxConcurrentRuns=1, concurrencyPolicy="Replace"), id="shared session"),
            pytest.param(
                shared(
                    {
                        "size": 1073741824,
                        "storageClassName": "",
                        "accessModes": ["ReadWriteMany"],
                        "retention": "Delete",
                    }
                ),
                id="storage in full",
            ),
            pytest.param(
                f"""
                apiVersion: agentschedule.dev/v1alpha1
                kind: AgentSchedule
                metadata: {{name: nulls}}
                spec: {{every: 5m, at: , timeZone: null, retry: null, session: null, agent: {json.dumps(AGENT)}}}
                """,
                id="nulls",
            ),
            pytest.param(schedule(input="é" * (8 * KIB)), id="longest input"),
            pytest.param(schedule(context={"a": [1, {"b": None}], "c": {"d": 2.5}}), id="context"),
            pytest.param(
                schedule(
                    agent={
                        **AGENT,
                        "env": [
                            {"name": "A", "value": ""},
                            {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
                            {"name": "C", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": 1}}},
                        ],
                        "envFrom": [{"prefix": "X_", "configMapRef": {"name": "c"}}],
                        "resources": {"requests": {"cpu": 2, "memory": "1.5Gi"}, "limits": {"example.com/gpu": "1"}},
                    }
                ),
                id="agent",
            ),
            pytest.param(
                schedule(agent=None, jobTemplate={"spec": {"template": {"spec": {"containers": [{"name": "agent"}]}}}}),
                id="image in the template",
            ),
            pytest.param(
                manifest("AgentRun", "now", {"scheduleName": "a", "input": "b", "context": {}}), id="AgentRun"
            ),
            pytest.param(
                f"""
                apiVersion: agentschedule.dev/v1alpha1
                kind: AgentSchedule
                metadata: {{name: unquoted}}
                spec: {{at: 2026-12-01T09:00:00Z, endTime: 2027-01-01T09:00:00.5+09:00, agent: {json.dumps(AGENT)}}}
                """,
                id="unquoted times",
            ),
        ],
    )
    def test_accepted(self, kubectl: Kubectl, given: dict[str, Any] | str) -> None:
        done = kubectl("apply", "-n", "default", "--dry-run=server", "-f", "-", manifest=given)
        assert (done.returncode, done.stderr) == (0, "")


class TestObjects:
    def test_a_run_cannot_be_changed(self, kubectl: Kubectl, namespace: str) -> None:
        run = manifest("AgentRun", "now", {"scheduleName": "a", "context": {"a": {"b": 1}}})
        kubectl("apply", "-n", namespace, "-f", "-", manifest=run, check=True)
        run["metadata"]["labels"] = {"only": "metadata"}
        kubectl("apply", "-n", namespace, "-f", "-", manifest=run, check=True)
        changes: tuple[dict[str, Any], ...] = (
            {"input": "b"},
            {"scheduleName": "b"},
            {"context": {"a": {"b": 2}}},
            {"context": {}},
        )
        for changed in changes:
            again = {**run, "spec": {**run["spec"], **changed}}
            told = refusals(kubectl("apply", "-n", namespace, "-f", "-", manifest=again))
            assert len(told) == 1
            assert told[0].startswith("spec: Invalid value: an AgentRun cannot be changed: delete it to cancel the run")

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            pytest.param({"size": "2Gi"}, "size", id="size"),
            pytest.param({"storageClassName": None}, "storageClassName", id="class taken away"),
            pytest.param({"storageClassName": "fast"}, "storageClassName", id="class"),
            pytest.param({"accessModes": ["ReadWriteMany"]}, "accessModes", id="modes"),
        ],
    )
    def test_the_storage_of_a_session_stays_as_it_is(
        self, kubectl: Kubectl, namespace: str, changed: dict[str, Any], field: str
    ) -> None:
        storage = {"size": "1Gi", "storageClassName": "slow"}
        kubectl("apply", "-n", namespace, "-f", "-", manifest=shared(storage, suspend=True), check=True)
        other = {key: value for key, value in {**storage, **changed}.items() if value is not None}
        told = refusals(kubectl("apply", "-n", namespace, "-f", "-", manifest=shared(other, suspend=True)))
        assert len(told) == 1
        assert f"spec.session.storage.{field}: Invalid value" in told[0]
        assert "cannot be changed: to have another one, set another session.mode" in told[0]
        kept = shared({**storage, "retention": "Delete"}, suspend=True)
        kubectl("apply", "-n", namespace, "-f", "-", manifest=kept, check=True)
        kubectl("apply", "-n", namespace, "-f", "-", manifest=schedule(suspend=True), check=True)
        kubectl("apply", "-n", namespace, "-f", "-", manifest=shared(other, suspend=True), check=True)

    def test_a_large_template_is_applied_by_the_client(self, kubectl: Kubectl, namespace: str) -> None:
        settings = [{"name": f"SETTING_{n}", "value": "x" * KIB} for n in range(100)]
        container = {"name": "agent", "env": settings}
        template = {"spec": {"template": {"spec": {"containers": [container]}}}}
        assert len(json.dumps(template)) > 100 * KIB
        large = schedule(jobTemplate=template)
        kubectl("apply", "-n", namespace, "-f", "-", manifest=large, check=True)
        settings[0]["value"] = "changed"
        kubectl("apply", "-n", namespace, "-f", "-", manifest=large, check=True)
        assert self.read(kubectl, namespace)["spec"]["jobTemplate"] == template

    @pytest.mark.parametrize("side", [(), ("--server-side",)], ids=["client", "server"])
    def test_applying_twice_changes_nothing(self, kubectl: Kubectl, namespace: str, side: tuple[str, ...]) -> None:
        given = schedule(retry={}, startTime="2027-01-01T09:00:00+09:00", suspend=True)
        versions = []
        for _ in range(2):
            kubectl("apply", *side, "-n", namespace, "-f", "-", manifest=given, check=True)
            metadata = self.read(kubectl, namespace)["metadata"]
            versions.append((metadata["generation"], metadata["resourceVersion"]))
        assert versions[0] == versions[1]
        assert versions[0][0] == 1

    @pytest.mark.skipif(shutil.which("diff") is None, reason="kubectl diff runs diff")
    @pytest.mark.parametrize("side", [(), ("--server-side",)], ids=["client", "server"])
    def test_defaults_are_no_drift(self, kubectl: Kubectl, namespace: str, side: tuple[str, ...]) -> None:
        given = schedule(retry={"limit": 1})
        kubectl("apply", *side, "-n", namespace, "-f", "-", manifest=given, check=True)
        spec = self.read(kubectl, namespace)["spec"]
        assert spec["retry"]["backoff"] == "30s"
        assert spec["session"] == {"mode": "EphemeralWithSummary"}
        done = kubectl("diff", *side, "-n", namespace, "-f", "-", manifest=given)
        assert (done.returncode, done.stdout) == (0, "")

    def test_a_status_as_the_operator_writes_it_is_accepted(self, kubectl: Kubectl, namespace: str) -> None:
        kubectl("apply", "-n", namespace, "-f", "-", manifest=schedule(), check=True)
        written = AgentScheduleStatus.model_validate(STATUS).to_json()
        patch = json.dumps({"status": written})
        kubectl(
            "patch", "asch/daily-news", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch, check=True
        )
        read = self.read(kubectl, namespace)
        assert read["status"] == written
        assert read["metadata"]["generation"] == 1

    def test_columns(self, kubectl: Kubectl, namespace: str) -> None:
        kubectl("apply", "-n", namespace, "-f", "-", manifest=schedule(), check=True)
        patch = json.dumps({"status": AgentScheduleStatus.model_validate(STATUS).to_json()})
        kubectl(
            "patch", "asch/daily-news", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch, check=True
        )
        kubectl(
            "apply", "-n", namespace, "-f", "-", manifest=manifest("AgentRun", "now", {"scheduleName": "a"}), check=True
        )
        table = kubectl("get", "agents", "-n", namespace, check=True).stdout
        assert re.search(
            r"NAME +SCHEDULE +PHASE +ACTIVE +LAST RUN +RESULT +NEXT RUN +COST +AGE\n"
            r"\S*daily-news +0 9 \* \* 1-5 +Active +1 +\S+ +Failed +2026-11-23 09:00 JST +2\.5 +\d+s",
            table,
        ), table
        assert re.search(r"NAME +SCHEDULE +PHASE +RUN +COST +AGE\n\S*now +a ", table), table
        wide = kubectl("get", "asch", "-n", namespace, "-o", "wide", check=True).stdout
        assert re.search(r"TIMEZONE +REASON +AGENT\n.* UTC +Scheduling +an-image", wide), wide

    def read(self, kubectl: Kubectl, namespace: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(
            kubectl("get", "asch/daily-news", "-n", namespace, "-o", "json", check=True).stdout
        )
        return read


STATUS = {
    "observedGeneration": 1,
    "phase": "Active",
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Scheduling",
            "message": "The next run is due at 2026-11-23T00:00:00Z.",
            "lastTransitionTime": "2026-11-20T00:00:00Z",
        }
    ],
    "nextRunTime": "2026-11-23T00:00:00Z",
    "nextRunLocal": "2026-11-23 09:00 JST",
    "lastScheduleTime": "2026-11-20T00:00:00Z",
    "lastResult": "Failed",
    "activeCount": 1,
    "active": ["daily-news-1795132800"],
    "runs": [
        {
            "id": "daily-news-1795132800",
            "scheduledAt": "2026-11-20T09:00:00.5+09:00",
            "phase": "Failed",
            "costUSD": "0.42000000000000004",
            "usage": {"inputTokens": 1200},
            "alert": {"message": "Prices fell."},
        }
    ],
    "skips": [
        {"reason": "CatchUp", "count": 2, "first": "2026-11-18T00:00:00Z", "last": "2026-11-19T00:00:00Z"},
    ],
    "totals": {"runs": 1, "failed": 1, "costUSD": "2.50"},
    "effective": {"activeDeadlineSeconds": 3600, "schedule": CRON, "agent": "an-image"},
    "previous": {"runId": "daily-news-1795132800", "phase": "Failed", "state": {"lastPrice": "19.99", "deep": [None]}},
    "scheduling": {"effectiveSince": "2026-11-18T00:00:00Z", "whenHash": "0" * 64},
}


class TestDefinitions:
    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
    def test_established_and_structural(self, kubectl: Kubectl, kind: Kind) -> None:
        read = self.read(kubectl, kind)
        conditions = {c["type"]: c["status"] for c in read["status"]["conditions"]}
        assert conditions["Established"] == "True"
        assert conditions["NamesAccepted"] == "True"
        assert "NonStructuralSchema" not in conditions

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
    def test_the_server_has_what_was_generated(self, kubectl: Kubectl, kind: Kind) -> None:
        assert self.read(kubectl, kind)["spec"]["versions"] == crd.generate(kind)["spec"]["versions"]

    @pytest.mark.parametrize("path", sorted(CRDS.glob("*.yaml")), ids=lambda path: path.name)
    def test_small_enough_for_the_annotation_of_client_side_apply(self, kubectl: Kubectl, path: Path) -> None:
        size = len(json.dumps(yaml.safe_load(path.read_text("utf-8")), separators=(",", ":")))
        print(f"{path.name}: {size / KIB:.0f} KiB of 256")  # noqa: T201
        assert size < 256 * KIB
        kubectl("apply", "--dry-run=server", "-f", str(path), check=True)

    def test_applying_again_changes_nothing(self, kubectl: Kubectl) -> None:
        before = [self.read(kubectl, kind)["metadata"]["generation"] for kind in KINDS]
        kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS), check=True)
        assert [self.read(kubectl, kind)["metadata"]["generation"] for kind in KINDS] == before

    @pytest.mark.parametrize(
        ("resource", "path"),
        [
            pytest.param("agentschedule", "spec", id="AgentSchedule"),
            pytest.param("agentschedule", "spec.retry", id="retry"),
            pytest.param("agentschedule", "spec.agent", id="agent"),
            pytest.param("agentschedule", "spec.jobTemplate", id="jobTemplate"),
            pytest.param("agentschedule", "status.runs", id="runs"),
            pytest.param("agentrun", "spec", id="AgentRun"),
        ],
    )
    def test_explain_describes_every_field(self, kubectl: Kubectl, resource: str, path: str) -> None:
        kind = next(kind for kind in KINDS if kind.kind.lower() == resource)
        schema = crd.generate(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for part in path.split("."):
            schema = schema["properties"][part]
        explained = explain(kubectl, f"{resource}.{path}")
        for name, field in schema.get("items", schema)["properties"].items():
            assert explained[name].startswith(field["description"]), name

    def read(self, kubectl: Kubectl, kind: Kind) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(
            kubectl("get", "crd", f"{kind.plural}.agentschedule.dev", "-o", "json", check=True).stdout
        )
        return read


def explain(kubectl: Kubectl, path: str) -> dict[str, str]:
    """What `kubectl explain` says of each field of `path`, once the server has published the schema of a new CRD."""
    until = time.monotonic() + 30
    while (done := kubectl("explain", path)).returncode != 0 and time.monotonic() < until:
        time.sleep(0.5)
    assert done.returncode == 0, done.stderr
    _, _, fields = done.stdout.partition("FIELDS:\n")
    explained = {}
    for block in re.split(r"^  (?=\w+\t)", fields, flags=re.MULTILINE)[1:]:
        head, _, text = block.partition("\n")
        text = re.sub(r"^ *enum: .*\n", "", text, flags=re.MULTILINE)
        explained[head.split()[0]] = " ".join(text.split())
    return explained
