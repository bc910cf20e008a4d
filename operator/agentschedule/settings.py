"""What an administrator can set: by environment (`AGENTSCHEDULE_…`) or by a YAML file; `--help` prints this list.

The environment wins over the file, the file over the defaults.
"""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from agentschedule.delivery_settings import DeliverySettings

CONFIG_FILE_VARIABLE = "AGENTSCHEDULE_CONFIG_FILE"


class Resources(BaseModel):
    """Requests and limits of an agent container that names none."""

    requests: dict[str, str] = Field(default={"cpu": "50m", "memory": "64Mi"}, description="Resource requests.")
    limits: dict[str, str] = Field(default={"memory": "512Mi"}, description="Resource limits.")


class Settings(BaseSettings):
    """The operator's settings. Durations are in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="AGENTSCHEDULE_",
        env_nested_delimiter="__",
        env_parse_none_str="null",
        extra="forbid",
        frozen=True,
        validate_default=True,
        allow_inf_nan=False,
    )

    namespaces: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Namespaces to watch, separated by commas. Empty: all of them (needs a ClusterRole).",
    )
    policies_file: Path | None = Field(
        default=None,
        description="File with AgentPolicies, for an operator limited to some namespaces; others read them by the API.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    log_format: Literal["json", "text"] = Field(default="json", description="`json` for machines, `text` for people.")
    audit_log: str = Field(
        default="stdout", min_length=1, description="Where audit records go: `stdout`, a file's name, or `none`."
    )
    http_host: str = Field(default="0.0.0.0", description="Address of /healthz, /readyz and /metrics.")  # noqa: S104
    http_port: int = Field(
        default=8080,
        ge=0,
        le=65535,
        description="Port of /healthz, /readyz and /metrics; 0 takes a free one.",
    )
    metrics_per_schedule: bool = Field(
        default=False, description="Show six more series for each schedule: 60,000 of them with 10,000 schedules."
    )

    min_interval: float = Field(
        default=60, ge=1, description="Least time between two slots of a schedule; closer ones are refused."
    )
    late_after: float = Field(
        default=60, ge=1, description="A slot later than this was missed: `catchUp` says what becomes of it."
    )
    default_active_deadline_seconds: int = Field(
        default=3600, ge=1, description="Runtime deadline of a run that names none."
    )
    max_active_deadline_seconds: int = Field(
        default=86400, ge=1, description="Longest runtime deadline a schedule may ask for."
    )
    max_budget_per_run_usd: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=6)] = Field(
        default=Decimal(10), description="Ceiling of what one run may cost, in US dollars, told to the agent."
    )
    default_resources: Resources = Field(
        default=Resources(), description="Resources of an agent container that names none (JSON)."
    )
    run_as_user: int | None = Field(
        default=65532, ge=1, description="User id of agents; `null` where the platform assigns it."
    )
    run_as_group: int | None = Field(
        default=65532, ge=1, description="Group id of agents; `null` where the platform assigns it."
    )

    max_active_runs: int = Field(
        default=0, ge=0, description="Runs active at once, in all namespaces; further ones wait. 0: no ceiling."
    )
    max_active_runs_per_namespace: int = Field(
        default=0, ge=0, description="Runs active at once in one namespace; further ones wait. 0: no ceiling."
    )
    max_schedules_per_user: int = Field(
        default=50,
        ge=0,
        description="AgentSchedules that a user may have made, where no policy says otherwise; asked by the webhook. "
        "0: any number.",
    )
    webhook_certificates: Path | None = Field(
        default=None,
        description="Folder with tls.crt and tls.key. Given: admission requests are answered, and who makes and "
        "changes AgentSchedules is proven.",
    )
    webhook_host: str = Field(default="0.0.0.0", description="Address of the admission webhook.")  # noqa: S104
    webhook_port: int = Field(
        default=9443, ge=0, le=65535, description="Port of the admission webhook; 0 takes a free one."
    )
    catch_up_starts_per_second: float = Field(
        default=20, ge=0, description="Pace of runs that make up for missed slots, over all schedules. 0: no limit."
    )

    delivery: DeliverySettings = Field(
        default=DeliverySettings(), description="Where `spec.delivery` may deliver to, and by what means (JSON)."
    )

    sweep_interval: float = Field(
        default=600, ge=1, description="Time between two searches for orphaned Jobs and pods."
    )
    orphan_grace: float = Field(
        default=300, ge=0, description="Age an orphan must have, as seen by the operator, to be deleted."
    )
    resync_interval: float = Field(
        default=600, ge=1, description="Time between two full lists that find events a watch lost."
    )
    admission_policies: str = Field(
        default="agentschedule-operator",
        min_length=1,
        max_length=63,
        description="What the names of the ValidatingAdmissionPolicies begin with that protect approvals.",
    )
    admission_policies_interval: float = Field(
        default=30, ge=1, description="Time between two looks whether these policies are in force."
    )
    keys_namespace: str = Field(
        default="",
        description="Namespace of the Secrets with keys of trusted domains. Empty: the operator's own (POD_NAMESPACE).",
    )
    api_concurrency: int = Field(
        default=64,
        ge=1,
        le=1000,
        description="API requests under way at once, at most; how many there are follows what the API server takes.",
    )
    api_timeout: float = Field(default=15, gt=0, description="Time limit of one API request.")
    status_interval: float = Field(default=1, ge=0, description="Least time between two status writes of one resource.")
    shutdown_timeout: float = Field(default=30, ge=0, description="Time to finish what is under way when told to stop.")

    leader_election: bool = Field(
        default=False,
        description="Whether several operators may run, of which one leads. False: there is only one.",
    )
    lease_name: str = Field(
        default="agentschedule-operator", min_length=1, description="Name of the Lease that the leader holds."
    )
    lease_namespace: str = Field(default="", description="Its namespace. Empty: the operator's own (POD_NAMESPACE).")
    lease_duration: int = Field(
        default=15, ge=2, le=3600, description="Time without a renewal after which another operator may lead."
    )
    renew_deadline: float = Field(
        default=10, gt=0, description="Time without a renewal after which the leader stops, at least 1 s shorter."
    )
    retry_period: float = Field(default=1, gt=0, description="Time between two renewals, or looks at the Lease.")

    @property
    def own_namespace(self) -> str:
        """Where the Lease is."""
        return self.lease_namespace or os.environ.get("POD_NAMESPACE", "")

    @model_validator(mode="after")
    def _leading(self) -> Self:
        if self.lease_duration < self.renew_deadline + 1:
            raise ValueError("renew_deadline must be at least 1 s below lease_duration")
        if self.renew_deadline < 2 * self.retry_period:
            raise ValueError("retry_period must be at most half of renew_deadline")
        if self.leader_election and not self.own_namespace:
            raise ValueError("leader_election needs lease_namespace, or POD_NAMESPACE in the environment")
        return self

    @model_validator(mode="after")
    def _policies(self) -> Self:
        if self.policies_file is not None and not self.namespaces:
            raise ValueError("policies_file is for an operator with namespaces; else create AgentPolicies by the API")
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.default_active_deadline_seconds > self.max_active_deadline_seconds:
            raise ValueError("default_active_deadline_seconds must not be above max_active_deadline_seconds")
        return self

    @field_validator("namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Take `a,b` from the environment, a list from the file."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls)


def load(config_file: Path | None) -> Settings:
    """Read the settings.

    Raises `pydantic.ValidationError` for a bad value, `FileNotFoundError` for a named file that is not there, and
    `ValueError` for one that is no YAML or holds anything but settings by name.
    """
    if config_file is None:
        return Settings()
    if not config_file.is_file():
        raise FileNotFoundError(f"settings file {config_file} does not exist")

    _check(config_file)

    class FromFile(Settings):
        model_config = SettingsConfigDict(yaml_file=config_file, yaml_file_encoding="utf-8")

    return Settings.model_construct(**dict(FromFile()))


def _check(config_file: Path) -> None:
    try:
        document = yaml.safe_load(config_file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"settings file {config_file} is not YAML: {error}") from error
    if not isinstance(document, dict | None):
        raise ValueError(f"settings file {config_file} must hold settings by name, such as `log_level: debug`")  # noqa: TRY004 - a bad file, told as such


def describe() -> str:
    """One block a setting: its variable, default and meaning, for `--help`."""
    return "\n".join(_described(Settings, "AGENTSCHEDULE_", ""))


def _described(model: type[BaseModel], variable: str, file: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        default = field.default
        if isinstance(default, DeliverySettings):
            yield from _described(DeliverySettings, f"{variable}{name.upper()}__", f"{name}.")
            continue
        shown = default.model_dump_json() if isinstance(default, BaseModel) else str(default)
        yield f"  {variable}{name.upper()} (file: {file}{name}; default: {shown or 'none'})\n      {field.description}"
