"""The planner: what is to be done for one schedule, decided from what is known of it at one moment.

`plan` does no I/O, reads no clock and logs nothing. Its rules run in the order in which they stand below; each is one
function that reads the draft and writes to it. To find where a behaviour lives, read the list.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from agentschedule.planning.acceptance import accept, notice_edit
from agentschedule.planning.actions import Plan
from agentschedule.planning.auditing import tell_spec
from agentschedule.planning.awaiting import start_awaited
from agentschedule.planning.budget import keep_account
from agentschedule.planning.draft import Draft
from agentschedule.planning.due import note_waiting
from agentschedule.planning.ending import complete_when_done, notice_more_runs
from agentschedule.planning.following import drop_approvals, follow_approval
from agentschedule.planning.history import delete_jobs, forget_deleted, trim_runs
from agentschedule.planning.holds import end_budget_hold, notice_resume
from agentschedule.planning.manual import cancel_withdrawn, report_requests, start_requests
from agentschedule.planning.observed import Observed, PlannerSettings
from agentschedule.planning.pausing import give_up_due, notice_pause, tell_pause
from agentschedule.planning.pending import stop_never_started
from agentschedule.planning.queueing import start_queued
from agentschedule.planning.recording import record_runs, stop_left_pods
from agentschedule.planning.retrying import start_retries
from agentschedule.planning.session import keep_volume
from agentschedule.planning.slots import skip_disallowed, start_due
from agentschedule.planning.spending import close_accounts
from agentschedule.planning.starting import forget_starts
from agentschedule.planning.summary import summarise
from agentschedule.planning.telling import deliver_due, keep_outbox

ALWAYS = (
    close_accounts,  # of a namespace's budget that is there no more
    keep_account,  # the budget's account is opened, and its period begun
    record_runs,  # what Jobs and pods show becomes run history, counters, and the next run's context
    stop_left_pods,  # a pod left behind by its deleted Job is stopped
    stop_never_started,  # a run whose pod does not start in time
    cancel_withdrawn,  # a deleted AgentRun cancels its run
)
"""Rules for every schedule, also one that is being deleted or cannot be used."""

DECIDE = (
    notice_resume,  # a person ends a hold
    notice_edit,  # a change of when counts from now, however long the check of the rest takes
    accept,  # can the spec be used? our own checks, then a server-side dry run of the Job
)

WHILE_ACCEPTED = (
    notice_more_runs,  # maxIterations was raised after the last run
    end_budget_hold,  # enough is left again
    notice_pause,  # suspended, paused or held: nothing new starts
    keep_volume,  # the volume that runs share is there
    follow_approval,  # what became of the run that waits to be approved
    start_retries,  # attempts whose wait is over
    start_requests,  # manual runs
    start_awaited,  # the slot that was approved
    start_queued,  # slots that wait for a free place
    start_due,  # due slots: unwanted, blackout, missed, too late; then concurrency, budget, create
    complete_when_done,  # no slot is left
    give_up_due,  # a pause or hold begins: what was due and had not started is counted
    tell_pause,  # why nothing starts
    note_waiting,  # slots that are due and have not started
)
"""Rules that start something: only for an accepted schedule."""

WHILE_REFUSED = (start_requests,)  # they wait, and say for what

WHILE_DISALLOWED = (
    notice_pause,
    start_requests,
    skip_disallowed,  # what is due is counted
    tell_pause,
)
"""Rules for a spec that could be used if a policy's ceiling did not forbid it."""

FINALLY = (
    keep_outbox,  # what people are told of: events become entries, outcomes of attempts settle them
    forget_starts,  # creations that are wanted no more
    report_requests,  # the AgentRuns' own status
    trim_runs,  # the run history, cut to its limit
    deliver_due,  # attempts to deliver whose time has come
    forget_deleted,  # the memory of deleted Jobs
    delete_jobs,  # ended Jobs beyond their limits
    drop_approvals,  # AgentApprovals that nobody needs
    summarise,  # phase, conditions, columns
    tell_spec,  # a new or changed spec, once it is decided upon
)


def plan(observed: Observed, settings: PlannerSettings, now: datetime) -> Plan:
    """Actions, next status and next wake-up of one schedule.

    `now` is aware UTC. The plan of the state that results from a plan, at the same moment, changes nothing, unless that
    plan asked to be woken at once: it left something for the next pass.
    """
    draft = Draft(observed, settings, now)
    _apply(ALWAYS, draft)
    if not observed.schedule.deleting:
        _apply(DECIDE, draft)
        _apply(WHILE_ACCEPTED if draft.accepted else WHILE_DISALLOWED if draft.disallowed else WHILE_REFUSED, draft)
    _apply(FINALLY, draft)
    return draft.finish()


def _apply(rules: Sequence[Callable[[Draft], None]], draft: Draft) -> None:
    for rule in rules:
        rule(draft)
