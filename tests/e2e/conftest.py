"""The operator as users install it: the chart in a real cluster (`make install`)."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.e2e.planted import found_in, shown
from tests.kubectl import Kubectl
from tests.resources import Place

SYSTEM = "agentschedule-system"
DEPLOYMENT = "deployment/agentschedule-operator"
SELECTOR = "app.kubernetes.io/name=agentschedule-operator"


@pytest.fixture(scope="session")
def installed(kubectl: Kubectl) -> Place:
    """The namespace of the installed operator, which is ready."""
    if kubectl("-n", SYSTEM, "get", DEPLOYMENT).returncode != 0:
        pytest.fail("the operator is not installed in this cluster: run make install", pytrace=False)
    kubectl("-n", SYSTEM, "rollout", "status", DEPLOYMENT, "--timeout=60s", check=True)
    return Place(kubectl, SYSTEM)


@pytest.fixture(scope="session")
def begun() -> datetime:
    """When the tests began."""
    return datetime.now(UTC)


@pytest.fixture(scope="session", autouse=True)
def nothing_leaks(kubectl: Kubectl, begun: datetime) -> Iterator[None]:
    """At the end of all tests, no secret that one of them planted is in what people are shown."""
    yield
    places = shown(kubectl, SYSTEM, SELECTOR, begun)
    leaked = found_in(places)
    assert not leaked, leaked


@pytest.fixture
def place(installed: Place, kubectl: Kubectl, namespace: str) -> Place:
    """A namespace of the test's own, watched by the installed operator."""
    return Place(kubectl, namespace)
