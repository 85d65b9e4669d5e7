"""Digests keyed with the client secret: a plain hash of a phone number can be reversed by trying all numbers."""

from __future__ import annotations

import hashlib
import hmac


def keyed_digest(secret: str, purpose: str, text: str) -> str:
    """Return 64 hex digits for a text.

    :param secret: the connection's client secret.
    :param purpose: what the digest is for; digests of the same text for two purposes are unrelated.
    """
    key = hmac.digest(secret.encode(), purpose.encode(), hashlib.sha256)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
