"""The subcommand: from the files to what is printed, and its exit codes."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from agentschedule.api.fields import money_text
from agentschedule.api.spec import AgentScheduleSpec
from agentschedule.api.status import AgentScheduleStatus
from agentschedule.documents import DocumentError, Raw, check, policies_in, read_file
from agentschedule.explain.permits import assume_pin, whom
from agentschedule.planning.ceilings import above_ceilings
from agentschedule.planning.draft import Draft
from agentschedule.planning.observed import DEFAULT_SETTINGS, Observed
from agentschedule.planning.permission import asked
from agentschedule.planning.reading import read_schedule
from agentschedule.policy.effective import Effective, Policy, effective
from agentschedule.policy.gate import APPROVAL, PIN, RULES, Deny, RequireApproval, capabilities, needs_approval
from agentschedule.runs.manifest import job_base
from agentschedule.timing import TimingError, format_duration, local_text, read_instant

_NAMESPACE = "default"
_UTC = ZoneInfo("UTC")


def run(options: argparse.Namespace) -> int:
    """Explain each schedule. Exit codes: 0 all may run, 1 one is refused or denied, 2 a file cannot be used."""
    try:
        schedules = [raw for raw in read_file(options.file, "AgentSchedule") if options.name in {None, _name(raw)}]
        policies = [policy for file in (options.file, *options.policies) for policy in policies_in(file)]
        at = read_instant(options.at, _UTC, "--at") if options.at else datetime.now(UTC)
    except (DocumentError, TimingError) as error:
        return _fail(str(error))
    if not schedules:
        named = f" named {options.name}" if options.name else ""
        return _fail(f"{options.file}: there is no AgentSchedule{named} in it")
    code = 0
    for number, raw in enumerate(schedules):
        try:
            check(raw, AgentScheduleSpec)
        except DocumentError as error:
            return _fail("\n".join(f"{options.file}: {line}" for line in str(error).splitlines()))
        lines, allowed = explain(raw, policies, dict(options.labels), at)
        code = max(code, 0 if allowed else 1)
        sys.stdout.write("\n" * (number > 0) + "\n".join(lines) + "\n")
    return code


def explain(raw: Raw, policies: Sequence[Policy], labels: Mapping[str, str], at: datetime) -> tuple[list[str], bool]:
    """What is printed of one schedule, and whether a run may start at `at`."""
    meta = raw["metadata"]
    namespace = str(meta.get("namespace") or _NAMESPACE)
    schedule = read_schedule({**raw, "metadata": {**meta, "namespace": namespace, "uid": str(meta.get("uid") or "")}})
    rules = effective(policies, namespace, labels, DEFAULT_SETTINGS.policy_ceilings())
    lines = [f"{namespace}/{schedule.owner.name}", f"  policies: {', '.join(rules.policies) or 'none'}", "", "  limits"]
    lines += _table(_limits(rules))
    draft = Draft(Observed(schedule, AgentScheduleStatus(), policy=rules), DEFAULT_SETTINGS, at)
    problem = schedule.problem or above_ceilings(draft, accepted=False)
    if problem is not None or schedule.spec is None:
        words = problem.message if problem else "spec cannot be read"
        return [*lines, "", f"  refused: {words}"], False
    run = asked(schedule.spec.policy, job_base(schedule.spec, draft.defaults), manual=False)
    run, pinned = assume_pin(run, rules, (schedule.spec.agent and schedule.spec.agent.name) or schedule.owner.name)
    answers = {name: rule(run, rules, at) for name, rule in RULES.items()}
    person = needs_approval(run, rules)
    answers |= {APPROVAL: person.reason if isinstance(person, Deny) else None}
    notes = {PIN: pinned, APPROVAL: whom(person) if isinstance(person, RequireApproval) else ""}
    lines += ["", f"  a start at {local_text(at, _UTC)}"]
    lines += _table(
        (name, notes.get(name) or "allowed" if reason is None else f"denied: {reason}", "")
        for name, reason in answers.items()
    )
    lines += ["", "  the agent is told"]
    operations = rules.restricted_operations
    told = [("capabilities", ", ".join(capabilities(run, rules)) or "none", "")]
    told += [("restricted operations", ", ".join(operations.value) or "none", operations.by)]
    return [*lines, *_table(told)], all(reason is None for reason in answers.values())


def _limits(rules: Effective) -> Iterator[tuple[str, str, str]]:
    yield "least interval", format_duration(rules.min_interval.value), rules.min_interval.by
    yield "budget for a run", f"{money_text(rules.max_budget_per_run_usd.value)} USD", rules.max_budget_per_run_usd.by
    deadline = rules.max_active_deadline_seconds
    yield "runtime deadline", format_duration(timedelta(seconds=deadline.value)), deadline.by
    if rules.max_schedules is not None:
        yield "schedules in the namespace", str(rules.max_schedules.value), rules.max_schedules.by
    if rules.max_active_runs is not None:
        yield "active runs in the namespace", str(rules.max_active_runs.value), rules.max_active_runs.by
    for budget in rules.budgets:
        most = f"{money_text(budget.value.limit)} USD a {budget.value.period.lower()}"
        yield "budget of the namespace", most, budget.by
    for quota in rules.user_quotas:
        exempt = f", but for {', '.join(sorted(quota.value.exempt))}" if quota.value.exempt else ""
        yield "schedules of a user", f"{quota.value.most}{exempt}", quota.by
    for environment in rules.environments:
        yield "environment", environment.value, environment.by
    if rules.delivery_hosts is not None:
        yield "deliveries to hosts", ", ".join(rules.delivery_hosts.value) or "none", rules.delivery_hosts.by
    private = rules.delivery_networks
    if private is not None:
        yield "private networks", ", ".join(map(str, private.value)) or "none", private.by
    for images in rules.allowed_images:
        yield "images", ", ".join(images.value) or "none", images.by


def _table(rows: Iterable[tuple[str, str, str]]) -> list[str]:
    rows = list(rows)
    first, second = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    return [f"    {name:<{first}}  {value:<{second}}  {by}".rstrip() for name, value, by in rows]


def _name(raw: Raw) -> str | None:
    meta = raw.get("metadata")
    return meta.get("name") if isinstance(meta, dict) else None


def _fail(message: str) -> int:
    sys.stderr.write(message + "\n")
    return 2
