"""Keys and AgentPins, right ones and forged ones."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc.jwk import ECKey

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DOMAIN = "agents.example.com"
NAME = "payer"


def make_key(kid: str | None = "one", curve: str = "P-256") -> ECKey:
    """A new key."""
    return ECKey.generate_key(curve, {"kid": kid} if kid else None)


def claims(now: datetime = NOW, **given: Any) -> dict[str, Any]:
    """Claims of a right pin; those that are given as None are left out."""
    at = int(now.timestamp())
    made = {"iss": NAME, "domain": DOMAIN, "nbf": at - 10, "exp": at + 600, **given}
    return {name: value for name, value in made.items() if value is not None}


def jwks(*keys: ECKey | dict[str, Any]) -> str:
    """A JSON Web Key Set of public keys."""
    return json.dumps({"keys": [key if isinstance(key, dict) else key.as_dict(private=False) for key in keys]})


def sign(
    key: ECKey, payload: dict[str, Any] | bytes, header: dict[str, Any] | None = None, *, der: bool = False
) -> str:
    """A token, signed as ES256 whatever its header says."""
    head = {"alg": "ES256", "kid": key.kid, **(header or {})}
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    message = f"{text(json.dumps({k: v for k, v in head.items() if v is not None}).encode())}.{text(body)}"
    from joserfc.jws import JWSRegistry  # noqa: PLC0415

    raw = JWSRegistry.algorithms["ES256"].sign(message.encode(), key)
    if der:
        raw = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    return f"{message}.{text(raw)}"


def text(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
