"""One delivery to one target: the message is made, the secrets are put in, the channel is asked."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from agentschedule.api.delivery import Custom, Email, LogFile, SecretKey, Slack, Stdout, Target, Webhook
from agentschedule.delivery.channels import custom, email, logfile, slack, stdout, webhook
from agentschedule.delivery.guard import Guard
from agentschedule.delivery.messages import Message
from agentschedule.delivery.notice import Notice
from agentschedule.delivery.options import Options
from agentschedule.delivery.outcome import Again, Outcome, Refused, scrubbed
from agentschedule.delivery.rendering import Renderer, UnusableTemplateError, template_values
from agentschedule.policy.addresses import Reach
from agentschedule.timing import TimingError, parse_duration

_LOG = logging.getLogger(__name__)
_CONFIG_DEPTH = 8

Secrets = Mapping[SecretKey, str]
"""Values of the Secrets' entries that are there."""


class Sender:
    """Sends notices. `guard` and `renderer` live as long as it does; `options` is asked for what is set now, since
    mounted credentials change."""

    def __init__(
        self, options: Options | Callable[[], Options], *, guard: Guard | None = None, renderer: Renderer | None = None
    ) -> None:
        self._now_set = options if callable(options) else lambda: options
        self._guard = guard or Guard(self._now_set().reach)
        self._renderer = renderer or Renderer()

    async def send(self, target: Target, notice: Notice, secrets: Secrets, reach: Reach | None = None) -> Outcome:
        """Send it once. Whatever goes wrong is an outcome, and none has a secret in it.

        `reach`: what this target may reach, where that is not what the options say.
        """
        options = self._now_set()
        guard = self._guard.within(reach) if reach is not None else self._guard
        attempt = _Attempt(options, guard, self._renderer)
        try:
            async with asyncio.timeout(options.seconds):
                outcome = await attempt.send(target, _shaped(notice, target), secrets)
        except TimeoutError:
            outcome = Again(f"it took more than {options.seconds:g} s")
        except _MissingError as missing:
            outcome = Again(str(missing))
        except Exception as error:  # noqa: BLE001 - one delivery harms no other; texts of exceptions may hold secrets
            _LOG.warning(
                "a delivery failed unexpectedly",
                extra={"namespace": notice.namespace, "schedule": notice.schedule, "error": type(error).__name__},
            )
            outcome = Again(f"unexpected failure ({type(error).__name__})")
        return scrubbed(outcome, (*secrets.values(), *_own_secrets(options)))

    async def close(self) -> None:
        """End the process that renders templates."""
        await self._renderer.close()


class _Attempt:
    """What one attempt is made with."""

    def __init__(self, options: Options, guard: Guard, renderer: Renderer) -> None:
        self._options = options
        self._guard = guard
        self._renderer = renderer

    async def send(self, target: Target, notice: Notice, secrets: Secrets) -> Outcome:
        message = await self._renderer.message(notice, target.message)
        # A document has everything by itself: its message is the template's, where there is one.
        words = message.text if target.message is not None else message.title
        outcome: Outcome
        match target.channel:
            case Stdout():
                outcome = await stdout.send(notice, words)
            case LogFile():
                outcome = await self._log_file(notice, words)
            case Webhook() as wanted:
                outcome = await webhook.send(self._guard, _endpoint(wanted, secrets), notice, words)
            case Slack() as wanted:
                outcome = await slack.send(self._guard, self._workspace(wanted, secrets), notice, message)
            case Email() as wanted:
                outcome = await self._mail(wanted, notice, message)
            case Custom() as wanted:
                outcome = await self._custom(wanted, notice, message, secrets)
            case None:
                outcome = Refused("the target has no channel")
        return outcome

    async def _log_file(self, notice: Notice, words: str) -> Outcome:
        if self._options.log_files is None:
            return Refused("the operator has no delivery volume: delivery to logFile is not set up")
        return await logfile.send(self._options.log_files, notice, words)

    async def _mail(self, wanted: Email, notice: Notice, message: Message) -> Outcome:
        if self._options.smtp is None:
            return Refused("the operator has no SMTP server: delivery by email is not set up")
        subject = ""
        if wanted.subject is not None:
            try:
                subject = await self._renderer.render(wanted.subject, template_values(notice), "plain")
            except UnusableTemplateError:
                subject = message.title
        receivers = email.Receivers(tuple(wanted.to), tuple(wanted.cc or ()), subject)
        return await email.send(self._options.smtp, receivers, notice, message)

    async def _custom(self, wanted: Custom, notice: Notice, message: Message, secrets: Secrets) -> Outcome:
        delivery = custom.CustomDelivery(
            notice=notice,
            message=message,
            guard=self._guard,
            config=cast("dict[str, Any]", _filled(wanted.config or {}, secrets, _CONFIG_DEPTH)),
            settings=self._options.custom.get(wanted.type, {}),
        )
        return await custom.send(wanted.type, delivery, self._options.custom_seconds)

    def _workspace(self, wanted: Slack, secrets: Secrets) -> slack.Workspace:
        """The target's own, else the administrator's. A user's token is never sent along with another's webhook."""
        default = self._options.slack
        if wanted.webhook_url_secret_ref is not None:
            return replace(default, token="", webhook_url=_value(wanted.webhook_url_secret_ref, secrets).strip())
        if wanted.token_secret_ref is not None:
            token = _value(wanted.token_secret_ref, secrets).strip()
            return replace(default, channel=wanted.channel or default.channel, token=token, webhook_url="")
        if wanted.channel is not None:
            return replace(default, channel=wanted.channel, webhook_url="" if default.token else default.webhook_url)
        return default


