"""Never two leaders at a time, whatever happens: clocks that run at the same rate are all that is needed."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from agentschedule.cluster.lease import LeaseTimes
from tests.simulation.clock import VirtualLoop
from tests.simulation.lease import Server
from tests.simulation.profile import stories
from tests.unit.cluster.candidates import Candidate

TIMES = LeaseTimes(duration=11, renew_deadline=10, retry_period=1)
"""As near to each other as the settings allow."""

STEP = 0.1
WHO = st.integers(0, 4)
SECONDS = st.sampled_from([0.0, 0.3, 0.9, 1.0, 2.0, 3.4, 5.0, 9.9, 10.0, 14.9, 15.0, 17.0, 40.0])
DELAYS = st.sampled_from([0.001, 0.2, 1.0, 3.0, 3.4, 9.0, 30.0])
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "holderIdentity": st.sampled_from(["", "bob", None]),
        "leaseDurationSeconds": st.sampled_from([2, 15, 60]),
        "renewTime": st.just("2026-11-22T10:00:00.000000Z"),
        "leaseTransitions": st.integers(0, 3),
    },
)


class Leaders(RuleBasedStateMachine):
    """Candidates that come, freeze and go, lines that are slow and lose, people who delete and garble the Lease."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.server = Server()
        self.made: list[Candidate] = []
        self.terms: dict[str, int] = {}
        self.led_at: dict[str, float] = {}
        self.deleted_at = -1e9

    def teardown(self) -> None:
        async def end() -> None:
            for each in self.made:
                each.kill()
            tasks = [task for each in self.made for task in each.tasks]
            await asyncio.gather(*tasks, return_exceptions=True)

        self.loop.run_until_complete(end())
        self.loop.close()

    def check_prepared(self) -> None:
        """Since whoever leads now was last told to prepare, nobody else has led."""
        now = self.loop.time()
        for each in self.made:
            if each.leads():
                self.led_at[each.identity] = now
        for each in self.made:
            if each.led > self.terms.get(each.identity, 0):
                self.terms[each.identity] = each.led
                others = [at for who, at in self.led_at.items() if who != each.identity]
                assert each.prepared
                assert each.prepared_at >= max(others, default=-1.0), f"{each.identity} did not prepare after that"

    def pass_time(self, seconds: float) -> None:
        async def sleep() -> None:
            left = seconds
            while left > 0:
                await asyncio.sleep(min(STEP, left))
                left -= STEP
                self.check()

        self.loop.run_until_complete(sleep())

    def check(self) -> None:
        self.check_prepared()
        leading = [each.identity for each in self.made if each.leads()]
        assert len(leading) <= 1, f"{leading} lead at {self.loop.time():.3f}"

    def leaders(self) -> int:
        async def look() -> int:
            return sum(each.leads() for each in self.made)

        return self.loop.run_until_complete(look())

    @invariant()
    def at_most_one(self) -> None:
        assert self.leaders() <= 1

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.pass_time(seconds)

    @precondition(lambda self: len(self.made) < 5 and self.loop.time() > self.deleted_at + TIMES.duration)
    @rule(there=DELAYS, back=DELAYS)
    def start(self, there: float, back: float) -> None:
        """Not just after somebody deleted the Lease: who has never seen it cannot know that somebody held it."""

        async def begin() -> None:
            self.made.append(Candidate(self.server, f"c{len(self.made)}", there=there, back=back, times=TIMES))
            self.made[-1].start()

        self.loop.run_until_complete(begin())

    @precondition(lambda self: self.made)
    @rule(who=WHO, there=DELAYS, back=DELAYS, loses=st.sampled_from(["", "", "requests", "answers"]))
    def change_line(self, who: int, there: float, back: float, loses: str) -> None:
        candidate = self.made[who % len(self.made)]
        candidate.there, candidate.back, candidate.loses = there, back, loses

    @precondition(lambda self: self.made)
    @rule(who=WHO)
    def freeze(self, who: int) -> None:
        self.made[who % len(self.made)].freeze()

    @precondition(lambda self: self.made)
    @rule(who=WHO)
    def thaw(self, who: int) -> None:
        self.made[who % len(self.made)].thaw()

    @precondition(lambda self: self.made)
    @rule(who=WHO)
    def kill(self, who: int) -> None:
        """What it has sent goes its way."""
        candidate = self.made[who % len(self.made)]
        candidate.kill()

    @precondition(lambda self: self.made)
    @rule(who=WHO)
    def stop(self, who: int) -> None:
        candidate = self.made[who % len(self.made)]
        candidate.thaw()
        self.loop.run_until_complete(candidate.stop())

    @precondition(lambda self: self.made)
    @rule(who=WHO, hours=st.integers(-1, 1), stands=st.booleans())
    def set_clock(self, who: int, hours: int, stands: bool) -> None:
        candidate = self.made[who % len(self.made)]
        candidate.skew, candidate.wall_stands = timedelta(hours=hours), stands

    @rule()
    def server_goes_or_comes(self) -> None:
        self.server.down = not self.server.down

    @precondition(lambda self: self.server.lease is not None and all(each.has_looked for each in self.made))
    @rule()
    def delete(self) -> None:
        self.server.lease, self.deleted_at = None, self.loop.time()

    @precondition(lambda self: self.server.lease is not None)
    @rule(spec=SPECS)
    def garble(self, spec: dict[str, Any]) -> None:
        self.server.write(spec)

    @precondition(lambda self: self.made)
    @rule()
    def all_is_well_again(self) -> None:
        """Then somebody leads, before long."""
        self.server.down = False
        living = [each for each in self.made if any(not task.done() for task in each.tasks)]
        for each in living:
            each.there = each.back = 0.001
            each.loses = ""
            each.thaw()
        self.pass_time(60 + 2 + TIMES.renew_deadline)
        assert self.leaders() == 1 or not living


def test_never_two(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    run_state_machine_as_test(Leaders, settings=settings(stories(80, many=2000), stateful_step_count=40))
