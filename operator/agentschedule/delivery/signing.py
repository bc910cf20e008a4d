"""Signatures as Standard Webhooks says (https://github.com/standard-webhooks/standard-webhooks, version 1)."""

import base64
import binascii
import hashlib
import hmac

_LEAST_BYTES, _MOST_BYTES = 24, 64


def signing_keys(secret: str) -> tuple[bytes, ...]:
    """The keys of a secret: base64 with or without `whsec_`; several, separated by blanks, while one is being replaced.

    Raises `ValueError` when it is none. The message holds nothing of it.
    """
    keys = tuple(_key(part) for part in secret.split())
    if not keys:
        raise ValueError("the signing secret is empty")
    return keys


def signature_headers(keys: tuple[bytes, ...], key: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers for this body, sent at `timestamp` (seconds since the epoch)."""
    signed = b".".join((key.encode(), str(timestamp).encode(), body))
    signatures = [base64.b64encode(hmac.new(k, signed, hashlib.sha256).digest()).decode() for k in keys]
    return {
        "webhook-id": key,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the signing secret is not base64, with or without whsec_ before it") from None
    if not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise ValueError(f"the signing secret must have {_LEAST_BYTES} to {_MOST_BYTES} bytes, as base64")
    return key
