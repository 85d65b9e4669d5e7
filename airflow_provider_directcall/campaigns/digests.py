"""Digests of a campaign's files and arguments."""

from __future__ import annotations

import hashlib
from typing import Final

_BYTES: Final = 16


def digest(content: bytes) -> str:
    """Return the digest of a content, as hexadecimal digits."""
    return hashlib.blake2b(content, digest_size=_BYTES).hexdigest()
