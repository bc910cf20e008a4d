"""Whether a schedule is complete: no slot is left, or as many runs have been made as there may be."""

from agentschedule.planning.draft import Draft


def complete_when_done(draft: Draft) -> None:
    """`Complete`: no slot is left and nothing runs."""
    when = draft.observed.schedule.when
    if when is None or not draft.accepted:
        return
    used_up = draft.all_runs_made()
    none_left = used_up or when.next_after(draft.cursor()) is None
    waits = bool(draft.status.queued) or draft.status.approval is not None
    done = none_left and draft.active_count() == 0 and not waits and draft.held() is None
    if done:
        reason = "MaxRuns" if used_up else "NoMoreRuns"
        text = f"all {draft.status.iteration} runs have been made" if used_up else "no further run is due"
        if not draft.is_true("Complete"):
            draft.note("Completed", text)
        draft.set_condition("Complete", True, reason, text)
    elif used_up:
        draft.set_condition("Complete", False, "LastRun", "the last run that is allowed is active or held")
    else:
        draft.set_condition("Complete", False, "RunsToCome", "further runs are due, or one is active")


def notice_more_runs(draft: Draft) -> None:
    """A schedule that had made all its runs and has some to come again: slots that passed meanwhile are gone."""
    old = draft.conditions.get("Complete")
    if old is not None and old.reason in {"MaxRuns", "LastRun"} and not draft.all_runs_made():
        draft.count_from(draft.now)
