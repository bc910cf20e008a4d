"""Several policies as one: the strictest value of each field holds, the operator's settings where there is none."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Generic, TypeVar

from agentschedule.api.approval import Subject
from agentschedule.api.policy import (
    AgentPolicySpec,
    Approver,
    Exempt,
    Grant,
    NamespaceSelector,
    PinTrust,
    SelectorRequirement,
)
from agentschedule.policy.addresses import Network, Reach
from agentschedule.policy.reach import common_hosts, common_networks, networks
from agentschedule.timing import Period, parse_duration

T = TypeVar("T")

SETTINGS = "the operator's settings"


@dataclass(frozen=True, slots=True)
class Policy:
    """An AgentPolicy, read."""

    name: str
    spec: AgentPolicySpec
    problem: str | None = None
    """Why it cannot be read; it is for every namespace then."""

    @property
    def by(self) -> str:
        """How messages call it."""
        return f"AgentPolicy {self.name}"


@dataclass(frozen=True, slots=True)
class Bound(Generic[T]):
    """A value, and who set it."""

    value: T
    by: str


@dataclass(frozen=True, slots=True)
class Spendable:
    """What a namespace may spend in each calendar period, in US dollars."""

    period: Period
    limit: Decimal


@dataclass(frozen=True, slots=True)
class UserQuota:
    """How many schedules a user may have made; those who are exempt may have any number."""

    most: int
    exempt: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The operator's settings that hold where no policy says anything. 0 schedules of a user: any number; 0 active
    runs: likewise."""

    min_interval: timedelta
    max_budget_per_run_usd: Decimal
    max_active_deadline_seconds: int
    restricted_operations: tuple[str, ...]
    max_schedules_per_user: int = 0
    max_active_runs: int = 0


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds in one namespace.

    `environments`, `allowed_images`, `grants` and `user_quotas` have one entry for each policy that says something of
    it: all of them must agree. `budgets` has the lowest of each period.
    `approvals` has what is exempt from each policy that demands approvals; who decides must be in each set
    of `approvers`. `pins` has what is exempt from each policy that demands an AgentPin, `pin_trust` whose pins count.
    `restricts_manual`: the restricted operations are a policy's, so manual runs have them, too.
    """

    policies: tuple[str, ...]
    min_interval: Bound[timedelta]
    max_budget_per_run_usd: Bound[Decimal]
    max_active_deadline_seconds: Bound[int]
    max_schedules: Bound[int] | None
    restricted_operations: Bound[tuple[str, ...]]
    restricts_manual: bool
    environments: tuple[Bound[str], ...]
    allowed_images: tuple[Bound[tuple[str, ...]], ...]
    grants: tuple[Bound[tuple[Grant, ...]], ...]
    budgets: tuple[Bound[Spendable], ...] = ()
    max_active_runs: Bound[int] | None = None
    user_quotas: tuple[Bound[UserQuota], ...] = ()
    approvals: tuple[Bound[Exempt], ...] = ()
    approvers: tuple[Bound[tuple[Subject, ...]], ...] = ()
    author_may_approve: bool = False
    pins: tuple[Bound[Exempt], ...] = ()
    pin_trust: tuple[Bound[PinTrust], ...] = ()
    grants_by_pin: bool = False
    unreadable: tuple[str, ...] = ()
    """Policies that cannot be read: nobody knows what they forbid."""
    delivery_hosts: Bound[tuple[str, ...]] | None = None
    delivery_networks: Bound[tuple[Network, ...]] | None = None

    def reach(self, settings: Reach) -> Reach:
        """What deliveries may reach: what the policies say, and the settings where they say nothing."""
        hosts, private = self.delivery_hosts, self.delivery_networks
        return replace(
            settings,
            hosts=settings.hosts if hosts is None else hosts.value,
            networks=settings.networks if private is None else private.value,
        )


def effective(policies: Sequence[Policy], namespace: str, labels: Mapping[str, str], ceilings: Ceilings) -> Effective:
    """What the policies whose selector matches a namespace's labels come to, with the settings below them."""
    mine = sorted((policy for policy in policies if selects(policy, namespace, labels)), key=lambda p: p.name)
    operations = [(policy, policy.spec.restricted_operations) for policy in mine]
    told = [Bound(tuple(names), policy.by) for policy, names in operations if names is not None]
    return Effective(
        policies=tuple(policy.name for policy in mine),
        min_interval=_strictest(
            max,
            ceilings.min_interval,
            _values(mine, lambda p: p.limits.min_interval, partial(parse_duration, field="spec.limits.minInterval")),
        ),
        max_budget_per_run_usd=_strictest(
            min, ceilings.max_budget_per_run_usd, _values(mine, lambda p: p.limits.max_budget_per_run_usd, Decimal)
        ),
        max_active_deadline_seconds=_strictest(
            min,
            ceilings.max_active_deadline_seconds,
            _values(mine, lambda p: p.limits.max_active_deadline_seconds, int),
        ),
        max_schedules=min(
            _values(mine, lambda p: p.limits.max_schedules_per_namespace, int), key=lambda b: b.value, default=None
        ),
        restricted_operations=_together(told) if told else Bound(ceilings.restricted_operations, SETTINGS),
        restricts_manual=bool(told),
        environments=tuple(_values(mine, lambda p: p.environment, str)),
        allowed_images=tuple(_values(mine, lambda p: p.allowed_images, tuple)),
        grants=tuple(_values(mine, lambda p: p.grants, tuple)),
        budgets=_budgets(mine),
        max_active_runs=_most_active(mine, ceilings),
        user_quotas=_user_quotas(mine, ceilings),
        delivery_hosts=_common(common_hosts, _values(mine, lambda p: p.delivery.allowed_hosts, tuple)),
        delivery_networks=_common(common_networks, _values(mine, lambda p: p.delivery.private_networks, networks)),
        approvals=tuple(Bound(p.spec.exempt or Exempt(), p.by) for p in mine if p.spec.require_approval),
        approvers=tuple(
            Bound(tuple(map(subject, p.spec.approvers)), p.name) for p in mine if p.spec.approvers is not None
        ),
        pins=tuple(Bound(p.spec.exempt or Exempt(), p.by) for p in mine if p.spec.require_agent_pin),
        pin_trust=tuple(_values(mine, lambda p: p.agent_pin, _same)),
        grants_by_pin=any(grant.agent_pin_issuers for p in mine for grant in p.spec.grants or ()),
        author_may_approve={p.spec.author_may_approve for p in mine} - {None} == {True},
        unreadable=tuple(f"{policy.by}: {policy.problem}" for policy in mine if policy.problem is not None),
    )


