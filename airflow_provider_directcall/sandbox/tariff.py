"""Prices, all invented: Directcall's tariff is not known here."""

from __future__ import annotations

from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.lifecycle import MessagePhase
from airflow_provider_directcall.sandbox.sms_parts import SmsCounting, charged_parts

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.records import MessageRecord

LANDLINE_MINUTE: Final = Decimal("0.08")
MOBILE_MINUTE: Final = Decimal("0.25")
RECORDING: Final = Decimal("0.02")
SMS_PART: Final = Decimal("0.09")
FOREIGN_SMS_PART: Final = Decimal("0.30")
VOICE_MESSAGE: Final = Decimal("0.15")
MINIMUM_SECONDS: Final = 30
STEP_SECONDS: Final = 6
FREE: Final = Decimal(0)


def call_price(destination: str, talk_seconds: float, *, recorded: bool) -> Decimal:
    """Return a placed call's price in BRL: nothing when unanswered, at least 30 s, then every 6 s begun."""
    if talk_seconds <= 0:
        return FREE
    billed = max(MINIMUM_SECONDS, ceil(talk_seconds / STEP_SECONDS) * STEP_SECONDS)
    return _minute_price(destination) * billed / 60 + (RECORDING if recorded else FREE)


def message_price(message: MessageRecord, phase: MessagePhase, counting: SmsCounting = "characters") -> Decimal:
    """Return a message's price in BRL: per part, free if not delivered."""
    if phase in {MessagePhase.FAILED, MessagePhase.CANCELLED, MessagePhase.SCHEDULED}:
        return FREE
    if message.kind == "voz":
        return VOICE_MESSAGE
    part = FOREIGN_SMS_PART if message.destination.startswith("00") else SMS_PART
    return part * charged_parts(message.text, message.origin, counting)


def format_price(price: Decimal) -> str:
    """Format a price as the statement shows it: a decimal string with a point and four places."""
    return f"{price:.4f}"


def _minute_price(destination: str) -> Decimal:
    digits = destination.removeprefix("ip")
    return MOBILE_MINUTE if len(digits) in {11, 13} else LANDLINE_MINUTE
