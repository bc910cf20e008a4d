"""`spec.delivery`: who hears of a schedule's events; and `status.deliveries`, the outbox."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from agentschedule.api.fields import Duration, FreeObject, Model, ObjectName, Text, Time, rule, schema

Event = Literal[
    "Succeeded",
    "Failed",
    "TimedOut",
    "DeadLettered",
    "Held",
    "ApprovalRequested",
    "BudgetAlert",
    "Alert",
    "Recovered",
]
DEFAULT_EVENTS: tuple[Event, ...] = ("Succeeded", "Failed", "TimedOut", "DeadLettered", "Held")
TEMPLATE_LENGTH = 4096

_NO_BREAK = r"^[^\x00-\x1f\x7f]*$"


LONGEST_TIMEOUT = 60
"""Seconds of one attempt of a webhook."""

_OUR_HEADERS = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "idempotency-key",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OUR_HEADER_PREFIXES = ("proxy-", "webhook-")


def is_our_header(name: str) -> bool:
    """Whether the connection, the body or the signature needs this header: a user's value would contradict or forge
    it."""
    return name.lower() in _OUR_HEADERS or name.lower().startswith(_OUR_HEADER_PREFIXES)


class SecretKey(Model):
    """One entry of a Secret in the schedule's namespace. It is read when something is sent."""

    name: ObjectName
    """Name of the Secret."""
    key: Annotated[str, Field(min_length=1, max_length=253)]
    """Its entry."""


class ValueSource(Model):
    """Where a value comes from."""

    secret_key_ref: SecretKey
    """One entry of a Secret in the schedule's namespace."""


class Header(Model):
    """One header of a webhook."""

    model_config = ConfigDict(
        json_schema_extra=schema(rule("has(self.value) != has(self.valueFrom)", "give one of value and valueFrom"))
    )

    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
    """Its name. Those that the connection or the signature needs cannot be given."""
    value: Annotated[str | None, Field(max_length=1024, pattern=_NO_BREAK)] = None
    """Its value."""
    value_from: ValueSource | None = None
    """Where its value comes from, for what is secret."""


class Stdout(Model):
    """A JSON line on the operator's standard output."""


class LogFile(Model):
    """A JSON line in the schedule's file under the operator's delivery volume."""


class Webhook(Model):
    """A POST with a JSON document, signed as Standard Webhooks says where there is a signing secret."""

    model_config = ConfigDict(
        json_schema_extra=schema(rule("has(self.url) != has(self.urlFrom)", "give one of url and urlFrom"))
    )

    url: Annotated[str | None, Field(min_length=1, max_length=2048)] = None
    """Where it goes: https, a public address, and port 443 unless the operator's settings allow others."""
    url_from: ValueSource | None = None
    """Where the URL comes from, when it is secret itself."""
    headers: Annotated[
        list[Header] | None, Field(max_length=16, json_schema_extra=schema(x_list_type="map", x_list_map_keys=["name"]))
    ] = None
    """Further headers."""
    timeout: Duration = "30s"
    """Time limit of one attempt, at most 60s."""
    retries: Annotated[int, Field(ge=0, le=10)] = 3
    """How many further attempts follow one that failed, with growing waits. Redirects, 410 and other codes from 400
    to 499 are not tried again, but for 408, 409, 421, 423, 425 and 429."""
    signing_secret_ref: SecretKey | None = None
    """Key of the signature: 24 to 64 bytes as base64, with or without whsec_; several, separated by blanks, while one
    is being replaced."""


class Slack(Model):
    """A message in Slack: by the Web API with a bot's token, or by an incoming webhook."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                "!(has(self.tokenSecretRef) && has(self.webhookURLSecretRef))",
                "give one of tokenSecretRef and webhookURLSecretRef",
            )
        )
    )

    channel: Annotated[str | None, Field(min_length=1, max_length=80, pattern=r"^[#@]?[^\s#@<>&]+$")] = None
    """Channel's ID or name, for the Web API. Default: that of the operator's settings."""
    token_secret_ref: SecretKey | None = None
    """Token of a bot with chat:write, for the Web API. Default: that of the operator's settings."""
    webhook_url_secret_ref: Annotated[SecretKey | None, Field(alias="webhookURLSecretRef")] = None
    """An incoming webhook's URL. It has its channel fixed."""


