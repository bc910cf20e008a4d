"""`custom` of type `apprise`: services of the library Apprise (https://github.com/caronc/apprise) with fixed hosts.

Apprise connects by itself, past our guard, to whatever host a URL names. So only those of its schemes are known here
whose host is written in Apprise's own source; an administrator may allow fewer, not others. Redirects are not followed.
"""

import importlib
import logging
from typing import Any, NamedTuple

from agentschedule.delivery.channels.custom import CustomDelivery
from agentschedule.delivery.outcome import Again, Delivered, Outcome, Refused
from agentschedule.delivery.threads import work
from agentschedule.policy.addresses import host_allowed


class Service(NamedTuple):
    """A plugin of Apprise's, and the hosts that it speaks to."""

    module: str
    plugin: str
    hosts: tuple[str, ...]


SERVICES = {
    "discord": Service("discord", "NotifyDiscord", ("discord.com",)),
    "gchat": Service("google_chat", "NotifyGoogleChat", ("chat.googleapis.com",)),
    "line": Service("line", "NotifyLine", ("api.line.me",)),
    "opsgenie": Service("opsgenie", "NotifyOpsgenie", ("api.opsgenie.com", "api.eu.opsgenie.com")),
    "pagerduty": Service("pagerduty", "NotifyPagerDuty", ("events.pagerduty.com", "events.eu.pagerduty.com")),
    "pover": Service("pushover", "NotifyPushover", ("api.pushover.net",)),
    "tgram": Service("telegram", "NotifyTelegram", ("api.telegram.org",)),
    "twilio": Service("twilio", "NotifyTwilio", ("api.twilio.com",)),
}
"""By scheme. The plugin is loaded by its name: Apprise's own way loads all of them, which takes seconds."""

_MOST_URLS = 5
_LOG_NAME = "apprise"
_TYPES = {
    "Succeeded": "success",
    "Recovered": "success",
    "Failed": "failure",
    "TimedOut": "failure",
    "DeadLettered": "failure",
    "Held": "warning",
    "BudgetAlert": "warning",
    "Alert": "warning",
}


async def send(delivery: CustomDelivery) -> Outcome:
    """Notify the one URL `config.url`, or each of `config.urls`. Administrator's settings: `schemes`."""
    given = delivery.config.get("urls", delivery.config.get("url"))
    urls = [given] if isinstance(given, str) else given
    if not isinstance(urls, list) or not 1 <= len(urls) <= _MOST_URLS or not all(isinstance(u, str) for u in urls):
        return Refused(f"config must have url, or urls with 1 to {_MOST_URLS} of them")
    allowed = set(SERVICES) & set(delivery.settings.get("schemes", SERVICES))
    for url in urls:
        scheme = url.partition("://")[0].lower()
        if scheme not in allowed:
            return Refused(f"the URL's scheme is not allowed; allowed: {', '.join(sorted(allowed)) or 'none'}")
        hosts = delivery.guard.reach.hosts
        if hosts is not None and not all(host_allowed(host, hosts) for host in SERVICES[scheme].hosts):
            return Refused("the service's host is not one of those that the operator's settings or policies allow")
    return await work(_notify, urls, delivery)


def _notify(urls: list[str], delivery: CustomDelivery) -> Outcome:
    try:
        plugins = [_plugin(url) for url in urls]
    except ImportError:
        return Refused("the operator's image has no Apprise: install agentschedule-operator[apprise]")
    except _UnreadableError:
        return Refused("Apprise cannot read a URL of its scheme")
    kind = _TYPES.get(delivery.notice.event, "info")
    arrived = [
        bool(plugin.notify(title=delivery.message.title, body=delivery.message.text[:4000], notify_type=kind))
        for plugin in plugins
    ]
    return Delivered() if all(arrived) else Again(f"Apprise could not notify {arrived.count(False)} of {len(arrived)}")


class _UnreadableError(Exception):
    """A URL that its plugin does not take."""


def _plugin(url: str) -> Any:
    """The plugin of a URL, with what its query must not choose set to our values."""
    import apprise  # noqa: PLC0415 - an optional dependency

    # It logs URLs, which hold credentials, and answers.
    logging.getLogger(_LOG_NAME).disabled = True
    service = SERVICES[url.partition("://")[0].lower()]
    kind = getattr(importlib.import_module(f"apprise.plugins.{service.module}"), service.plugin)
    asset = apprise.AppriseAsset(secure_logging=True, http_redirects=False)
    try:
        parsed = kind.parse_url(url)
        plugin = kind(**parsed, asset=asset) if parsed else None
    except Exception:  # noqa: BLE001 - whatever it raises holds the URL
        plugin = None
    if plugin is None:
        raise _UnreadableError
    plugin.verify_certificate, plugin.redirects = True, False
    plugin.socket_connect_timeout = plugin.socket_read_timeout = 8.0
    return plugin
