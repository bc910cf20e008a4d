"""Secrets as the API server gives them."""

import base64
import binascii


def secret_text(value: object) -> str | None:
    """An entry of a Secret's `data`; None for what is no text."""
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
