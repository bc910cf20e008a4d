"""What is told: one event of one schedule, in most cases of one run. Everything in it may be shown to its receiver."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from agentschedule.api.delivery import Event
from agentschedule.api.fields import utc_text

DOCUMENT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Notice:
    """One event. `agent` texts (summary, alert, output) are hostile input: they are shown, never interpreted.

    `key` is the same at every attempt, `suppressed` the number of like notices that a cooldown has kept back since the
    last one, `output` the agent's log or its tail.
    """

    key: str
    event: Event
    at: datetime
    namespace: str
    schedule: str
    agent: str = ""
    run: str = ""
    phase: str = ""
    reason: str = ""
    message: str = ""
    trigger: str = ""
    attempt: int = 1
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    next_run_at: datetime | None = None
    cost_usd: str = ""
    summary: str = ""
    alert_severity: str = ""
    alert_message: str = ""
    output_uri: str = ""
    output: str = ""
    output_truncated: bool = False
    suppressed: int = 0

    @property
    def duration(self) -> float | None:
        """Seconds from the agent's start to its end."""
        if self.started_at is None or self.completed_at is None:
            return None
        return max(0.0, (self.completed_at - self.started_at).total_seconds())

    def with_output(self, text: str, *, truncated: bool) -> "Notice":
        """The same with the agent's log."""
        return replace(self, output=text, output_truncated=truncated)

    def document(self, message: str = "") -> dict[str, Any]:
        """The notice as JSON, in the form that Standard Webhooks recommends: type, timestamp, data."""
        data: dict[str, Any] = {
            "event": self.event,
            "namespace": self.namespace,
            "schedule": self.schedule,
            "agent": self.agent,
            "message": message,
            "reason": self.reason,
            "explanation": self.message,
            "nextRunAt": _time(self.next_run_at),
            "suppressed": self.suppressed,
        }
        if self.run:
            data["run"] = _given(
                {
                    "id": self.run,
                    "phase": self.phase,
                    "trigger": self.trigger,
                    "attempt": self.attempt,
                    "scheduledAt": _time(self.scheduled_at),
                    "startedAt": _time(self.started_at),
                    "completedAt": _time(self.completed_at),
                    "durationSeconds": self.duration,
                    "costUSD": self.cost_usd,
                    "summary": self.summary,
                    "outputURI": self.output_uri,
                }
            )
        if self.alert_message:
            data["alert"] = _given({"severity": self.alert_severity or "warning", "message": self.alert_message})
        if self.output:
            data["output"] = _given({"text": self.output, "truncated": self.output_truncated})
        return {
            "version": DOCUMENT_VERSION,
            "id": self.key,
            "type": f"agentschedule.{self.event}",
            "timestamp": _time(self.at),
            "data": _given(data),
        }


def delivery_key(uid: str, run: str, target: str, event: str) -> str:
    """The idempotency key of a delivery: the same at every attempt, another one for every schedule that ever was."""
    return "msg_" + hashlib.sha256(f"{uid}/{run}/{target}/{event}".encode()).hexdigest()[:32]


def _time(time: datetime | None) -> str | None:
    return utc_text(time) if time is not None else None


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """What is known. Half characters (lone surrogates) that no encoding takes are replaced."""
    return {key: _whole(value) for key, value in values.items() if value not in (None, "")}


def _whole(value: Any) -> Any:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
