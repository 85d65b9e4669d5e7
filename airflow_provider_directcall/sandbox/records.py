"""Flat records of the sandbox, each stored in the optional database as one JSON row.

Moments are seconds since the epoch (UTC) on the sandbox's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

CallDirection = Literal["realizada", "recebida"]
MessageKind = Literal["texto", "voz"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """A call, placed (``realizada``) or received (``recebida``); its course is fixed at its creation."""

    callerid: str
    origin: str
    destination: str
    placed_at: float
    starts_at: float
    outcome: str
    ring_seconds: float
    talk_seconds: float
    direction: CallDirection = "realizada"
    recorded: bool = False
    destination_first: bool = False
    can_hang_up: bool = True
    schedule_id: str | None = None
    hung_up_at: float | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """One SMS or voice message to one recipient; ``callerid`` is shared by all recipients of a request."""

    message_id: int
    callerid: str
    origin: str
    destination: str
    kind: MessageKind
    text: str
    accepted_at: float
    starts_at: float
    sms_outcome: str
    voice_answered_on: int | None
    audio: str | None = None
    short_number: bool = True
    show_origin: bool = False
    attempts: int = 3
    window_from: int | None = None
    window_to: int | None = None
    reply_email: str | None = None
    recipient_id: str | None = None
    cancelled_at: float | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessageRecord:
    """An SMS sent to the account."""

    received_id: str
    origin: str
    destination: str
    text: str
    received_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRecord:
    """A number (DID) of the account, without country code, with its SIP access."""

    did: str
    client: str
    login: str
    password: str = field(repr=False)
    ip: str = "0.0.0.0"  # noqa: S104 - the vendor's own placeholder in a reply, nothing is bound to it
    proxy: str = "0.0.0.0"  # noqa: S104 - as above
    regenerator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRecord:
    """A rule of a number; ``data`` keeps all fields that were written, known or not.

    ``extra`` holds further fields, which the API shows, and which a write sets when it names them with a text.
    """

    rule_id: str
    did: str
    priority: int
    action: str
    data: dict[str, str | int]
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioRecord:
    """An audio of /sms/audio; only its digest is kept."""

    audio_id: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundRecord:
    """A sound of /did/add-sound, for rules."""

    sound_id: int
    name: str
    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRecord:
    """A registered webhook. The sandbox calls none: the vendor's requests to them are not known."""

    code: str
    purpose: Literal["call-status", "sms-status", "sms-received"]
    url: str
    pin: str | None = None
