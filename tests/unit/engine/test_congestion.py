"""The limit on requests under way: near the best fixed one whatever the server is like, and back soon after faults.

Times are simulated, so that each run is the same. `pytest -s` prints the comparison with every fixed limit.
"""

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentschedule.engine.congestion import MOST_PAUSE, Congestion, Outcome
from tests.unit.engine.simulated_server import Draw, Fixed, Run, Server, Simulation, constant, exponential

FEW = 600
"""How many answers each fixed limit is judged by; the likely ones are judged by the same seconds as ours."""
SHOWN = (2, 4, 8, 16, 32, 64)
SETTLED, MORE = 6000, 10000
"""Answers after which ours counts as settled, and how many more it is judged by."""


def sometimes(share: float, seconds: float, mean: float) -> Draw:
    """A few requests take that long."""
    return lambda rng, now: seconds if rng.random() < share else rng.expovariate(1 / mean)


def neighbours(mean: float) -> Draw:
    """Others take a part of the machine, more and less of it."""
    rng = random.Random(5)
    pace = [rng.choice([1.0, 1.0, 1.5, 2.5]) for _ in range(997)]
    return lambda rng, now: rng.expovariate(1 / mean) * pace[int(now / 0.3) % len(pace)]


def every(period: float, length: float, until: float) -> tuple[tuple[float, float], ...]:
    return tuple((n * period, n * period + length) for n in range(1, int(until / period)))


PLAIN = Server(service=exponential(0.0025), delay=exponential(0.005))

SERVERS = {
    "constant": Server(service=constant(0.0025), delay=constant(0.002)),
    "exponential": PLAIN,
    "one core": Server(service=constant(0.005), delay=constant(0), cores=lambda now: 1),
    "eight cores": Server(service=exponential(0.01), delay=exponential(0.01), cores=lambda now: 8),
    "slow disk": Server(service=exponential(0.0025), delay=exponential(0.02)),
    "far away": Server(service=constant(0.002), delay=constant(0.05)),
    "never enough": Server(service=exponential(0.0025), delay=exponential(0.2)),
    "worse in a crowd": Server(service=exponential(0.002), delay=exponential(0.01), crowd=lambda n: 1 + 0.01 * n),
    "better in a crowd": Server(
        service=exponential(0.0025), delay=exponential(0.003), crowd=lambda n: (1 + n) ** -0.13
    ),
    "stalls of 0.1 s": Server(service=exponential(0.0025), delay=exponential(0.01), frozen=every(0.7, 0.1, 40)),
    "webhook of 2 s": Server(service=exponential(0.0025), delay=sometimes(0.005, 2.0, 0.005)),
    "0.2 % time out": Server(service=exponential(0.0025), delay=sometimes(0.002, 60.0, 0.005)),
    "neighbours": Server(service=neighbours(0.0025), delay=exponential(0.005)),
    "queue of 20": Server(service=exponential(0.0025), delay=exponential(0.005), queue=20),
    "queue of 6": Server(service=exponential(0.0025), delay=exponential(0.005), queue=6),
}


def fixed(server: Server, limit: int, since: float, until: float) -> float:
    """What a fixed limit completes a second."""
    return Simulation(server, Fixed(limit)).until(until).rate(since, until)


def best_fixed(server: Server, pace: float) -> tuple[int, dict[int, float]]:
    """The best of all fixed limits, and what they complete a second."""
    rates = {limit: fixed(server, limit, 1, 1 + FEW / pace) for limit in range(1, 65)}
    likely = {*SHOWN, *sorted(rates, key=lambda limit: -rates[limit])[:4]}
    again = {limit: fixed(server, limit, SETTLED / pace, (SETTLED + MORE) / pace) for limit in likely}
    return max(again, key=lambda limit: again[limit]), rates | again


