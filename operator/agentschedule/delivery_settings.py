"""What an administrator can set of deliveries: the part `delivery` of the settings."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class SmtpSettings(BaseModel):
    """The server that mails are handed to."""

    model_config = ConfigDict(extra="forbid")

    host: str = Field(min_length=1, description="Its name.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="`none` only for a server beside the operator."
    )
    sender: str = Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$", description="Sender of all mails.")
    username: str = Field(default="", description="User name; empty: no authentication.")
    password_file: Path | None = Field(default=None, description="File with the password, of a mounted Secret.")
    ca_file: Path | None = Field(
        default=None, description="File with the CA of its certificate, where that is private."
    )

    @model_validator(mode="after")
    def _in_the_clear(self) -> Self:
        if self.security == "none" and self.username:
            raise ValueError("a user name and password are not sent without TLS: set security")
        return self


class SlackSettings(BaseModel):
    """Slack's workspace for targets that name none."""

    model_config = ConfigDict(extra="forbid")

    channel: str = Field(default="", max_length=80, description="Channel of targets that name none.")
    token_file: Path | None = Field(default=None, description="File with a bot's token, of a mounted Secret.")
    webhook_url_file: Path | None = Field(default=None, description="File with an incoming webhook's URL.")


class DeliverySettings(BaseModel):
    """Where `spec.delivery` may deliver to, and by what means."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool = Field(default=True, description="Whether anything is delivered.")
    concurrency: int = Field(default=32, ge=1, le=256, description="Attempts under way at once.")
    http: bool = Field(default=False, description="Whether URLs may begin with http://.")
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        default=(443,), min_length=1, description="Ports that URLs may name."
    )
    allowed_hosts: tuple[str, ...] | None = Field(
        default=None, description="Hosts that URLs may name, `*.example.com` for all below; null: every one."
    )
    private_networks: tuple[str, ...] = Field(
        default=(), description="Networks that are not public and may be reached all the same, as 10.20.0.0/16."
    )
    log_directory: Path | None = Field(default=None, description="Directory of channel logFile; null: none.")
    smtp: SmtpSettings | None = Field(default=None, description="Server of channel email; null: none.")
    slack: SlackSettings = Field(default=SlackSettings(), description="Defaults of channel slack.")
    apprise_schemes: tuple[str, ...] | None = Field(
        default=None, description="URL schemes of custom channel apprise; null: all that are known."
    )
    custom: dict[str, dict[str, Any]] = Field(default={}, description="Settings of custom channels, by their type.")

    @field_validator("private_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            ip_network(text)
        return value
