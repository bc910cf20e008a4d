"""Durations as text, in the Gateway API's format (GEP-2257)."""

import re
from datetime import timedelta
from typing import Final

from agentschedule.timing.errors import TimingError

_GEP_2257: Final = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}")
_PART: Final = re.compile(r"([0-9]{1,5})(ms|h|m|s)")
_UNITS: Final = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_EXAMPLES: Final = 'write it like "90s", "5m", "1h30m" or "24h"'


def parse_duration(text: str, field: str) -> timedelta:
    """Return the duration that ``text`` names: one to four numbers with a unit h, m, s or ms ("1h30m").

    Raises TimingError naming ``field`` for anything else: signs, fractions, other units, no unit.
    Source: GEP-2257, https://gateway-api.sigs.k8s.io/geps/gep-2257/.
    """
    if _GEP_2257.fullmatch(text) is None:
        raise TimingError(field, f"{_shown(text)} is not a duration; {_EXAMPLES}{_hint(text)}")
    return sum((int(number) * _UNITS[unit] for number, unit in _PART.findall(text)), timedelta())


def format_duration(d: timedelta) -> str:
    """Return ``d`` as GEP-2257 text, largest unit first ("1h30m", "0s"). Parts below a millisecond are cut.

    Raises ValueError when ``d`` is negative, which the format cannot express.
    """
    if d < timedelta():
        raise ValueError(f"a duration cannot be negative: {d}")
    text, rest = "", d
    for name, unit in _UNITS.items():
        count, rest = divmod(rest, unit)
        text += f"{count}{name}" if count else ""
    return text or "0s"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def _hint(text: str) -> str:
    if text.lstrip().startswith("-"):
        return "; it cannot be negative"
    if re.fullmatch(r"[0-9]+", text):
        return f'; the unit is missing, as in "{text[:5]}s"'
    if re.search(r"[0-9][dw]", text):
        return "; days and weeks are not units, write them in hours"
    return "; fractions are not allowed" if "." in text else ""
