"""Requests judged: by the operator's own checks, without the dry run of the Job, which `Accepted` tells of later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agentschedule.api.fields import utc_text
from agentschedule.engine.entries import Key
from agentschedule.engine.registry import Registry
from agentschedule.planning.examining import examine
from agentschedule.planning.observed import PlannerSettings, Problem
from agentschedule.planning.reading import read_schedule
from agentschedule.policy.effective import SETTINGS, Effective
from agentschedule.webhook.newcomers import Newcomers
from agentschedule.webhook.stamps import Raw, differing, is_judged, stamps

_LONGEST = 1024
"""Characters of an answer: it is shown on a terminal."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a request; `problem` refuses it."""

    problem: Problem | None = None
    warnings: tuple[str, ...] = ()


class Reviewer:
    """Answers for AgentSchedules. It only reads what is known, and may be asked from a thread of its own."""

    def __init__(self, registry: Registry, settings: PlannerSettings, clock: Callable[[], datetime]) -> None:
        self._registry = registry
        self._settings = settings
        self._clock = clock
        self._newcomers = Newcomers(registry.population)

    @staticmethod
    def stamp(old: Raw | None, new: Raw, user: str) -> dict[str, str | None]:
        """Annotations to be set on the object, or removed (None)."""
        return differing(new, stamps(old, new, user))

    def judge(self, old: Raw | None, new: Mapping[str, Any], user: str, *, dry_run: bool = False) -> Answer:
        """Judge a creation (`old` is None) or an update by a user."""
        if not is_judged(old, new):
            return Answer()
        raw, now = dict(new), self._clock()
        # A dry run has neither yet; without a creation time a one-shot could lie in any past.
        raw["metadata"] = {"uid": "", "creationTimestamp": utc_text(now), **raw["metadata"]}
        schedule = read_schedule(raw)
        key = Key(schedule.owner.namespace, schedule.owner.name)
        policy = self._registry.policies.peek(key.namespace)
        place = self._place(key) if old is None else None
        examined = examine(schedule, policy, self._settings, now, place)
        problem = examined.problem or (self._quota(key, policy, user) if old is None else None)
        if problem is not None:
            return Answer(Problem(problem.reason, problem.message[:_LONGEST]))
        if old is None and not dry_run:
            self._newcomers.expect(key, user)
        return Answer(None, tuple(text[:_LONGEST] for text in examined.warnings))

    def _place(self, key: Key) -> int:
        """Which schedule of its namespace a new one would be."""
        return self._registry.population.number_in(key.namespace) + self._newcomers.in_namespace(key) + 1

    def _quota(self, key: Key, policy: Effective, user: str) -> Problem | None:
        """A user has made as many as he may, by each policy of the namespace."""
        quotas = [quota for quota in policy.user_quotas if user not in quota.value.exempt]
        if not quotas:
            return None
        made = self._registry.population.made_by(user) + self._newcomers.by_user(key)[user]
        for quota in quotas:
            if made >= quota.value.most:
                who = "the operator" if quota.by == SETTINGS else quota.by
                text = f"user {user} has made {made} AgentSchedules; {who} allows {quota.value.most} of a user"
                return Problem("QuotaExceeded", text)
        return None
