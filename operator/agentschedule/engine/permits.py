"""What is asked of others before a run may start."""

from typing import NamedTuple

from agentschedule.engine.approver import Approver
from agentschedule.engine.pins import PinVerifier


class Permits(NamedTuple):
    """People are asked to approve, and AgentPins verified."""

    approver: Approver
    pins: PinVerifier
