"""Who may start now and who waits: never above a ceiling, in the order of the slots, and nothing is left behind."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agentschedule.engine.admission import Admission, Claim, Place
from agentschedule.planning.observed import Ceilings

NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def claim(job: str, minute: int = 0, namespace: str = "a", *, catch_up: bool = False) -> Claim:
    return Claim(NINE + timedelta(minutes=minute), namespace, job, f"schedule-of-{job}", catch_up)


def begun(**ceilings: float) -> Admission:
    made = Admission(Ceilings(**ceilings))  # type: ignore[arg-type]
    made.begin()
    return made


def turns(admission: Admission, now: float = 0.0) -> list[str]:
    return [one.job for one in admission.turns(now)]


def test_without_ceilings_nobody_waits_even_before_all_have_been_looked_at() -> None:
    admission = Admission()
    assert [admission.ask(claim(f"job-{n}"), 0.0) for n in range(1000)] == [None] * 1000
    assert (admission.taken, admission.waiting, turns(admission)) == (1000, 0, [])


@pytest.mark.parametrize(
    ("ceilings", "says"),
    [
        pytest.param({"active_runs": 2}, "2 of 2 runs are active in all namespaces", id="in all namespaces"),
        pytest.param({"active_runs_per_namespace": 2}, "2 of 2 runs are active in namespace a", id="in one"),
        pytest.param(
            {"active_runs": 2, "active_runs_per_namespace": 2},
            "2 of 2 runs are active in all namespaces",
            id="in both",
        ),
        pytest.param(
            {"catch_up_starts_per_second": 2},
            "missed slots are made up for at 2 a second over all schedules",
            id="too much to make up for",
        ),
    ],
)
def test_the_third_of_two_waits_and_says_for_what(ceilings: dict[str, int], says: str) -> None:
    admission = begun(**ceilings)
    first, second, third = (claim(name, catch_up=True) for name in ("one", "two", "three"))
    assert admission.ask(first, 0.0) is None
    assert admission.ask(second, 0.0) is None
    assert admission.ask(third, 0.0) == f"waits for its turn: {says}"
    assert (admission.waiting, turns(admission)) == (1, [])


def test_turns_come_in_the_order_of_slot_namespace_and_name() -> None:
    admission = begun(active_runs=1)
    assert admission.ask(claim("first"), 0.0) is None
    for waits in (claim("y", 5), claim("late", 9, "0"), claim("x", 5), claim("other", 5, "0"), claim("old", 1, "z")):
        assert admission.ask(waits, 0.0) is not None
    order, last = [], ("a", "first")
    for _ in range(5):
        admission.leave(last)
        [next_one] = admission.turns(0.0)
        assert admission.ask(next_one, 0.0) is None, "its place is kept for it"
        order.append(next_one.job)
        last = next_one.place
    assert order == ["old", "other", "x", "y", "late"]


def test_a_newcomer_with_a_later_slot_does_not_overtake() -> None:
    admission = begun(active_runs=1)
    assert admission.ask(claim("first"), 0.0) is None
    assert admission.ask(claim("second", 1), 0.0) is not None
    admission.leave(("a", "first"))
    assert admission.ask(claim("third", 2), 0.0) is not None
    assert turns(admission) == ["second"]


def test_a_full_namespace_keeps_no_other_waiting_and_comes_back_in_order() -> None:
    admission = begun(active_runs=3, active_runs_per_namespace=1)
    assert admission.ask(claim("a1"), 0.0) is None
    assert admission.ask(claim("a2", 1), 0.0) is not None
    assert admission.ask(claim("a3", 2), 0.0) is not None
    assert admission.ask(claim("b1", 3, "b"), 0.0) is None
    assert admission.ask(claim("b2", 4, "b"), 0.0) is not None
    admission.leave(("a", "a2"))
    admission.leave(("a", "a1"))
    admission.leave(("b", "b1"))
    assert turns(admission) == ["a3", "b2"]


def test_a_job_has_its_place_from_its_start_until_it_works_no_more() -> None:
    admission = begun(active_runs=1)
    assert admission.ask(claim("one"), 0.0) is None
    admission.seen("uid-1", ("a", "one"), works=True)
    admission.leave(("a", "one"))
    assert (admission.taken, admission.taken_in("a")) == (1, 1)
    admission.seen("uid-1", ("a", "one"), works=True)
    assert admission.ask(claim("two"), 0.0) is not None
    admission.seen("uid-1", ("a", "one"), works=False)
    admission.seen("uid-1", ("a", "one"), works=False)
    assert turns(admission) == ["two"]
    admission.leave(("a", "two"))
    assert (admission.taken, admission.taken_in("a"), admission.waiting) == (0, 0, 0)


def test_jobs_of_an_earlier_life_count_also_where_they_are_too_many() -> None:
    admission = begun(active_runs=2)
    for number in range(3):
        admission.seen(f"uid-{number}", ("a", f"job-{number}"), works=True)
    assert admission.ask(claim("new"), 0.0) == "waits for its turn: 3 of 2 runs are active in all namespaces"
    admission.seen("uid-0", ("a", "job-0"), works=False)
    assert turns(admission) == []
    admission.seen("uid-1", ("a", "job-1"), works=False)
    assert turns(admission) == ["new"]


@pytest.mark.parametrize("ceilings", [{"active_runs": 1}, {"catch_up_starts_per_second": 1}])
def test_nobody_is_called_before_all_have_been_looked_at(ceilings: dict[str, int]) -> None:
    admission = Admission(Ceilings(**ceilings))
    asked = [admission.ask(claim(f"job-{minute}", minute, catch_up=True), 0.0) for minute in (3, 1, 2)]
    assert asked == ["waits for its turn: the operator has just started and looks at all schedules first"] * 3
    assert (turns(admission), admission.look_again(0.0)) == ([], None)
    admission.begin()
    assert turns(admission) == ["job-1"]


def test_catch_up_starts_have_a_pace_and_others_do_not_wait_for_it() -> None:
    admission = begun(catch_up_starts_per_second=2)
    asked = [admission.ask(claim(f"c{n}", n, catch_up=True), 100.0) for n in range(6)]
    assert asked[:2] == [None, None]
    assert None not in asked[2:]
    assert admission.ask(claim("on-time", 9), 100.0) is None
    assert admission.look_again(100.0) == pytest.approx(0.5)
    assert turns(admission, 100.4) == []
    assert turns(admission, 100.5) == ["c2"]
    assert turns(admission, 101.5) == ["c3", "c4"]
    assert turns(admission, 5000.0) == ["c5"]
    assert admission.look_again(5000.0) is None


def test_the_pace_saves_up_a_second_and_no_more() -> None:
    admission = begun(catch_up_starts_per_second=3)
    assert [admission.ask(claim(f"c{n}", n, catch_up=True), 9999.0) is None for n in range(5)] == [True] * 3 + [
        False
    ] * 2


def test_a_pace_below_one_a_second() -> None:
    admission = begun(catch_up_starts_per_second=0.1)
    assert admission.ask(claim("c0", 0, catch_up=True), 0.0) is None
    assert admission.ask(claim("c1", 1, catch_up=True), 0.0) is not None
    assert admission.look_again(4.0) == pytest.approx(6.0)
    assert (turns(admission, 9.9), turns(admission, 10.1)) == ([], ["c1"])


def test_those_who_come_and_go_leave_nothing_behind() -> None:
    """A schedule that is suspended and resumed for ever, while the ceiling is reached."""
    admission = begun(active_runs=1, catch_up_starts_per_second=1)
    assert admission.ask(claim("first"), 0.0) is None
    for number in range(5000):
        one = claim("other", number, catch_up=number % 2 == 0)
        assert admission.ask(one, 0.0) is not None
        admission.leave(one.place)
    assert admission.ask(claim("last", 9999), 0.0) is not None
    held = sum(len(heap) for heap in (admission._ready, admission._paced, *admission._aside.values()))
    assert held < 200
    admission.leave(("a", "first"))
    assert turns(admission, 1.0) == ["last"]


@dataclass
class Reference:
    """The same by brute force: all that wait in one list, looked through from its beginning."""

    ceilings: Ceilings
    taken: dict[Place, str] = field(default_factory=dict)
    waiting: list[Claim] = field(default_factory=list)
    let_go: set[Place] = field(default_factory=set)
    tokens: float = 0.0
    now: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = max(1.0, self.ceilings.catch_up_starts_per_second)

    def free(self, namespace: str) -> bool:
        limits, used = self.ceilings, list(self.taken.values())
        everywhere = limits.active_runs == 0 or len(used) < limits.active_runs
        return everywhere and (
            limits.active_runs_per_namespace == 0 or used.count(namespace) < limits.active_runs_per_namespace
        )

    def called(self, now: float) -> list[Claim]:
        rate = self.ceilings.catch_up_starts_per_second
        self.tokens, self.now = min(max(1.0, rate), self.tokens + (now - self.now) * rate), now
        self.waiting.sort()
        for one in self.waiting:
            if one.catch_up and rate and one.place not in self.let_go and self.tokens >= 1:
                self.tokens -= 1
                self.let_go.add(one.place)
        calls = []
        for one in list(self.waiting):
            held_back = one.catch_up and rate and one.place not in self.let_go
            if not held_back and self.free(one.namespace):
                self.waiting.remove(one)
                self.let_go.discard(one.place)
                self.taken[one.place] = one.namespace
                calls.append(one)
        return calls


class Machine(RuleBasedStateMachine):
    """Admission and its reference, side by side."""

    @initialize(runs=st.integers(0, 4), in_namespace=st.integers(0, 2), pace=st.sampled_from([0.0, 0.5, 2.0]))
    def begin(self, runs: int, in_namespace: int, pace: float) -> None:
        limits = Ceilings(runs, in_namespace, pace)
        self.admission, self.reference = Admission(limits), Reference(limits)
        self.admission.begin()
        self.now = 0.0
        self.at_once: list[Claim] = []

    @rule(number=st.integers(0, 11), minute=st.integers(0, 3), namespace=st.sampled_from("ab"), catch_up=st.booleans())
    def ask(self, number: int, minute: int, namespace: str, catch_up: bool) -> None:
        one = claim(f"job-{number}", minute, namespace, catch_up=catch_up)
        if one.place in self.reference.taken or any(one.place == other.place for other in self.reference.waiting):
            return
        self.reference.waiting.append(one)
        self.at_once = [one] if self.admission.ask(one, self.now) is None else []

    @precondition(lambda self: self.reference.waiting)
    @rule(which=st.integers(0, 30))
    def withdraw(self, which: int) -> None:
        gone = self.reference.waiting.pop(which % len(self.reference.waiting))
        self.reference.let_go.discard(gone.place)
        self.admission.leave(gone.place)

    @precondition(lambda self: self.reference.taken)
    @rule(which=st.integers(0, 30))
    def start(self, which: int) -> None:
        place = sorted(self.reference.taken)[which % len(self.reference.taken)]
        self.admission.seen(f"uid of {place}", place, works=True)

    @precondition(lambda self: self.reference.taken)
    @rule(which=st.integers(0, 30))
    def end(self, which: int) -> None:
        self._end(sorted(self.reference.taken)[which % len(self.reference.taken)])

    @rule(seconds=st.sampled_from([0.25, 1.0, 8.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def they_agree(self) -> None:
        called, self.at_once = sorted(self.at_once + self.admission.turns(self.now)), []
        assert called == sorted(self.reference.called(self.now))
        assert (self.admission.taken, self.admission.waiting) == (
            len(self.reference.taken),
            len(self.reference.waiting),
        )
        used = list(self.reference.taken.values())
        assert [self.admission.taken_in(namespace) for namespace in "ab"] == list(map(used.count, "ab"))

    @invariant()
    def those_who_wait_for_the_pace_are_looked_at_in_time(self) -> None:
        pace = self.reference.ceilings.catch_up_starts_per_second
        if any(one.catch_up and one.place not in self.reference.let_go for one in self.reference.waiting if pace):
            wait = self.admission.look_again(self.now)
            assert wait is not None
            assert 0 < wait <= 1 / pace

    def teardown(self) -> None:
        """All end, one after another: nobody is left waiting, and no place is taken."""
        for _ in range(60):
            self.now += 2
            self.they_agree()
            for place in sorted(self.reference.taken):
                self._end(place)
        assert (self.admission.taken, self.admission.waiting) == (0, 0)

    def _end(self, place: Place) -> None:
        del self.reference.taken[place]
        self.admission.leave(place)
        self.admission.seen(f"uid of {place}", place, works=False)


TestItDoesWhatLookingThroughAllWouldDo = Machine.TestCase
TestItDoesWhatLookingThroughAllWouldDo.settings = settings(stateful_step_count=100, deadline=None)