MailAddress = Annotated[
    str, Field(max_length=254, pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$")
]


class Email(Model):
    """A mail with a text and an HTML part. Server and sender are in the operator's settings."""

    to: Annotated[list[MailAddress], Field(min_length=1, max_length=20, json_schema_extra=schema(x_list_type="set"))]
    """Receivers' addresses."""
    cc: Annotated[list[MailAddress] | None, Field(max_length=20, json_schema_extra=schema(x_list_type="set"))] = None
    """Addresses that get a copy."""
    subject: Annotated[str | None, Field(min_length=1, max_length=256, pattern=_NO_BREAK)] = None
    """Its subject, a Jinja2 template as message is. Default: event, namespace and schedule."""


class Custom(Model):
    """A channel that a Python package of the operator's image brings."""

    type: Annotated[str, Field(min_length=1, max_length=63, pattern="^[a-z0-9]([-a-z0-9_.]*[a-z0-9])?$")]
    """Name of an entry point of group agentschedule.delivery."""
    config: FreeObject | None = None
    """What that channel wants, at most 16 KiB as JSON. An object {secretKeyRef: {name, key}} anywhere in it stands for
    an entry of a Secret."""


CHANNELS = ("stdout", "logFile", "webhook", "slack", "email", "custom")


class Target(Model):
    """Who hears of what: events, and one channel."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                f"[{', '.join(f'has(self.{name})' for name in CHANNELS)}].filter(given, given).size() == 1",
                f"give exactly one channel: {', '.join(CHANNELS)}",
            )
        )
    )

    name: Annotated[str, Field(min_length=1, max_length=63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    """Its name."""
    events: list[Event] = Field(
        default=list(DEFAULT_EVENTS), min_length=1, max_length=9, json_schema_extra=schema(x_list_type="set")
    )
    """What is told. Alert: the agent wants people to notice something. Recovered: the first success after a failure or
    an alert."""
    cooldown: Duration | None = None
    """The same event is told at most once in this time; the next notice says how many were kept back."""
    only_on_change: bool = False
    """Not told when the agent's summary equals the last one told."""
    output: Literal["Summary", "Log", "None"] = "Summary"
    """What of the agent's words goes along. Log: the end of its log, at most 256 KiB. None: not even its summary."""
    message: Annotated[str | None, Field(min_length=1, max_length=TEMPLATE_LENGTH)] = None
    """The message, a Jinja2 template (sandboxed). Default: one that suits the channel."""

    stdout: Stdout | None = None
    """A JSON line on the operator's standard output."""
    log_file: LogFile | None = None
    """A JSON line in the schedule's file under the operator's delivery volume."""
    webhook: Webhook | None = None
    """A POST with a JSON document."""
    slack: Slack | None = None
    """A message in Slack."""
    email: Email | None = None
    """A mail."""
    custom: Custom | None = None
    """A channel that a Python package brings."""

    @property
    def channels(self) -> dict[str, Stdout | LogFile | Webhook | Slack | Email | Custom]:
        """Those that are given, by their fields' names."""
        given = (self.stdout, self.log_file, self.webhook, self.slack, self.email, self.custom)
        return {name: channel for name, channel in zip(CHANNELS, given, strict=True) if channel is not None}

    @property
    def channel(self) -> Stdout | LogFile | Webhook | Slack | Email | Custom | None:
        """The one that is given."""
        return next(iter(self.channels.values()), None)

    @property
    def channel_name(self) -> str:
        """Its field's name; `none` where none is given."""
        return next(iter(self.channels), "none")


DeliveryPhase = Literal["Pending", "Delivered", "Failed"]


class Delivery(Model):
    """One entry of the outbox: an event of a run, for one target."""

    run: ObjectName
    """The run, or what else the event is of: a hold's id, a budget's period."""
    target: Annotated[str, Field(max_length=63)]
    """Name of the target."""
    event: Event
    """What is told."""
    phase: DeliveryPhase = "Pending"
    """Pending: not yet there. Delivered. Failed: given up."""
    at: Time
    """When the event was."""
    attempts: Annotated[int, Field(ge=0, le=1000)] = 0
    """How many attempts there were."""
    next_attempt: Time | None = None
    """When the next attempt is."""
    last_error: Text | None = None
    """Why the last attempt failed."""
    suppressed: Annotated[int | None, Field(ge=0)] = None
    """How many like notices were kept back before this one."""
    message: Text | None = None
    """What it is about, where it is not a run, or more than the run's entry says."""
    settled_at: Time | None = None
    """When it was delivered or given up."""
    redelivered: bool | None = None
    """It has gone again for the present value of the annotation agentschedule.dev/redeliver."""


class Told(Model):
    """What a target was told last: for cooldown and onlyOnChange."""

    target: Annotated[str, Field(max_length=63)]
    """Name of the target."""
    event: Event
    """What was told."""
    at: Time
    """When that event was."""
    suppressed: Annotated[int, Field(ge=0)] = 0
    """How many like notices were kept back since."""
    summary_hash: Annotated[str | None, Field(max_length=32)] = None
    """Hash of the summary that was told."""


class Telling(Model):
    """What decides about the next notices."""

    last: list[Told] = Field(default=[], max_length=90)
    """What each target was told last, by event."""
    troubled: bool | None = None
    """The newest run that says something of it failed or had an alert: the next success is a recovery."""
