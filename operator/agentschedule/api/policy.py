"""`AgentPolicy`: what schedules in matching namespaces may do. `AgentSchedule.spec.policy`: what one asks for itself.

Field docstrings are what `kubectl explain` prints.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from agentschedule.api.blackouts import Hours
from agentschedule.api.fields import Amount, Duration, Model, ObjectName, rule, schema

_SET = schema(x_list_type="set")

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=63,
        json_schema_extra=schema(
            rule(
                "self.matches('^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$')",
                "must be letters, digits, '-', '_' and '.', such as send_email or production",
            )
        ),
    ),
]
"""The name of a capability, an operation or an environment."""

ImagePattern = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        json_schema_extra=schema(
            rule(
                r"!self.contains('**') && !self.matches(r'^[^/]*[*]')",
                "must name the registry in full before the first '/', as in registry.example.com/team/*",
            )
        ),
    ),
]
"""An image as its reference is written in the pod; `*` stands for any characters."""

ServiceAccount = Annotated[ObjectName, Field(max_length=253)]


class AllowedHours(Hours):
    """Hours of the day in which runs may start."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                "self.start != self.end",
                "start and end must differ: for whole days leave allowedHours out",
            )
        )
    )

    time_zone: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"
    """IANA time zone of start and end."""


class Approval(Model):
    """Each run waits until a person has approved it."""

    expires_after: Duration = "24h"
    """How long it waits for a decision."""
    on_expiry: Literal["Skip"] = "Skip"
    """What becomes of a run that nobody decided on in time. Skip: it does not run."""


class SecretKey(Model):
    """One value of a Secret."""

    name: Annotated[ObjectName, Field(max_length=253)]
    """Name of the Secret."""
    key: Annotated[str, Field(min_length=1, max_length=253)]
    """Which of its values."""


Domain = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        json_schema_extra=schema(
            rule(
                "self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",
                "must be a domain in lower case, such as agents.example.com",
            )
        ),
    ),
]


class AgentPin(Model):
    """The agent's identity: a JWT (ES256) that its domain has signed."""

    secret_ref: SecretKey
    """Where it is: a Secret in the schedule's namespace."""
    domain: Domain
    """The domain that has signed it, and that administrators trust."""


class RunPolicy(Model):
    """What a schedule asks for itself: its runs start only where and when that holds."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                "!has(self.requireAgentPin) || !self.requireAgentPin || has(self.agentPin)",
                "requireAgentPin needs agentPin: the Secret with the agent's pin, and its domain",
                fieldPath=".agentPin",
            ),
        )
    )

    allowed_hours: AllowedHours | None = None
    """Runs start in these hours only, over midnight too. Others are skipped, reason Policy."""
    allowed_environments: Annotated[list[Name] | None, Field(min_length=1, max_length=20, json_schema_extra=_SET)] = (
        None
    )
    """Runs start only where the administrator's policy names one of these environments."""
    require_capabilities: Annotated[list[Name] | None, Field(min_length=1, max_length=50, json_schema_extra=_SET)] = (
        None
    )
    """Runs start only if the administrator's policies grant all of these to the agent."""
    require_agent_pin: bool | None = None
    """Runs start only if agentPin verifies."""
    agent_pin: AgentPin | None = None
    """The agent's identity. Its iss must be agent.name, else the schedule's name."""
    require_approval: Approval | None = None
    """Each attempt of a run, manual ones too, waits until one of the approvers that policies name has approved it."""


class SelectorRequirement(Model):
    """One condition on a namespace's labels."""

    key: Annotated[str, Field(min_length=1, max_length=317)]
    """Key of the label."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How the label is compared."""
    values: Annotated[list[Annotated[str, Field(max_length=63)]] | None, Field(max_length=100)] = None
    """Values for In and NotIn."""


class NamespaceSelector(Model):
    """Namespaces by their labels; an empty one selects all."""

    match_labels: Annotated[
        dict[str, Annotated[str, Field(max_length=63)]] | None,
        Field(max_length=50),
    ] = None
    """Labels that all must be there with these values. Every namespace has kubernetes.io/metadata.name."""
    match_expressions: Annotated[list[SelectorRequirement] | None, Field(max_length=50)] = None
    """Conditions that must all hold."""


