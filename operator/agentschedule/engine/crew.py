"""Who carries out what takes more than a request."""

from typing import NamedTuple

from agentschedule.engine.approver import Approver
from agentschedule.engine.courier import Courier
from agentschedule.engine.pins import PinVerifier
from agentschedule.engine.starter import Starter


class Crew(NamedTuple):
    """Jobs are started, people asked to approve, AgentPins verified, and deliveries made; not by all operators."""

    starter: Starter
    approver: Approver
    pins: PinVerifier
    courier: Courier | None = None
