"""What became of one attempt to deliver.

A reason is shown in status, Events and logs: it never holds a secret, a header or anything of an answer's body.
"""

from dataclasses import dataclass

LONGEST_WAIT = 3600.0
"""Seconds. The other side may ask for more patience than this; it does not get it."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """It arrived. `note` says what people should know nevertheless."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """It may work later: not before `after` seconds, where the other side has said so."""

    reason: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It will not work, however often it is tried: somebody has to change something."""

    reason: str


Outcome = Delivered | Again | Refused


def scrubbed(outcome: Outcome, secrets: tuple[str, ...]) -> Outcome:
    """The outcome without any of these values, should a library have put one into its words."""
    whole = {secret.strip() for secret in secrets}
    parts = {part for secret in secrets for part in secret.split() if len(part) >= 8}
    found = [secret for secret in whole | parts if len(secret) >= 4]
    match outcome:
        case Delivered(note):
            return Delivered(_without(note, found))
        case Again(reason, after):
            return Again(_without(reason, found), after)
        case Refused(reason):
            return Refused(_without(reason, found))


def _without(text: str, secrets: list[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return text
