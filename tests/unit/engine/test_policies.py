"""Policies and namespaces as they are watched."""

from typing import Any

import pytest

from agentschedule.engine.entries import Key
from agentschedule.engine.intake import Intake
from agentschedule.engine.policies import Policies
from agentschedule.engine.registry import Registry
from agentschedule.planning.observed import DEFAULT_SETTINGS
from agentschedule.policy.effective import Policy
from agentschedule.policy.reading import read_policy

GOLD: dict[str, Any] = {"namespaceSelector": {"matchLabels": {"tier": "gold"}}}


def raw(name: str, version: int, uid: str = "", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": uid or f"uid-{name}", "resourceVersion": str(version)}, "spec": spec}


def place(name: str, version: int, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version), "labels": labels}}


@pytest.fixture
def policies() -> Policies:
    return Policies(DEFAULT_SETTINGS.policy_ceilings())


def environments(policies: Policies, namespace: str = "a") -> list[str]:
    return [bound.value for bound in policies.of(namespace).environments]


def test_a_policy_comes_changes_and_goes(policies: Policies) -> None:
    assert environments(policies) == []
    assert policies.put(raw("p", 1, environment="test"))
    assert environments(policies) == ["test"]
    assert policies.put(raw("p", 2, environment="production"))
    assert environments(policies) == ["production"]
    assert policies.drop(raw("p", 3))
    assert environments(policies) == []


def test_old_news_change_nothing(policies: Policies) -> None:
    policies.put(raw("p", 5, environment="production"))
    assert not policies.put(raw("p", 4, environment="test"))
    assert not policies.put(raw("p", 6, environment="production")), "the same again"
    assert environments(policies) == ["production"]


def test_the_end_of_an_earlier_one_of_the_same_name_is_not_the_end_of_this_one(policies: Policies) -> None:
    policies.put(raw("p", 5, "new", environment="production"))
    assert not policies.drop(raw("p", 6, "old"))
    assert environments(policies) == ["production"]


def test_what_a_list_does_not_have_is_gone_unless_it_is_newer(policies: Policies) -> None:
    policies.put(raw("old", 5, environment="old"))
    policies.put(raw("new", 9, environment="new"))
    assert policies.listed({"uid-another"}, 7)
    assert environments(policies) == ["new"]
    assert not policies.listed({"uid-new"}, 9)


def test_labels_of_a_namespace_select(policies: Policies) -> None:
    policies.put(raw("p", 1, environment="production", **GOLD))
    assert environments(policies) == []
    assert policies.put_namespace(place("a", 2, tier="gold"))
    assert environments(policies) == ["production"]
    assert not policies.put_namespace(place("a", 3, tier="gold", more="x")), "nothing is different for its schedules"
    assert not policies.put_namespace(place("a", 1)), "old news"
    assert policies.put_namespace(place("a", 5, tier="silver"))
    assert environments(policies) == []


def test_a_namespace_made_anew_has_its_own_labels(policies: Policies) -> None:
    policies.put(raw("p", 1, environment="production", **GOLD))
    policies.put_namespace(place("a", 2, tier="gold"))
    policies.drop_namespace(place("a", 3))
    assert environments(policies) == []


def test_a_policy_that_cannot_be_read_is_for_everybody(policies: Policies) -> None:
    policies.put(raw("p", 1, limits={"minInterval": "soon"}, **GOLD))
    [problem] = policies.of("a").unreadable
    assert problem.startswith("AgentPolicy p: spec.limits.minInterval")


def test_those_out_of_a_file_stay() -> None:
    fixed = read_policy(raw("file", 0, environment="production"))
    policies = Policies(DEFAULT_SETTINGS.policy_ceilings(), [fixed])
    assert isinstance(fixed, Policy)
    policies.listed(set(), 9)
    assert environments(policies) == ["production"]


def test_the_oldest_schedules_keep_their_place() -> None:
    policies = Policies(DEFAULT_SETTINGS.policy_ceilings())
    intake = Intake(Registry(policies=policies), DEFAULT_SETTINGS)

    def schedule(name: str, hour: int) -> dict[str, Any]:
        meta = {"namespace": "a", "name": name, "uid": f"uid-{name}", "resourceVersion": "1", "generation": 1}
        created = {"creationTimestamp": f"2026-11-22T{hour:02}:00:00Z"}
        return {"metadata": meta | created, "spec": {"schedule": "0 9 * * *", "agent": {"image": "x"}}}

    def place(name: str) -> int | None:
        observed = intake.registry.observe(Key("a", name))
        assert observed is not None
        return observed.place

    for name, hour in (("new", 3), ("old", 1), ("b", 2), ("a", 2)):
        intake.observe_schedule(None, schedule(name, hour))
    assert place("old") is None, "their number has no limit"
    intake.observe_policy(None, raw("p", 1, limits={"maxSchedulesPerNamespace": 2}))
    assert [place(name) for name in ("old", "a", "b", "new")] == [1, 2, 3, 4]
    intake.observe_schedule("DELETED", schedule("a", 2))
    assert [place(name) for name in ("old", "b", "new")] == [1, 2, 3]