@pytest.mark.parametrize("name", SERVERS)
def test_ninety_percent_of_the_best_fixed_limit(name: str) -> None:
    server = SERVERS[name]
    pace = fixed(server, 16 if server.queue > 16 else 4, 1, 3)
    best, rates = best_fixed(server, pace)
    since, until = SETTLED / pace, (SETTLED + MORE) / pace
    run = Simulation(server, Congestion()).until(until)
    share = run.rate(since, until) / rates[best]
    limits = [limit for end, limit in zip(run.ends, run.limits, strict=True) if end > since]
    others = "  ".join(f"{limit}: {rates[limit] / rates[best]:4.2f}" for limit in SHOWN)
    mean, throttled = sum(limits) / len(limits), run.outcomes.get("throttled", 0)
    print(  # noqa: T201
        f"\n{name:18}best {best:2}: {rates[best]:5.0f}/s  {others}  ours {share:4.2f}, "
        f"limit {mean:2.0f} ({min(limits)}–{max(limits)}), 429s: {throttled} ",
        end="",
    )
    assert share >= 0.90


# Faults


def recovered(run: Run, before: tuple[float, float], end: float, within: int) -> None:
    """As fast as before, once so many requests have been answered after the fault; those at half the pace at least."""
    after = [at for at in run.ends if at >= end]
    usual = run.rate(*before)
    assert len(after) > within + 4000
    assert after[within] - end <= 2 * within / usual + 0.5
    assert 4000 / (after[within + 4000] - after[within]) >= 0.9 * usual


@pytest.mark.parametrize("delay", [0.005, 0.02])
@pytest.mark.parametrize("length", [2.0, 30.0, 90.0])
def test_back_soon_after_a_freeze(delay: float, length: float) -> None:
    server = Server(service=exponential(0.0025), delay=exponential(delay), frozen=((10, 10 + length),))
    run = Simulation(server, Congestion()).until(length + 25)
    recovered(run, (4, 10), 10 + length, within=500)


def test_hardly_anything_is_sent_while_all_is_answered_503_and_it_is_back_soon() -> None:
    server = Server(service=exponential(0.0025), delay=exponential(0.005), broken=((10, 20),))
    simulation = Simulation(server, Congestion())
    simulation.until(10.5)
    assert simulation.limiter.limit == 2
    simulation.until(20)
    assert simulation.limiter.limit == 2
    recovered(simulation.until(35), (4, 10), 20, within=500)


