"""AgentApprovals as they are watched, by the schedule that they belong to."""

from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from agentschedule.constants import LABEL_SCHEDULE, LABEL_SCHEDULE_UID
from agentschedule.engine.entries import Key
from agentschedule.planning.observed import UNPROTECTED, Approval, Protection
from agentschedule.runs.facts import version_of
from agentschedule.runs.names import parse_time

_EPOCH = datetime.fromtimestamp(0, UTC)


class Approvals:
    """Each change returns the schedule concerned, or None when nothing changed. `protection` says whether decisions and
    authors can be believed."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Approval]] = {}
        self.protection: Protection = UNPROTECTED

    def of(self, schedule_uid: str) -> tuple[Approval, ...]:
        """AgentApprovals of a schedule."""
        return tuple(self._known.get(schedule_uid, {}).values())

    def all(self) -> list[Approval]:
        """Every one."""
        return [approval for known in self._known.values() for approval in known.values()]

    def put(self, raw: dict[str, Any]) -> Key | None:
        """One was created or changed."""
        approval = read_approval(raw)
        mine = self._known.setdefault(approval.schedule_uid, {})
        known = mine.get(approval.name)
        if known is not None and known.version >= approval.version:
            return None
        mine[approval.name] = approval
        return _key(approval) if approval != known else None

    def drop(self, raw: dict[str, Any]) -> Key | None:
        """One was deleted."""
        return self._lose(read_approval(raw))

    def forget(self, schedule_uid: str, name: str, uid: str) -> None:
        """One is known to be deleted."""
        known = self._known.get(schedule_uid, {}).get(name)
        if known is not None and known.uid == uid:
            self._lose(known)

    def listed(self, present: Collection[str], version: int, namespace: str | None) -> set[Key]:
        """All were listed, or all of a namespace: others than those with these UIDs that are not newer are gone."""
        lost = [
            one
            for one in self.all()
            if namespace in {None, one.namespace} and one.uid not in present and one.version <= version
        ]
        return {key for one in lost if (key := self._lose(one)) is not None}

    def _lose(self, approval: Approval) -> Key | None:
        mine = self._known.get(approval.schedule_uid, {})
        known = mine.get(approval.name)
        if known is None or known.uid != approval.uid:
            return None
        del mine[approval.name]
        if not mine:
            del self._known[approval.schedule_uid]
        return _key(approval)


def read_approval(raw: dict[str, Any]) -> Approval:
    """Read an AgentApproval. What is missing in one that somebody else has made gets harmless values."""
    meta, spec = raw["metadata"], raw.get("spec") or {}
    labels = meta.get("labels") or {}
    uid = labels.get(LABEL_SCHEDULE_UID, "")
    return Approval(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        version=version_of(raw),
        schedule=labels.get(LABEL_SCHEDULE, ""),
        schedule_uid=uid,
        owned=any(owner.get("uid") == uid for owner in meta.get("ownerReferences") or ()),
        created=parse_time(meta.get("creationTimestamp")) or _EPOCH,
        digest=str(spec.get("digest", "")),
        budget=_money(spec.get("budgetUSD")),
        phase=(raw.get("status") or {}).get("phase"),
        decision=spec.get("decision"),
        decided_by=spec.get("decidedBy"),
        reason=spec.get("reason"),
        deleting="deletionTimestamp" in meta,
    )


def _money(text: object) -> Decimal:
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return Decimal(0)


def _key(approval: Approval) -> Key:
    return Key(approval.namespace, approval.schedule)