class NamespaceBudget(Model):
    """What all schedules of a namespace together may spend."""

    period: Literal["Hour", "Day", "Week", "Month"]
    """Calendar period, in UTC. Weeks begin on Monday."""
    limit_usd: Annotated[Amount, Field(alias="limitUSD")]
    """What their runs may cost in each period, in US dollars: what is spent and what active runs have reserved."""


class PolicyLimits(Model):
    """Ceilings for each schedule, and for a namespace as a whole."""

    min_interval: Duration | None = None
    """Least time between two slots of a schedule."""
    max_budget_per_run_usd: Annotated[Amount | None, Field(alias="maxBudgetPerRunUSD")] = None
    """What one run may cost at most, in US dollars."""
    max_active_deadline_seconds: Annotated[int | None, Field(ge=1, le=2_592_000)] = None
    """Longest runtime deadline."""
    max_schedules_per_namespace: Annotated[int | None, Field(ge=0, le=1_000_000)] = None
    """How many AgentSchedules a namespace may have. The oldest keep their place."""
    max_schedules_per_user: Annotated[int | None, Field(ge=0, le=1_000_000)] = None
    """How many AgentSchedules a user may have made, in all namespaces; asked by the admission webhook."""
    exempt_users: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=256)]] | None,
        Field(max_length=100, json_schema_extra=_SET),
    ] = None
    """Users who may make any number, such as the service account of a GitOps controller."""
    namespace_budget: NamespaceBudget | None = None
    """What all schedules of a namespace together may spend in a period. Runs that would exceed it are skipped."""
    max_active_runs: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    """Runs active at once in a namespace; further ones wait, in the order of their slots."""


PinIssuer = Annotated[
    str,
    Field(
        min_length=3,
        max_length=512,
        json_schema_extra=schema(
            rule("self.matches('^[a-z0-9][a-z0-9.-]*/[^/]+$')", "must be DOMAIN/NAME, such as agents.example.com/payer")
        ),
    ),
]


class TrustedDomain(Model):
    """A domain whose pins count."""

    domain: Domain
    """The domain."""
    jwks_secret_ref: SecretKey
    """Its public keys, as a JSON Web Key Set: a Secret in the operator's own namespace."""


class PinTrust(Model):
    """Whose pins count. Where several policies say it, a pin must verify by each of them."""

    trust: Annotated[
        list[TrustedDomain],
        Field(min_length=1, max_length=20, json_schema_extra=schema(x_list_type="map", x_list_map_keys=["domain"])),
    ]
    """Domains, and where their keys are."""
    accept_der_signatures: Annotated[bool, Field(alias="acceptDERSignatures")] = False
    """Whether signatures may be DER-encoded, as one published implementation writes them, and not as RFC 7518 says."""


