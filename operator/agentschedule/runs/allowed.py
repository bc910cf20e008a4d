"""Who and what allowed a run, as annotations of its Job and pod: whoever asks has the answer from kubectl alone."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from agentschedule.api.fields import utc_text
from agentschedule.api.status import RunApproval
from agentschedule.constants import (
    ANNOTATION_APPROVAL,
    ANNOTATION_APPROVAL_REASON,
    ANNOTATION_APPROVED_AT,
    ANNOTATION_APPROVED_BY,
    ANNOTATION_POLICIES,
)
from agentschedule.runs.names import parse_time

MOST_POLICIES: Final = 20


def allowed_notes(approval: RunApproval | None, policies: Sequence[str]) -> dict[str, str]:
    """The annotations: who approved it and why, and the policies that were asked, the first twenty."""
    notes = {ANNOTATION_POLICIES: ",".join(policies[:MOST_POLICIES])} if policies else {}
    if approval is not None:
        notes |= {ANNOTATION_APPROVAL: approval.name, ANNOTATION_APPROVED_BY: approval.decided_by}
        if approval.decided_at is not None:
            notes[ANNOTATION_APPROVED_AT] = utc_text(approval.decided_at)
        if approval.reason:
            notes[ANNOTATION_APPROVAL_REASON] = approval.reason
    return notes


def read_approval(notes: Mapping[str, str]) -> RunApproval | None:
    """Who approved a run."""
    name, by = notes.get(ANNOTATION_APPROVAL), notes.get(ANNOTATION_APPROVED_BY)
    if not name or not by:
        return None
    return RunApproval(
        name=name[:253],
        decided_by=by[:512],
        decided_at=parse_time(notes.get(ANNOTATION_APPROVED_AT)),
        reason=(notes.get(ANNOTATION_APPROVAL_REASON) or "")[:1024] or None,
    )


def read_policies(notes: Mapping[str, str]) -> tuple[str, ...]:
    """The policies that let a run start."""
    return _names(notes.get(ANNOTATION_POLICIES, ""))


@lru_cache(maxsize=1024)
def _names(text: str) -> tuple[str, ...]:
    """The same text gives the same object: ten thousand Jobs have few of them."""
    return tuple(name[:253] for name in text.split(",") if name)[:MOST_POLICIES]
