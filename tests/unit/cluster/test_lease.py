"""Leader election: who leads when, through everything that befalls candidates, their line, the server and the Lease."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import wraps

import pytest

from agentschedule.cluster.lease import LeaseTimes
from tests.simulation.clock import simulate
from tests.simulation.lease import Server
from tests.unit.cluster.candidates import RELEASED, TIMES, Candidate, now

Story = Callable[..., Coroutine[object, object, None]]


def told(story: Story) -> Callable[..., None]:
    """Tell a story in virtual time."""

    @wraps(story)
    def test(*args: object, **kwargs: object) -> None:
        simulate(story(*args, **kwargs))

    return test


def candidates(server: Server, *names: str) -> list[Candidate]:
    made = [Candidate(server, name) for name in names]
    for each in made:
        each.start()
    return made


async def until(happens: Callable[[], bool], most: float = 100.0) -> float:
    """Wait for it; how long that took, to a hundredth of a second."""
    began = now()
    while not happens():
        assert now() - began < most, "it does not happen"
        await asyncio.sleep(0.01)
    return now() - began


@told
async def test_the_first_one_leads_at_once() -> None:
    server = Server()
    [one] = candidates(server, "one")
    assert await until(one.leads) < 0.1
    assert server.spec["holderIdentity"] == "one"
    assert server.spec["leaseDurationSeconds"] == 15
    assert server.spec["leaseTransitions"] == 0
    for name in ("acquireTime", "renewTime"):
        assert re.fullmatch(r"2026-11-22T10:00:00\.\d{6}Z", server.spec[name])


@told
async def test_of_several_one_leads_and_goes_on_leading() -> None:
    server = Server()
    all_of_them = candidates(server, "one", "two", "three")
    for _ in range(1000):
        await asyncio.sleep(0.1)
        assert sum(each.leads() for each in all_of_them) == 1
    assert sorted(each.led for each in all_of_them) == [0, 0, 1]
    assert server.spec["leaseTransitions"] == 0


@told
async def test_a_renewal_is_one_request_a_second() -> None:
    server = Server()
    [one] = candidates(server, "one")
    await until(one.leads)
    server.requests.clear()
    await asyncio.sleep(60)
    assert {method for method, _ in server.requests} == {"PUT"}
    assert 58 <= len(server.requests) <= 60


@told
async def test_who_is_killed_is_followed_when_its_lease_has_run_out() -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    await asyncio.sleep(5.4)
    one.kill()
    assert 14 <= await until(two.leads) <= 16
    assert server.spec["holderIdentity"] == "two"
    assert server.spec["leaseTransitions"] == 1
    assert server.spec["acquireTime"] == server.spec["renewTime"]
    await asyncio.sleep(3)
    assert server.spec["acquireTime"] < server.spec["renewTime"]


@told
async def test_who_stops_gives_it_back_and_the_other_leads_within_a_second() -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    await asyncio.sleep(5.4)
    await one.stop()
    assert not one.leads()
    assert RELEASED.items() <= server.spec.items()
    assert await until(two.leads) <= 1.01
    assert server.spec["leaseTransitions"] == 1


@told
async def test_who_follows_gives_nothing_back() -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    await two.stop()
    await asyncio.sleep(20)
    assert one.leads()
    assert one.led == 1


@told
async def test_giving_back_meets_a_late_renewal_of_ones_own() -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    one.there = 0.5
    await asyncio.sleep(1.2)  # a renewal is on its way
    one.there = 0.001
    await one.stop()
    one.there = 0.5
    await asyncio.sleep(1)
    assert not one.leads()
    assert server.spec["holderIdentity"] in {"", "two"}
    assert await until(two.leads) <= 1.01


@pytest.mark.parametrize("how", ["hangs", "is down"])
@told
async def test_giving_back_never_takes_long(how: str) -> None:
    server = Server()
    [one] = candidates(server, "one")
    await until(one.leads)
    one.loses, server.down = ("requests", False) if how == "hangs" else ("", True)
    began = now()
    await one.stop()
    assert now() - began <= 2.01
    assert not one.leads()


@told
async def test_a_renewal_whose_answer_is_lost_does_not_count_but_helps() -> None:
    """It keeps others away, and the next one is taken, though the version is another than was last answered."""
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    await asyncio.sleep(5.4)
    one.loses = "answers"
    await asyncio.sleep(7)
    assert one.leads()
    one.loses = ""
    for _ in range(300):
        await asyncio.sleep(0.1)
        assert one.leads()
    assert (one.led, two.led) == (1, 0)


@told
async def test_without_answers_it_stops_at_the_deadline_and_leads_again_later() -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    one.loses = two.loses = "answers"
    assert 8.9 <= await until(lambda: not one.leads()) <= 10.01
    await asyncio.sleep(300)
    assert not one.leads()
    assert not two.leads()
    one.loses = ""
    assert await until(one.leads) <= 6, "what is in the Lease is its own"
    assert server.spec["leaseTransitions"] == 0


@told
async def test_a_lost_answer_to_the_first_request_ever() -> None:
    server = Server()
    one = Candidate(server, "one", loses="answers")
    one.start()
    await asyncio.sleep(4)
    server.write({"holderIdentity": "one", "leaseDurationSeconds": 15, "renewTime": "x"})
    one.loses = ""
    assert await until(one.leads) <= 3, "the Lease that it finds is its own"


@told
async def test_who_is_cut_off_stops_before_another_begins() -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    await asyncio.sleep(5.4)
    one.loses = "requests"
    stopped = await until(lambda: not one.leads())
    began = stopped + await until(two.leads)
    assert 9 <= stopped <= 10.01
    assert 14 <= began <= 16
    one.loses = ""
    await asyncio.sleep(60)
    assert (one.led, two.led) == (1, 1)


@told
async def test_a_renewal_counts_from_when_it_was_sent() -> None:
    server = Server()
    one = Candidate(server, "one", back=3)
    one.start()
    await until(one.leads)
    assert 3 <= now() <= 3.1
    one.loses = "requests"
    await until(lambda: not one.leads())
    assert 10 <= now() <= 10.1


@told
async def test_a_frozen_one_knows_at_once_that_it_does_not_lead_any_more() -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    await asyncio.sleep(5.4)
    one.freeze()
    await until(two.leads)
    await asyncio.sleep(20)
    assert not one.leads()
    one.thaw()
    for _ in range(300):
        await asyncio.sleep(0.1)
        assert not one.leads()
        assert two.leads()
    assert one.led == 1


@told
async def test_an_answer_that_comes_when_the_deadline_has_passed_makes_nobody_leader() -> None:
    """Frozen while its request was under way: the Lease says that it holds it."""
    server = Server()
    [one] = candidates(server, "one")
    one.there = 0.5
    await asyncio.sleep(0.7)
    one.freeze()
    await asyncio.sleep(11)
    assert server.spec["holderIdentity"] == "one"
    one.thaw()
    await asyncio.sleep(0)
    assert not one.leads()
    assert await until(one.leads) <= 7


@told
async def test_a_short_freeze_costs_nothing() -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    one.freeze()
    await asyncio.sleep(8)
    one.thaw()
    await asyncio.sleep(30)
    assert (one.led, two.led) == (1, 0)
    assert one.leads()


@told
async def test_a_server_that_is_away_for_long_has_a_leader_again_soon_after() -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    server.down = True
    assert await until(lambda: not one.leads()) <= 10.01
    await asyncio.sleep(90)
    server.down = False
    assert await until(lambda: one.leads() or two.leads()) <= 2
    await asyncio.sleep(30)
    assert one.leads() != two.leads()


@pytest.mark.parametrize("hours", [1, -1])
@told
async def test_setting_clocks_does_nothing(hours: int) -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    one.skew = timedelta(hours=hours)
    await asyncio.sleep(30)
    two.skew = timedelta(hours=-hours)
    await asyncio.sleep(30)
    assert (one.led, two.led) == (1, 0)
    one.kill()
    assert 14 <= await until(two.leads) <= 16


@told
async def test_a_wall_clock_that_stands_still_does_not_hide_renewals() -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    one.wall_stands = two.wall_stands = True
    await until(one.leads)
    await asyncio.sleep(60)
    assert (one.led, two.led) == (1, 0)
    assert one.leads()


# People


@told
async def test_a_lease_that_is_deleted_is_made_again_by_its_holder() -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    await asyncio.sleep(5.4)
    server.lease = None
    await asyncio.sleep(60)
    assert (one.led, two.led) == (1, 0)
    assert server.spec["holderIdentity"] == "one"


@told
async def test_who_sees_that_a_lease_is_gone_waits_for_whoever_held_it() -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    await asyncio.sleep(5.4)
    one.loses = "requests"
    await asyncio.sleep(5)
    server.lease = None
    gone = now()
    await until(two.leads)
    assert 15 <= now() - gone <= 16.01
    assert not one.leads()


EMPTIED = [
    pytest.param({}, id="without a spec"),
    pytest.param({"holderIdentity": ""}, id="an empty holder"),
    pytest.param({"leaseDurationSeconds": 15, "renewTime": "2031-01-01T00:00:00.000000Z"}, id="without a holder"),
    pytest.param({"holderIdentity": "", "leaseDurationSeconds": 86400}, id="nobody, for a day"),
]


@pytest.mark.parametrize("spec", EMPTIED)
@told
async def test_a_lease_emptied_by_a_person_stays_with_its_holder(spec: dict[str, object]) -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    await asyncio.sleep(5.9)
    server.write(spec)
    for _ in range(600):
        await asyncio.sleep(0.1)
        assert one.leads()
        assert not two.leads()
    assert server.spec["holderIdentity"] == "one"


@pytest.mark.parametrize("lasts", [1, 15, 60])
@told
async def test_a_stranger_in_the_lease_is_waited_for(lasts: int) -> None:
    server = Server()
    [one, two] = candidates(server, "one", "two")
    await until(one.leads)
    server.write({"holderIdentity": "bob", "leaseDurationSeconds": lasts})
    written = now()
    assert await until(lambda: not one.leads()) <= 1.01
    await until(lambda: one.leads() or two.leads(), most=100)
    assert max(15, lasts) <= now() - written <= max(15, lasts) + 2


@told
async def test_no_lease_is_waited_for_for_ever() -> None:
    server = Server()
    server.write({"holderIdentity": "bob", "leaseDurationSeconds": 10**8})
    [one] = candidates(server, "one")
    assert 3600 <= await until(one.leads, most=4000) <= 3602


@told
async def test_a_lease_that_others_gave_back_is_free() -> None:
    server = Server()
    server.write({**RELEASED, "leaseTransitions": 7, "strategy": "OldestEmulationVersion"})
    [one] = candidates(server, "one")
    assert await until(one.leads) <= 0.1
    assert server.spec["leaseTransitions"] == 8
    assert server.spec["strategy"] == "OldestEmulationVersion", "what is not ours stays"


@told
async def test_a_holder_with_longer_times_is_waited_for_as_long() -> None:
    """While settings are changed, candidates with old and new ones compete."""
    server = Server()
    old = Candidate(server, "old", times=LeaseTimes(duration=40, renew_deadline=30, retry_period=1))
    old.start()
    await until(old.leads)
    new = Candidate(server, "new", times=TIMES)
    new.start()
    await asyncio.sleep(5)
    old.loses = "requests"
    await asyncio.sleep(25)
    assert old.leads()
    assert not new.leads()
    assert await until(new.leads) <= 16
    assert not old.leads()


@told
async def test_no_namespace_is_told_and_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    [one] = candidates(server, "one")
    made = server.carry_out

    def refuse(method: str, path: str, body: dict[str, object] | None) -> dict[str, object]:
        server.lease = None
        return made("GET", path.removesuffix("/operator") + "/operator", body)

    server.carry_out = refuse  # type: ignore[method-assign]
    await asyncio.sleep(5)
    assert not one.leads()
    assert "there is none" in str(caplog.records[0].error)  # type: ignore[attr-defined]
    server.carry_out = made  # type: ignore[method-assign]
    assert await until(one.leads) <= 2


# Preparing


async def one_after_the_other(server: Server, *names: str) -> list[Candidate]:
    """The first of them leads."""
    made = []
    for name in names:
        made += candidates(server, name)
        await until(made[0].leads)
    return made


@told
async def test_who_is_to_lead_prepares_when_the_other_can_write_nothing_any_more() -> None:
    """That is some seconds before the Lease has run out."""
    server = Server()
    [one, two] = await one_after_the_other(server, "one", "two")
    await asyncio.sleep(5.4)
    one.loses = "requests"
    await until(lambda: len(two.prepared) == 1)
    assert not one.leads()
    assert not two.leads()
    assert 3 <= await until(two.leads) <= 6
    await asyncio.sleep(60)
    assert two.prepared == [None], "once"


@told
async def test_whoever_prepared_in_vain_prepares_again_next_time() -> None:
    server = Server()
    [one, two] = await one_after_the_other(server, "one", "two")
    for times in (1, 2):
        one.freeze()
        await until(lambda times=times: len(two.prepared) == times)  # type: ignore[misc]
        one.thaw()
        await asyncio.sleep(1)
        await until(one.leads)
        assert not two.leads()
        await asyncio.sleep(20)


@told
async def test_what_was_written_last_is_told_to_whoever_comes_next_and_not_to_the_one_after() -> None:
    server = Server()
    [one, two, three] = await one_after_the_other(server, "one", "two", "three")
    await one.stop({"jobs": 7})
    await until(lambda: two.leads() or three.leads())
    second, third = (two, three) if two.leads() else (three, two)
    assert second.prepared == [{"jobs": 7}]
    second.kill()
    await until(third.leads)
    assert third.prepared[-1] is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"jobs": "7"}', "7"])
@told
async def test_a_note_that_cannot_be_read_says_nothing(text: str) -> None:
    server = Server()
    server.write(RELEASED, {"agentschedule.dev/written": text})
    [one] = candidates(server, "one")
    await until(one.leads)
    assert one.prepared == [None]


@told
async def test_a_note_in_a_lease_that_was_not_given_back_does_not_count() -> None:
    server = Server()
    server.write({"holderIdentity": "bob", "leaseDurationSeconds": 15}, {"agentschedule.dev/written": '{"jobs": 7}'})
    [one] = candidates(server, "one")
    await until(one.leads)
    assert one.prepared == [None]


@told
async def test_with_other_times_nobody_knows_when_the_other_stops_writing() -> None:
    server = Server()
    server.write({"holderIdentity": "bob", "leaseDurationSeconds": 20})
    [one] = candidates(server, "one")
    await until(lambda: one.prepared != [])
    assert now() >= 20