class Grant(Model):
    """Capabilities for the agents that all of what is given here describes."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                "has(self.serviceAccounts) || has(self.images) || has(self.agentPinIssuers)",
                "give serviceAccounts, images or agentPinIssuers: a capability is granted by what an author cannot"
                " simply claim",
            )
        )
    )

    name: Annotated[str, Field(min_length=1, max_length=63)]
    """Name of the grant."""
    service_accounts: Annotated[
        list[ServiceAccount] | None, Field(min_length=1, max_length=50, json_schema_extra=_SET)
    ] = None
    """Agents that run with one of these service accounts of their namespace."""
    images: Annotated[list[ImagePattern] | None, Field(min_length=1, max_length=50, json_schema_extra=_SET)] = None
    """Agents of whose pod all images match one of these patterns."""
    agent_pin_issuers: Annotated[list[PinIssuer] | None, Field(min_length=1, max_length=50, json_schema_extra=_SET)] = (
        None
    )
    """Agents whose pin verifies and is of one of these: DOMAIN/NAME, or DOMAIN/* for every agent of a domain."""
    capabilities: Annotated[list[Name], Field(min_length=1, max_length=50, json_schema_extra=_SET)]
    """What is granted."""


HostPattern = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        json_schema_extra=schema(
            rule(
                r"self.matches(r'^([*][.])?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$')",
                "must be a host's name such as hooks.example.com, or *.example.com for all below it",
            )
        ),
    ),
]
"""A host by its name; `*.` in front stands for all below it."""

NetworkText = Annotated[
    str,
    Field(
        max_length=50,
        json_schema_extra=schema(
            rule(
                "self.matches('^[0-9a-fA-F:.]+/[0-9]{1,3}$')",
                "must be a network such as 10.20.0.0/16 or fd00:1234::/48",
            )
        ),
    ),
]


class DeliveryPolicy(Model):
    """Where deliveries may go."""

    allowed_hosts: Annotated[list[HostPattern] | None, Field(max_length=100, json_schema_extra=_SET)] = None
    """URLs of deliveries may name these hosts only. An empty list allows none. Slack is slack.com."""
    private_networks: Annotated[list[NetworkText] | None, Field(max_length=50, json_schema_extra=_SET)] = None
    """Networks that are not public and may be reached all the same, instead of those of the operator's settings. An
    empty list allows none."""


class Exempt(Model):
    """Agents of which a policy does not demand what it demands of all others: who matches one of these."""

    service_accounts: Annotated[list[ServiceAccount] | None, Field(max_length=50, json_schema_extra=_SET)] = None
    """Agents that run with one of these service accounts of their namespace."""
    images: Annotated[list[ImagePattern] | None, Field(max_length=50, json_schema_extra=_SET)] = None
    """Agents of whose pod all images match one of these patterns."""
    manual_runs: bool = False
    """Runs that somebody asks for with an AgentRun need no approval; a pin they need all the same."""


class Approver(Model):
    """Who may approve runs, or deny them."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                "(self.kind == 'ServiceAccount') == has(self.namespace)",
                "a ServiceAccount is named with its namespace, a User or Group without",
            ),
        )
    )

    kind: Literal["User", "Group", "ServiceAccount"]
    """User, Group or ServiceAccount."""
    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the user or group as the API server knows it, or of the service account."""
    namespace: Annotated[str | None, Field(min_length=1, max_length=63)] = None
    """Namespace of the service account."""


class AgentPolicySpec(Model):
    """What schedules in the selected namespaces may do. Of several policies the strictest value of each field holds."""

    namespace_selector: NamespaceSelector = NamespaceSelector()
    """Namespaces that the policy is for. Without it: all."""
    limits: PolicyLimits = PolicyLimits()
    """Ceilings. What lies above them is refused."""
    grants: Annotated[
        list[Grant] | None,
        Field(max_length=50, json_schema_extra=schema(x_list_type="map", x_list_map_keys=["name"])),
    ] = None
    """Which agents have which capabilities. Several policies with grants must all grant a capability."""
    restricted_operations: Annotated[list[Name] | None, Field(max_length=50, json_schema_extra=_SET)] = None
    """What agents are told not to do, in every run, instead of the operator's own list."""
    environment: Name | None = None
    """The environment that these namespaces are, such as production."""
    allowed_images: Annotated[list[ImagePattern] | None, Field(max_length=50, json_schema_extra=_SET)] = None
    """All images of a run's pod must match one of these patterns. An empty list allows none."""
    delivery: DeliveryPolicy = DeliveryPolicy()
    """Where deliveries may go. Of several policies, where all of them allow."""
    require_approval: bool | None = None
    """Every run, manual ones too, waits until one of the approvers has approved it; but see exempt."""
    exempt: Exempt | None = None
    """Agents of which this policy demands no approval and no pin."""
    approvers: Annotated[list[Approver] | None, Field(min_length=1, max_length=50)] = None
    """Who may approve. Where several policies name approvers, only who is one in each of them may."""
    author_may_approve: bool | None = None
    """Whether who wrote a schedule may approve its runs. Unless a policy says so, and none says no: nobody may."""
    require_agent_pin: bool | None = None
    """No run starts whose agentPin does not verify; but see exempt."""
    agent_pin: PinTrust | None = None
    """Whose pins count."""
