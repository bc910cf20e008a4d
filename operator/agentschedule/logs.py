"""Structured logs: one JSON object a line, or plain text for people."""

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """`time`, `level`, `logger`, `message`, and whatever a call adds as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {
            key: value for key, value in record.__dict__.items() if key not in _STANDARD and not key.startswith("_")
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """`time level message (key=value …)`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback where there is one."""
        given = {k: v for k, v in record.__dict__.items() if k not in _STANDARD and not k.startswith("_")}
        extra = " ".join(f"{key}={value}" for key, value in given.items())
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        text = f"{time} {record.levelname.lower():7} {record.getMessage()}" + (f" ({extra})" if extra else "")
        return text + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")


def configure(level: str, form: str) -> None:
    """Send everything to standard error, in one form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Kopf's own account of each event is noise beside ours: one line a decision.
    logging.getLogger("kopf").setLevel(max(logging.WARNING, root.level))
    logging.getLogger("kopf.objects").setLevel(logging.ERROR)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
