"""AgentPins: an agent's identity, signed by its domain. A JWT is verified; whatever is not right is refused by name.

Only ES256 (RFC 7518), only keys that administrators trust for the domain: nothing in a token's header chooses a key but
`kid`, among those.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

ALGORITHM: Final = "ES256"
DOMAIN_CLAIM: Final = "domain"
AUDIENCE: Final = "agentschedule.dev"
CLOCK_SKEW: Final = timedelta(seconds=60)
MOST_KEYS: Final = 50
LONGEST: Final = 16 * 1024
"""Characters of a token."""

_SIGNATURE: Final = 64
_CHOOSES_A_KEY: Final = ("jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256")


@dataclass(frozen=True, slots=True)
class Expected:
    """Whose pin it must be: `name` is `agent.name`."""

    name: str
    domain: str
    accept_der: bool = False


@dataclass(frozen=True, slots=True)
class Verified:
    """It is the agent's, and holds until `expires`."""

    name: str
    domain: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """It proves nothing, and why."""

    reason: str


class _WrongError(Exception):
    """Why a token is refused, as its text."""


def verify(token: str, jwks: str, expected: Expected, now: datetime) -> Verified | Refused:
    """Verify a token by the keys of a JSON Web Key Set, given as text. `now` is aware. Never raises for bad input."""
    try:
        claims = _signed(token.strip(), _keys(jwks, expected.domain), expected)
        expires = _check(claims, expected, now)
    except _WrongError as error:
        return Refused(str(error))
    return Verified(expected.name, expected.domain, expires)


def _signed(token: str, keys: Sequence[Mapping[str, Any]], expected: Expected) -> dict[str, Any]:
    parts = token.split(".")
    if len(token) > LONGEST or len(parts) != 3 or not all(parts) or not token.isascii():
        raise _WrongError("it is not a signed JWT of at most 16 KiB")
    header = _object(parts[0], "header")
    _check_header(header)
    signature = _bytes(parts[2], "signature")
    if len(signature) != _SIGNATURE:
        signature = _from_der(signature, accept=expected.accept_der)
    value = ".".join([parts[0], parts[1], urlsafe_b64encode(signature).decode()])
    candidates = _candidates(keys, header.get("kid"), expected.domain)
    if not any(_verifies(value, key) for key in candidates):
        raise _WrongError(f"its signature is by none of the keys of {expected.domain}")
    return _object(parts[1], "payload")


def _check_header(header: Mapping[str, Any]) -> None:
    if header.get("alg") != ALGORITHM:
        raise _WrongError(f"its alg is {_shown(header.get('alg'))}, only {ALGORITHM} is accepted")
    if "crit" in header:
        raise _WrongError("its header has crit: extensions are not supported")
    named = [name for name in _CHOOSES_A_KEY if name in header]
    if named:
        raise _WrongError(f"its header names a key of its own ({named[0]})")
    if "kid" in header and not isinstance(header["kid"], str):
        raise _WrongError("its kid is not text")


def _check(claims: Mapping[str, Any], expected: Expected, now: datetime) -> datetime:
    """Who it is and when it holds; returns its end."""
    if claims.get("iss") != expected.name:
        raise _WrongError(f"its iss is {_shown(claims.get('iss'))}, the agent's name is {expected.name!r}")
    if claims.get(DOMAIN_CLAIM) != expected.domain:
        raise _WrongError(f"its domain is {_shown(claims.get(DOMAIN_CLAIM))}, not {expected.domain!r}")
    audience = claims.get("aud", AUDIENCE)
    if AUDIENCE not in (audience if isinstance(audience, list) else [audience]):
        raise _WrongError(f"its aud is {_shown(audience)}: it is meant for somebody else than {AUDIENCE}")
    expires, begins = _time(claims, "exp"), _time(claims, "nbf")
    if now.timestamp() >= expires + CLOCK_SKEW.total_seconds():
        raise _WrongError("it has expired (exp)")
    if now.timestamp() < begins - CLOCK_SKEW.total_seconds():
        raise _WrongError("it does not hold yet (nbf)")
    return datetime.fromtimestamp(min(expires, _LATEST), now.tzinfo)


_LATEST: Final = 253_402_300_000.0
"""In the year 9999."""


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _WrongError(f"it has no {name}, as a number of seconds")
    return float(value)


def _keys(jwks: str, domain: str) -> list[Mapping[str, Any]]:
    """Keys that may sign pins: public ones of P-256."""
    try:
        given = json.loads(jwks)["keys"]
    except (ValueError, TypeError, KeyError) as error:
        raise _WrongError(f"the keys of {domain} are not a JSON Web Key Set") from error
    keys = [key for key in given if isinstance(key, dict)] if isinstance(given, list) else []
    usable: list[Mapping[str, Any]] = [
        key
        for key in keys[:MOST_KEYS]
        if (key.get("kty"), key.get("crv")) == ("EC", "P-256")
        and key.get("use", "sig") == "sig"
        and key.get("alg", ALGORITHM) == ALGORITHM
        and "verify" in (key.get("key_ops") or ["verify"])
    ]
    if not usable:
        raise _WrongError(f"among the keys of {domain} is none for {ALGORITHM} (EC, P-256)")
    return usable


def _candidates(keys: Sequence[Mapping[str, Any]], kid: str | None, domain: str) -> Sequence[Mapping[str, Any]]:
    """The keys with the token's `kid`; without one, all."""
    if kid is None:
        return keys
    named = [key for key in keys if key.get("kid") == kid]
    if not named:
        raise _WrongError(f"{domain} has no key with its kid {_shown(kid)}")
    return named


def _verifies(token: str, key: Mapping[str, Any]) -> bool:
    public = {name: key[name] for name in ("kty", "crv", "x", "y") if name in key}
    registry = jws.JWSRegistry(algorithms=[ALGORITHM], strict_check_header=False)
    registry.max_header_length = LONGEST
    try:
        jws.deserialize_compact(token, ECKey.import_key(public), algorithms=[ALGORITHM], registry=registry)
    except (JoseError, ValueError, TypeError):
        return False
    return True


def _from_der(signature: bytes, *, accept: bool) -> bytes:
    """A signature that is not in the form of RFC 7518, brought into it where administrators accept that."""
    try:
        r, s = decode_dss_signature(signature)
        raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    except (ValueError, OverflowError) as error:
        raise _WrongError("its signature has not 64 bytes") from error
    if not accept:
        raise _WrongError(
            "its signature is DER-encoded, not as RFC 7518 wants it; an AgentPolicy may accept that"
            " (agentPin.acceptDERSignatures)"
        )
    return raw


def _object(part: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(_bytes(part, what))
    except (ValueError, RecursionError) as error:
        raise _WrongError(f"its {what} is not JSON") from error
    if not isinstance(value, dict):
        raise _WrongError(f"its {what} is not a JSON object")
    return value


def _bytes(part: str, what: str) -> bytes:
    try:
        return urlsafe_b64decode(part.encode())
    except (ValueError, TypeError) as error:
        raise _WrongError(f"its {what} is not base64url") from error


def _shown(value: object) -> str:
    """Something out of a token, which is not trusted."""
    return ascii(value)[:80] if value is not None else "missing"
