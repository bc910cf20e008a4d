"""`AgentSchedule.spec.agent`: the agent's container, with the fields that a pod's container has."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from agentschedule.api.fields import Model, ObjectName, ShortText, rule, schema

Quantity = Annotated[
    str | int,
    Field(
        json_schema_extra=schema(
            rule(
                "type(self) == int || isQuantity(self)",
                "must be a quantity such as 2, 250m, 512Mi or 1Gi",
            ),
            x_int_or_string=True,
            maxLength=32,
        )
    ),
]
"""An amount of a resource, as Kubernetes writes it."""


class LocalReference(Model):
    """A reference by name to an object in the schedule's own namespace."""

    name: ObjectName
    """Name of the object, in the schedule's own namespace."""


class KeySelector(Model):
    """One key of a ConfigMap or Secret in the schedule's own namespace."""

    name: ObjectName
    """Name of the ConfigMap or Secret."""
    key: ObjectName
    """Key to read."""
    optional: bool | None = None
    """Whether the object or key may be missing."""


class FieldSelector(Model):
    """A field of the pod itself."""

    api_version: ShortText | None = None
    """Version of the schema of fieldPath, default v1."""
    field_path: ShortText
    """Path of the field, for instance metadata.name."""


class ResourceFieldSelector(Model):
    """A resource of the container itself."""

    container_name: ShortText | None = None
    """Container whose resource it is."""
    resource: ShortText
    """The resource, for instance limits.memory."""
    divisor: Quantity | None = None
    """Unit in which the value is given."""


class EnvVarSource(Model):
    """Where a variable's value comes from."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                "[has(self.fieldRef), has(self.resourceFieldRef), has(self.configMapKeyRef), has(self.secretKeyRef)]"
                ".filter(given, given).size() == 1",
                "give exactly one of fieldRef, resourceFieldRef, configMapKeyRef and secretKeyRef",
            )
        )
    )

    field_ref: FieldSelector | None = None
    """A field of the pod."""
    resource_field_ref: ResourceFieldSelector | None = None
    """A resource of the container."""
    config_map_key_ref: KeySelector | None = None
    """A key of a ConfigMap."""
    secret_key_ref: KeySelector | None = None
    """A key of a Secret."""


class EnvVar(Model):
    """One environment variable."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule("!(has(self.value) && has(self.valueFrom))", "give value or valueFrom, not both"),
        )
    )

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=256,
            json_schema_extra=schema(
                rule(
                    "!self.startsWith('AGENT_')",
                    "names that begin with AGENT_ belong to the operator: choose another",
                )
            ),
        ),
    ]
    """Name of the variable. Names that begin with AGENT_ belong to the operator."""
    value: Annotated[str | None, Field(max_length=32768)] = None
    """The value, as plain text. Secrets belong into valueFrom.secretKeyRef."""
    value_from: EnvVarSource | None = None
    """Where the value comes from instead."""


class EnvFromSource(Model):
    """A ConfigMap or Secret whose keys all become variables."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                "has(self.configMapRef) != has(self.secretRef)",
                "give exactly one of configMapRef and secretRef",
            )
        )
    )

    prefix: ShortText | None = None
    """Put before each name."""
    config_map_ref: LocalReference | None = None
    """The ConfigMap."""
    secret_ref: LocalReference | None = None
    """The Secret."""


ResourceList = Annotated[
    dict[str, Quantity],
    Field(
        max_length=16,
        json_schema_extra=schema(
            rule("self.all(name, name.size() <= 317)", "names of resources have at most 317 characters")
        ),
    ),
]


class ResourceRequirements(Model):
    """What the agent's container asks for and may use at most."""

    requests: ResourceList | None = None
    """What is set aside for the container, for instance cpu: 250m."""
    limits: ResourceList | None = None
    """What the container may use at most, for instance memory: 1Gi."""


class Agent(Model):
    """The agent: an image and how it is started."""

    name: ShortText | None = None
    """Name of the agent, for people (AGENT_NAME). Default: metadata.name. Nothing is granted by it."""
    image: Annotated[str | None, Field(min_length=1, max_length=1024)] = None
    """Image of the agent's container. May be left out when jobTemplate has a container named agent with an image."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the image is pulled. Default: as Kubernetes does (Always for :latest, else IfNotPresent)."""
    image_pull_secrets: Annotated[
        list[LocalReference] | None,
        Field(max_length=16, json_schema_extra=schema(x_list_type="map", x_list_map_keys=["name"])),
    ] = None
    """Secrets to pull the image with."""
    command: Annotated[list[Annotated[str, Field(max_length=32768)]] | None, Field(max_length=64)] = None
    """Entry point, instead of the image's. Not run in a shell."""
    args: Annotated[list[Annotated[str, Field(max_length=32768)]] | None, Field(max_length=256)] = None
    """Arguments of the entry point."""
    env: Annotated[
        list[EnvVar] | None,
        Field(max_length=128, json_schema_extra=schema(x_list_type="map", x_list_map_keys=["name"])),
    ] = None
    """Environment variables."""
    env_from: Annotated[list[EnvFromSource] | None, Field(max_length=16)] = None
    """ConfigMaps and Secrets whose keys all become variables."""
    resources: ResourceRequirements | None = None
    """CPU and memory. Default: the operator's."""
    service_account_name: Annotated[str | None, Field(min_length=1, max_length=253)] = None
    """Service account of the pod. Without one, no token is mounted."""
