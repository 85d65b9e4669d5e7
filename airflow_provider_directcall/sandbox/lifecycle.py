"""The phases of calls and messages: pure functions of the record and the time, no timers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.wire_dates import local

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from airflow_provider_directcall.sandbox.records import CallRecord, MessageRecord

QUEUE_SECONDS: Final = 1
DELIVERY_SECONDS: Final = 4
FAILURE_SECONDS: Final = 30
VOICE_PLAY_SECONDS: Final = 20
ATTEMPT_GAP_SECONDS: Final = 180


class CallPhase(StrEnum):
    """Phases of a call, in the words of ``/voz/status`` (only ``atendida`` is documented)."""

    SCHEDULED = "agendada"
    QUEUED = "na fila"
    RINGING = "chamando"
    ANSWERED = "atendida"
    ENDED = "encerrada"


LIVE_CALL: Final = frozenset({CallPhase.QUEUED, CallPhase.RINGING, CallPhase.ANSWERED})


@dataclass(frozen=True, slots=True)
class CallTimes:
    """The times of a call (``answered_at`` None: never answered); ``outcome`` is the statement's word."""

    ringing_at: float
    answered_at: float | None
    ended_at: float
    outcome: str

    @property
    def talk_seconds(self) -> float:
        """Talk time; 0 when not answered."""
        return 0 if self.answered_at is None else self.ended_at - self.answered_at


def call_times(call: CallRecord) -> CallTimes:
    """Return the times of a call, with its hang-up."""
    ringing_at = call.starts_at + QUEUE_SECONDS
    pick_up = ringing_at + call.ring_seconds
    answered_at = pick_up if call.talk_seconds else None
    ended_at = pick_up + call.talk_seconds
    if call.hung_up_at is None or call.hung_up_at >= ended_at:
        return CallTimes(ringing_at, answered_at, ended_at, call.outcome)
    if answered_at is None or call.hung_up_at <= answered_at:
        return CallTimes(ringing_at, None, call.hung_up_at, "cancelada")
    return CallTimes(ringing_at, answered_at, call.hung_up_at, call.outcome)


def call_phase(call: CallRecord, now: float) -> CallPhase:
    """Return the phase of a call at a moment."""
    if now < call.starts_at:
        return CallPhase.SCHEDULED
    times = call_times(call)
    if now >= times.ended_at:
        return CallPhase.ENDED
    if times.answered_at is not None and now >= times.answered_at:
        return CallPhase.ANSWERED
    return CallPhase.RINGING if now >= times.ringing_at else CallPhase.QUEUED


class MessagePhase(StrEnum):
    """Phases of a message, in the statement's words."""

    SCHEDULED = "agendada"
    QUEUED = "na fila"
    SENT = "enviada"
    DELIVERED = "entregue"
    FAILED = "nao entregue"
    CANCELLED = "cancelada"


@dataclass(frozen=True, slots=True)
class MessageTimes:
    """The times of a message and its final phase; ``ended_at`` None: never confirmed."""

    sent_at: float
    ended_at: float | None
    final: MessagePhase


def message_times(message: MessageRecord, zone: ZoneInfo) -> MessageTimes:
    """Return the times of a message; ``zone`` is that of a voice message's window."""
    if message.kind == "voz":
        return _voice_times(message, zone)
    sent_at = message.starts_at + QUEUE_SECONDS
    if message.sms_outcome == MessagePhase.SENT or not message.short_number:
        return MessageTimes(sent_at, None, MessagePhase.SENT)
    delivered = message.sms_outcome == MessagePhase.DELIVERED
    seconds = DELIVERY_SECONDS if delivered else FAILURE_SECONDS
    return MessageTimes(sent_at, sent_at + seconds, MessagePhase(message.sms_outcome))


def message_phase(message: MessageRecord, now: float, zone: ZoneInfo) -> MessagePhase:
    """Return the phase of a message at a moment."""
    if message.cancelled_at is not None and now >= message.cancelled_at:
        return MessagePhase.CANCELLED
    if now < message.starts_at:
        return MessagePhase.SCHEDULED
    times = message_times(message, zone)
    if times.ended_at is not None and now >= times.ended_at:
        return times.final
    return MessagePhase.SENT if now >= times.sent_at else MessagePhase.QUEUED


def voice_attempts(message: MessageRecord, zone: ZoneInfo) -> list[float]:
    """Return the times of the attempts of a voice message: three minutes apart, inside its daily window."""
    moments: list[float] = []
    moment = message.starts_at + QUEUE_SECONDS
    for _ in range(message.attempts):
        moment = _next_in_window(moment, message, zone)
        moments.append(moment)
        moment += ATTEMPT_GAP_SECONDS
    return moments


def _voice_times(message: MessageRecord, zone: ZoneInfo) -> MessageTimes:
    attempts = voice_attempts(message, zone)
    answered_on = message.voice_answered_on
    if answered_on is not None and answered_on <= len(attempts):
        return MessageTimes(attempts[0], attempts[answered_on - 1] + VOICE_PLAY_SECONDS, MessagePhase.DELIVERED)
    return MessageTimes(attempts[0], attempts[-1] + FAILURE_SECONDS, MessagePhase.FAILED)


def _next_in_window(moment: float, message: MessageRecord, zone: ZoneInfo) -> float:
    first = 0 if message.window_from is None else message.window_from
    last = 24 if message.window_to is None else message.window_to
    when = local(moment, zone)
    inside = first <= when.hour < last if first < last else when.hour >= first or when.hour < last
    if inside:
        return moment
    opening = when.replace(hour=first, minute=0, second=0, microsecond=0)
    if opening <= when:
        opening += timedelta(days=1)
    return opening.timestamp()