def _same(value: PinTrust) -> PinTrust:
    return value


def subject(approver: Approver) -> Subject:
    """An approver by the name that the API server knows."""
    if approver.kind != "ServiceAccount":
        return Subject(kind=approver.kind, name=approver.name)
    return Subject(kind=approver.kind, name=f"system:serviceaccount:{approver.namespace}:{approver.name}")


def selects(policy: Policy, namespace: str, labels: Mapping[str, str]) -> bool:
    """Whether a policy is for a namespace, by its labels and the one that Kubernetes gives it."""
    selector: NamespaceSelector = policy.spec.namespace_selector
    all_labels = {**labels, "kubernetes.io/metadata.name": namespace}
    if policy.problem is not None:
        return True
    if any(all_labels.get(key) != value for key, value in (selector.match_labels or {}).items()):
        return False
    return all(_holds(requirement, all_labels) for requirement in selector.match_expressions or ())


def _holds(requirement: SelectorRequirement, labels: Mapping[str, str]) -> bool:
    """As Kubernetes has it: a label that is not there satisfies NotIn."""
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in (requirement.values or ())
        case "NotIn":
            return value is None or value not in (requirement.values or ())
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None


def _values(
    policies: Iterable[Policy], field: Callable[[AgentPolicySpec], Any], made: Callable[[Any], T]
) -> list[Bound[T]]:
    """A field of those policies that set it."""
    given = ((policy, field(policy.spec)) for policy in policies)
    return [Bound(made(value), policy.by) for policy, value in given if value is not None]


def _strictest(strict: Callable[..., Bound[T]], setting: T, given: Sequence[Bound[T]]) -> Bound[T]:
    """The settings are what holds where no policy says anything."""
    return strict(given, key=lambda bound: bound.value, default=Bound(setting, SETTINGS))


def _budgets(policies: Iterable[Policy]) -> tuple[Bound[Spendable], ...]:
    """Of several for one period the lowest."""
    given = _values(policies, lambda p: p.limits.namespace_budget, lambda b: Spendable(b.period, b.limit_usd))
    lowest: dict[Period, Bound[Spendable]] = {}
    for bound in given:
        known = lowest.setdefault(bound.value.period, bound)
        if bound.value.limit < known.value.limit:
            lowest[bound.value.period] = bound
    return tuple(lowest.values())


def _most_active(policies: Iterable[Policy], ceilings: Ceilings) -> Bound[int] | None:
    setting = Bound(ceilings.max_active_runs, SETTINGS) if ceilings.max_active_runs else None
    return min(_values(policies, lambda p: p.limits.max_active_runs, int), key=lambda b: b.value, default=setting)


def _user_quotas(policies: Iterable[Policy], ceilings: Ceilings) -> tuple[Bound[UserQuota], ...]:
    """A policy that names exempt users only means the number of the settings."""
    quotas: list[Bound[UserQuota]] = []
    for policy in policies:
        limits = policy.spec.limits
        most = limits.max_schedules_per_user
        if most is None and limits.exempt_users is None:
            continue
        if most is None and not ceilings.max_schedules_per_user:
            continue
        most = ceilings.max_schedules_per_user if most is None else most
        quotas.append(Bound(UserQuota(most, frozenset(limits.exempt_users or ())), policy.by))
    if not quotas and ceilings.max_schedules_per_user:
        quotas.append(Bound(UserQuota(ceilings.max_schedules_per_user), SETTINGS))
    return tuple(quotas)


def _common(common: Callable[[Sequence[T]], T], given: Sequence[Bound[T]]) -> Bound[T] | None:
    """What all of them allow; None: nobody says anything."""
    if not given:
        return None
    return Bound(common([bound.value for bound in given]), ", ".join(bound.by for bound in given))


def _together(told: Sequence[Bound[tuple[str, ...]]]) -> Bound[tuple[str, ...]]:
    names = dict.fromkeys(name for bound in told for name in bound.value)
    return Bound(tuple(names), ", ".join(bound.by for bound in told))
