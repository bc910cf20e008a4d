"""What an agent says of its run, read from its container's termination message. All of it is hostile input."""

import json
import math
import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from agentschedule.api.status import Alert, Usage
from agentschedule.constants import OUTPUT_URI_BYTES, STATE_BYTES

_MAX_COST = Decimal(1_000_000)
MAX_TOKENS = 1_000_000_000_000
_MAX_DEPTH = 16
_EXACT = 2**53
_SEVERITIES = ("info", "warning", "critical")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[!#-;=?-\[\]_a-z~]+")
_ACTIVE_SCHEMES = {"javascript", "vbscript", "data"}


@dataclass(frozen=True, slots=True)
class Result:
    """A checked result. `problems` says what was ignored and why, for the run's message."""

    summary: str | None = None
    cost: Decimal | None = None
    usage: Usage | None = None
    state: dict[str, Any] | None = None
    alert: Alert | None = None
    sleep: bool | None = None
    output_uri: str | None = None
    problems: tuple[str, ...] = field(default=())


def parse_result(message: str | None) -> Result:
    """Read a termination message: a JSON object, or plain text, which is its summary. Never raises."""
    if not message or not message.strip():
        return Result()
    if not message.lstrip().startswith("{"):
        return Result(summary=clean(message, 4096))
    try:
        data = json.loads(message, parse_float=_number, parse_constant=str)
    except (ValueError, RecursionError):
        return Result(summary=clean(message, 4096), problems=("the result looks like JSON but cannot be parsed",))
    problems: list[str] = []
    return Result(
        summary=_summary(data.get("summary"), problems),
        cost=_cost(data.get("costUSD"), problems),
        usage=_usage(data.get("usage"), problems),
        state=_state(data.get("state"), problems),
        alert=_alert(data.get("alert"), problems),
        sleep=_sleep(data.get("sleep"), problems),
        output_uri=_output_uri(data.get("outputURI"), problems),
        problems=tuple(problems),
    )


def clean(text: str, limit: int) -> str:
    """`text` without control characters but newlines and tabs, cut to `limit` bytes of UTF-8 between characters."""
    kept = (text if text.isprintable() else "".join(c for c in text if c in "\n\t" or c.isprintable())).strip()
    data = kept.encode()
    if len(data) <= limit:
        return kept
    return data[: limit - 3].decode(errors="ignore").rstrip() + "…"


def _number(text: str) -> Decimal | str:
    """A number with a fraction or exponent; as text where the exponent is beyond what can be reckoned with."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _summary(value: object, problems: list[str]) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        problems.append("summary is not a text")
        return None
    return clean(value, 4096)


def _cost(value: object, problems: list[str]) -> Decimal | None:
    if value is None:
        return None
    try:
        number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
        written = isinstance(value, str) and value.isascii() and "_" not in value
        cost = Decimal(str(value)) if number or written else None
    except InvalidOperation:
        cost = None
    if cost is None or not cost.is_finite() or not 0 <= cost <= _MAX_COST:
        problems.append(f"costUSD is not an amount between 0 and {_MAX_COST}")
        return None
    return abs(round(cost, 9))  # -0 is 0


def _usage(value: object, problems: list[str]) -> Usage | None:
    if value is None:
        return None
    counts: dict[str, int] = {}
    given = value if isinstance(value, dict) else {"": None}
    for key, name in (("inputTokens", "input_tokens"), ("outputTokens", "output_tokens")):
        count = given.get(key)
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= MAX_TOKENS:
            counts[name] = count
        elif count is not None:
            problems.append(f"usage.{key} is not a number of tokens")
    if not isinstance(value, dict):
        problems.append("usage is not an object")
    return Usage(**counts) if counts else None


def _state(value: object, problems: list[str]) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        problems.append("state is not an object")
        return None
    if _deeper(value, _MAX_DEPTH):
        problems.append(f"state is nested deeper than {_MAX_DEPTH} levels")
        return None
    plain = _plain(value)
    if len(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")) > STATE_BYTES:
        problems.append(f"state is larger than {STATE_BYTES} bytes")
        return None
    return plain  # type: ignore[no-any-return]


def _alert(value: object, problems: list[str]) -> Alert | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("message"), str):
        problems.append("alert is not an object with a message")
        return None
    severity = value.get("severity", "warning")
    if severity not in _SEVERITIES:
        problems.append(f"alert.severity is none of {', '.join(_SEVERITIES)}")
        severity = "warning"
    return Alert(severity=severity, message=clean(value["message"], 512))


def _sleep(value: object, problems: list[str]) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    problems.append("sleep is neither true nor false")
    return None


def _output_uri(value: object, problems: list[str]) -> str | None:
    """People follow it: it is taken whole or not at all, in plain ASCII, and runs nothing where it is opened."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > OUTPUT_URI_BYTES or not _URI.fullmatch(value):
        problems.append(f"outputURI is not an absolute URI of at most {OUTPUT_URI_BYTES} characters")
        return None
    if value.partition(":")[0] in _ACTIVE_SCHEMES:
        problems.append(f"outputURI must not be a {value.partition(':')[0]}: URI")
        return None
    return value


def _deeper(value: object, levels: int) -> bool:
    """Whether it is nested deeper than that. Looks no deeper itself."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(v, levels - 1) for v in inner)


def _plain(value: Any) -> Any:
    """State as the API server stores and returns it: plain JSON, without null members, numbers within its range.

    Money is read as Decimal; a merge patch cannot carry null members, and lone surrogates or numbers beyond 2**53 come
    back changed, so that the status would never be as it was written.
    """
    if isinstance(value, Decimal):
        number = float(value)
        return number if math.isfinite(number) else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= _EXACT else str(value)
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_plain(str(k)): _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value
