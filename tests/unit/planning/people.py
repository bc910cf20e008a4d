"""People who approve, and the AgentApprovals that they find, for a `World`."""

import dataclasses
from datetime import datetime, timedelta
from decimal import Decimal

from agentschedule.planning.actions import ApprovalAction, CreateApproval, DeleteApproval, MarkApproval
from agentschedule.planning.observed import Approval, Asking, Guarded, Protection

LONG_AGO = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
IN_FORCE = Guarded(known=True, since=LONG_AGO)
PROTECTED = Protection(IN_FORCE, IN_FORCE)


class People:
    """AgentApprovals by name, and what becomes of those that are asked for; `trouble` keeps them from being made."""

    def __init__(self) -> None:
        self.approvals: dict[str, Approval] = {}
        self.asking: Asking | None = None
        self.protection = PROTECTED
        self.trouble: Asking | None = None
        self.void: list[str] = []
        self._made = 0

    def do(self, action: ApprovalAction, now: datetime) -> None:
        """What the API server does."""
        match action:
            case CreateApproval():
                self._create(action, now)
            case MarkApproval():
                self._change(action.name, phase=action.phase)
            case DeleteApproval():
                if self.approvals[action.name].uid == action.uid:
                    del self.approvals[action.name]
                    self.void += [action.why] if action.why else []

    def decide(self, name: str, decision: str = "Approved", by: str = "alice", reason: str | None = None) -> None:
        """An approver decides."""
        self._change(name, decision=decision, decided_by=by, reason=reason)

    def waiting(self) -> list[str]:
        """Names of those that wait."""
        return [name for name, one in self.approvals.items() if one.phase == "Waiting" and one.decision is None]

    def _create(self, action: CreateApproval, now: datetime) -> None:
        if self.trouble is not None:
            wait = now + timedelta(seconds=60)
            self.asking = dataclasses.replace(self.trouble, name=action.name, number=action.number, until=wait)
            return
        if action.name in self.approvals:
            self.asking = Asking("Failed", action.name, action.number, until=now)
            return
        self._made += 1
        spec, meta = action.manifest["spec"], action.manifest["metadata"]
        self.approvals[action.name] = Approval(
            namespace=meta["namespace"],
            name=action.name,
            uid=f"approval-{self._made}",
            version=self._made,
            schedule=spec["scheduleName"],
            schedule_uid=meta["ownerReferences"][0]["uid"],
            owned=True,
            created=now,
            digest=spec["digest"],
            budget=Decimal(spec["budgetUSD"]),
        )
        self.asking = Asking("Made", action.name, action.number, uid=f"approval-{self._made}")

    def _change(self, name: str, **facts: str | None) -> None:
        self.approvals[name] = dataclasses.replace(self.approvals[name], **facts)  # type: ignore[arg-type]
