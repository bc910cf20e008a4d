"""Who made and who changed an AgentSchedule: annotations that only the webhook writes, so that nobody claims them."""

from collections.abc import Mapping
from typing import Any

from agentschedule.constants import ANNOTATION_CHANGED_BY, ANNOTATION_CREATED_BY

Raw = Mapping[str, Any]


def stamps(old: Raw | None, new: Raw, user: str) -> dict[str, str | None]:
    """The annotations as they must be, whatever the request says; None: there is none. `old` is None at a creation."""
    if old is None:
        return {ANNOTATION_CREATED_BY: user, ANNOTATION_CHANGED_BY: user}
    kept = _annotations(old)
    changed_by = user if old.get("spec") != new.get("spec") else kept.get(ANNOTATION_CHANGED_BY)
    return {ANNOTATION_CREATED_BY: kept.get(ANNOTATION_CREATED_BY), ANNOTATION_CHANGED_BY: changed_by}


def differing(new: Raw, wanted: Mapping[str, str | None]) -> dict[str, str | None]:
    """What of it the object does not have yet."""
    given = _annotations(new)
    return {name: value for name, value in wanted.items() if given.get(name) != value}


def is_judged(old: Raw | None, new: Raw) -> bool:
    """Whether a request can be refused: a creation, or a change of the spec other than to suspend or resume.

    Everything else passes, so that what is there can always be labelled, stopped and deleted.
    """
    if (new.get("metadata") or {}).get("deletionTimestamp"):
        return False
    return old is None or _without_suspend(old) != _without_suspend(new)


def _without_suspend(raw: Raw) -> dict[str, Any]:
    return {name: value for name, value in (raw.get("spec") or {}).items() if name != "suspend"}


def _annotations(raw: Raw) -> Mapping[str, str]:
    return (raw.get("metadata") or {}).get("annotations") or {}
