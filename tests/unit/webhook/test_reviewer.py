"""What a request is answered, from what the operator knows."""

from typing import Any

import pytest

from agentschedule.engine.intake import Intake
from agentschedule.engine.policies import Policies
from agentschedule.engine.registry import Registry
from agentschedule.planning.observed import DEFAULT_SETTINGS
from agentschedule.policy.effective import Ceilings
from agentschedule.webhook.reviewer import Reviewer
from tests.unit.planning.builders import raw_schedule, utc

NOW = utc("08:45")


class Scene:
    """An operator that knows some schedules and policies."""

    def __init__(self, quota: int = 2) -> None:
        given = DEFAULT_SETTINGS.policy_ceilings()
        ceilings = Ceilings(
            given.min_interval, given.max_budget_per_run_usd, given.max_active_deadline_seconds, (), quota
        )
        self.intake = Intake(Registry(policies=Policies(ceilings)), DEFAULT_SETTINGS)
        self.reviewer = Reviewer(self.intake.registry, DEFAULT_SETTINGS, lambda: NOW)
        self.version = 0

    def see(self, name: str, user: str | None = None, kind: str = "ADDED", namespace: str = "team") -> dict[str, Any]:
        """A watch tells of a schedule."""
        notes = {"agentschedule.dev/created-by": user} if user else {}
        raw = raw_schedule(name=name, annotations=notes)
        self.version += 1
        raw["metadata"] |= {"uid": f"uid-{name}", "namespace": namespace, "resourceVersion": str(self.version)}
        self.intake.observe_schedule(kind, raw)
        return raw

    def policy(self, **spec: Any) -> None:
        """A watch tells of a policy."""
        self.version += 1
        meta = {"name": f"p{self.version}", "uid": f"p{self.version}", "resourceVersion": str(self.version)}
        self.intake.observe_policy("ADDED", {"metadata": meta, "spec": spec})

    def make(self, name: str, user: str = "alice", *, dry_run: bool = False, **spec: Any) -> str | None:
        """Somebody makes a schedule; what is wrong with that."""
        answer = self.reviewer.judge(None, raw_schedule(name=name, **spec), user, dry_run=dry_run)
        return answer.problem.message if answer.problem else None


def test_a_user_may_make_as_many_as_the_settings_say() -> None:
    scene = Scene()
    scene.see("one", "alice")
    scene.see("two", "alice", namespace="elsewhere")
    scene.see("three", "bob")
    told = scene.make("four")
    assert told == "user alice has made 2 AgentSchedules; the operator allows 2 of a user"
    assert scene.make("four", "bob") is None
    scene.see("one", "alice", "DELETED")
    assert scene.make("four") is None


def test_what_was_let_through_counts_before_it_is_seen_and_once() -> None:
    scene = Scene()
    assert scene.make("one") is None
    assert scene.make("two") is None
    assert scene.make("one") is None, "asked again of the same one"
    assert "has made 2" in str(scene.make("three"))
    scene.see("one", "alice")
    scene.see("two", "alice")
    assert "has made 2" in str(scene.make("three"))
    scene.see("two", "alice", "DELETED")
    assert scene.make("three") is None


def test_dry_runs_count_for_nothing() -> None:
    scene = Scene(1)
    for number in range(5):
        assert scene.make(f"s-{number}", dry_run=True) is None
    assert scene.make("one") is None


def test_every_policy_has_its_number_and_its_exempt_users() -> None:
    scene = Scene(50)
    scene.policy(limits={"maxSchedulesPerUser": 1, "exemptUsers": ["gitops", "alice"]})
    scene.policy(limits={"maxSchedulesPerUser": 2, "exemptUsers": ["gitops"]})
    for number in range(3):
        for user in ("alice", "gitops"):
            scene.see(f"{user}-{number}", user)
    assert scene.make("one", "gitops") is None
    assert "allows 2 of a user" in str(scene.make("one", "alice"))
    scene.see("bobs", "bob")
    assert "allows 1 of a user" in str(scene.make("one", "bob"))


def test_a_namespace_is_full_with_those_that_were_let_through() -> None:
    scene = Scene(0)
    scene.policy(limits={"maxSchedulesPerNamespace": 2})
    scene.see("one")
    assert scene.make("two") is None
    assert "allows 2 AgentSchedules in this namespace" in str(scene.make("three"))
    old = scene.see("one")
    assert scene.reviewer.judge(old, {**old, "spec": {**old["spec"], "input": "x"}}, "alice").problem is None


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"schedule": "61 * * * *"}, "spec.schedule: "),
        ({"timeZone": "Europe/Berlni"}, "Europe/Berlin"),
        ({"schedule": None, "at": "2026-11-22T08:00:00Z"}, "spec.at: "),
        ({"agent": {"image": "elsewhere:1"}}, "spec.agent.image: image elsewhere:1 is none of those"),
        (
            {
                "agent": None,
                "jobTemplate": {
                    "spec": {"template": {"spec": {"containers": [{"name": "agent", "image": "elsewhere:1"}]}}}
                },
            },
            "spec.jobTemplate: image elsewhere:1",
        ),
    ],
)
def test_the_field_is_named(spec: dict[str, Any], told: str) -> None:
    scene = Scene()
    scene.policy(allowedImages=["registry.example.com/*"])
    raw = raw_schedule(**spec)
    raw["metadata"].pop("creationTimestamp")
    raw["metadata"].pop("uid")
    problem = scene.reviewer.judge(None, raw, "alice").problem
    assert problem is not None
    assert told in problem.message


def test_what_may_be_otherwise_when_a_run_is_due_is_a_warning() -> None:
    scene = Scene()
    scene.policy(limits={"minInterval": "nonsense"})
    answer = scene.reviewer.judge(None, raw_schedule(policy={"allowedEnvironments": ["production"]}), "alice")
    assert answer.problem is None
    assert [text.split(":")[1] for text in answer.warnings] == [
        " a policy cannot be read",
        " allowed environments production, but no AgentPolicy says which environment this namespace is",
    ]