def test_after_a_neighbours_429s_it_is_back_soon() -> None:
    """The server's queue is full because of others, for a while."""
    congestion = Congestion()
    simulation = Simulation(PLAIN, congestion)
    simulation.until(10)
    before = congestion.limit
    for second in range(5):
        now = 10.0 + second
        congestion.begun(now)
        congestion.ended(now + 0.001, 0.001, "throttled", 1.0)
        simulation.until(now + 1.0)
    assert congestion.limit <= max(2, before // 4)
    recovered(simulation.until(30), (4, 10), 15.1, within=500)


@pytest.mark.parametrize(("cores", "then"), [(2, 8), (8, 2), (8, 1)])
def test_follows_a_change_of_capacity(cores: int, then: int) -> None:
    change = 4.0 if cores == 8 else 10.0
    server = Server(
        service=exponential(0.005), delay=exponential(0.02), cores=lambda now: cores if now < change else then
    )
    run = Simulation(server, Congestion()).until(change + 12000 / (then * 200))
    after = [at for at in run.ends if at >= change]
    _, rates = best_fixed(replace(server, cores=lambda now: then), then * 200)
    assert 8000 / (after[10000] - after[2000]) >= 0.9 * max(rates.values())


def test_one_percent_that_hangs_does_not_starve_the_rest() -> None:
    """Each holds its place for 15 s. More places are the only remedy, so it takes nearly all there are."""
    server = Server(service=exponential(0.0025), delay=sometimes(0.01, 60.0, 0.005))
    run = Simulation(server, Congestion()).until(150)
    assert run.rate(20, 150) >= 3 * fixed(server, 16, 20, 150)


def test_a_burst_after_a_long_rest_is_as_quick_as_at_once() -> None:
    server = Server(
        service=exponential(0.0025),
        delay=exponential(0.005),
        load=lambda now: now < 3 or now % 300 < 0.02 or now > 3600,
    )
    run = Simulation(server, Congestion()).until(3602)
    assert run.rate(3600.1, 3602) >= 0.9 * 800


# What it obeys


def test_retry_after_holds_everything_up_to_a_bound() -> None:
    congestion = Congestion()
    for now in (1.0, 1.1, 1.2):
        congestion.begun(now)
    assert congestion.wait(1.5) == 0.0
    congestion.ended(1.5, 0.5, "throttled", 1.0)
    assert congestion.wait(1.6) == pytest.approx(0.9)
    congestion.ended(1.6, 0.5, "ok")
    assert congestion.wait(2.4) == pytest.approx(0.1)
    assert congestion.wait(2.5) == 0.0
    congestion.ended(3.0, 1.8, "failed", 3600.0)
    assert congestion.wait(3.0) == MOST_PAUSE


def test_halves_once_a_round_trip() -> None:
    congestion = Congestion(first=32)
    for _ in range(20):
        congestion.begun(1.0)
    for _ in range(20):
        congestion.ended(1.5, 0.5, "throttled", 1.0)
    assert congestion.limit == 16
    congestion.begun(2.6)
    congestion.ended(2.7, 0.1, "throttled", 1.0)
    assert congestion.limit == 8


def test_single_failures_change_nothing() -> None:
    congestion = Congestion()
    for n in range(10):
        congestion.begun(n)
        congestion.ended(n + 0.5, 0.5, "failed" if n % 4 == 3 else "ok")
    assert congestion.limit == 16


def outage(answered: bool) -> Congestion:
    """15 requests time out; one that was sent after them may have been answered meanwhile."""
    congestion = Congestion()
    for _ in range(15):
        congestion.begun(1.0)
    if answered:
        congestion.begun(2.0)
        congestion.ended(2.1, 0.1, "ok")
    for _ in range(15):
        congestion.ended(16.0, 15.0, "failed")
    return congestion


def test_requests_that_hang_while_later_ones_are_answered_are_not_the_servers_fault() -> None:
    assert outage(answered=True).limit == 16
    assert outage(answered=False).limit == 8


def test_refusals_of_a_request_are_answers_like_others() -> None:
    congestion = Congestion()
    for n in range(100):
        congestion.begun(n)
        congestion.ended(n + 0.5, 0.5, "refused", 5.0)
    assert congestion.limit == 16
    assert congestion.wait(99.5) == 0.0


@pytest.mark.parametrize("bounds", [{"least": 0}, {"first": 65}, {"first": 1}, {"most": 8}])
def test_bounds_that_contradict_each_other_are_refused(bounds: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="does not hold"):
        Congestion(**bounds)


# What always holds

OUTCOMES: st.SearchStrategy[Outcome] = st.sampled_from(["ok", "ok", "ok", "ok", "refused", "throttled", "failed"])
STEPS = st.lists(st.tuples(st.floats(0, 2), st.integers(0, 80), OUTCOMES, st.none() | st.floats(-1, 1e6)), max_size=150)


def go_on(congestion: Congestion, steps: list[tuple[float, int, Outcome, float | None]], spare: int) -> list[int]:
    """Send as many as each step says, `spare` fewer than is allowed at most; the oldest are answered, all alike."""
    now, sent, limits = 100.0, list[float](), [congestion.limit]
    for seconds, number, outcome, retry_after in steps:
        now += seconds
        for _ in range(number):
            if len(sent) < congestion.limit - spare:
                congestion.begun(now)
                sent.append(now)
        now += seconds / 2
        for _ in range(number):
            if sent:
                congestion.ended(now, now - sent.pop(0), outcome, retry_after)
                limits.append(congestion.limit)
            assert 0.0 <= congestion.wait(now) <= MOST_PAUSE
        assert congestion.under_way == len(sent)
    return limits


@settings(deadline=None)
@given(STEPS, st.integers(1, 5), st.integers(0, 30), st.integers(0, 30))
def test_the_limit_stays_within_its_bounds(
    steps: list[tuple[float, int, Outcome, float | None]], least: int, more: int, most: int
) -> None:
    congestion = Congestion(least=least, first=least + more, most=least + more + most)
    assert all(least <= limit <= least + more + most for limit in go_on(congestion, steps, spare=0))


@settings(deadline=None)
@given(STEPS)
def test_it_does_not_grow_while_it_is_not_used_up(steps: list[tuple[float, int, Outcome, float | None]]) -> None:
    assert all(after <= before for before, after in pairwise(go_on(Congestion(), steps, spare=1)))
