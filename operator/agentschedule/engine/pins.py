"""AgentPins verified: the Secrets are read, each time anew, and nothing of them is kept."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from agentschedule.cluster.errors import ApiError
from agentschedule.cluster.secrets import secret_text
from agentschedule.engine.dispatcher import Dispatcher, Urgency
from agentschedule.engine.entries import Key, ScheduleEntry
from agentschedule.engine.ports import Cluster
from agentschedule.engine.registry import Registry
from agentschedule.engine.starter import unanswered
from agentschedule.planning.actions import VerifyPin
from agentschedule.planning.observed import PinState
from agentschedule.policy.pinning import PinQuestion, SecretValue

logger = logging.getLogger(__name__)


class _MissingError(Exception):
    """What there is not, as its text."""


class PinVerifier:
    """Looks at pins. `own_namespace` is where the keys are. `wake` is called when there is an answer."""

    def __init__(
        self,
        registry: Registry,
        cluster: Cluster,
        dispatcher: Dispatcher,
        own_namespace: str,
        *,
        clock: Callable[[], datetime],
        wake: Callable[[Key], None],
    ) -> None:
        self._registry = registry
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._own_namespace = own_namespace
        self._clock = clock
        self._wake = wake

    def verify(self, key: Key, entry: ScheduleEntry, action: VerifyPin) -> None:
        """Queue the look, unless one is under way for the same question."""
        known = entry.pin
        if known is None or (known.state, known.question) != ("InFlight", action.question):
            entry.pin = PinState("InFlight", action.question, self._clock())
            self._dispatcher.submit(Urgency.START, lambda: self._look(key, entry, action.question))

    async def _look(self, key: Key, entry: ScheduleEntry, question: PinQuestion) -> None:
        try:
            reason = await self._refusal(key, question)
        except _MissingError as missing:
            found = PinState("Refused", question, self._clock(), str(missing))
        except ApiError as error:
            found = self._failed(question, error)
        except Exception as error:
            logger.exception("an AgentPin could not be looked at", extra={"namespace": key.namespace})
            found = self._failed(question, unanswered(error))
        else:
            found = PinState("Refused" if reason else "Verified", question, self._clock(), reason or "")
        if self._registry.schedules.get(key) is entry and entry.pin is not None and entry.pin.question == question:
            entry.pin = found
            self._wake(key)

    async def _refusal(self, key: Key, question: PinQuestion) -> str | None:
        """Why the pin proves nothing; None: it does."""
        # With cryptography it takes 20 MiB, which only those pay who use it.
        from agentschedule.policy.pin import Expected, Refused, verify  # noqa: PLC0415

        token = await self._value(key.namespace, question.token)
        expected = Expected(question.name, question.domain, question.accept_der)
        for each in question.keys:
            keys = await self._value(self._own_namespace, each)
            found = verify(token, keys, expected, self._clock())
            if isinstance(found, Refused):
                return found.reason
        return None

    def _failed(self, question: PinQuestion, error: ApiError) -> PinState:
        until = self._clock() + timedelta(seconds=error.wait(1))
        return PinState("Failed", question, self._clock(), error.message, until)

    async def _value(self, namespace: str, where: SecretValue) -> str:
        """A value of a Secret. No error has anything of it."""
        if not namespace:
            raise _MissingError("the operator does not know its own namespace (POD_NAMESPACE), where the keys are")
        what = f"Secret {where.name} in namespace {namespace}"
        try:
            raw = await self._cluster.read("secrets", namespace, where.name)
        except ApiError as error:
            if error.status == 403:
                raise _MissingError(f"the operator may not read {what}") from None
            raise
        if raw is None:
            raise _MissingError(f"there is no {what}")
        encoded = (raw.get("data") or {}).get(where.key)
        if encoded is None:
            raise _MissingError(f"{what} has no key {where.key}")
        text = secret_text(encoded)
        if text is None:
            raise _MissingError(f"{what}, key {where.key}, is not text")
        return text
