"""The operator as users install it: the chart in a real cluster (`make install`)."""

import pytest

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


@pytest.fixture
def place(installed: Place, kubectl: Kubectl, namespace: str) -> Place:
    """A namespace of the test's own, watched by the installed operator."""
    return Place(kubectl, namespace)
