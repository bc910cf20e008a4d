"""Several operators, of which one leads: whatever becomes of it, no slot is doubled or lost."""

import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.integration.steady import Steady
from tests.kubectl import Kubectl
from tests.operator_process import OperatorProcess
from tests.resources import Place

MakeOperator = Callable[..., OperatorProcess]

SHORT = {"lease_duration": "4", "renew_deadline": "3", "retry_period": "0.5"}
LEASE = "agentschedule-operator"


class Team:
    """Operators for one namespace, which has their Lease, too."""

    def __init__(self, place: Place, make: MakeOperator, count: int, **settings: str) -> None:
        self._place = place
        more = {"leader_election": "true", "lease_namespace": place.namespace, **settings}
        self.members = [make([place.namespace], **more) for _ in range(count)]
        for member in self.members:
            member.start()
            self.leader()

    def leader(self) -> OperatorProcess:
        """Who holds the Lease and has begun to act."""
        found: OperatorProcess = self._place.wait("a leader", self._leader)
        return found

    def another(self, than: OperatorProcess) -> OperatorProcess:
        """Who leads, once that is not this one any more."""
        found: OperatorProcess = self._place.wait(
            "another leader", lambda: (leader := self._leader()) is not than and leader
        )
        return found

    def _leader(self) -> OperatorProcess | None:
        holder = (self._place.get("lease", LEASE).get("spec") or {}).get("holderIdentity")
        for member in self.members:
            said = [line["message"] for line in member.log()]
            identities = [line["identity"] for line in member.log() if line["message"] == "leading"]
            if holder in identities[-1:] and "a term begins" in said[_last(said, "leading") :]:
                return member
        return None


def _last(said: list[str], message: str) -> int:
    return len(said) - 1 - said[::-1].index(message)


def _when(operator: OperatorProcess, message: str) -> datetime:
    """When it last said so."""
    return datetime.fromisoformat([line["time"] for line in operator.log() if line["message"] == message][-1])


@pytest.fixture
def place(kubectl: Kubectl, namespace: str) -> Place:
    return Place(kubectl, namespace)


@pytest.fixture
def make_team(place: Place, make_operator: MakeOperator) -> Callable[..., Team]:
    return lambda count=2, **settings: Team(place, make_operator, count, **settings)


def test_kill_9_of_the_leader(place: Place, make_team: Callable[..., Team]) -> None:
    team = make_team(3, **SHORT)
    steady = Steady(place)
    for _ in range(2):
        time.sleep(3.3)
        leader = team.leader()
        leader.kill()
        team.another(leader)
    time.sleep(3)
    steady.end()
    steady.check_every_slot()


def test_a_graceful_stop_of_the_leader(place: Place, make_team: Callable[..., Team]) -> None:
    team = make_team(2, **SHORT)
    steady = Steady(place)
    time.sleep(4.3)
    leader = team.leader()
    assert leader.stop() == 0
    assert [line["message"] for line in leader.log()][-2:] == ["the Lease is given back", "stopped"]
    team.another(leader)
    time.sleep(3)
    steady.end()
    steady.check_every_slot()


def test_a_leader_that_was_paused_for_longer_than_its_lease_writes_nothing(
    place: Place, make_team: Callable[..., Team]
) -> None:
    """And leads again later, as if nothing had been."""
    team = make_team(2, **SHORT)
    steady = Steady(place)
    time.sleep(4.3)
    old = team.leader()
    old.freeze()
    frozen = datetime.now().astimezone()
    new = team.another(old)
    time.sleep(3)
    before = len(old.log())
    old.thaw()
    place.wait("it to notice", lambda: "not leading any more" in _messages(old, before))
    time.sleep(4)
    for line in old.log()[before:]:
        if line.get("reason") == "SuccessfulCreate":  # the answer to a request that was sent before
            assert _created(place, line["message"].split()[2]) <= frozen
    new.kill()
    assert team.another(new) is old
    time.sleep(3)
    steady.end()
    steady.check_every_slot()


def test_all_are_killed(place: Place, make_team: Callable[..., Team]) -> None:
    team = make_team(2, **SHORT)
    steady = Steady(place)
    time.sleep(4.3)
    for member in team.members:
        member.kill()
    time.sleep(2)
    for member in team.members:
        member.start(wait=False)
    time.sleep(8)
    steady.end()
    steady.check_every_slot()


def test_who_follows_is_ready_and_acts_not(place: Place, make_team: Callable[..., Team]) -> None:
    team = make_team(2, **SHORT)
    leader = team.leader()
    [follower] = [member for member in team.members if member is not leader]
    Steady(place).end()
    for member in team.members:
        assert member.get("/readyz") == "ok"
        assert member.get("/healthz") == "ok"
    assert not [line for line in follower.log() if line.get("reason")]
    assert follower.metric("agentschedule_schedules") == 0


def test_takeover_with_default_settings(
    place: Place, make_team: Callable[..., Team], capsys: pytest.CaptureFixture[str]
) -> None:
    team = make_team(3)
    steady = Steady(place)
    time.sleep(3.3)
    leader = team.leader()
    told = datetime.now().astimezone()
    leader.stop()
    then = team.another(leader)
    figures = [_figure("graceful stop", told, then)]
    time.sleep(3.3)
    told = datetime.now().astimezone()
    then.kill()
    figures.append(_figure("kill -9", told, team.another(then)))
    with capsys.disabled():
        sys.stdout.write("".join(figures))
    time.sleep(3)
    steady.end()
    steady.check_every_slot()


def _figure(how: str, told: datetime, then: OperatorProcess) -> str:
    leading, acting = ((_when(then, what) - told).total_seconds() for what in ("leading", "a term begins"))
    return f"\nafter a {how} another leads after {leading:.2f} s and acts after {acting:.2f} s\n"


def _messages(operator: OperatorProcess, since: int) -> list[Any]:
    return [line["message"] for line in operator.log()[since:]]


def _created(place: Place, job: str) -> datetime:
    return datetime.fromisoformat(place.get("job", job)["metadata"]["creationTimestamp"])
