"""Where records go: standard output or a file, apart from the operator's log, which is on standard error."""

import logging
import sys
from logging.handlers import WatchedFileHandler

from agentschedule.audit.record import LOGGER


def configure(target: str) -> None:
    """Send records to `stdout`, to `none`, or to the file of that name; one that is moved away is begun anew.

    Raises `OSError` for a file that cannot be written.
    """
    handler: logging.Handler
    if target == "none":
        handler = logging.NullHandler()
    elif target == "stdout":
        handler = logging.StreamHandler(sys.stdout)
    else:
        handler = WatchedFileHandler(target, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger(LOGGER)
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
