"""How contacts are reached."""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    """How contacts are reached."""

    SMS = "sms"
    VOICE_MESSAGE = "voice_message"
    CALL = "call"
