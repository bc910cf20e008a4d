"""What the schedules of a namespace have spent and reserved, where a policy limits that: summed up as it changes.

All of it follows from statuses and Jobs, so that it is there again after a restart; but for what deleted schedules have
spent, which is known for as long as an operator lives that saw them go.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from agentschedule.engine.entries import Key, ScheduleEntry
from agentschedule.engine.policies import Policies
from agentschedule.planning.actions import CreateJob, Plan
from agentschedule.planning.draft import NOTHING, base_id, is_final
from agentschedule.planning.observed import Others
from agentschedule.planning.spending import began, spent_by
from agentschedule.policy.effective import Effective
from agentschedule.runs.facts import JobFacts
from agentschedule.timing import Period

_Accounts = dict[tuple[Period, datetime], Decimal]


@dataclass(slots=True)
class _Share:
    """One schedule's part."""

    reserved: Decimal
    spent: _Accounts


@dataclass(slots=True)
class _Space:
    """One namespace."""

    reserved: Decimal = NOTHING
    spent: _Accounts = field(default_factory=dict)
    shares: dict[str, _Share] = field(default_factory=dict)

    def put(self, name: str, share: _Share | None) -> None:
        """A schedule's part is this now; None: there is none any more."""
        old = self.shares.pop(name, None)
        for sign, one in ((-1, old), (1, share)):
            if one is not None:
                self.reserved += sign * one.reserved
                for account, amount in one.spent.items():
                    self.spent[account] = self.spent.get(account, NOTHING) + sign * amount
        if share is not None:
            self.shares[name] = share


class Spending:
    """The sums. `jobs_of` has the Jobs of a schedule by its uid, `schedules` are all that are known."""

    def __init__(
        self,
        policies: Policies,
        schedules: dict[Key, ScheduleEntry],
        jobs_of: Callable[[str], Collection[JobFacts]],
        clock: Callable[[], datetime],
    ) -> None:
        self._policies = policies
        self._schedules = schedules
        self._jobs_of = jobs_of
        self._clock = clock
        self._spaces: dict[str, _Space] | None = None
        self._summed: dict[str, Effective] = {}
        self._departed: defaultdict[str, _Accounts] = defaultdict(dict)

    def forget(self) -> None:
        """Statuses may have changed behind our back: the sums are made anew when they are asked for."""
        self._spaces = None

    def others(self, key: Key) -> Others | None:
        """What the other schedules of its namespace have spent and reserved; None: no policy limits that."""
        policies = self._policies.of(key.namespace)
        if not policies.budgets:
            return None
        space = self._space(key.namespace, policies)
        own = space.shares.get(key.name)
        spent = dict(space.spent)
        for account, amount in own.spent.items() if own is not None else ():
            spent[account] -= amount
        for account, gone in self._departed.get(key.namespace, {}).items():
            spent[account] = spent.get(account, NOTHING) + gone
        return Others(space.reserved - (own.reserved if own is not None else NOTHING), spent)

    def note(self, key: Key, entry: ScheduleEntry) -> None:
        """A schedule was planned: its status or its starts may have changed."""
        policies = self._policies.of(key.namespace)
        if policies.budgets:
            self._space(key.namespace, policies).put(key.name, self._share(entry, policies))

    def lose(self, key: Key, entry: ScheduleEntry) -> None:
        """A schedule is gone. What it has spent stays spent, and what it had reserved counts as spent."""
        policies = self._policies.of(key.namespace)
        if not policies.budgets:
            return
        share = self._share(entry, policies)
        if self._spaces is not None:
            self._space(key.namespace, policies).put(key.name, None)
        now = self._clock()
        current = {(budget.value.period, began(budget.value.period, now)) for budget in policies.budgets}
        gone = self._departed[key.namespace]
        for account in [account for account in gone if account not in current]:
            del gone[account]
        for account in current:
            gone[account] = gone.get(account, NOTHING) + share.spent.get(account, NOTHING) + share.reserved

    def affords(self, key: Key, plan: Plan, now: datetime) -> bool:
        """Whether what a plan made ahead wants to reserve is still there: others have started meanwhile."""
        policies = self._policies.of(key.namespace)
        if not policies.budgets:
            return True
        space = self._space(key.namespace, policies)
        wanted = sum((action.budget for action in plan.actions if isinstance(action, CreateJob)), NOTHING)
        gone = self._departed.get(key.namespace, {})
        for budget in policies.budgets:
            account = (budget.value.period, began(budget.value.period, now))
            spent = space.spent.get(account, NOTHING) + gone.get(account, NOTHING)
            if wanted and spent + space.reserved + wanted > budget.value.limit:
                return False
        return True

    def _space(self, namespace: str, policies: Effective) -> _Space:
        if self._spaces is None or self._summed.get(namespace) is not policies:
            self._spaces, self._summed = {}, {}
            groups: defaultdict[str, list[Key]] = defaultdict(list)
            for key in self._schedules:
                groups[key.namespace].append(key)
            for name, keys in groups.items():
                held = self._policies.of(name)
                if held.budgets:
                    self._summed[name], self._spaces[name] = held, self._sum(held, keys)
        self._summed[namespace] = policies
        return self._spaces.setdefault(namespace, _Space())

    def _sum(self, policies: Effective, keys: Iterable[Key]) -> _Space:
        space = _Space()
        for key in keys:
            space.put(key.name, self._share(self._schedules[key], policies))
        return space

    def _share(self, entry: ScheduleEntry, policies: Effective) -> _Share:
        now, status = self._clock(), entry.status
        spent: _Accounts = {}
        for budget in policies.budgets:
            start = began(budget.value.period, now)
            amount = spent_by(status, budget.value.period, start)
            if amount:
                spent[budget.value.period, start] = amount
        runs = {base_id(run.id): run for run in status.runs}
        reserved = {name: run.budget_usd or NOTHING for name, run in runs.items() if not is_final(run)}
        for name, start_ in entry.starts.items():
            if start_.state == "InFlight":
                reserved.setdefault(base_id(name), start_.budget or NOTHING)
        for job in self._jobs_of(entry.schedule.owner.uid):
            if base_id(job.name) not in runs and _is_unrecorded(entry, job):
                reserved.setdefault(base_id(job.name), job.budget or NOTHING)
        return _Share(sum(reserved.values(), NOTHING), spent)


def _is_unrecorded(entry: ScheduleEntry, job: JobFacts) -> bool:
    """Whether a Job without an entry in the history is too new for it, rather than so old that it was trimmed."""
    scheduling = entry.status.scheduling
    handled = scheduling.handled_through if scheduling is not None else None
    return job.finished is None or (job.agent_run_uid is None and (handled is None or job.slot > handled))
