"""The five fields of a cron expression: what may stand in them, and the plain form they come to.

Reading them here, before croniter does, gives errors that name the field, and settles what should not depend on
croniter: a range from a value to itself is that value (croniter 7 takes it for the whole field), and H stays the same
for ever.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agentschedule.timing.errors import CronError

_ELEMENT: Final = re.compile(r"(?P<low>[a-z0-9]+)(-(?P<high>[a-z0-9]+))?(/(?P<step>[a-z0-9]+))?")
_STAR: Final = re.compile(r"\*(/(?P<step>[a-z0-9]+))?")
_HASH: Final = re.compile(r"h(\((?P<low>[0-9]+)-(?P<high>[0-9]+)\))?(/(?P<step>[0-9]+))?")
_NTH: Final = re.compile(r"(?P<day>[a-z0-9]+)#(?P<nth>[a-z0-9]+)")
_LAST: Final = re.compile(r"l(?P<day>[a-z0-9]+)")


@dataclass(frozen=True, slots=True)
class Field:
    """One of the five fields: its name for people, its values, and how far H reaches in it."""

    name: str
    low: int
    high: int
    hash_high: int
    names: tuple[str, ...] = ()
    first_name: int = 0

    @property
    def allowed(self) -> str:
        """The values that may stand here, for messages ("0-59", "1-12 or JAN-DEC")."""
        named = f" or {self.names[0].upper()}-{self.names[-1].upper()}" if self.names else ""
        return f"{self.low}-{self.high}{named}"

    @property
    def span(self) -> int:
        """How many different values there are."""
        return 7 if self is DAY_OF_WEEK else self.high - self.low + 1

    def value(self, text: str) -> int:
        """Return the number that ``text``, in lower case, stands for; CronError when it is none of this field's."""
        if text in self.names:
            return self.names.index(text) + self.first_name
        if not re.fullmatch(r"[0-9]+", text) or not self.low <= int(text) <= self.high:
            raise CronError(f"{text.upper()!r} is not allowed in the {self.name} field; allowed: {self.allowed}")
        return int(text)


_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

MINUTE: Final = Field("minute", 0, 59, 59)
HOUR: Final = Field("hour", 0, 23, 23)
# As in Jenkins, H stays below 29 here: the day must exist in every month.
DAY_OF_MONTH: Final = Field("day of month", 1, 31, 28)
MONTH: Final = Field("month", 1, 12, 12, _MONTHS, 1)
DAY_OF_WEEK: Final = Field("day of week", 0, 7, 6, _DAYS)
FIELDS: Final = (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)


def plain(field: Field, text: str, hash_id: str) -> str:
    """Return the field's ``text`` (in lower case) in the plain form that croniter gets: numbers, "*", "*/n", "l", "#".

    ``hash_id`` is what H is drawn from. Raises CronError naming the field.
    """
    text = text.replace("?", "*")
    elements = text.split(",")
    if "*" in elements and len(elements) > 1:
        raise CronError(f"the {field.name} field {text!r} lists '*' beside other values; leave the others out")
    chunks = [chunk for element in elements for chunk in _chunks(field, element, hash_id)]
    return ",".join(dict.fromkeys(chunks))


def is_wildcard(field: Field, text: str) -> bool:
    """Whether ``text`` leaves the field open, with a step or without: "*", "*/n", "?", "H/n", "0-23", "0-23/n"."""
    return any(re.fullmatch(rf"([*?]|h(?=/)|0?{field.low}-{field.high})(/[0-9]+)?", e) for e in text.split(","))


def uses_hash(text: str) -> bool:
    """Whether an expression has an H in it (and not only in THU or MARCH)."""
    return re.search(r"(^|[\s,])h($|[\s,(/])", text.lower()) is not None


