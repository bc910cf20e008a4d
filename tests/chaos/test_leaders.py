"""Two operators, of which one leads, and is cut off: the other one leads, and what the old one asked for comes late.

That a leader is killed, or stopped and woken, is tried in `tests/integration/test_leading.py`.
"""

import time

import pytest

from tests.chaos.api import Api
from tests.chaos.conftest import OPERATOR, Form
from tests.chaos.faults import Fault, Hang
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene

_ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/{}"
_RULES = [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "update", "create"]}]


@pytest.fixture
def may_lead(scene: Scene, api: Api) -> None:
    """The operator may hold a Lease in the scene's namespace."""
    meta = {"metadata": {"name": "leases"}}
    subject = {"kind": "User", "name": OPERATOR, "apiGroup": "rbac.authorization.k8s.io"}
    role = {"kind": "Role", "name": "leases", "apiGroup": "rbac.authorization.k8s.io"}
    api.create(_ROLES.format(scene.namespace, "roles"), {**meta, "rules": _RULES})
    api.create(_ROLES.format(scene.namespace, "rolebindings"), {**meta, "roleRef": role, "subjects": [subject]})


def test_the_leader_is_cut_off(scene: Scene, proxy: Proxy, another_proxy: Proxy, form: Form, may_lead: None) -> None:
    duration = form.number(4, 15)
    settings = {
        "leader_election": "true",
        "lease_namespace": scene.namespace,
        "lease_duration": f"{duration}",
        "renew_deadline": f"{form.take(2, 10):g}",
        "retry_period": f"{form.take(0.5, 1):g}",
    }
    scene.sow_kinds()
    leader, follower = (scene.operator(scene.connect(one.url), settings=settings) for one in (proxy, another_proxy))
    scene.settle_in()
    assert leader.terms() == 1
    assert follower.terms() == 0
    fault, times = "leader cut off", form.number(1, 3)
    for number in range(times):
        cut = proxy if number % 2 == 0 else another_proxy
        with cut.fault(Fault(Hang())):
            with scene.fault(fault, f"{times} times, with a lease of {duration} s" if number == 0 else ""):
                cut.silence_watches()
                time.sleep(duration + 2)
            scene.normal_again()
        with scene.fault(fault, "then what it had asked for was carried out" if number == 0 else ""):
            time.sleep(1)
        scene.normal_again()
    assert leader.terms() + follower.terms() >= 1 + times
    assert follower.terms() >= 1
    scene.reckon(strays=True)
