"""SharedPersistent sessions: the volume that runs share is there before one starts."""

from datetime import timedelta

from agentschedule.planning.actions import EnsureVolume
from agentschedule.planning.draft import Draft
from agentschedule.runs.volume import SHARED, claim_manifest

PROBLEM = "SessionVolume"
FRESH = timedelta(minutes=5)
"""How long a volume that was found counts as there. People delete claims."""


def keep_volume(draft: Draft) -> None:
    """Have the volume made, also anew where that failed; its owner follows `retention` as soon as that is edited.

    For a schedule that rests nothing is made: people may have deleted its volume.
    """
    rests = draft.halted() or draft.is_true("Complete")
    if draft.observed.volume is not None or not rests:
        _known(draft)


def volume_ready(draft: Draft) -> bool:
    """Whether a run may start now as far as its session's volume is concerned."""
    if not _shared(draft):
        return True
    known = draft.observed.volume
    if not _known(draft) or known is None:
        return False
    if draft.now - known.at >= FRESH:
        _ask(draft)
        return False
    return True


def volume_problem(draft: Draft) -> str | None:
    """Why the volume cannot be had, for the condition `Ready`. None: it can, or nobody knows yet."""
    known = draft.observed.volume
    if not _shared(draft) or known is None or not known.message:
        return None
    text = f"no run starts: the session's volume cannot be had: {known.message}"
    old = draft.conditions.get("Ready")
    # Within one generation the same trouble in other words is no news.
    if old is None or (old.reason, old.observed_generation) != (PROBLEM, draft.observed.schedule.generation):
        draft.note(PROBLEM, text, warning=True)
    return text


def _shared(draft: Draft) -> bool:
    spec = draft.observed.schedule.spec
    return spec is not None and spec.session.mode == SHARED


def _known(draft: Draft) -> bool:
    """Whether the volume was found for this generation; asks for it otherwise."""
    if not _shared(draft):
        return False
    known = draft.observed.volume
    if known is not None and known.state == "InFlight":
        return False
    if known is None or known.generation != draft.observed.schedule.generation:
        _ask(draft)
        return False
    if known.state == "Ready":
        return True
    if known.until is not None and known.until > draft.now:
        draft.wake(known.until)
    else:
        _ask(draft)
    return False


def _ask(draft: Draft) -> None:
    schedule = draft.observed.schedule
    if schedule.spec is not None and schedule.spec.session.storage is not None:
        draft.do_once(EnsureVolume(schedule.generation, claim_manifest(schedule.owner, schedule.spec.session.storage)))