def _own_secrets(options: Options) -> tuple[str, ...]:
    smtp = options.smtp
    own = (smtp.password if smtp else "", options.slack.token, options.slack.webhook_url)
    return tuple(secret for secret in own if secret)


def wanted_secrets(target: Target) -> frozenset[SecretKey]:
    """The Secrets' entries that a delivery to this target needs."""
    match target.channel:
        case Webhook() as wanted:
            sources = [wanted.url_from, *(header.value_from for header in wanted.headers or ())]
            refs = [source.secret_key_ref for source in sources if source is not None]
            return frozenset([*refs, *_present(wanted.signing_secret_ref)])
        case Slack() as wanted:
            return frozenset([*_present(wanted.token_secret_ref), *_present(wanted.webhook_url_secret_ref)])
        case Custom() as wanted:
            return frozenset(_references(wanted.config or {}, _CONFIG_DEPTH))
        case _:
            return frozenset()


class _MissingError(Exception):
    """An entry of a Secret that is not there. Somebody may still make it."""


def _value(key: SecretKey, secrets: Secrets) -> str:
    if key not in secrets:
        raise _MissingError(f"the Secret {key.name} with an entry {key.key} is not there")
    return secrets[key]


def _present(key: SecretKey | None) -> list[SecretKey]:
    return [key] if key is not None else []


def _endpoint(wanted: Webhook, secrets: Secrets) -> webhook.Endpoint:
    url = _value(wanted.url_from.secret_key_ref, secrets).strip() if wanted.url_from else wanted.url or ""
    headers = tuple(
        (
            header.name,
            _value(header.value_from.secret_key_ref, secrets).strip() if header.value_from else header.value or "",
        )
        for header in wanted.headers or ()
    )
    try:
        seconds = parse_duration(wanted.timeout, "timeout").total_seconds()
    except TimingError:
        seconds = 30.0
    signing = _value(wanted.signing_secret_ref, secrets) if wanted.signing_secret_ref else None
    return webhook.Endpoint(url, headers, signing, seconds or 30.0)


def _reference(value: object) -> SecretKey | None:
    """`{secretKeyRef: {name, key}}` stands for a Secret's entry."""
    if not isinstance(value, dict) or set(value) != {"secretKeyRef"}:
        return None
    ref = value["secretKeyRef"]
    if not isinstance(ref, dict) or not all(isinstance(ref.get(part), str) and ref[part] for part in ("name", "key")):
        return None
    return SecretKey(name=ref["name"][:253], key=ref["key"][:253])


def _inner(value: object) -> list[object]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _references(value: object, depth: int) -> list[SecretKey]:
    found = _reference(value)
    if found is not None or depth == 0:
        return _present(found)
    return [key for inner in _inner(value) for key in _references(inner, depth - 1)]


def _filled(value: object, secrets: Secrets, depth: int) -> object:
    found = _reference(value)
    if found is not None:
        return _value(found, secrets)
    if depth == 0:
        return value
    if isinstance(value, dict):
        return {name: _filled(inner, secrets, depth - 1) for name, inner in value.items()}
    return [_filled(inner, secrets, depth - 1) for inner in value] if isinstance(value, list) else value


def _shaped(notice: Notice, target: Target) -> Notice:
    """The notice with as much of the agent's words as the target wants."""
    if target.output == "None":
        return replace(notice, summary="", output="", output_uri="")
    return notice if target.output == "Log" else replace(notice, output="")