def _chunks(field: Field, element: str, hash_id: str) -> list[str]:
    _refuse_foreign(field, element)
    if special := _special(field, element):
        return [special]
    if match := _HASH.fullmatch(element):
        return [str(value) for value in _hashed(field, match.groupdict(), hash_id)]
    if match := _STAR.fullmatch(element):
        step = _step(field, match["step"])
        if match["step"] and field in (DAY_OF_MONTH, DAY_OF_WEEK):
            return [element]  # the star decides how both day fields combine, so it stays
        return [str(v) for v in range(field.low, field.high + 1, step)] if match["step"] else ["*"]
    if match := _ELEMENT.fullmatch(element):
        return [str(value) for value in _range(field, match.groupdict())]
    forms = f"{field.allowed}, '*', lists, ranges and steps"
    raise CronError(f"{element.upper()!r} is not allowed in the {field.name} field; allowed: {forms}")


def _refuse_foreign(field: Field, element: str) -> None:
    if not element:
        raise CronError(f"the {field.name} field has an empty list entry; remove the extra comma")
    if re.fullmatch(r"r(\(.*\))?(/.*)?", element):
        raise CronError("'R' would draw another time at every restart; use 'H', which is random but stays")
    if re.fullmatch(r"[0-9]+w|w[0-9]+|lw", element):
        raise CronError("'W' (nearest weekday) is not supported; name the days, or use '#' as in '0 9 * * MON#1'")
    if field is DAY_OF_WEEK and (match := re.fullmatch(r"([a-z0-9]+)l", element)):
        raise CronError(f"{element.upper()!r}: the last weekday of a month is written 'L{match[1].upper()}' here")


def _special(field: Field, element: str) -> str | None:
    if field is DAY_OF_MONTH and element == "l":
        return "l"
    if field is not DAY_OF_WEEK:
        return None
    if match := _LAST.fullmatch(element):
        return f"l{field.value(match['day']) % 7}"
    if match := _NTH.fullmatch(element):
        if match["nth"] not in {"1", "2", "3", "4", "5"}:
            raise CronError(f"{element.upper()!r} in the day of week field: after '#' comes 1-5, the week of the month")
        return f"{field.value(match['day']) % 7}#{match['nth']}"
    return None


def _range(field: Field, part: Mapping[str, str | None]) -> list[int]:
    low = field.value(part["low"] or "")
    step = _step(field, part["step"])
    if part["high"] is None:
        return list(range(low, _top(field) + 1, step)) if part["step"] else [low % 7 if field is DAY_OF_WEEK else low]
    high = field.value(part["high"])
    if field is DAY_OF_WEEK and low == 7 > high:
        low = 0
    values = [*range(low, high + 1)]
    if low > high:  # over the field's end: FRI-MON, NOV-FEB, 22-2
        values = [*range(low, _top(field) + 1), *range(field.low, high + 1)]
    return [value % 7 if field is DAY_OF_WEEK else value for value in values[::step]]


def _top(field: Field) -> int:
    return 6 if field is DAY_OF_WEEK else field.high


def _step(field: Field, text: str | None) -> int:
    if text is None:
        return 1
    if not re.fullmatch(r"[0-9]+", text) or not 1 <= int(text) <= field.span:
        hint = "; for other intervals use spec.every" if field in (MINUTE, HOUR) else ""
        raise CronError(f"the step {text!r} is not allowed in the {field.name} field; allowed: 1-{field.span}{hint}")
    return int(text)


def _hashed(field: Field, part: Mapping[str, str | None], hash_id: str) -> list[int]:
    # The forms of H are those of Jenkins: https://www.jenkins.io/doc/book/pipeline/syntax/#cron-syntax
    low = field.value(part["low"]) if part["low"] else field.low
    high = field.value(part["high"]) if part["high"] else field.hash_high
    if low > high:
        raise CronError(f"the range of H in the {field.name} field goes backwards: {low}-{high}")
    digest = hashlib.sha256(f"{field.name}/{hash_id}".encode()).digest()
    number = int.from_bytes(digest[:8], "big")
    if part["step"] is None:
        values = [low + number % (high - low + 1)]
    else:
        step = _step(field, part["step"])
        values = list(range(low + number % min(step, high - low + 1), high + 1, step))
    return [value % 7 if field is DAY_OF_WEEK else value for value in values]
