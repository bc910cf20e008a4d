"""One attempt: what it reads, what it says where that cannot be read, and that it is made once at a time."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from agentschedule.api.delivery import SecretKey, Target
from agentschedule.cluster.errors import ApiError
from agentschedule.constants import SUMMARY_BYTES
from agentschedule.delivery.notice import Notice
from agentschedule.delivery.outcome import Delivered, Outcome
from agentschedule.engine.courier import Courier, Outgoing
from agentschedule.engine.entries import Key, ScheduleEntry
from agentschedule.engine.intake import Intake
from agentschedule.engine.registry import Registry
from agentschedule.metrics import Metrics
from agentschedule.planning.actions import Deliver
from agentschedule.planning.observed import DEFAULT_SETTINGS
from agentschedule.policy.addresses import Reach
from agentschedule.runs.result import clean
from tests.unit.planning.builders import UID, raw_schedule

KEY = Key("team", "news")
AT = "2026-11-22T09:00:00Z"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ACTION = Deliver("news-1", "hook", "Succeeded")
REF = {"name": "hook", "key": "token"}
HOOK: dict[str, Any] = {
    "name": "hook",
    "webhook": {
        "url": "https://hooks.example.com",
        "headers": [{"name": "A", "valueFrom": {"secretKeyRef": REF}}],
    },
}


class Outside:
    """What sends, and where Secrets and logs are read."""

    def __init__(self) -> None:
        self.sent: list[tuple[Notice, dict[SecretKey, str], Reach | None]] = []
        self.secrets: dict[str, str] | ApiError = {"token": "t0ps3cret"}
        self.said: str | ApiError = "all of it"
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def send(
        self, target: Target, notice: Notice, secrets: dict[SecretKey, str], reach: Reach | None = None
    ) -> Outcome:
        self.sent.append((notice, secrets, reach))
        await self.go_on.wait()
        return Delivered()

    async def secret(self, namespace: str, name: str) -> dict[str, str]:
        assert (namespace, name) == ("team", "hook")
        if isinstance(self.secrets, ApiError):
            raise self.secrets
        return self.secrets

    async def log(self, namespace: str, pod: str, container: str) -> tuple[str, bool]:
        assert (namespace, pod, container) == ("team", "news-1-x", "agent")
        if isinstance(self.said, ApiError):
            raise self.said
        return self.said, True


class Desk:
    """A courier with one schedule, one pending delivery of which is to be made."""

    def __init__(self, target: dict[str, Any] = HOOK, *, attempts: int = 0, pod: bool = True, said: str = "s") -> None:
        self.outside = Outside()
        self.registry = Registry()
        self.woken: list[Key] = []
        status = {
            "runs": [{"id": "news-1", "scheduledAt": AT, "phase": "Succeeded", "summary": clean(said, SUMMARY_BYTES)}],
            "deliveries": [
                {
                    "run": "news-1",
                    "target": "hook",
                    "event": "Succeeded",
                    "at": AT,
                    "attempts": attempts,
                }
            ],
        }
        raw = raw_schedule(delivery=[target])
        raw["metadata"]["resourceVersion"] = "1"
        intake = Intake(self.registry, DEFAULT_SETTINGS)
        intake.observe_schedule("ADDED", {**raw, "status": status})
        labels = {"agentschedule.dev/schedule": "news", "agentschedule.dev/schedule-uid": UID}
        meta = {"namespace": "team", "resourceVersion": "1", "labels": labels}
        intake.observe_job("ADDED", {"metadata": {**meta, "name": "news-1", "uid": "job"}})
        owner = [{"kind": "Job", "name": "news-1", "uid": "job"}]
        ended = {"name": "agent", "state": {"terminated": {"startedAt": AT, "message": said}}}
        raw_pod = {
            "metadata": {**meta, "name": "news-1-x", "uid": "x", "ownerReferences": owner},
            "status": {"phase": "Succeeded", "containerStatuses": [ended]},
        }
        intake.observe_pod("ADDED", raw_pod)
        if not pod:
            intake.observe_pod("DELETED", raw_pod)
        outgoing = Outgoing(self.outside, self.outside, Reach())
        self.courier = Courier(
            outgoing, self.registry, Metrics(), clock=lambda: NOW, wake=self.woken.append, busy=lambda: False
        )

    @property
    def entry(self) -> ScheduleEntry:
        return self.registry.schedules[KEY]

    async def attempt(self) -> tuple[str, str]:
        """Make it; what came of it."""
        self.courier.deliver(KEY, self.entry, ACTION)
        await self.courier.close(5)
        (attempted,) = self.entry.attempted
        assert self.woken == [KEY]
        return attempted.result, attempted.reason


async def test_secrets_are_read_and_handed_on() -> None:
    desk = Desk()
    assert await desk.attempt() == ("Delivered", "")
    ((notice, secrets, reach),) = desk.outside.sent
    assert (notice.summary, notice.run, notice.phase) == ("s", "news-1", "Succeeded")
    assert secrets == {SecretKey(**REF): "t0ps3cret"}
    assert reach == Reach()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ApiError(403, "Forbidden", "no t0ps3cret"), "the Secret hook could not be read: the operator's role"),
        (ApiError(500, "InternalError", "no"), "the Secret hook could not be read: 500"),
        (ApiError(0, "Timeout", "no"), "the Secret hook could not be read: Timeout"),
    ],
)
async def test_a_secret_that_cannot_be_read(error: ApiError, words: str) -> None:
    desk = Desk()
    desk.outside.secrets = error
    result, reason = await desk.attempt()
    assert result == "Again"
    assert reason.startswith(words)
    assert "t0ps3cret" not in reason
    assert not desk.outside.sent


LOG = {"name": "hook", "output": "Log", "stdout": {}}


async def test_the_agents_log() -> None:
    desk = Desk(LOG)
    await desk.attempt()
    assert (desk.outside.sent[0][0].output, desk.outside.sent[0][0].output_truncated) == ("all of it", True)


async def test_a_log_that_cannot_be_read_now_is_read_again_but_not_for_ever() -> None:
    desk = Desk(LOG)
    desk.outside.said = ApiError(502, "BadGateway", "no")
    assert await desk.attempt() == ("Again", "the agent's log could not be read")
    desk = Desk(LOG, attempts=5)
    desk.outside.said = ApiError(502, "BadGateway", "no")
    assert (await desk.attempt())[0] == "Delivered"
    assert desk.outside.sent[0][0].output == "(the agent's log cannot be read: the cluster does not have it)"


async def test_the_log_of_a_pod_that_is_gone() -> None:
    desk = Desk(LOG, pod=False)
    assert (await desk.attempt())[0] == "Delivered"
    assert desk.outside.sent[0][0].output == "(the agent's log is not there any more: its pod is gone)"


async def test_the_whole_summary_while_the_pod_is_remembered() -> None:
    said = "".join(f"{number}. a line of news\n" for number in range(100)).strip()
    desk = Desk(said=said)
    await desk.attempt()
    assert desk.outside.sent[0][0].summary == said


async def test_what_is_under_way_is_not_made_twice() -> None:
    desk = Desk()
    desk.outside.go_on.clear()
    for _ in range(3):
        desk.courier.deliver(KEY, desk.entry, ACTION)
        await asyncio.sleep(0.01)
    assert len(desk.outside.sent) == 1
    desk.outside.go_on.set()
    await desk.courier.close(5)
    assert len(desk.entry.attempted) == 1


async def test_a_courier_that_is_stopped_gives_up_and_tells_nothing() -> None:
    desk = Desk()
    desk.outside.go_on.clear()
    desk.courier.deliver(KEY, desk.entry, ACTION)
    await asyncio.sleep(0.01)
    await desk.courier.stop()
    desk.courier.deliver(KEY, desk.entry, ACTION)
    await asyncio.sleep(0.01)
    assert len(desk.outside.sent) == 1
    assert desk.entry.attempted == ()


async def test_policies_that_cannot_be_read_keep_everything_here() -> None:
    desk = Desk()
    meta = {"name": "bad", "uid": "p", "resourceVersion": "2"}
    desk.registry.policies.put({"metadata": meta, "spec": {"limits": {"minInterval": "soon"}}})
    result, reason = await desk.attempt()
    assert result == "Again"
    assert "AgentPolicy bad" in reason
    assert not desk.outside.sent
