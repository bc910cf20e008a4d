"""What an administrator has set for deliveries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentschedule.delivery.channels.email import Smtp
from agentschedule.delivery.channels.logfile import LogFiles
from agentschedule.delivery.channels.slack import Workspace
from agentschedule.policy.addresses import Reach


@dataclass(frozen=True, slots=True)
class Options:
    """Without `smtp` or `log_files` those channels are refused. `custom`: settings by the type of custom channels.

    `seconds`: what one attempt takes at most, whatever its channel.
    """

    reach: Reach = field(default_factory=Reach)
    smtp: Smtp | None = None
    slack: Workspace = field(default_factory=Workspace)
    log_files: LogFiles | None = None
    custom: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    custom_seconds: float = 60
    seconds: float = 120
