"""Targets of `spec.delivery` that can never be used: by themselves, or as an administrator's settings and policies are.

What the API server's CRD checks too is checked here all the same, for files and for objects made before a CRD's change.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentschedule.api.delivery import CHANNELS, LONGEST_TIMEOUT, Slack, Target, Webhook, is_our_header
from agentschedule.constants import DELIVERY_CONFIG_BYTES
from agentschedule.planning.observed import Problem
from agentschedule.policy.addresses import refused_url
from agentschedule.policy.reach import Outlets
from agentschedule.timing import parse_duration

REASON = "InvalidDelivery"
_TEMPLATES = ImmutableSandboxedEnvironment()


def unusable_targets(targets: Sequence[Target]) -> Problem | None:
    """The first thing that is wrong with them, wherever they are used. Raises `TimingError` for a duration."""
    names = [target.name for target in targets]
    for target in targets:
        words = "is there twice: its name must be its own" if names.count(target.name) > 1 else _unusable(target)
        if words is not None:
            return _problem(target, words)
    return None


def undeliverable(targets: Sequence[Target], outlets: Outlets) -> Problem | None:
    """The first target that cannot be reached as things are set up."""
    if not outlets.enabled:
        return Problem(REASON, "spec.delivery: the operator's settings have deliveries switched off (delivery.enabled)")
    for target in targets:
        words = _unreachable(target, outlets)
        if words is not None:
            return _problem(target, words)
    return None


def _problem(target: Target, words: str) -> Problem:
    return Problem(REASON, f"spec.delivery[{target.name}]{words if words.startswith('.') else ' ' + words}")


def _unusable(target: Target) -> str | None:
    if len(target.channels) != 1:
        return f"must have exactly one channel: {', '.join(CHANNELS)}"
    if target.cooldown is not None:
        parse_duration(target.cooldown, f"spec.delivery[{target.name}].cooldown")
    for field, template in (("message", target.message), ("email.subject", target.email and target.email.subject)):
        wrong = template_problem(template) if template else None
        if wrong is not None:
            return f".{field}: {wrong}"
    match target.channel:
        case Webhook() as webhook:
            return _unusable_webhook(target, webhook)
        case Slack(token_secret_ref=token, webhook_url_secret_ref=url) if token is not None and url is not None:
            return ".slack: give one of tokenSecretRef and webhookURLSecretRef"
    if target.custom is not None and len(json.dumps(target.custom.config).encode()) > DELIVERY_CONFIG_BYTES:
        return f".custom.config: must be at most {DELIVERY_CONFIG_BYTES} bytes as JSON"
    return None


def _unusable_webhook(target: Target, webhook: Webhook) -> str | None:
    seconds = parse_duration(webhook.timeout, f"spec.delivery[{target.name}].webhook.timeout")
    if not timedelta() < seconds <= timedelta(seconds=LONGEST_TIMEOUT):
        return f".webhook.timeout: must be more than 0 and at most {LONGEST_TIMEOUT}s"
    if (webhook.url is None) == (webhook.url_from is None):
        return ".webhook: give one of url and urlFrom"
    for header in webhook.headers or ():
        if (header.value is None) == (header.value_from is None):
            return f".webhook.headers[{header.name}]: give one of value and valueFrom"
        if is_our_header(header.name):
            return f".webhook.headers[{header.name}]: this header cannot be given, the operator sets it"
    return None


def _unreachable(target: Target, outlets: Outlets) -> str | None:
    match target.channel_name:
        case "webhook" if target.webhook is not None and target.webhook.url is not None:
            refused = refused_url(target.webhook.url, outlets.reach)
            return f".webhook.url: {refused}" if refused else None
        case "email" if not outlets.smtp:
            return ".email: the operator's settings have no SMTP server (delivery.smtp)"
        case "logFile" if not outlets.log_files:
            return ".logFile: the operator's settings have no delivery volume (delivery.log_directory)"
        case "slack" if target.slack is not None:
            own = target.slack.token_secret_ref or target.slack.webhook_url_secret_ref
            missing = own is None and not outlets.slack
            return ".slack: give tokenSecretRef or webhookURLSecretRef: the settings have none" if missing else None
        case "custom" if target.custom is not None:
            return _unknown_custom(target.custom.type, target.custom.config or {}, outlets)
    return None


def _unknown_custom(kind: str, config: dict[str, Any], outlets: Outlets) -> str | None:
    if outlets.custom is not None and kind not in outlets.custom:
        known = ", ".join(sorted(outlets.custom)) or "none"
        return f".custom.type: no package of the operator's image brings {kind}; known: {known}"
    if kind != "apprise" or outlets.apprise is None:
        return None
    given = config.get("urls", config.get("url"))
    for url in given if isinstance(given, list) else [given]:
        if isinstance(url, str) and url.partition("://")[0].lower() not in outlets.apprise:
            allowed = ", ".join(sorted(outlets.apprise)) or "none"
            return f".custom.config: the URL's scheme is not allowed; allowed: {allowed}"
    return None


@lru_cache(maxsize=1024)
def template_problem(template: str) -> str | None:
    """Why a template cannot be read. It is parsed, not compiled: nothing of it is computed."""
    try:
        parsed = _TEMPLATES.parse(template)
    except jinja2.TemplateSyntaxError as error:
        return f"line {error.lineno}: {error.message}"[:300]
    except RecursionError:
        return "it is nested too deeply"
    for kind, known in ((nodes.Filter, _TEMPLATES.filters), (nodes.Test, _TEMPLATES.tests)):
        for node in parsed.find_all(kind):
            if node.name not in known:
                return f"line {node.lineno}: no {kind.__name__.lower()} named {node.name!r}"[:300]
    return None
