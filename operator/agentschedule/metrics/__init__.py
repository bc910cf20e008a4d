"""What is measured. Names and meanings are part of the product; `docs/operating.md` lists them."""

from agentschedule.metrics.definitions import Metrics

__all__ = ["Metrics"]
