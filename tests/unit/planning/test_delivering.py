"""The outbox: what is put in, when it goes, and that nothing in it is lost or told twice."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentschedule.api.delivery import Delivery, Event, Target
from agentschedule.api.status import Alert, Run
from agentschedule.planning.delivering import (
    DEFAULT_RETRIES,
    FIRST_WAIT,
    LONGEST_WAIT,
    MOST_ENTRIES,
    Attempted,
    Occurred,
    Outbox,
    bounded,
    due,
    events_of,
    forgotten,
    next_attempt,
    put,
    redeliver,
    settle,
    troubles,
    unsettled,
    without_target,
)
from tests.unit.planning.builders import UID, utc

NINE = utc("09:00")


def target(name: str = "ops", **fields: Any) -> Target:
    return Target.model_validate({"name": name, "stdout": {}, **fields})


OPS = target()


def failed(run: str = "r1", at: datetime = NINE, summary: str = "") -> Occurred:
    return Occurred("Failed", run, at, summary)


def attempt(
    outbox: Outbox, result: Any, at: datetime, *, reason: str = "", after: timedelta | None = None, **fields: Any
) -> Outbox:
    entry = next(e for e in outbox.entries if e.phase == "Pending")
    attempted = Attempted(entry.run, entry.target, entry.event, result, at, reason, after)
    return settle(outbox, UID, fields.get("targets", (OPS,)), attempted)


def run(phase: Any, alert: bool = False) -> Run:
    return Run(id="r1", scheduled_at=NINE, phase=phase, alert=Alert(message="low") if alert else None)


@pytest.mark.parametrize(
    ("ended", "troubled", "events", "then"),
    [
        (run("Succeeded"), False, ("Succeeded",), False),
        (run("Succeeded"), True, ("Succeeded", "Recovered"), False),
        (run("Succeeded", alert=True), False, ("Succeeded", "Alert"), True),
        (run("Succeeded", alert=True), True, ("Succeeded", "Alert"), True),
        (run("Failed"), False, ("Failed",), True),
        (run("Failed", alert=True), True, ("Failed", "Alert"), True),
        (run("TimedOut"), False, ("TimedOut",), True),
        (run("Replaced"), True, (), None),
        (run("Cancelled"), True, (), None),
    ],
)
def test_events_of_a_run(ended: Run, troubled: bool, events: tuple[Event, ...], then: bool | None) -> None:
    assert events_of(ended, troubled=troubled) == events
    assert troubles(ended) == then


def test_only_targets_that_want_it() -> None:
    targets = (OPS, target("quiet", events=["Alert"]), target("all", events=["Failed", "Succeeded"]))
    outbox = put(Outbox(), targets, failed())
    assert [(e.target, e.event, e.phase, e.next_attempt) for e in outbox.entries] == [
        ("ops", "Failed", "Pending", NINE),
        ("all", "Failed", "Pending", NINE),
    ]
    assert unsettled(outbox) == {"r1"}


def test_the_same_event_is_put_once() -> None:
    outbox = put(Outbox(), (OPS,), failed())
    assert put(outbox, (OPS,), failed()) == outbox


def test_a_cooldown_counts_what_it_keeps_back() -> None:
    ops = target(cooldown="30m")
    outbox = Outbox()
    for minute in range(0, 40, 10):
        outbox = put(outbox, (ops,), failed(f"r{minute}", NINE + timedelta(minutes=minute)))
    assert [(e.run, e.suppressed) for e in outbox.entries] == [("r0", None), ("r30", 2)]
    assert outbox.told[0].suppressed == 0
    outbox = put(outbox, (ops,), Occurred("Held", "h", NINE + timedelta(minutes=31)))
    assert outbox.entries[-1].event == "Held"


def test_only_on_change() -> None:
    ops = target(onlyOnChange=True, events=["Succeeded", "Failed"])
    said = [("Succeeded", "a"), ("Succeeded", "a"), ("Failed", "a"), ("Succeeded", "a"), ("Succeeded", "b")]
    outbox = Outbox()
    for number, (event, summary) in enumerate(said):
        at = NINE + timedelta(minutes=number)
        outbox = put(outbox, (ops,), Occurred(event, f"r{number}", at, summary))  # type: ignore[arg-type]
    assert [e.run for e in outbox.entries] == ["r0", "r2", "r3", "r4"]
    assert all(t.suppressed == 0 for t in outbox.told)


def test_delivered() -> None:
    outbox = attempt(put(Outbox(), (OPS,), failed()), "Delivered", NINE)
    entry = outbox.entries[0]
    assert (entry.phase, entry.attempts, entry.next_attempt, entry.last_error) == ("Delivered", 1, None, None)
    assert unsettled(outbox) == frozenset()
    assert due(outbox, NINE + timedelta(days=1)) == ()


def test_refused_is_given_up_at_once() -> None:
    entry = attempt(put(Outbox(), (OPS,), failed()), "Refused", NINE, reason="the host answered 410").entries[0]
    assert (entry.phase, entry.attempts, entry.last_error) == ("Failed", 1, "the host answered 410")


def test_waits_double_until_it_is_given_up() -> None:
    outbox, now, waits = put(Outbox(), (OPS,), failed()), NINE, []
    while outbox.entries[0].phase == "Pending":
        assert due(outbox, now) == outbox.entries
        outbox = attempt(outbox, "Again", now, reason="503")
        then = next_attempt(outbox, now)
        if then is not None:
            assert due(outbox, then - timedelta(seconds=1)) == ()
            waits.append((then - now).total_seconds())
            now = then
    assert outbox.entries[0].attempts == DEFAULT_RETRIES + 1
    assert [9 * 2**n <= wait <= 10 * 2**n for n, wait in enumerate(waits)] == [True] * DEFAULT_RETRIES
    assert outbox.entries[0].phase == "Failed"


@pytest.mark.parametrize(
    ("after", "least", "most"),
    [
        (timedelta(seconds=1), FIRST_WAIT * 0.9, FIRST_WAIT),
        (timedelta(minutes=5), timedelta(minutes=5), timedelta(minutes=5)),
        (timedelta(days=5), LONGEST_WAIT, LONGEST_WAIT),
    ],
)
def test_the_other_side_s_wish_to_wait(after: timedelta, least: timedelta, most: timedelta) -> None:
    outbox = attempt(put(Outbox(), (OPS,), failed()), "Again", NINE, after=after)
    then = next_attempt(outbox, NINE)
    assert then is not None
    assert least <= then - NINE <= most


@pytest.mark.parametrize("retries", [0, 1, 10])
def test_a_webhook_says_how_often(retries: int) -> None:
    hook = Target.model_validate({"name": "ops", "webhook": {"url": "https://a.example", "retries": retries}})
    outbox = put(Outbox(), (hook,), failed())
    for _ in range(retries + 1):
        assert outbox.entries[0].phase == "Pending"
        outbox = attempt(outbox, "Again", NINE, targets=(hook,))
    assert outbox.entries[0].phase == "Failed"


def test_an_outcome_that_comes_twice_or_late_changes_nothing() -> None:
    outbox = put(Outbox(), (OPS,), failed())
    done = attempt(outbox, "Delivered", NINE)
    again = Attempted("r1", "ops", "Failed", "Refused", NINE, "late")
    assert settle(done, UID, (OPS,), again) == done
    assert settle(outbox, UID, (OPS,), Attempted("other", "ops", "Failed", "Refused", NINE)) == outbox


def test_a_failed_one_goes_again_once_for_each_asking() -> None:
    outbox = attempt(put(Outbox(), (OPS,), failed()), "Refused", NINE)
    assert redeliver(outbox, None, NINE) == outbox
    assert redeliver(outbox, "r1/other", NINE) == outbox
    asked = redeliver(outbox, "other, r1/ops", NINE)
    assert (asked.entries[0].phase, asked.entries[0].attempts) == ("Pending", 0)
    assert redeliver(asked, "r1/ops", NINE) == asked
    failed_again = attempt(asked, "Refused", NINE)
    assert redeliver(failed_again, "r1/ops", NINE).entries[0].phase == "Failed"
    cleared = redeliver(failed_again, None, NINE)
    assert redeliver(cleared, "r1/ops", NINE).entries[0].phase == "Pending"


def test_what_arrived_does_not_go_again() -> None:
    outbox = attempt(put(Outbox(), (OPS,), failed()), "Delivered", NINE)
    assert redeliver(outbox, "r1/ops", NINE) == outbox


def test_a_target_that_was_removed() -> None:
    outbox = without_target(put(Outbox(), (OPS, target("b")), failed()), (OPS,), NINE)
    assert [(e.target, e.phase) for e in outbox.entries] == [("ops", "Pending"), ("b", "Failed")]
    assert [t.target for t in outbox.told] == ["ops"]


def entry(number: int, phase: Any) -> Delivery:
    return Delivery(run=f"r{number}", target="ops", event="Failed", at=NINE, phase=phase)


def test_settled_entries_stay_with_their_runs() -> None:
    outbox = Outbox((entry(1, "Delivered"), entry(2, "Delivered"), entry(3, "Failed"), entry(4, "Pending")))
    assert [e.run for e in forgotten(outbox, ["r2"]).entries] == ["r2", "r3", "r4"]


def test_of_failed_ones_whose_run_is_forgotten_the_newest_stay() -> None:
    outbox = Outbox(tuple(entry(number, "Failed") for number in range(30)))
    kept = forgotten(outbox, ["r0"])
    assert [e.run for e in kept.entries] == ["r0", *(f"r{number}" for number in range(20, 30))]
    assert forgotten(kept, ["r0"]) == kept


@given(st.lists(st.sampled_from(["Pending", "Delivered", "Failed"]), max_size=150))
def test_the_outbox_stays_within_its_bound_and_keeps_what_waits(phases: list[str]) -> None:
    entries = tuple(entry(number, phase) for number, phase in enumerate(phases))
    box, lost = bounded(Outbox(entries))
    kept = box.entries
    assert len(kept) == min(len(entries), MOST_ENTRIES)
    assert [*lost, *(e for e in kept if e.phase == "Pending")] == [e for e in entries if e.phase == "Pending"]
    assert list(kept) == sorted(kept, key=lambda e: int(e.run[1:]))


@given(
    st.lists(
        st.tuples(st.sampled_from(["Delivered", "Again", "Refused"]), st.booleans(), st.integers(0, 2)), max_size=40
    )
)
def test_every_story_ends_and_attempts_are_counted(steps: list[tuple[str, bool, int]]) -> None:
    outbox, now, number = Outbox(), NINE, 0
    sent: dict[tuple[str, str], int] = {}
    for result, new, minutes in steps:
        now += timedelta(minutes=minutes)
        if new:
            number += 1
            outbox = put(outbox, (OPS, target("b")), failed(f"r{number}", now))
        for ready in due(outbox, now):
            sent[ready.run, ready.target] = sent.get((ready.run, ready.target), 0) + 1
            attempted = Attempted(ready.run, ready.target, ready.event, result, now)  # type: ignore[arg-type]
            outbox = settle(outbox, UID, (OPS, target("b")), attempted)
        assert all((e.next_attempt is not None) == (e.phase == "Pending") for e in outbox.entries)
        assert next_attempt(outbox, now) is not None or not unsettled(outbox)
    assert {(e.run, e.target): e.attempts for e in outbox.entries if e.attempts} == sent
    assert len(outbox.entries) == 2 * number
